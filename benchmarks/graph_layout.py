"""From a live loss to a drawn graph, every node as torchviz draws it, against dagre, ELK and graphviz's dot.

    python -m benchmarks.graph_layout [--rounds 3] [--full] [--folder FOLDER] [NAME ...]

The same boxes and links are laid out by the product and by its rivals: dagre (which Netron uses) and ELK in Node, and ``dot -Tsvg``
on a text as torchviz writes it (torchviz itself fails with a RecursionError at 1,000 layers). The whole of what the product does is
shown, too: the walk of the graph with previews of its tensors, its view, its texts and the layout. Every run is a process of its
own; product and rivals take turns. A rival is stopped when it has taken 25 times as long as the product's layout and at least 10 s;
with --full, after 150 s.

Limits: from 4,000 nodes up a layout at least 20 times quicker than each rival's (medians over the rounds); 20,000 nodes laid out in
less than 3 s. Seconds and peak memory (of the whole process) are shown for all. dagre and ELK come from npm, into ``--folder`` or a
temporary one; a rival that is not there, or fails, is named and not judged. Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks._program import child, verdict

RATIO, LARGE, MANY, LONGEST = 20.0, 4_000, 20_000, 3.0
PATIENCE, LEAST, FULL = 25.0, 10.0, 150.0
SCRIPTS = Path(__file__).with_name("graph_layout_js")


class Run(NamedTuple):
    """Seconds and megabytes of one run; ``stopped``: it was not done by then; ``failed``: what it said instead."""

    seconds: float
    megabytes: float = 0.0
    stopped: bool = False
    failed: str = ""


def finished(steps: Generator[Any, None, Any]) -> Any:
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def product(name: str, file: Path) -> dict[str, float]:
    """Draw the graph of a model; write its boxes and links into a file. In the window the automatic collector is off, too."""
    import gc

    import torch

    from benchmarks._graph_models import MODELS
    from visualizer.experiments.graph.drawing import drawn
    from visualizer.experiments.graph.layout import engine
    from visualizer.experiments.graph.requests import Shown
    from visualizer.experiments.graph.view import graph_view
    from visualizer.experiments.graph.walking import walk

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, given = MODELS[name][1]()
    loss = model(given).sum()
    problems: list[Any] = []
    seconds: list[float] = []
    plain = engine.lay_out

    def timed(problem: Any) -> Generator[None, None, Any]:
        begin = time.perf_counter()
        layout = yield from plain(problem)
        seconds.append(time.perf_counter() - begin)
        problems.append(problem)
        return layout

    engine.lay_out = timed
    gc.freeze()
    gc.disable()
    start = time.perf_counter()
    graph = finished(walk((loss,), model)).graph
    walked = time.perf_counter()
    view = finished(graph_view(graph, Shown(fold="none", level=0, repeats=False, leftward=False)))
    drawing = finished(drawn(graph, None, view, False))
    whole = time.perf_counter() - start
    (problem,) = problems
    file.write_text(json.dumps({key: getattr(problem, key).tolist() for key in ("width", "height", "source", "target")}))
    return {
        "seconds": whole, "walk": walked - start, "layout": seconds[0], "nodes": len(drawing.boxes), "links": len(drawing.edges),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measured(command: list[str], limit: float) -> tuple[Run, str]:
    """Run a rival; its wall time, its peak memory, its output."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            return Run(limit, stopped=True), ""
    if process.returncode:
        told = [line.strip() for line in errors.splitlines() if re.match(r"\s*\w*Error\b", line)]
        return Run(0.0, failed=told[0][:80] if told else f"ended with {process.returncode}"), ""
    return Run(time.perf_counter() - start), output


def in_node(rival: str, folder: Path) -> Callable[[Path, float], Run]:
    """A rival run by Node; dagre is recursive, and fails from some 5,000 nodes on with Node's usual stack."""
    def run(file: Path, limit: float) -> Run:
        whole, output = measured(["node", "--stack-size=8000", str(folder / "lay_out.js"), rival, str(file)], limit)
        return whole if whole.stopped or whole.failed else Run(**json.loads(output.splitlines()[-1]))
    return run


