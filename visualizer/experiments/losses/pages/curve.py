"""Curve and surface: the loss as one element moves, its tangent and its kinks; and the loss as two elements move."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from visualizer.base.errors import UserError
from visualizer.base.explanation import Explanation
from visualizer.base.pages import PageResult
from visualizer.components.losses import WHOLE
from visualizer.experiments.losses.curves import Domain, Floats, Moving, domain_of, element_name, exact_of
from visualizer.experiments.losses.evaluation import build, dtype_of
from visualizer.experiments.losses.kinks import Kink, find_kinks
from visualizer.experiments.losses.listing import call, setup_lines
from visualizer.experiments.losses.pages import curve_figures, curve_words
from visualizer.experiments.losses.requests import CurveRequest
from visualizer.experiments.losses.state import LossesState
from visualizer.experiments.losses.surfaces import COARSE, Surface, affordable, surface
from visualizer.figures.model import Figure, readonly

#: Points of the curve, where many cost little and where they do not.
_POINTS, _FEW_POINTS = 401, 201
#: Seconds after which the curve is shown before its kinks are known.
_PATIENCE = 0.03
#: Elements of other tensors that are tried as kinks, at most.
_PLACES = 256


@dataclass(frozen=True)
class Quotient:
    """The central difference quotient in float64: ``(after - before) / (2 h)``."""

    step: float
    before: float
    after: float

    @property
    def slope(self) -> float:
        return (self.after - self.before) / (2.0 * self.step)


@dataclass(frozen=True, eq=False)
class CurveResult(PageResult):
    """The curve, and the surface.

    Attributes:
        title: what the loss calls the tensor, in lower case; ``name`` and ``name_2`` the moved elements, such as ``target[0]``.
        at: the element now, as its dtype holds it; ``at_2`` the second one (NaN: there is none).
        value: the loss now, and ``slope`` its derivative by autograd; None: no path leads from the loss to this tensor.
        records: whether ``requires_grad`` is on for the tensor.
        domain: where the element moves.
        x, y: the curve, all values by torch in the chosen dtype.
        quotient: the difference quotient beside the slope; None: the loss is not finite on both sides.
        kinks: None: not looked for yet.
        surface: None: not computed yet, or never, for the reason ``no_surface``.
        gradient: the derivatives with respect to both elements, shape (2,); None: there is no surface or no gradient.
        warnings: what torch warned of.
    """

    title: str
    name: str
    name_2: str
    at: float
    at_2: float
    value: float
    slope: float | None
    records: bool
    domain: Domain
    x: Floats
    y: Floats
    quotient: Quotient | None
    kinks: tuple[Kink, ...] | None
    surface: Surface | None
    no_surface: str
    gradient: Floats | None
    warnings: tuple[str, ...]

    @cached_property
    def drawn(self) -> tuple[Figure, ...]:
        """The figures; made once, in the worker, so that the window has nothing to compute."""
        return curve_figures.figures(self)

    @property
    def curve_request(self) -> CurveRequest:
        assert isinstance(self.request, CurveRequest)
        return self.request

    @property
    def kink_here(self) -> Kink | None:
        """The kink at which the element stands, if it does."""
        near = 4.0 * float(np.finfo(np.float64).eps) * max(abs(self.at), abs(self.domain.low), abs(self.domain.high))
        data = self.curve_request.setup.given(self.curve_request.moved)
        typed = data.data.values[self.curve_request.element] if data is not None else self.at
        return next((kink for kink in self.kinks or () if abs(kink.place - typed) <= near), None)

    @property
    def disagrees(self) -> bool:
        """Whether the curve's slope is not what autograd says, by more than rounding, and no kink is the reason."""
        if self.quotient is None or self.slope is None or not math.isfinite(self.slope) or self.kinks is None:
            return False
        if self.kink_here is not None or any(abs(kink.place - self.at) <= 4.0 * self.quotient.step for kink in self.kinks):
            return False
        size = max(abs(self.slope), abs(self.quotient.slope))
        rounding = 1e-9 + 1e-7 * (abs(self.value) + abs(self.at * self.slope))
        return abs(self.slope - self.quotient.slope) > 0.05 * size + rounding

    def numbers(self) -> dict[str, Any]:
        request = self.curve_request
        found: dict[str, Any] = {
            "loss": self.value, "slope": self.slope, "element": request.element, "moved": request.moved, "at": self.at,
            "requires_grad": self.records, "difference_quotient": self.quotient.slope if self.quotient else None,
            "kinks": [
                {"place": kink.place, "left": kink.left, "right": kink.right, "taken": kink.taken, "jump": kink.jump}
                for kink in self.kinks or ()
            ],
            "x": self.x, "loss_along": self.y,
        }
        if self.surface is None:
            return {"curve": found, "surface": {"none": self.no_surface}}
        lowest = self.surface.lowest
        return {"curve": found, "surface": {
            "x": self.surface.x, "y": self.surface.y, "loss": self.surface.values, "at": [self.at, self.at_2],
            "gradient": self.gradient,
            "minimum": None if lowest is None else {"x": lowest[0], "y": lowest[1], "loss": lowest[2]},
        }}


