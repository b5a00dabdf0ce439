"""The landscape, declared: its pages, its parameters, its presets. No torch, no numpy, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Self

from visualizer.base.experiment import Preset, State, View, view_choice
from visualizer.base.parameters import (
    Option,
    Point,
    choice,
    flag,
    integer,
    names,
    parameters_of,
    points,
    real,
    seed,
    shown_step,
)
from visualizer.base.resources import resource
from visualizer.base.tables import read_points
from visualizer.components.optimizers import OPTIMIZERS, optimizer, optimizer_options

VIEWS = (
    View("descent", "Descent",
         "Gradient descent on the curve through the points you keep. Click a point to remove it, drag the dot, "
         "choose a step size, and run.",
         ("descent", "value", "derivative", "basins"), playable=True),
    View("race", "Optimizers",
         "Optimizers of torch.optim start from the same place on the same curve. Watch where each one lands.",
         ("race", "race_value", "race_state"), playable=True),
    View("batches", "Mini-batches",
         "At every step a random subset of the points makes the curve whose gradient is taken.",
         ("batches", "batch_value", "batch_members"), playable=True),
    View("study", "Batch size",
         "Many seeded mini-batch runs for every batch size: where do they land, and how often near the global minimum?",
         ("study", "study_landings", "study_value")),
    View("runge", "Runge lab",
         "What interpolation does between the points: equispaced against Chebyshev nodes, and what float32 costs.",
         ("runge", "runge_error", "runge_lebesgue")),
    View("climb", "Fixed steps",
         "Move the circle to the top with steps of one fixed length. Which length needs the fewest rounds?",
         ("climb", "climb_rounds", "climb_height"), playable=True),
)


@cache
def default_points() -> tuple[Point, ...]:
    """The seventeen points P1..P17 of the lecture's curve."""
    rows = read_points(resource("landscape/points.csv").read_text(encoding="utf-8"))
    return tuple(Point(str(name), float(x), float(y)) for name, x, y in rows)


def _names(state: LandscapeState) -> tuple[str, ...]:
    return tuple(point.name for point in state.points)


def _domain(state: LandscapeState) -> tuple[float, float]:
    return state.points[0].x, state.points[-1].x


INTERPOLANTS = (
    Option("lagrange", "Lagrange polynomial",
           "The one polynomial of degree n - 1 through all n points, evaluated by the barycentric formula in float64."),
    Option("spline", "Natural cubic spline",
           "Cubic pieces with continuous second derivative, straight at both ends."),
    Option("pchip", "PCHIP",
           "Cubic pieces that never overshoot the points; the second derivative jumps at them."),
)

class RungeFunction(NamedTuple):
    """A function to interpolate: ``expression`` in x works with torch and, with numpy in its place, with numpy."""

    option: Option
    expression: str


RUNGE_FUNCTIONS = (
    RungeFunction(Option("runge", "Runge's function", "Smooth, yet equispaced interpolation diverges: its poles are near.",
                         r"\frac{1}{1 + 25 x^2}"), "1 / (1 + 25 * x**2)"),
    RungeFunction(Option("absolute", "|x|", "A kink at 0: no polynomial follows it well.", "|x|"), "torch.abs(x)"),
    RungeFunction(Option("sine", "A sine", "Smooth everywhere: every node set converges, until rounding takes over.",
                         r"\sin 3 \pi x"), "torch.sin(3 * torch.pi * x)"),
    RungeFunction(Option("step", "A smooth step", "Its poles are close to the interval, like those of Runge's function.",
                         r"\tanh 10 x"), "torch.tanh(10 * x)"),
)

BOUNDARIES = (
    Option("stay", "Stay at the end", "The dot is put back on the end of the domain: projected gradient descent."),
    Option("bounce", "Bounce back", "The dot is reflected at the end of the domain."),
    Option("stop", "End the run", "The run ends; it has left the domain."),
)

_CURVE = ("descent", "race", "batches", "study")
_RUN = ("descent", "race", "batches")


