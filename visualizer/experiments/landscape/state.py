"""The landscape, declared: its pages, its parameters, its presets. No torch, no numpy, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from visualizer.base.experiment import Preset, State, View, view_choice
from visualizer.base.parameters import (
    Option,
    Point,
    choice,
    flag,
    integer,
    names,
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
         ("descent", "value", "derivative"), playable=True),
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

RUNGE_FUNCTIONS = (
    Option("runge", "Runge's function", "1 / (1 + 25 x^2): smooth, yet equispaced interpolation diverges."),
    Option("absolute", "|x|", "A kink at 0: no polynomial follows it well."),
    Option("sine", "sin(3 pi x)", "Entire: every node set converges, until rounding takes over."),
    Option("step", "A smooth step", "tanh(10 x): poles close to the interval, like Runge's function."),
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

    view: str = view_choice(VIEWS)

    alpha: float = real(
        0.05, 1e-4, 10.0, scale="log", label="Step size", formula=r"\alpha", group="Run", views=("descent", "race"),
        help="The learning rate: each step is alpha times the gradient. Too small never arrives, too large overshoots.",
    )
    batch_alpha: float = real(
        0.5, 1e-4, 10.0, scale="log", label="Step size", formula=r"\alpha", group="Run", views=("batches", "study"),
        help="The learning rate of the mini-batch runs; their steps are also held below a longest step.",
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
        3, 1, 5000, scale="log", label="Steps per batch", group="Mini-batches", views=("batches", "study"),
        help="How many steps in a row use the same batch. 1 is what SGD does; as many as there are steps is the "
             "lecture's experiment: one subset, descended to its end.",
    )
    longest: float = real(
        1.0, 0.01, 1000.0, scale="log", label="Longest step", group="Mini-batches", views=("batches", "study"),
        help="Steps are shortened to this length (gradient clipping): a curve through few points can be as steep as a wall.",
        when=lambda state: state.view == "study" or state.optimizer == "sgd",
    )
    ends: str = choice(
        "bounce", BOUNDARIES, label="At the ends", group="Mini-batches", views=("batches", "study"),
        help="What happens when a step would leave the domain of the points.",
    )
    batch_steps: int = integer(
        1000, 1, 5000, scale="log", label="Steps", group="Mini-batches", views=("batches", "study"),
        help="How many steps a mini-batch run takes: its gradient changes at each step, so it never settles by itself.",
    )
    runs: int = integer(
        200, 10, 5000, scale="log", label="Runs per batch size", group="Study", views=("study",),
        help="Seeded runs for every batch size; more runs give narrower confidence intervals.",
    )
    near: float = real(
        0.5, 0.01, 5.0, scale="log", label="Near means within", group="Study", views=("study",),
        help="A run counts as near the global minimum when it ends at most this far from it in x.",
    )

    racers: tuple[str, ...] = names(
        ("sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam"),
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
        (), _names, noun="point", label="Left out", group="Points", views=_CURVE,
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
        "runge", RUNGE_FUNCTIONS, label="Function", group="Runge lab", views=("runge",),
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


def _stage(number: int, title: str, help: str, remove: tuple[str, ...]) -> Preset:
    return Preset(
        f"stage{number}", title, help, play=True,
        values={
            "view": "descent", "points": default_points(), "remove": remove, "interpolant": "lagrange",
            "start": 15.30, "alpha": 0.05, "optimizer": "sgd", "steps": 10_000, "tolerance": 1e-7,
        },
    )


def _range(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"P{number}" for number in range(first, last + 1))


def _alpha(name: str, title: str, help: str, alpha: float) -> Preset:
    return Preset(name, title, help, play=True, values={
        "view": "descent", "alpha": alpha, "remove": (), "start": 15.3, "optimizer": "sgd",
    })


def _batches(name: str, title: str, help: str, size: int) -> Preset:
    return Preset(name, title, help, play=True, values={
        "view": "batches", "points": default_points(), "remove": (), "start": 15.3, "optimizer": "sgd", "batch_alpha": 0.5,
        "batch_size": size, "keep_ends": False, "hold": 3, "longest": 1.0, "ends": "bounce", "interpolant": "lagrange",
        "batch_steps": 1000,
    })


def _study(name: str, title: str, help: str, interpolant: str, alpha: float, keep_ends: bool, hold: int) -> Preset:
    return Preset(name, title, help, {
        "view": "study", "points": default_points(), "remove": (), "start": 15.3, "batch_alpha": alpha, "keep_ends": keep_ends,
        "hold": hold, "longest": 1.0, "ends": "bounce", "interpolant": interpolant, "batch_steps": 1000,
    })


PRESETS = (
    _stage(1, "All 17 points", "The whole data set: the dot is trapped in the nearest minimum, P14.", ()),
    _stage(2, "Remove P9\u2013P13", "Fewer points: the dot rolls on to a better minimum, near P8.", _range(9, 13)),
    _stage(3, "Also P7, P8", "Fewer still: the dot reaches the best minimum, between P5 and P6.", _range(7, 13)),
    _stage(4, "Also P5, P6, P14", "Too few: the real minimum is no longer in the data.", _range(5, 14)),
    _alpha("too_small", "Far too small", "Alpha so small that thousands of steps do not arrive.", 0.0002),
    _alpha("edge", "A little too large", "Alpha just above 2/f\u2033: the dot jumps from side to side and never settles.", 0.5),
    _alpha("too_large", "Far too large", "Alpha so large that the dot jumps out of the valley and leaves the curve.", 0.8),
    Preset("race_all", "All optimizers", "Every optimizer of the catalogue from the lecture's start.",
           {"view": "race", "racers": tuple(entry.name for entry in OPTIMIZERS), "start": 15.3, "alpha": 0.05,
            "remove": (), "steps": 2000}, play=True),
    Preset("race_momentum", "Momentum over the hill", "From x = 13 a velocity carries the dot over P7; plain SGD stops at P8.",
           {"view": "race", "racers": ("sgd", "momentum", "nesterov", "adam"), "start": 13.0, "alpha": 0.05,
            "momentum": 0.9, "remove": (), "steps": 2000}, play=True),
    _batches("batches_half", "Batches of 10", "More than half of the points in every batch.", 10),
    _batches("batches_whole", "All 17", "The whole data set in every batch: plain descent, trapped.", 17),
    _batches("batches_tiny", "Batches of 2", "Two points make a straight line: its slope says little.", 2),
    _study("study_all", "2 to 17", "The lecture's conclusion, measured on the Lagrange polynomial.", "lagrange", 0.5, False, 3),
    _study("study_ends", "Ends kept", "The same with both end points in every batch.", "lagrange", 0.5, True, 3),
    _study("study_spline", "Splines", "Natural splines are calmer than polynomials.", "spline", 0.2, False, 10),
    Preset("runge_17", "17 nodes", "As many nodes as the lecture's curve.",
           {"view": "runge", "runge_nodes": 17, "runge_function": "runge"}),
    Preset("runge_40", "40 nodes", "Equispaced interpolation explodes, Chebyshev converges.",
           {"view": "runge", "runge_nodes": 40, "runge_function": "runge"}),
    Preset("climb_large", "Large steps", "Jumps over the top and never settles.",
           {"view": "climb", "climb_alpha": 2.0, "climb_distance": 5.0, "climb_radius": 0.25}, play=True),
    Preset("climb_small", "Small steps", "Arrives, after many rounds.",
           {"view": "climb", "climb_alpha": 0.1, "climb_distance": 5.0, "climb_radius": 0.25}, play=True),
    Preset("climb_best", "Best safe step", "The longest step that can never jump over: the circle's diameter.",
           {"view": "climb", "climb_alpha": 0.5, "climb_distance": 5.0, "climb_radius": 0.25}, play=True),
)
