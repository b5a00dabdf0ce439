"""Truth check: autograd against finite differences and gradcheck; losses that are equal on paper, computed in two ways."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from visualizer.base.errors import UserError
from visualizer.base.explanation import Explanation
from visualizer.base.pages import PageResult
from visualizer.experiments.losses.diagnosis import cautions
from visualizer.experiments.losses.evaluation import Built, build, heard, leads_somewhere
from visualizer.experiments.losses.finite_differences import (
    Check,
    central_differences,
    domain,
    gradients,
    in_float64,
    worst,
)
from visualizer.experiments.losses.listing import call, setup_lines
from visualizer.experiments.losses.pages import check_figures, check_words
from visualizer.experiments.losses.requests import CheckRequest, Setup
from visualizer.experiments.losses.stability import Growth, Way, growth, ways
from visualizer.experiments.losses.state import LossesState
from visualizer.experiments.losses.step_sizes import StepSizes, step_sizes
from visualizer.figures.model import Figure

#: Up to so many elements gradcheck compares every slope; above, it compares random directions (fast_mode).
SLOW_GRADCHECK = 64
#: The dtypes that are compared with float64.
NARROW = ("float32", "float16", "bfloat16")

# The first gradcheck imports sympy, for half a second: it does so here, where the worker loads, and in no run.
torch.autograd.gradcheck(torch.square, torch.ones((), dtype=torch.float64, requires_grad=True))


@dataclass(frozen=True)
class Gradcheck:
    """The verdict of torch.autograd.gradcheck.

    Attributes:
        passed: None if it did not run.
        message: its own, if it failed, or why it did not run.
        fast: whether it compared random directions in place of every slope.
    """

    passed: bool | None
    message: str = ""
    fast: bool = False


@dataclass(frozen=True, eq=False)
class CheckResult(PageResult):
    """Two computations of every gradient, and of the loss.

    Attributes:
        setup: what was computed.
        loss: in float64.
        checks: one for each tensor that requires a gradient, in the order of ``forward``.
        gradcheck: torch's own check.
        sizes: the error by step size; None with ``no_sizes`` saying why.
        growth: the comparison of two ways as a logit grows; None if this loss has no second way.
        ways: the loss of these tensors in each of the ways; with ``no_ways`` saying why there is none.
        by_dtype: the loss computed in each dtype, of tensors rounded to it; NaN where torch has no kernel for it.
        cautions: what is computed without a word although it can hardly be meant.
    """

    setup: Setup
    loss: float
    checks: tuple[Check, ...]
    gradcheck: Gradcheck
    sizes: StepSizes | None
    no_sizes: str
    growth: Growth | None
    ways: tuple[Way, ...]
    no_ways: str
    by_dtype: tuple[tuple[str, float], ...]
    cautions: tuple[str, ...]
    drawn: list[tuple[Figure, ...]] = field(default_factory=list, init=False, repr=False)

    @property
    def worst(self) -> Check | None:
        return worst(self.checks)

    def numbers(self) -> dict[str, Any]:
        worst_check = self.worst
        found: dict[str, Any] = {
            "loss": self.loss,
            "finite_difference": {
                "max_error": worst_check.max_error if worst_check is not None else None,
                "max_relative": worst_check.max_relative if worst_check is not None else None,
                "passed": all(check.passed for check in self.checks) if self.checks else None,
                "badge": worst_check.badge if worst_check is not None else "",
            },
            "tensors": {
                check.role: {
                    "gradient": check.gradient, "finite_differences": check.differences, "left": check.left,
                    "right": check.right, "kinks": int(check.kinks.sum()), "max_error": check.max_error,
                    "max_relative": check.max_relative, "passed": check.passed,
                } for check in self.checks
            },
            "gradcheck": {"passed": self.gradcheck.passed, "message": self.gradcheck.message, "fast": self.gradcheck.fast},
            "ways": {way.name: {"own": way.value, "float64": way.wide} for way in self.ways},
            "by_dtype": dict(self.by_dtype),
            "cautions": list(self.cautions),
        }
        if self.sizes is not None:
            found["step_sizes"] = {
                "h": self.sizes.steps, "error": self.sizes.error, "third_derivative": self.sizes.third,
                "best": self.sizes.best, "taken": self.sizes.own,
            }
        if self.growth is not None:
            grown = self.growth
            found["stability"] = {
                "logit": grown.logits, "exact": grown.exact, "naive": grown.naive, "one": grown.one,
                "wrong_from": grown.lost, "infinite_from": grown.infinite,
            }
        return found


def run(request: CheckRequest) -> Iterator[CheckResult | None]:
    """Checks tensor by tensor; what there is so far about five times a second.

    Raises:
        UserError: torch refuses the tensors.
    """
    setup = request.setup
    own = build(setup)
    own.contributions()  # what torch refuses in the tensors' own dtype, it refuses on this page, too
    wide = in_float64(setup)
    with torch.no_grad():
        loss = float(wide.scalar())
    yield None
    grown = growth(setup, wide, request.moved, request.element, request.logit)
    computed, no_ways = ways(setup, own, wide)
    yield None
    by_dtype = []
    for name in NARROW if grown is None else ():
        by_dtype.append((name, _in_dtype(setup, own, name)))
        yield None
    grads = gradients(wide)
    sizes, no_sizes = None, _no_sizes(request, wide, loss, grads)
    if not no_sizes:
        for part in step_sizes(wide, request.moved, request.element, grads[request.moved]):
            sizes = part or sizes
            yield None
    result = CheckResult(
        request=request, setup=setup, loss=loss, checks=(), gradcheck=Gradcheck(None, "not run yet"), sizes=sizes,
        no_sizes=no_sizes, growth=grown, ways=computed, no_ways=no_ways, by_dtype=tuple(by_dtype),
        cautions=cautions(setup, own, loss), progress=0.1,
    )
    done: list[Check] = []
    for place, (role, gradient) in enumerate(grads.items()):
        last = None
        for check in central_differences(wide, role, gradient):
            last = check or last
            if check is not None and check.done < 1.0:
                progress = 0.1 + 0.8 * (place + check.done) / len(grads)
                yield replace(result, checks=(*done, check), progress=progress, enough=True)
            else:
                yield None
        assert last is not None
        done.append(last)
    yield replace(result, checks=tuple(done), gradcheck=_gradcheck(wide), progress=1.0)


def _no_sizes(request: CheckRequest, wide: Built, loss: float, grads: dict[str, torch.Tensor]) -> str:
    """Why there is no curve over the step sizes; empty if there is one."""
    if request.moved not in wide.leaves:
        return "This loss takes no such tensor; choose another under Element of."
    if request.moved not in grads:
        return "This tensor gets no gradient; switch its requires_grad on, or choose another under Element of."
    leaf = wide.leaves[request.moved]
    if not request.element < leaf.numel():
        return "There is no such element."
    if not math.isfinite(loss) or not math.isfinite(float(grads[request.moved].reshape(-1)[request.element])):
        return "The loss or its gradient is not finite here."
    return ""


def _in_dtype(setup: Setup, own: Built, dtype: str) -> float:
    """The loss with all its tensors, and the weights of a layer, rounded to another dtype; NaN if torch cannot."""
    try:
        built = build(setup, dtype)
        if setup.entry.layer:
            built.module.load_state_dict(own.module.state_dict())
        with torch.no_grad():
            return float(built.scalar())
    except UserError:
        return math.nan


class _FailedError(Exception):
    """fast_mode has failed, and gradcheck goes on to every element, only for its message: seconds in one piece."""


#: fast_mode takes fewer of the loss for up to four tensors.
_FAST_EVALUATIONS = 60


def _gradcheck(wide: Built) -> Gradcheck:
    wanted = {role: leaf for role, leaf in wide.leaves.items() if leaf.requires_grad}
    count = sum(leaf.numel() for leaf in wanted.values())
    if not count:
        return Gradcheck(None, "nothing requires a gradient")
    fast = count > SLOW_GRADCHECK
    evaluations = 0

    def loss(*tensors: torch.Tensor) -> torch.Tensor:
        nonlocal evaluations
        evaluations += 1
        if fast and evaluations > _FAST_EVALUATIONS:
            raise _FailedError
        return wide.scalar(dict(wide.leaves) | dict(zip(wanted, tensors, strict=True)))

    # fast_mode draws its directions: the global generator stays as it was.
    with heard([]), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        try:
            torch.autograd.gradcheck(loss, tuple(wanted.values()), fast_mode=fast)
        except _FailedError:
            return Gradcheck(False, "in random directions, the slopes by autograd and by differences are farther apart than its "
                             "tolerances allow", fast)
        except UserError as error:  # the loss itself, when an element was moved out of its range
            return Gradcheck(None, f"an element was moved out of what the loss takes. torch says: {error.details}", fast)
        except RuntimeError as error:  # GradcheckError is one
            return Gradcheck(False, str(error).strip(), fast)
    return Gradcheck(True, "", fast)


def figures(result: CheckResult, state: LossesState) -> tuple[Figure, ...]:
    """Both gradients, the error by step size, two ways as a logit grows. The same result has the very same figures."""
    if not result.drawn:
        result.drawn.append(check_figures.figures(result))
    return result.drawn[0]


def explain(result: CheckResult, state: LossesState) -> Explanation:
    """Whether the two gradients agree, where the remaining error comes from, and why the naive way loses."""
    return check_words.explain(result)


def code(request: CheckRequest) -> str:
    """PyTorch that compares the gradients, and the two ways.

    Raises:
        UserError: the setup cannot be built.
    """
    setup = request.setup
    built = build(setup)
    lines = setup_lines(setup if setup.entry.layer or setup.dtype == "float64" else replace(setup, dtype="float64"))
    roles = [given.role for given in setup.inputs if given.requires_grad and given.data.values]
    if setup.entry.layer and setup.dtype != "float64":
        lines.append("loss_fn = loss_fn.double()  # the same weights, in float64")
        for role, leaf in built.leaves.items():
            if leaf.is_floating_point():
                lines.append(f"{role} = {role}.detach().double()" + (".requires_grad_()" if leaf.requires_grad else ""))
    total = call(setup) + (".sum()" if setup.reduction == "none" and setup.entry.reductions else "")
    lines += ["", "", "def loss():", f"    return {total}", "", "", 'print(f"loss = {loss().item():.6f}")']
    if roles and not leads_somewhere(built):
        lines.append("# nothing that can be differentiated leads to the loss: there is no gradient to check")
        roles = []
    for role in roles:
        lines += _checking(setup, role)
    if roles:
        inputs = ", ".join(roles)
        checking = ("print(torch.autograd.gradcheck(lambda *_: loss(), "
                    f"({inputs}{',' if len(roles) == 1 else ''}), raise_exception=False))")
        if any(_bounded(setup, role) for role in roles):  # gradcheck moves elements without a look at the loss's bounds
            lines += ["try:", f"    {checking}", "except (RuntimeError, ValueError) as error:", '    print("gradcheck:", error)']
        else:
            lines.append(checking)
    return "\n".join([*lines, *_two_ways(request), ""])


def _bounded(setup: Setup, role: str) -> bool:
    """Whether the loss takes only some numbers in this tensor."""
    return any(map(math.isfinite, domain(setup, role)))


def _checking(setup: Setup, role: str) -> list[str]:
    low, high = domain(setup, role)
    step = "torch.finfo(torch.float64).eps ** (1 / 3)"
    if _bounded(setup, role):
        ends = [f'float("{end}")' if math.isinf(end) else repr(end) for end in (low, high)]
        steps = [
            f"        room = min(x - {ends[0]}, {ends[1]} - x)  # the loss is defined no farther than this",
            f"        h = {step} * (min(room, max(1.0, abs(x))) if room > 0 else max(1.0, abs(x)))",
            f"        right, left = min(x + h, {ends[1]}), max(x - h, {ends[0]})",
        ]
    else:
        steps = [f"        h = {step} * max(1.0, abs(x))", "        right, left = x + h, x - h"]
    return [
        "",
        f"(gradient,) = torch.autograd.grad(loss(), {role}, allow_unused=True, materialize_grads=True)",
        "difference = torch.zeros_like(gradient)",
        "with torch.no_grad():",
        f"    flat = {role}.view(-1)",
        "    for i in range(flat.numel()):",
        "        x = flat[i].item()",
        *steps,
        "        flat[i] = right",
        "        above = loss()",
        "        flat[i] = left",
        "        below = loss()",
        "        flat[i] = x",
        "        difference.view(-1)[i] = (above - below) / (right - left)",
        f'print("{role}: autograd", gradient.flatten().tolist())',
        f'print("{role}: largest error", (gradient - difference).abs().max().item())',
    ]


def _two_ways(request: CheckRequest) -> list[str]:
    setup, logit = request.setup, request.logit
    if setup.name in ("CrossEntropyLoss", "NLLLoss"):
        return [
            "", f"logits = torch.tensor([[0.0, {logit!r}]])  # float32, and the true class is 0", "label = torch.tensor([0])",
            'print("log(softmax) + NLLLoss:", nn.NLLLoss()(torch.log(torch.softmax(logits, dim=1)), label).item())',
            'print("log_softmax + NLLLoss: ", nn.NLLLoss()(torch.log_softmax(logits, dim=1), label).item())',
            'print("CrossEntropyLoss:      ", nn.CrossEntropyLoss()(logits, label).item())',
        ]
    if setup.name in ("BCELoss", "BCEWithLogitsLoss"):
        return [
            "", f"logit, label = torch.tensor([{logit!r}]), torch.tensor([0.0])  # float32, and the label is 0",
            'print("sigmoid + BCELoss:", nn.BCELoss()(torch.sigmoid(logit), label).item())',
            'print("BCEWithLogitsLoss:", nn.BCEWithLogitsLoss()(logit, label).item())',
        ]
    return []