@dataclass(frozen=True)
class LandscapeState(State):
    """Every control of the landscape tab."""

    def changed(self, **values: Any) -> Self:
        """This state with some values replaced; points with another range take the start along into it."""
        points = values.get("points")
        if points is not None and "start" not in values and len(points) > 1:
            places = sorted(float(point[1]) for point in points)
            if self.points[0].x <= self.start <= self.points[-1].x and not places[0] <= self.start <= places[-1]:
                share = (self.start - self.points[0].x) / (self.points[-1].x - self.points[0].x)
                values["start"] = places[0] + share * (places[-1] - places[0])
        return super().changed(**values)

    view: str = view_choice(VIEWS)

    alpha: float = real(
        0.05, 1e-6, 10.0, scale="log", label="Step size", formula=r"\alpha", group="Run", views=_CURVE,
        help="The learning rate: each step is alpha times the gradient. Too small never arrives, too large overshoots.",
    )
    start: float = real(
        15.30, -1e6, 1e6, span=_domain, label="Start", formula="x_0", group="Run", views=_CURVE,
        help="Where the dot starts; drag the dot on the plot or type a position.",
    )
    optimizer: str = choice(
        "sgd", optimizer_options(), label="Optimizer", group="Run", views=("descent", "batches"),
        help="How a gradient becomes a step. SGD is the plain rule of the lecture.",
    )
    momentum: float = real(
        0.9, 0.0, 0.999, label="Momentum", formula=r"\mu", group="Run", views=_RUN,
        help="How much of the last step is kept, for the optimizers with momentum.",
        when=lambda state: (
            any(optimizer(name).uses_momentum for name in state.racers) if state.view == "race"
            else optimizer(state.optimizer).uses_momentum
        ),
    )
    steps: int = integer(
        10_000, 1, 100_000, scale="log", label="Most steps", group="Run", views=("descent", "race"),
        help="The run ends after this many steps at the latest; it ends earlier when it settles or leaves the domain.",
    )
    tolerance: float = real(
        1e-7, 1e-12, 0.1, scale="log", label="Settled below", group="Run", views=("descent", "race"),
        help="The run has settled when a step is shorter than this.",
    )

    batch_size: int = integer(
        8, 2, 200, span=lambda state: (2, len(state.points)), label="Batch size", formula="k", group="Mini-batches",
        views=("batches",), help="How many of the kept points are drawn for each step (all of them, if there are fewer).",
    )
    keep_ends: bool = flag(
        True, label="Always keep the end points", group="Mini-batches", views=("batches", "study"),
        help="With both ends in every batch the curve never has to be continued beyond its points.",
    )
    hold: int = integer(
        50, 1, 5000, scale="log", label="Steps per batch", group="Mini-batches", views=("batches", "study"),
        help="How many steps in a row use the same batch. 1 is what SGD does; as many as there are steps is the "
             "lecture's experiment: one subset, descended to its end.",
    )
    longest: float = real(
        10.0, 0.01, 1000.0, scale="log", label="Longest step", group="Mini-batches", views=("batches", "study"),
        help="Steps are shortened to this length (gradient clipping): a curve through few points can be as steep as a wall.",
        when=lambda state: state.view == "study" or state.optimizer == "sgd",
    )
    ends: str = choice(
        "bounce", BOUNDARIES, label="At the ends", group="Mini-batches", views=("batches", "study"),
        help="What happens when a step would leave the domain of the points.",
    )
    batch_steps: int = integer(
        800, 1, 5000, scale="log", label="Steps", group="Mini-batches", views=("batches", "study"),
        help="How many steps a mini-batch run takes: its gradient changes at each step, so it never settles by itself.",
    )
    runs: int = integer(
        400, 10, 5000, scale="log", label="Runs per batch size", group="Study", views=("study",),
        help="Seeded runs for every batch size; more runs give narrower confidence intervals.",
    )
    near: float = real(
        0.5, 0.01, 5.0, scale="log", label="Near means within", group="Study", views=("study",),
        help="A run counts as near the global minimum when it ends at most this far from it in x.",
    )

    racers: tuple[str, ...] = names(
        ("sgd", "momentum", "nesterov", "adam"),
        lambda state: tuple(entry.name for entry in OPTIMIZERS),
        titles={entry.name: entry.title for entry in OPTIMIZERS}, noun="optimizer", label="In the race", group="Race",
        views=("race",),
        help="The optimizers that start together.",
    )
    race_rates: str = choice(
        "shared", (
            Option("shared", "The step size above", "Every optimizer gets the same alpha."),
            Option("own", "Each torch's default", "Every optimizer gets the default lr of its torch.optim class."),
        ), label="Learning rates", group="Race", views=("race",),
        help="One step size for all, or the default of each torch.optim class.",
    )
    race_shown: str = choice(
        "adam", optimizer_options(), label="State values of", group="Race", views=("race",), display=True,
        help="Whose internal state is drawn in the lower plot.",
    )

    remove: tuple[str, ...] = names(
        (), _names, noun="point", checked_means="removed", label="Points in use", group="Points", views=_CURVE,
        help="Points that are removed from the data; ranges such as P9-P13 can be typed. At least two must stay.",
    )
    interpolant: str = choice(
        "lagrange", INTERPOLANTS, label="Curve through the points", group="Points", views=_CURVE,
        help="How the points are joined: this is the function that is descended.",
    )

    points: tuple[Point, ...] = points(
        default_points(), label="Points", group="Points", views=_CURVE,
        help="The data: the curve is drawn through these points. Drag them on the plot, edit them here, or load a CSV.",
    )

    runge_function: str = choice(
        "runge", (entry.option for entry in RUNGE_FUNCTIONS), label="Function", group="Runge lab", views=("runge",),
        help="The function whose values are interpolated on [-1, 1].",
    )
    runge_nodes: int = integer(
        17, 2, 80, label="Nodes", formula="n", group="Runge lab", views=("runge",),
        help="How many interpolation nodes; the lecture's curve has 17.",
    )
    runge_float32: bool = flag(
        True, label="Show float32 monomials", group="Runge lab", views=("runge",),
        help="Also interpolate with monomial coefficients in float32, as a naive program would.",
    )

    climb_distance: float = real(
        5.0, 0.1, 20.0, label="Distance to the top", unit="cm", formula="d", group="Climb", views=("climb",),
        help="How far from the top the circle starts.",
    )
    climb_alpha: float = real(
        1.7, 0.01, 20.0, scale="log", label="Step length", unit="cm", formula=r"\alpha", group="Climb", views=("climb",),
        help="Every step has exactly this length, whatever the slope.",
    )
    climb_radius: float = real(
        0.25, 0.01, 2.0, scale="log", label="Radius of the circle", unit="cm", formula="r", group="Climb",
        views=("climb",), help="The circle is at the top when the top lies inside it.",
    )
    climb_rounds: int = integer(
        100, 1, 2000, scale="log", label="Most rounds", group="Climb", views=("climb",),
        help="Give up after this many steps.",
    )

    show_full: bool = flag(
        True, label="Full curve behind", group="Show", views=_CURVE, display=True,
        help="Draw the curve through all points, faint, behind the one that is descended.",
    )
    show_tangent: bool = flag(
        True, label="Tangent and next step", group="Show", views=("descent", "batches"), display=True,
        help="Draw the tangent, whose slope is the gradient, and the step that it leads to.",
    )
    show_names: bool = flag(
        True, label="Point names", group="Show", views=_CURVE, display=True, help="Write each point's name beside it.",
    )

    seed: int = seed()
    shown_step: int = shown_step()