def by_dot(file: Path, limit: float) -> Run:
    """graphviz, from the text to the picture."""
    given = json.loads(file.read_text())
    text = file.with_suffix(".dot")
    boxes = (f"{node} [shape=box fixedsize=true width={width / 72:.3f} height={height / 72:.3f}]"
             for node, (width, height) in enumerate(zip(given["width"], given["height"], strict=True)))
    links = (f"{target} -> {source}" for source, target in zip(given["source"], given["target"], strict=True))
    text.write_text("\n".join(["digraph {", *boxes, *links, "}"]))
    run, _ = measured(["dot", "-Tsvg", "-o", os.devnull, str(text)], limit)
    return run


def rivals(folder: Path) -> dict[str, Callable[[Path, float], Run]]:
    """Those that are there; says which are not."""
    found: dict[str, Callable[[Path, float], Run]] = {}
    if shutil.which("node") and shutil.which("npm"):
        shutil.copytree(SCRIPTS, folder, dirs_exist_ok=True)
        if not (folder / "node_modules").exists():
            made = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, capture_output=True, text=True, check=False,
            )
            if made.returncode:
                print("dagre and ELK are left out: npm could not install them.")
        if (folder / "node_modules").exists():
            found |= {"dagre": in_node("dagre", folder), "ELK": in_node("elk", folder)}
    else:
        print("dagre and ELK are left out: Node and npm are not installed.")
    if shutil.which("dot"):
        found["dot"] = by_dot
    else:
        print("dot is left out: graphviz is not installed.")
    return found


def compared(name: str, title: str, others: dict[str, Callable[[Path, float], Run]], rounds: int, full: bool) -> bool:
    """Product and rivals in turns on one graph; whether the limits hold."""
    own: list[dict[str, float]] = []
    runs: dict[str, list[Run]] = {rival: [] for rival in others}
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "graph.json"
        for _ in range(rounds):
            own.append(child("benchmarks.graph_layout", "--product", name, "--file", str(file)))
            limit = FULL if full else max(LEAST, PATIENCE * own[-1]["layout"])
            for rival, run in others.items():
                if not any(one.stopped or one.failed for one in runs[rival]):  # once is enough
                    runs[rival].append(run(file, limit))
    middle = {key: statistics.median(one[key] for one in own) for key in own[0]}
    print(f"{title}: {middle['nodes']:,.0f} nodes, {middle['links']:,.0f} links; layout {middle['layout']:.3f} s, "
          f"the whole {middle['seconds']:.3f} s (walk {middle['walk']:.3f} s), {middle['megabytes']:.0f} MB", flush=True)
    held = True
    for rival, done in runs.items():
        if done[-1].failed:
            print(f"    {rival} fails: {done[-1].failed}")
            continue
        seconds, sign = (done[-1].seconds, "more than ") if done[-1].stopped else (statistics.median(r.seconds for r in done), "")
        memory = "" if not done[0].megabytes else f", {max(r.megabytes for r in done):.0f} MB"
        ratio = seconds / middle["layout"]
        print(f"    {rival}: {sign}{seconds:.2f} s{memory}; {sign}{ratio:.1f} times the layout, "
              f"{sign}{seconds / middle['seconds']:.1f} times the whole", flush=True)
        if middle["nodes"] >= LARGE:
            held &= verdict(f"    quicker than {rival}", ratio, RATIO, "x", at_least=True)
    if middle["nodes"] >= MANY:
        held &= verdict(f"    layout of {middle['nodes']:,.0f} nodes", middle["layout"], LONGEST, "s")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="graphs, such as gpt72; all, if none is named")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="wait 150 s for every rival")
    parser.add_argument("--folder", type=Path, help="where npm has put, or is to put, dagre and ELK; else a temporary folder")
    parser.add_argument("--product", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.product:
        print(json.dumps(product(given.product, given.file)))
        return 0

    from benchmarks._graph_models import MODELS

    held = True
    with tempfile.TemporaryDirectory() as temporary:
        others = rivals(given.folder or Path(temporary))
        for name in given.names or MODELS:
            held &= compared(name, MODELS[name][0], others, given.rounds, given.full)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
