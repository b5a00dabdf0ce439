"""A large sample with its histogram and moments in one pass, and the truncated normal in the far tail.

    python -m benchmarks.streaming [--values 100000000] [--rounds 3]

- The stream: standard normals with 200 bins and four moments, at most 1.7 times the time of ``normal_`` alone over the same
  chunks, and at least 2.5 times quicker than drawing them at once with ``randn``, ``histc``, ``mean`` and ``std``.
- Its memory: in a process of its own (Linux), the peak resident set grows by at most 16 MB over what it was before the stream.
- The tail sampler in [6, 7] of a standard normal: at least 10 times quicker than ``torch.nn.init.trunc_normal_``.

What is compared runs in turns on one thread, and each ratio is the median over the rounds. Exit status 1 when a limit is
missed.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from visualizer.components.seeding import torch_generator
from visualizer.experiments.distributions.requests import Chosen
from visualizer.experiments.distributions.streaming import Source, chunks, stream
from visualizer.experiments.distributions.tail import tail_normal_

ALONE_LIMIT, AT_ONCE_LIMIT, MEMORY_LIMIT, TAIL_LIMIT = 1.7, 2.5, 16.0, 10.0
TAIL_VALUES = 1_000_000
LOW, HIGH, BINS = -6.0, 6.0, 200
NORMAL = Chosen("normal", (("mean", 0.0), ("std", 1.0)))


def streamed(values: int) -> None:
    deque(stream(Source(NORMAL, (4, 3), values).pieces(), LOW, HIGH, BINS), maxlen=0)


def drawn_only(values: int) -> None:
    generator = torch_generator(0)
    deque(chunks(lambda part: part.normal_(generator=generator), values), maxlen=0)


def at_once(values: int) -> None:
    sample = torch.randn(values, generator=torch_generator(0))
    torch.histc(sample, BINS, LOW, HIGH), sample.mean(), sample.std()


def tail(values: int) -> None:
    tail_normal_(torch.empty(values), 0.0, 1.0, 6.0, 7.0, torch_generator(0))


def torch_tail(values: int) -> None:
    torch.nn.init.trunc_normal_(torch.empty(values), 0.0, 1.0, 6.0, 7.0, torch_generator(0))


def seconds(what: Callable[[int], None], values: int) -> float:
    """Seconds of processor time: all that is compared runs on this one thread, and other programs do not count."""
    start = time.thread_time()
    what(values)
    return time.thread_time() - start


def resident(name: str) -> float:
    """VmRSS (now) or VmHWM (the peak) of this process in MB, as Linux tells them."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


def growth(values: int) -> float:
    """MB that the stream adds to the peak of a process that has torch loaded and used, as the idle application has."""
    command = [sys.executable, "-m", "benchmarks.streaming", "--memory", "--values", str(values)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--values", type=int, default=100_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory:
        at_once(1000)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak that imports had
        idle = resident("VmRSS")
        streamed(options.values)
        print(resident("VmHWM") - idle)
        return 0
    warnings.simplefilter("ignore", UserWarning)  # trunc_normal_ says that its distribution may be incorrect so far out
    sides = {"stream": streamed, "normal_": drawn_only, "at once": at_once}
    for side in sides.values():
        side(1_000_000)
    taken: dict[str, list[float]] = {name: [] for name in (*sides, "tail", "trunc_normal_")}
    for _ in range(options.rounds):
        for name, side in sides.items():
            taken[name].append(seconds(side, options.values))
        taken["tail"].append(seconds(tail, TAIL_VALUES))
        taken["trunc_normal_"].append(seconds(torch_tail, TAIL_VALUES))

    def ratio(slow: str, quick: str) -> float:
        return statistics.median(a / b for a, b in zip(taken[slow], taken[quick], strict=True))

    alone, once, quicker = ratio("stream", "normal_"), ratio("at once", "stream"), ratio("trunc_normal_", "tail")
    memory = growth(options.values) if sys.platform == "linux" else math.nan
    rate = {name: options.values / statistics.median(taken[name]) / 1e6 for name in sides}
    print(f"{options.values:,} normals with histogram and moments   {rate['stream']:7.0f} million/s")
    print(f"  against normal_ alone over the same chunks  {rate['normal_']:7.0f} million/s   {alone:6.2f}x   limit {ALONE_LIMIT}x")
    print(f"  against randn, histc, mean, std, at once    {rate['at once']:7.0f} million/s   {once:6.2f}x   limit {AT_ONCE_LIMIT}x")
    print(f"  peak memory above idle                      {memory:7.1f} MB                  limit {MEMORY_LIMIT:.0f} MB")
    print(f"truncated normal in [6, 7], against trunc_normal_                   {quicker:6.1f}x   limit {TAIL_LIMIT:.0f}x")
    held = alone <= ALONE_LIMIT and once >= AT_ONCE_LIMIT and not memory > MEMORY_LIMIT and quicker >= TAIL_LIMIT
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
