"""Graphs captured by walking: how fast, and that no limit of recursion is met.

    python -m benchmarks.graph_walk [--rounds 3]

- 100,000 chained additions as plain data: nodes, edges, names, types, sequence numbers, what is saved: under 1 s.
- The longest time between two answers of that walk: 30 ms.
- Nodes and edges of 1,000,000 chained additions, walked, and the graph destroyed afterwards: it only has to come to its end.
- Beside a plain loop over ``next_functions`` that keeps nothing but nodes and edges, for comparison.
- A saved capture of an LSTM unrolled 1,200 steps, read: no piece longer than 20 ms.

All in processor time: nothing here waits, and a busy machine is not what is measured. The garbage collector is off, as in the
program, where a timer runs it in small portions. Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import statistics
import sys
import time
from collections.abc import Generator
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor, nn

from benchmarks._program import verdict
from visualizer.experiments.graph.capture_file import capture_bytes, parsed_capture
from visualizer.experiments.graph.holding import Live
from visualizer.experiments.graph.model import Capture
from visualizer.experiments.graph.walking import structure, walk

NODES, MOST_NODES, STEPS = 100_000, 1_000_000, 1_200
SECONDS, PAUSE, PIECE = 1.0, 30.0, 20.0


def chain(length: int) -> Tensor:
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1.0
    return y


def lstm(steps: int) -> Tensor:
    cell = nn.LSTMCell(8, 8)
    hidden = memory = torch.zeros(1, 8)
    for _ in range(steps):
        hidden, memory = cell(torch.ones(1, 8), (hidden, memory))
    return hidden.sum()


def timed(run: Generator[None, None, Any]) -> tuple[Any, float, float]:
    """What it returns, its seconds, and the longest of its steps."""
    begin = last = time.process_time()
    longest = 0.0
    while True:
        try:
            next(run)
            ended, found = False, None
        except StopIteration as end:
            ended, found = True, end.value
        now = time.process_time()
        longest, last = max(longest, now - last), now
        if ended:
            return found, now - begin, longest


def plain(loss: Tensor) -> float:
    """Seconds of a loop that keeps nodes and edges, and no more."""
    begin = time.process_time()
    nodes, edges = [loss.grad_fn], []
    known = {loss.grad_fn: 0}
    for at, node in enumerate(nodes):
        for slot, (target, number) in enumerate(node.next_functions):  # type: ignore[union-attr]
            if target is not None:
                if target not in known:
                    known[target] = len(nodes)
                    nodes.append(target)
                edges.append((at, slot, known[target], number))
    seconds = time.process_time() - begin
    held = Live(nodes, range(len(nodes)))
    del loss, nodes, known, target, node
    del held
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    gc.disable()
    whole, pauses, loops = [], [], []
    for _ in range(rounds):
        loops.append(plain(chain(NODES)))
        walked, seconds, pause = timed(walk([chain(NODES)]))
        assert len(walked.graph.nodes) == NODES + 1
        whole.append(seconds)
        pauses.append(pause)
        del walked
        gc.collect()
    print(f"{'a plain loop over next_functions, 100,000 nodes':58s} {statistics.median(loops):8.2f} s")
    held = [
        verdict("capture by walking, 100,000 nodes", statistics.median(whole), SECONDS, "s"),
        verdict("longest time between two answers of that walk", 1e3 * statistics.median(pauses), PAUSE, "ms"),
    ]

    loss = chain(MOST_NODES)
    found, seconds, _ = timed(structure([loss.grad_fn]))
    assert len(found.live) == MOST_NODES + 1
    print(f"{'nodes and edges of 1,000,000 chained additions':58s} {seconds:8.2f} s")
    live = Live(found.live, range(MOST_NODES + 1))
    del loss, found
    begin = time.process_time()
    del live
    print(f"{'that graph destroyed':58s} {time.process_time() - begin:8.2f} s")

    walked, seconds, _ = timed(walk([lstm(STEPS)]))
    data = capture_bytes(Capture(walked.graph))
    print(f"{f'LSTM of {STEPS:,} steps, {len(walked.graph.nodes):,} nodes with what they saved':58s} {seconds:8.2f} s")
    read, seconds, piece = timed(parsed_capture(data))
    assert len(read.graph.nodes) == len(walked.graph.nodes)
    print(f"{f'its capture of {len(data) / 1e6:.1f} MB, read':58s} {seconds:8.2f} s")
    held.append(verdict("longest piece of reading it", 1e3 * piece, PIECE, "ms"))
    print(f"{'largest memory of this process':58s} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