def _preset(name: str, title: str, help: str, view: str, *, play: bool = False, **changes: Any) -> Preset:
    """A preset sets everything that is computed on its page, so that it shows the same whatever was set before."""
    values = {
        parameter.name: parameter.default for parameter in parameters_of(LandscapeState).values()
        if not parameter.hidden and not parameter.display and (not parameter.views or view in parameter.views)
    }
    return Preset(name, title, help, values | changes | {"view": view}, play)


def _range(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"P{number}" for number in range(first, last + 1))


PRESETS = (
    _preset("stage1", "All 17 points", "The whole data set: the dot is trapped in the nearest minimum, P14.",
            "descent", play=True),
    _preset("stage2", "Remove P9\u2013P13", "Fewer points: the dot rolls on to a better minimum, near P8.",
            "descent", play=True, remove=_range(9, 13)),
    _preset("stage3", "Also P7, P8", "Fewer still: the dot reaches the best minimum, between P5 and P6.",
            "descent", play=True, remove=_range(7, 13)),
    _preset("stage4", "Also P5, P6, P14", "Too few: the real minimum is no longer in the data.",
            "descent", play=True, remove=_range(5, 14)),
    _preset("too_small", "Far too small", "Alpha so small that ten thousand steps do not arrive.",
            "descent", play=True, alpha=1e-5),
    _preset("edge", "A little too large", "Alpha just above 2/f\u2033: the dot jumps from side to side and never settles.",
            "descent", play=True, alpha=0.42),
    _preset("too_large", "Far too large", "Alpha so large that the dot jumps out of the valley and leaves the curve.",
            "descent", play=True, alpha=0.8),
    _preset("race_momentum", "Momentum over the hill", "From x = 13 a velocity carries the dot over P7; the others stop at P8.",
            "race", play=True, racers=("sgd", "momentum", "nesterov", "adam"), start=13.0, steps=2000,
            race_shown="momentum"),
    _preset("race_trap", "In the trap", "From the lecture's start nobody escapes P14, but they arrive very differently.",
            "race", play=True, racers=("sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam"), start=15.3, steps=2000),
    _preset("race_all", "All optimizers", "Every optimizer of the catalogue, from x = 13.",
            "race", play=True, racers=tuple(entry.name for entry in OPTIMIZERS), start=13.0, steps=2000),
    _preset("batches_half", "Batches of 7", "Less than half of the points in every batch: the curve keeps changing.",
            "batches", play=True, batch_size=7, keep_ends=False),
    _preset("batches_whole", "All 17", "The whole data set in every batch: plain descent, trapped.",
            "batches", play=True, batch_size=17),
    _preset("batches_tiny", "Batches of 2", "Two points make a straight line: its slope says little.",
            "batches", play=True, batch_size=2, keep_ends=False),
    _preset("study_all", "2 to 17", "The lecture's conclusion, measured on the Lagrange polynomial.",
            "study", keep_ends=False),
    _preset("study_ends", "Ends kept", "The same with both end points in every batch.", "study"),
    _preset("study_pchip", "PCHIP", "On a curve that never overshoots its points, small batches do far better.",
            "study", interpolant="pchip", keep_ends=False),
    _preset("runge_17", "17 nodes", "As many nodes as the lecture's curve.", "runge"),
    _preset("runge_40", "40 nodes", "Equispaced interpolation explodes, Chebyshev converges.", "runge", runge_nodes=40),
    _preset("climb_large", "Large steps", "Jumps over the top and never settles.", "climb", play=True, climb_alpha=2.0),
    _preset("climb_small", "Small steps", "Arrives, after many rounds.", "climb", play=True, climb_alpha=0.1),
    _preset("climb_best", "Best safe step", "The longest step that can never jump over: the circle's diameter.",
            "climb", play=True, climb_alpha=0.5),
)
