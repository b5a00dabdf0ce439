"""CPU time of one update of the landscape's main figure, painting included, against the limit of 4 ms.

    python -m benchmarks.plot_update [--updates 200]

The figure: two curves of 600 points, 17 named markers, the dot, a trajectory of 5,000 points, tangent, step, rule;
1,000 x 600 pixels. Each case replaces what changes in it with new arrays, as a new result does, and paints.
In turns with them, pyqtgraph's own plot takes the same arrays in items of its own (antialiased, as ours are): how many
times longer it takes says more than the milliseconds on a machine that others use too. Exit status 1 when the limit is
missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QApplication

from visualizer.base.roles import Role
from visualizer.figures.model import Axis, Figure, Layer, Line, Markers, Rule, Segments, readonly
from visualizer.ui.plots.canvas import FigureCanvas
from visualizer.ui.theme import Theme, load_fonts

LIMIT_MS = 4.0
WIDTH, HEIGHT = 1000, 600


def curve(x: Any, phase: float = 0.0) -> Any:
    return 5.0 + 4.0 * np.sin(0.9 * x + phase) + 1.5 * np.cos(2.3 * x)


def landscape(step: int) -> Figure:
    """The figure when the dot has made ``step`` of 5,000 steps."""
    x = np.linspace(1.0, 17.0, 600)
    points = np.linspace(1.0, 17.0, 17)
    # From one wall of a valley to the other at every step, slowly settling: a step size just below the stable one.
    n = np.arange(5000)
    trajectory = 13.6 + 1.2 * 0.999**n * np.where(n % 2, -1.0, 1.0)
    at = trajectory[step % 5000]
    here = float(curve(at))
    layers: tuple[Layer, ...] = (
        Line(key="full", role=Role.MUTED, label="all points", x=readonly(x), y=readonly(curve(x, 0.2)), opacity=0.5),
        Line(key="own", role=Role.CURVE, label="kept points", x=readonly(x), y=readonly(curve(x)), width=2.5),
        Line(key="trajectory", role=Role.STEP, label="iterates", x=readonly(trajectory), y=readonly(curve(trajectory)),
             width=2.0),
        Segments(key="tangent", role=Role.GRADIENT, label="tangent", dash="dash", x0=readonly([at - 1.5]),
                 y0=readonly([here - 1.0]), x1=readonly([at + 1.5]), y1=readonly([here + 1.0])),
        Segments(key="step", role=Role.STEP, label="step", arrow=True, x0=readonly([at]), y0=readonly([here]),
                 x1=readonly([at - 0.7]), y1=readonly([here])),
        Rule(key="start", role=Role.MUTED, position=14.5, text="start"),
        Markers(key="points", role=Role.KEPT, label="points", x=readonly(points), y=readonly(curve(points)),
                texts=tuple(f"P{n}" for n in range(1, 18)), drag="xy", click=True),
        Markers(key="dot", role=Role.BAD, label="dot", x=readonly([at]), y=readonly([here]), size=14.0, drag="x"),
    )
    return Figure("descent", "Gradient descent on the curve through 17 points", Axis("x"), Axis("f(x)"), layers,
                  note="The dot rolls into the nearest minimum.")


def changed(base: Figure, step: int, keys: set[str]) -> Figure:
    """The figure of ``step``, with the very same layer objects where nothing changes."""
    fresh = {layer.key: layer for layer in landscape(step).layers}
    return replace(base, layers=tuple(fresh[layer.key] if layer.key in keys else layer for layer in base.layers))


def with_markers(figure: Figure) -> Figure:
    """The trajectory as a marker for every iterate instead of a line."""
    layers = tuple(
        Markers(key=layer.key, role=layer.role, label=layer.label, x=layer.x, y=layer.y, size=5.0)
        if isinstance(layer, Line) and layer.key == "trajectory" else layer for layer in figure.layers
    )
    return replace(figure, layers=layers)


def wound(figure: Figure, trajectory: Any) -> Figure:
    """The figure with another trajectory."""
    x, y = readonly(trajectory), readonly(curve(trajectory))
    layers = tuple(
        replace(layer, x=x, y=y) if isinstance(layer, Line) and layer.key == "trajectory" else layer
        for layer in figure.layers
    )
    return replace(figure, layers=layers)


class Rival:
    """The same figure in a pyqtgraph ``PlotWidget``, updated by ``setData`` as its documentation teaches."""

    def __init__(self, figure: Figure) -> None:
        pg.setConfigOptions(antialias=True)
        self.widget = pg.PlotWidget(title=figure.title, labels={"bottom": figure.x.label, "left": figure.y.label})
        self.widget.resize(WIDTH, HEIGHT)
        self.widget.addLegend()
        self.items: dict[str, Any] = {}
        self.texts = []
        for layer in figure.layers:
            match layer:
                case Line():
                    self.items[layer.key] = self.widget.plot(pen=pg.mkPen(width=layer.width), name=layer.label)
                case Segments():
                    self.items[layer.key] = self.widget.plot(pen=pg.mkPen(width=2.0), name=layer.label)
                case Markers():
                    self.items[layer.key] = pg.ScatterPlotItem(size=layer.size, name=layer.label)
                    self.widget.addItem(self.items[layer.key])
                    self.texts += [pg.TextItem(text) for text in layer.texts or ()]
                case Rule():
                    self.widget.addLine(x=layer.position)
        for text in self.texts:
            self.widget.addItem(text)
        self.widget.show()
        self.set_figure(figure)

    def set_figure(self, figure: Figure) -> None:
        for layer in figure.layers:
            match layer:
                case Line() | Markers():
                    self.items[layer.key].setData(layer.x, layer.y)
                case Segments():
                    self.items[layer.key].setData([layer.x0[0], layer.x1[0]], [layer.y0[0], layer.y1[0]])
            if isinstance(layer, Markers) and layer.texts:
                for text, x, y in zip(self.texts, layer.x, layer.y, strict=True):
                    text.setPos(x, y)


def measure(
    canvas: FigureCanvas | Rival, application: QApplication, figures: list[Figure], after: Callable[[], None],
) -> list[float]:
    """CPU milliseconds of each update: set the figure, and paint what that made dirty."""
    times = []
    for figure in figures:
        start = time.process_time()
        canvas.set_figure(figure)
        after()
        application.processEvents()
        times.append((time.process_time() - start) * 1e3)
    return times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--updates", type=int, default=200)
    options = parser.parse_args()
    application = QApplication([])
    load_fonts()
    begin = time.perf_counter()
    canvas = FigureCanvas(theme=Theme())
    built = (time.perf_counter() - begin) * 1e3
    canvas.resize(WIDTH, HEIGHT)
    canvas.show()
    base = landscape(0)
    begin = time.perf_counter()
    canvas.set_figure(base)
    application.processEvents()
    first = (time.perf_counter() - begin) * 1e3
    moving = {"dot", "tangent", "step"}
    every = {layer.key for layer in base.layers}
    spots = with_markers(base)
    steps = range(options.updates)
    cases: dict[str, list[Figure]] = {
        "the dot moves (a step of the transport bar)": [changed(base, n * 7, moving) for n in steps],
        "dot and trajectory": [changed(base, n * 7, moving | {"trajectory"}) for n in steps],
        "everything is new (alpha slider)": [changed(base, n * 7, every) for n in steps],
        "everything is new, 5,000 iterates as markers": [with_markers(changed(base, n * 7, every)) for n in steps],
        "the dot moves, 5,000 iterates as markers": [changed(spots, n * 7, moving) for n in steps],
    }

    def nothing() -> None:
        """Only the figure is new."""

    def pan() -> None:
        canvas.item.pan(3.0, 1.0)

    print(f"canvas built in {built:.1f} ms, first figure in {first:.1f} ms; {WIDTH} x {HEIGHT}, limit {LIMIT_MS} ms")
    print(f"{'case':50s} {'median':>8s} {'p95':>8s} {'limit':>6s}")
    missed = False
    for name, figures in cases.items():
        measure(canvas, application, figures[:10], nothing)
        times = sorted(measure(canvas, application, figures, nothing))
        median, late = statistics.median(times), times[int(0.95 * (len(times) - 1))]
        missed |= median > LIMIT_MS
        print(f"{name:50s} {median:8.2f} {late:8.2f} {'ok' if median <= LIMIT_MS else 'MISSED':>6s}")
    rival = Rival(base)
    ours, theirs = [], []
    for figure in cases["everything is new (alpha slider)"][:30]:
        ours += measure(canvas, application, [figure], nothing)
        theirs += measure(rival, application, [figure], nothing)
        application.processEvents()  # it paints a second time when its range has changed: not in our turn
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"{'everything is new, in plain pyqtgraph':50s} {statistics.median(theirs):8.2f}          {ratio:.1f}x ours")
    rival.widget.close()
    slow = 12.0 + 2.5 * np.exp(-np.arange(5000) / 900.0) * np.cos(np.arange(5000) / 7.0)
    wild = [wound(figure, slow + 1e-3 * n) for n, figure in enumerate(cases["everything is new (alpha slider)"][:60])]
    times = sorted(measure(canvas, application, wild, nothing))
    print(f"{'(no limit) 5,000 iterates all over the curve':50s} {statistics.median(times):8.2f} {times[56]:8.2f}")
    canvas.set_figure(base)
    canvas.item.set_moving(True)
    times = sorted(measure(canvas, application, [changed(base, n, {"dot"}) for n in range(60)], pan))
    canvas.item.set_moving(False)
    print(f"{'(no limit) panning with the mouse':50s} {statistics.median(times):8.2f} {times[56]:8.2f}")
    canvas.close()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
