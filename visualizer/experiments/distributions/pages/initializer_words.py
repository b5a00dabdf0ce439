"""What the page Initialisers says: the derivation, the moments beside their theory, and what the test of fit means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from visualizer.base.explanation import Block, Explanation, Formula, Heading, Paragraph, Table, Verdict, number_text
from visualizer.components.laws import Law, cautions, derivation
from visualizer.components.truncated import TruncatedNormal
from visualizer.experiments.distributions.chance import is_random
from visualizer.experiments.distributions.fit import Fit
from visualizer.experiments.distributions.truncation import inexact

if TYPE_CHECKING:
    from visualizer.experiments.distributions.pages.initializer import InitializerResult

_P_SMALL = 0.01

#: The moments by their names on the screen and in a law, a summary and its ranges of chance.
_MOMENTS = (("mean", "mean"), ("std", "std"), ("variance", "variance"), ("skewness", "skewness"), ("kurtosis \u2212 3", "kurtosis"))


def explanation(result: InitializerResult) -> Explanation:
    """Where bound and spread come from, the moments beside their theory, and what the test says."""
    request, law, summary = result.request, result.law, result.sample.summary
    blocks: list[Block] = [_verdict(result), Heading(request.chosen.entry.title), Paragraph(request.chosen.entry.help),
                           Formula(request.chosen.entry.formula, "the distribution of one element")]
    lines = derivation(request.chosen.name, request.chosen.arguments, request.shape)
    if lines:
        blocks.append(Heading("With these numbers"))
        blocks += [Formula(line) for line in lines]
    blocks += [Heading("Sample against theory"), _moments(result), Paragraph(_chance_words(result)), *_chance_table(result)]
    if _inexact(result):
        blocks.append(Paragraph(
            f"torch's own sampling is inexact here: it works out the logarithm of the density in {request.dtype}, where so far "
            "from the mean it is so large that the digits which tell values apart are lost. The tail sampler is exact."
        ))
    blocks += [Paragraph(sentence) for sentence in (
        *cautions(request.chosen.name, request.chosen.arguments, request.shape), result.sample.note,
    ) if sentence]
    if summary.nonfinite:
        blocks.append(Paragraph(f"{summary.nonfinite:,} values are infinite or not a number; the moments are of the others."))
    if result.fit is not None:
        blocks += [Heading("Could it be from this distribution?"), _fit_words(result.fit)]
    if law.parent is not None:
        blocks += [Heading("What truncation does"), *_truncation(result)]
    return Explanation(tuple(blocks))


def _verdict(result: InitializerResult) -> Verdict:
    law, fit = result.law, result.fit
    count = f"{result.sample.summary.count:,} values"
    if not law.std > 0.0:
        return Verdict(f"All {count} are {number_text(law.mean)}.", "warning")
    if fit is None:
        return Verdict(f"{count} with standard deviation {number_text(result.sample.summary.std)}; theory says "
                       f"{number_text(law.std)}.", "muted")
    if fit.p_value < _P_SMALL:
        return Verdict(f"The sample differs from theory (p = {number_text(fit.p_value, 2)}). {_why(result)}", "warning")
    return Verdict(f"{count} agree with theory (p = {number_text(fit.p_value, 2)}).", "good")


def _inexact(result: InitializerResult) -> bool:
    request = result.request
    return (request.chosen.name == "trunc_normal" and request.method == "torch"
            and inexact(request.chosen.arguments, getattr(torch, request.dtype)))


def _why(result: InitializerResult) -> str:
    """What makes a sample differ from theory."""
    request, law, count = result.request, result.law, result.sample.summary.count
    if _inexact(result):
        return "torch's own sampling is inexact so far from the mean; the tail sampler is right."
    step = torch.finfo(getattr(torch, request.dtype)).eps * max(abs(law.mean), law.std)
    # A test of n values sees steps of about std / root n.
    if step * math.sqrt(count) > 0.05 * law.std:
        return f"{request.dtype} has few different values, and the test sees it."
    return "One sample of a hundred does so by chance."


def _chance_words(result: InitializerResult) -> str:
    chance, count, entry = result.by_chance, result.sample.summary.count, result.request.chosen.entry
    if not is_random(entry, result.law):
        return "Nothing here is random: every sample is the same."
    if chance is None:
        return ("The squares of all elements of an orthogonal matrix add up to the same in every sample: the elements depend on "
                "each other, so no range of chance is given.")
    values = f"{count:,} independent values" if entry.elementwise else f"{count:,} such values"
    fixed = "" if entry.elementwise else "The number of zeros is the same in every sample, the other values are independent. "
    return f"{fixed}By chance alone, in about 95 % of samples of {values} each of these is between:"


def _chance_table(result: InitializerResult) -> list[Block]:
    chance, law = result.by_chance, result.law
    if chance is None:
        return []
    rows = []
    for name, field in _MOMENTS:
        theory, (below, above) = getattr(law, field), getattr(chance, field)
        if not math.isnan(below):
            # A mean far from 0 needs more digits, or both ends would look the same.
            digits = 3 + min(9, max(0, math.ceil(math.log10(abs(theory) / (below + above) + 1e-9))))
            rows.append((name, number_text(theory - below, digits), number_text(theory + above, digits)))
    return [Table(("", "from", "to"), tuple(rows))]


def _bound_text(value: float) -> str:
    if math.isinf(value):
        return "\u221e" if value > 0.0 else "\u2212\u221e"
    return number_text(value)


def _moments(result: InitializerResult) -> Table:
    law, summary = result.law, result.sample.summary
    rows: list[tuple[str, ...]] = [
        (name, field, number_text(getattr(summary, field)), number_text(getattr(law, field))) for name, field in _MOMENTS
    ]
    rows += [
        (name, field, number_text(getattr(summary, field)), _bound_text(end))
        for name, field, end in (("smallest", "minimum", law.support[0]), ("largest", "maximum", law.support[1]))
    ]
    header: tuple[str, ...] = ("", "sample", "theory")
    if result.pinned is not None:
        header = ("", "A", "B", "theory of B")
        other = result.pinned.summary
        rows = [(name, number_text(getattr(other, field)), *cells) for name, field, *cells in rows]
    else:
        rows = [(name, *cells) for name, _, *cells in rows]
    return Table(header, tuple(rows))


def _fit_words(fit: Fit) -> Paragraph:
    what = ("the largest distance between the two curves of the cumulative picture"
            if fit.name.startswith("Kol") else "the squared differences between found and expected counts, summed over the bars")
    return Paragraph(
        f"The {fit.name} test looks at {what}: here {number_text(fit.statistic)}. If the sample does come from this "
        f"distribution, a share of p = {number_text(fit.p_value, 3)} of all samples differs at least as much. A p below "
        f"{_P_SMALL} would be a reason to doubt; a large p proves nothing, it only gives no reason."
    )


def _truncation(result: InitializerResult) -> list[Block]:
    law, request = result.law, result.request
    assert law.parent is not None
    arguments = request.chosen.arguments
    used = 1.0 - law.cut
    how = (
        "Robert's exponential proposals: candidates that already follow the tail are accepted or drawn again."
        if request.method == "tail" else
        f"torch {_torch_version()} draws from the normal and draws again what falls outside, because more than 30 % of the "
        "normal is inside." if used > 0.3 else
        f"torch {_torch_version()} draws uniformly from [a, b] and accepts with a probability proportional to the density, "
        "because at most 30 % of the normal is inside."
    )
    return [
        Formula(rf"\sigma_{{before}} = {number_text(law.parent.std)} \qquad \sigma_{{after}} = {number_text(law.std)}",
                "standard deviation before and after truncation"),
        Paragraph(f"{_cut_words(law)} of the normal distribution lies outside [{number_text(arguments['a'])}, "
                  f"{number_text(arguments['b'])}] and is cut off. {how}"),
    ]


def _cut_words(law: Law) -> str:
    """The share that is cut off, with so many digits that what is kept can be seen."""
    kept = law.log_kept / math.log(10.0) if isinstance(law, TruncatedNormal) else -math.inf
    if law.cut < 0.99995:
        return f"{100 * law.cut:.4g} %"
    if kept < -400.0:
        return "All but a vanishing share"
    if kept < -12.0:
        return f"All but a share of about 1e{math.floor(kept)}"
    return f"{100.0 - 100.0 * 10.0**kept:.{math.ceil(-2.0 - kept) + 1}f} %"


def _torch_version() -> str:
    return torch.__version__.split("+")[0]
