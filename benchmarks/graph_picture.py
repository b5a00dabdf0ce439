"""From a loss in memory to a picture of its graph, against torchviz with dot, and against dagre and ELK.

    python -m benchmarks.graph_picture [--rounds 3] [--full] [--folder FOLDER] [NAME ...]

An LSTM unrolled 60 steps, a 1,000-layer MLP, ResNet-152 and a 12-layer GPT-2-like stack (or others of graph_layout, by name). Both
sides begin with a loss in memory, everything imported, and draw every node, those of parameters, too:

- the program: its walk (of the structure, as its rivals'; what nodes keep is not looked at), its texts, its layout, and the picture
  of all of it that a window of 1280 x 720 shows; what an SVG drawing with every text takes instead is told beside it;
- torchviz: ``make_dot(loss, params)`` and ``dot -Tsvg`` on what it gives;
- dagre (what Netron uses) and ELK: a plain walk of ``next_functions`` and the layout in Node, of boxes as large as the program's.
  What drawing would cost them, starting Node and reading the graph is left out.

Every run is a process of its own, the sides take turns, and peak memory is that of the whole process (of dot: of dot and torchviz,
the larger). A rival is stopped at 25 times the program's time, but not before 10 s; with --full, after 150 s. From 4,000 nodes up
the program has to be at least 20 times quicker than each that is there (medians over the rounds). A rival that fails is named.

torchviz comes with ``pip install torchviz``, dot with ``apt-get install graphviz``, dagre and ELK from npm into ``--folder``; what
is not installed is left out. Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._program import child, verdict
from benchmarks.graph_layout import FULL, LARGE, LEAST, PATIENCE, RATIO, Run, finished, in_node, measured, rivals

MODULE = "benchmarks.graph_picture"
NAMES = ("lstm", "resnet", "gpt12", "mlp")


def loss_of(name: str) -> tuple[Any, Any]:
    """A loss in memory and its model; the collector of the program is a timer, so the automatic one is off here."""
    import gc

    import torch

    from benchmarks._graph_models import MODELS

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, given = MODELS[name][1]()
    loss = model(given).sum()
    gc.freeze()
    gc.disable()
    return loss, model


def megabytes() -> float:
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def product(name: str, file: Path) -> dict[str, float]:
    """The program; its boxes and links go into a file."""
    import numpy as np
    from PySide6.QtGui import QGuiApplication, QImage, QPainter

    from visualizer.base.roles import Role
    from visualizer.experiments.graph.drawing import drawn
    from visualizer.experiments.graph.layout import engine  # noqa: F401 - imported before the clock starts
    from visualizer.experiments.graph.requests import Shown
    from visualizer.experiments.graph.view import graph_view
    from visualizer.experiments.graph.walking import walk
    from visualizer.figures.graph import GraphFigure
    from visualizer.ui.graph.export import paint_graph
    from visualizer.ui.plots.export import render_svg
    from visualizer.ui.theme import Theme

    application = QGuiApplication.instance() or QGuiApplication([])
    loss, model = loss_of(name)
    start = time.perf_counter()
    graph = finished(walk((loss,), names=dict(model.named_parameters()), values=False)).graph
    walked = time.perf_counter()
    view = finished(graph_view(graph, Shown(fold="none", level=0, repeats=False, leftward=False)))
    drawing = finished(drawn(graph, None, view, False))
    placed = time.perf_counter()
    figure = GraphFigure("graph", graph.title, drawing, np.zeros(len(view.items), dtype=np.int32), (Role.DATA,))
    image = QImage(1280, 720, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    paint_graph(painter, figure, 1280, 720, Theme("light"), vector=False)
    painter.end()
    ended = time.perf_counter()
    picture = render_svg(figure, 1280, 720, Theme("light"))
    written = time.perf_counter()
    assert picture.count(b"<text") + picture.count(b"<path") > len(drawing.boxes)
    boxes, edges = drawing.boxes, drawing.edges
    file.write_text(json.dumps({"width": boxes.width.tolist(), "height": boxes.height.tolist(), "source": edges.source.tolist(),
                                "target": edges.target.tolist()}))
    del application
    return {"seconds": ended - start, "walk": walked - start, "layout": placed - walked, "paint": ended - placed,
            "drawing": written - ended + placed - start,
            "nodes": len(boxes), "megabytes": megabytes()}


def by_torchviz(name: str, limit: float) -> dict[str, Any]:
    """torchviz and dot, in this process and one that it starts."""
    torchviz = importlib.import_module("torchviz")
    loss, model = loss_of(name)
    start = time.perf_counter()
    try:
        text = torchviz.make_dot(loss, params=dict(model.named_parameters())).source
    except RecursionError as error:
        return {"failed": f"RecursionError: {error}"[:80]}
    made = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "graph.dot"
        file.write_text(text)
        run, _ = measured(["dot", "-Tsvg", "-o", os.devnull, str(file)], max(1.0, limit - made))
    return run._asdict() | {"seconds": made + run.seconds, "megabytes": megabytes()}


def plainly_walked(name: str) -> dict[str, Any]:
    """What a tool that draws with dagre or ELK needs first: nodes, names, edges."""
    loss, _ = loss_of(name)
    start = time.perf_counter()
    nodes, edges, known = [loss.grad_fn], [], {loss.grad_fn: 0}
    for at, node in enumerate(nodes):
        for target, _ in node.next_functions:
            if target is not None:
                if target not in known:
                    known[target] = len(nodes)
                    nodes.append(target)
                edges.append((at, known[target]))
    names = [node.name() for node in nodes]
    found = {"seconds": time.perf_counter() - start, "nodes": len(names), "edges": len(edges)}
    print(json.dumps(found), flush=True)
    os._exit(0)  # a graph that Python has seen is destroyed by recursion


def compared(name: str, title: str, folder: Path | None, torchviz: bool, rounds: int, full: bool) -> bool:
    """All in turns on one graph; whether the limits hold."""
    own: list[dict[str, float]] = []
    runs: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "graph.json"
        for _ in range(rounds):
            own.append(child(MODULE, "--product", name, "--file", str(file)))
            limit = FULL if full else max(LEAST, PATIENCE * own[-1]["seconds"])
            others = ["torchviz"] * torchviz + ["dagre", "ELK"] * (folder is not None)
            for rival in others:
                done = runs.setdefault(rival, [])
                if any(one.stopped or one.failed for one in done):  # once is enough
                    continue
                if rival == "torchviz":
                    found = child(MODULE, "--torchviz", name, "--limit", str(limit))
                    done.append(Run(**({"seconds": 0.0} | found)))
                else:
                    assert folder is not None
                    walked = child(MODULE, "--walk", name)["seconds"]
                    run = in_node("elk" if rival == "ELK" else rival, folder)(file, limit)
                    done.append(run._replace(seconds=run.seconds + walked))
    middle = {key: statistics.median(one[key] for one in own) for key in own[0]}
    print(f"{title}: {middle['nodes']:,.0f} nodes: {middle['seconds']:.3f} s (walk {middle['walk']:.3f}, texts and layout "
          f"{middle['layout']:.3f}, picture {middle['paint']:.3f}); {middle['drawing']:.3f} s to an SVG drawing; "
          f"{middle['megabytes']:.0f} MB", flush=True)
    held = True
    for rival, done in runs.items():
        if done[-1].failed:
            print(f"    {rival} fails: {done[-1].failed}", flush=True)
            continue
        seconds, sign = (done[-1].seconds, "more than ") if done[-1].stopped else (statistics.median(r.seconds for r in done), "")
        memory = f", {max(run.megabytes for run in done):.0f} MB" if not done[-1].stopped else ""
        ratio = seconds / middle["seconds"]
        print(f"    {rival}: {sign}{seconds:.2f} s{memory}; {sign}{ratio:.1f} times as long", flush=True)
        if middle["nodes"] >= LARGE:
            held &= verdict(f"    quicker than {rival}", ratio, RATIO, "x", at_least=True)
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"graphs; {', '.join(NAMES)} if none is named")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="wait 150 s for every rival")
    parser.add_argument("--folder", type=Path, help="where npm has put, or is to put, dagre and ELK; else a temporary folder")
    parser.add_argument("--product", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--torchviz", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--walk", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.product or given.torchviz:
        found = product(given.product, given.file) if given.product else by_torchviz(given.torchviz, given.limit)
        print(json.dumps(found), flush=True)
        os._exit(0)  # a graph that Python has seen is destroyed by recursion
    if given.walk:
        plainly_walked(given.walk)

    from benchmarks._graph_models import MODELS

    torchviz = importlib.util.find_spec("torchviz") is not None and shutil.which("dot") is not None
    if not torchviz:
        print("torchviz is left out: it needs the packages torchviz (pip) and graphviz (of the system).")
    held = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        there = rivals(folder)
        for name in given.names or NAMES:
            held &= compared(name, MODELS[name][0], folder if "dagre" in there else None, torchviz, given.rounds, given.full)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