def run(request: CurveRequest) -> Iterator[CurveResult | None]:
    """The curve, its kinks, a coarse surface, a fine one.

    Raises:
        UserError: there is no such element, it cannot move, or torch refuses the tensors.
    """
    for result in _computed(request):
        if result is not None:
            yield None  # drawing is a step of its own
            assert result.drawn
        yield result


def _computed(request: CurveRequest) -> Iterator[CurveResult | None]:
    started = time.perf_counter()
    setup, role, index = request.setup, request.moved, request.element
    title, shape, values = _movable(request)
    built = build(setup)
    chosen = Moving(built, role, (index,))
    yield None
    exact = Moving(exact_of(built), role, (index,))
    yield None
    at = float(chosen.now[0])
    if not math.isfinite(at):
        raise UserError(f"{element_name(title, shape, index).capitalize()} is not finite in {setup.dtype}; "
                        "choose float64, or a smaller number.")
    if request.reach < 8.0 * np.spacing(abs(at)):
        raise UserError(f"A reach of {request.reach:g} is lost in rounding beside {at:g}; choose a larger reach, or a smaller "
                        "number.")
    domain = domain_of(setup, role, values[index], request.reach)
    points = _POINTS if exact.quick else _FEW_POINTS
    x = np.unique(np.append(np.linspace(domain.low, domain.high, points), values[index]))
    y = yield from chosen.values(x[:, None])
    quotient = yield from _quotient(exact, values[index], domain)
    no_surface = _no_surface(request, title, shape, values)
    given = setup.given(role)
    result = CurveResult(
        request=request, progress=0.1, title=title, name=element_name(title, shape, index),
        name_2="" if no_surface else element_name(title, shape, request.element_2), at=at, at_2=math.nan, value=chosen.value,
        slope=None if chosen.gradient is None else float(chosen.gradient[0]), records=given is not None and given.requires_grad,
        domain=domain, x=readonly(x), y=readonly(y), quotient=quotient, kinks=None, surface=None, no_surface=no_surface,
        gradient=None, warnings=tuple(chosen.warnings),
    )
    if not exact.quick or time.perf_counter() - started > _PATIENCE:
        yield result
    kinks = yield from find_kinks(exact, chosen, domain.low, domain.high, _places(request))
    if kinks:
        x = np.unique(np.concatenate((x, [kink.place for kink in kinks])))
        y = yield from chosen.values(x[:, None])
    result = replace(result, kinks=kinks, x=readonly(x), y=readonly(y), warnings=tuple(chosen.warnings))
    if no_surface:
        yield replace(result, progress=1.0)
        return
    yield from _with_surface(result, values)


def _with_surface(result: CurveResult, values: tuple[float, ...]) -> Iterator[CurveResult | None]:
    request = result.curve_request
    setup, role, second = request.setup, request.moved, request.element_2
    both = Moving(build(setup), role, (request.element, second))
    domain_2 = domain_of(setup, role, values[second], request.reach)
    rough = yield from surface(both, result.domain, domain_2, COARSE)
    result = replace(result, at_2=float(both.now[1]), surface=rough, gradient=both.gradient, progress=0.3, enough=True,
                     warnings=tuple(dict.fromkeys((*result.warnings, *both.warnings))))
    yield result
    fine = yield from surface(both, result.domain, domain_2, affordable(rough))
    yield replace(result, surface=fine, progress=1.0, enough=False)


