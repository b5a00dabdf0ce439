"""Runs every benchmark after the other, each in a process of its own: ``python -m benchmarks [NAME ...]``.

Exit status: 0 when every limit held, 1 when a benchmark missed one or failed, 2 for a name that does not exist.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """Every benchmark: a program in this folder that does not begin with an underscore."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.name.startswith("_"))


def main(wanted: list[str]) -> int:
    known = names()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    environment = {"QT_QPA_PLATFORM": "offscreen"} | os.environ
    missed = []
    for name in wanted or known:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        status = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], cwd=FOLDER.parent, env=environment, check=False
        ).returncode
        print(f"   ({time.monotonic() - start:.0f} s, exit {status})\n", flush=True)
        if status:
            missed.append(name)
    print("every limit held" if not missed else f"missed or failed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
