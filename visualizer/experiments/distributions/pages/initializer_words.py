"""What the page Initialisers says: the derivation, the moments beside their theory, and what the test of fit means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visualizer.base.explanation import Block, Explanation, Formula, Heading, Paragraph, Table, Verdict, number_text
from visualizer.components.laws import cautions, derivation
from visualizer.experiments.distributions.fit import Fit

if TYPE_CHECKING:
    from visualizer.experiments.distributions.pages.initializer import InitializerResult

_P_SMALL = 0.01


def explanation(result: InitializerResult) -> Explanation:
    """Where bound and spread come from, the moments beside their theory, and what the test says."""
    request, law, summary = result.request, result.law, result.sample.summary
    blocks: list[Block] = [_verdict(result), Heading(request.chosen.entry.title), Paragraph(request.chosen.entry.help),
                           Formula(request.chosen.entry.formula, "the distribution of one element")]
    lines = derivation(request.chosen.name, request.chosen.arguments, request.shape)
    if lines:
        blocks.append(Heading("With these numbers"))
        blocks += [Formula(line) for line in lines]
    blocks += [Heading("Sample against theory"), _moments(result), Paragraph(
        f"By chance alone, 95 % of samples of {summary.count:,} independent values have a mean within \u00b1 "
        f"{number_text(result.by_chance.mean)} of theory and a standard deviation within \u00b1 "
        f"{number_text(result.by_chance.std)}."
        if law.std > 0.0 else "Nothing here is random: every sample is the same."
    )]
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
    law, fit, request = result.law, result.fit, result.request
    count = f"{result.sample.summary.count:,} values"
    if not law.std > 0.0:
        return Verdict(f"All {count} are {number_text(law.mean)}.", "warning")
    if fit is None:
        return Verdict(f"{count} with standard deviation {number_text(result.sample.summary.std)}; theory says "
                       f"{number_text(law.std)}.", "muted")
    if fit.p_value < _P_SMALL:
        why = f" {request.dtype} has few different values, and the test sees it." if request.dtype != "float64" else ""
        return Verdict(f"The sample differs from theory (p = {number_text(fit.p_value, 2)}).{why}", "warning")
    return Verdict(f"{count} agree with theory (p = {number_text(fit.p_value, 2)}).", "good")


def _moments(result: InitializerResult) -> Table:
    law, summary, chance = result.law, result.sample.summary, result.by_chance

    def within(half: float) -> str:
        return f"\u00b1 {number_text(half, 2)}" if half else ""

    rows = [
        ("mean", summary.mean, law.mean, within(chance.mean), "mean"),
        ("std", summary.std, law.std, within(chance.std), "std"),
        ("variance", summary.variance, law.variance, within(chance.variance), "variance"),
        ("skewness", summary.skewness, law.skewness, "", "skewness"),
        ("kurtosis \u2212 3", summary.kurtosis, law.kurtosis, "", "kurtosis"),
        ("smallest", summary.minimum, law.support[0], "", "minimum"),
        ("largest", summary.maximum, law.support[1], "", "maximum"),
    ]
    if result.pinned is None:
        return Table(("", "sample", "theory", "95 %"), tuple(
            (name, number_text(seen), number_text(wanted), half) for name, seen, wanted, half, _ in rows
        ))
    other = result.pinned.summary
    return Table(("", "A", "B", "theory of B", "95 %"), tuple(
        (name, number_text(getattr(other, field)), number_text(seen), number_text(wanted), half)
        for name, seen, wanted, half, field in rows
    ))


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
        Paragraph(f"{100 * law.cut:.4g} % of the normal distribution lies outside [{number_text(arguments['a'])}, "
                  f"{number_text(arguments['b'])}] and is cut off. {how}"),
    ]


def _torch_version() -> str:
    import torch

    return torch.__version__.split("+")[0]
