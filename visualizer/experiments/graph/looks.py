"""What a drawing looks like for a state: colours, legend, what is dimmed, found, chosen and marked. Runs in the GUI thread.

All that depends on the capture alone is prepared in the worker (:func:`prepare`), so that a figure of 20,000 boxes takes
milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from visualizer.base.roles import Role
from visualizer.experiments.graph.prepared import Prepared, prepared_for, preparing
from visualizer.experiments.graph.requests import selected_ident
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import GraphState
from visualizer.figures.graph import GraphFigure, LegendEntry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.experiments.graph.model import Capture
    from visualizer.experiments.graph.view_model import GraphView
    from visualizer.figures.graph import Bools, GraphDrawing

#: The role of each kind of box; the arrays of a :class:`Prepared` count these.
ROLES = (Role.DATA, Role.GRADIENT, Role.CURVE, Role.STEP, Role.C3, Role.MUTED, Role.BAD)
_KINDS = (
    LegendEntry("operation", Role.DATA, "round"), LegendEntry("leaf: .grad is added up here", Role.GRADIENT, "pill"),
    LegendEntry("where backward starts", Role.CURVE, "hexagon"), LegendEntry("custom function", Role.STEP, "round"),
    LegendEntry("folded group", Role.C3, "box"), LegendEntry("not in the graph", Role.MUTED, "dashed"),
    LegendEntry("failed", Role.BAD, "dashed"),
)
#: A shade is a logarithmic place between the smallest and the largest, but at most so many decades below the largest.
_DECADES = 6.0


def prepare(capture: Capture, view: GraphView, drawing: GraphDrawing) -> Generator[None, None, None]:
    """Work out, in the worker, what :func:`figure_of` will need for this view; yields None every few milliseconds."""
    yield from preparing(capture, view, drawing)


def figure_of(name: str, title: str, result: GraphResult, state: GraphState, **marks: Any) -> GraphFigure:
    """The graph as the state wants it seen.

    Args:
        marks: more fields of the figure (what is active, flowing, done; notes, a badge); they go before those found here, and
            ``notes`` are added to them.
    """
    known = prepared_for(result.capture, result.view, result.drawing)
    fields: dict[str, Any] = {"roles": known.roles, "role_table": ROLES, "legend": _legend(known)}
    match state.colour if state.view == "graph" else "kind":
        case "gradient":
            fields |= _shaded(known.gradient, "Gradient norm", "", "no gradient arrives, or backward was not run")
        case "memory":
            fields |= _shaded(known.memory, "Kept for backward", "B", "keeps nothing")
        case "time":
            fields |= _shaded(known.seconds, "Time in backward", "s", "not measured")
        case "torchviz":
            fields |= {"torchviz": True, "legend": _TORCHVIZ}
    chosen = selected_ident(state)
    row = None if chosen is None else known.row_of(chosen)
    fields["selected"] = () if chosen is None else known.rows_of(chosen)
    fields["chip"] = chosen if chosen is not None and chosen not in known.rows else -1
    dimmed: Bools | None = None
    if state.view == "graph":
        dimmed = known.without_kinds(state.kinds)
        if state.trace and chosen is not None and row is not None:
            on_path, path = known.paths(chosen)
            fields["path"] = path
            dimmed = ~on_path if dimmed is None else dimmed | ~on_path
    fields["dimmed"] = dimmed
    fields["found"] = known.found(state.find) if state.view in ("graph", "backward", "absent") else ()
    failure = result.capture.graph.failure
    fields["note"] = failure.sentence if failure is not None else ""
    if state.view == "graph" and state.trace and chosen is None and result.capture.graph.nodes:
        # Over the graph: a line above it would move the graph when it goes.
        fields |= {"badge": "Click a node or a parameter to see its gradient's paths.", "badge_role": Role.MUTED}
    notes = marks.pop("notes", ())
    return GraphFigure(name, title, result.drawing, **(fields | marks | {"notes": (*notes, *known.notes)}))


_TORCHVIZ = (
    LegendEntry("leaf", Role.DATA, "pill"), LegendEntry("output", Role.GOOD, "hexagon"),
    LegendEntry("function", Role.MUTED, "round"),
)


def _legend(known: Prepared) -> tuple[LegendEntry, ...]:
    """The kinds that there are."""
    return tuple(_KINDS[at] for at in known.kinds_present)


def shades_of(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """Places in [0, 1] on a logarithmic scale, NaN where a value is not positive or not finite; and the values of 0 and 1."""
    seen = np.isfinite(values) & (values > 0)
    shades = np.full(len(values), np.nan)
    if not seen.any():
        return shades, math.nan, math.nan
    logs = np.log10(values[seen])
    high = float(logs.max())
    low = max(float(logs.min()), high - _DECADES)
    shades[seen] = np.clip((logs - low) / (high - low), 0.0, 1.0) if high > low else 0.5
    greatest = float(values[seen].max())  # not its logarithm raised again: the largest numbers there are would be too large
    return shades, max(float(values[seen].min()), greatest / 10.0**_DECADES), greatest


def _shaded(values: NDArray[np.float64], label: str, unit: str, without: str) -> dict[str, Any]:
    shades, low, high = shades_of(values)
    if not np.isfinite(low):
        return {"shades": shades, "shade_label": f"{label}: {without}", "legend": (LegendEntry(without, Role.MUTED),)}
    middle = math.sqrt(low) * math.sqrt(high)
    places = ((low, 0.0), (middle, 0.5), (high, 1.0)) if high > low else ((high, 0.5),)
    entries = [LegendEntry(_amount(value, unit), shade=shade) for value, shade in places]
    return {"shades": shades, "shade_label": f"{label} (log)",
            "legend": (*entries, *((LegendEntry(without, Role.MUTED),) if np.isnan(shades).any() else ()))}


def _amount(value: float, unit: str) -> str:
    if unit == "B":
        return bytes_text(value)
    if unit == "s":
        return seconds_text(value)
    return f"{value:.2g}"  # powers of ten mostly: the shortest way to write them


def bytes_text(count: float) -> str:
    """Such as "256 B", "1.5 MiB"."""
    for name in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or name == "GiB":
            break
        count /= 1024
    return f"{round(count)} {name}" if name == "B" or count >= 100 else f"{count:.1f} {name}"


def seconds_text(seconds: float) -> str:
    """Such as "12.3 µs"."""
    if seconds != seconds:
        return "not measured"
    for name, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {name}"
    return f"{seconds * 1e6:.3g} µs"