def _movable(request: CurveRequest) -> tuple[str, tuple[int, ...], tuple[float, ...]]:
    """The title, shape and elements of the tensor whose element moves.

    Raises:
        UserError: there is no such element, or it cannot move continuously.
    """
    setup, entry = request.setup, request.setup.entry
    item, given = entry.input(request.moved), setup.given(request.moved)
    if item is None or given is None:
        taken = ", ".join(entry_input.role for entry_input in entry.inputs)
        raise UserError(f"{setup.name} takes no {request.moved} input; under \u201cElement of\u201d choose one of {taken}.")
    title, data = item.title.split(" (")[0].lower(), given.data
    if not data.values:
        raise UserError(f"The {title} is empty, so none of its elements can move; type some numbers.")
    if request.element >= len(data.values):
        raise UserError(f"The {title} has {len(data.values)} element{'s' if len(data.values) > 1 else ''}, counted from 0; there "
                        f"is no element {request.element}. Choose at most {len(data.values) - 1}.")
    if not dtype_of(setup, item, setup.dtype).is_floating_point:
        what = "it holds indices" if item.holds in (*WHOLE, "class_or_probability") else "its dtype is int64"
        raise UserError(f"The {title} holds whole numbers ({what}), and the loss has no slope between whole numbers. Move an "
                        "element of another tensor" + ("." if "indices" in what else ", or choose float32."))
    if not math.isfinite(data.values[request.element]):
        raise UserError(f"{element_name(title, data.shape, request.element).capitalize()} is {data.values[request.element]:g}, and "
                        "nothing can be moved from there; type a finite number.")
    return title, data.shape, data.values


def _no_surface(request: CurveRequest, title: str, shape: tuple[int, ...], values: tuple[float, ...]) -> str:
    """Why there is no surface; empty: there is one."""
    second = request.element_2
    if len(values) < 2:
        return f"A surface takes two elements, and the {title} has one."
    if second >= len(values):
        return f"There is no second element {second}; choose at most {len(values) - 1}."
    if second == request.element:
        return "Both elements are the same; choose another second one."
    if not math.isfinite(values[second]):
        return f"{element_name(title, shape, second).capitalize()} is not finite; type a number to see the surface."
    return ""


def _quotient(exact: Moving, at: float, domain: Domain) -> Generator[None, None, Quotient | None]:
    """By float64, inside the domain, with a step near the one whose error is smallest: the cube root of the rounding unit.

    It is a power of two, so that both sides are equally far away in spite of rounding.
    """
    step = 2.0 ** (-18 + max(1, math.frexp(at)[1]))
    while step > 0.5 * (domain.high - domain.low):
        step *= 0.5
    before, after = yield from exact.values(np.array([[at - step], [at + step]]))
    if not (domain.low <= at - step and at + step <= domain.high and math.isfinite(before) and math.isfinite(after)):
        return None
    return Quotient(step, float(before), float(after))


def _places(request: CurveRequest) -> Floats:
    """Numbers at which kinks are likely: all elements of all tensors, as many as are worth trying."""
    found = [value for item in request.setup.inputs for value in item.data.values[:_PLACES] if math.isfinite(value)]
    return np.unique(np.array([0.0, *found]))[:_PLACES]


def figures(result: CurveResult, state: LossesState) -> tuple[Figure, ...]:
    """The curve with its tangent, and the surface with its arrow."""
    return result.drawn


def explain(result: CurveResult, state: LossesState) -> Explanation:
    """The slope as a limit, the tangent, the kinks and the gradient of two elements, with this run's numbers."""
    return curve_words.explanation(result)


def code(request: CurveRequest) -> str:
    """PyTorch that prints the curve and its slope at a few places, and at the element as it is.

    Raises:
        UserError: the element cannot move.
    """
    _, _, values = _movable(request)
    setup, role, index = request.setup, request.moved, request.element
    domain = domain_of(setup, role, values[index], request.reach)
    moving = Moving(build(setup), role, (index,))
    alone = replace(setup, inputs=tuple(replace(given, requires_grad=given.requires_grad and given.role == role)
                                        for given in setup.inputs))  # the slope of the others is not asked for
    total = ".sum()  # backward from all of them" if setup.reduction == "none" and setup.entry.reductions else ""
    lines = [
        *setup_lines(alone),
        "",
        "",
        f"def loss_of({role}):",
        f"    return {call(setup)}{total}",
        "",
        "",
        "def at(x):",
        f"    moved = {role}.detach().clone()",
        f"    moved.view(-1)[{index}] = x",
        "    loss = loss_of(moved.requires_grad_())",
    ]
    if moving.gradient is None:
        lines += ["    return loss.item(), None  # no path leads from this loss to the tensor"]
    else:
        lines += ["    (gradient,) = torch.autograd.grad(loss, moved)",
                  f"    return loss.item(), gradient.view(-1)[{index}].item()"]
    lines += [
        "",
        "",
        f"for x in torch.linspace({domain.low!r}, {domain.high!r}, 9, dtype=torch.float64).tolist():",
        "    value, slope = at(x)",
        '    print(f"x = {x:.6g}, loss = {value:.6g}, slope = {slope}")',
        f"value, slope = at({values[index]!r})",
        f'print(f"here: x = {values[index]!r}, loss = {{value:.6g}}, slope = {{slope}}")',
        "",
    ]
    return "\n".join(lines)
