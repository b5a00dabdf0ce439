"""What parent and child say to each other: a job as a line of JSON on standard input, the answer as files in a folder.

Files and not pipes carry what comes back: a program may close its descriptors, and whatever it has started may hold a pipe open.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

#: In the job's folder: the capture; why there is none; both are complete as soon as they are there.
CAPTURE, PROBLEM = "run.graph.json", "problem.json"
#: Is made when the program begins: what came before (the import of torch) does not count against its time.
BEGUN = "begun"
#: Where the program was when its time was over.
WHERE = "where.txt"
#: What the program printed.
OUTPUT = "output.txt"
#: Exit status of a child that could not even begin.
NOT_BEGUN = 70
#: Seconds that a child may take to begin.
START_LIMIT = 120.0
#: Beyond this many bytes the output's file is emptied; of the last part of it, this many are kept.
MOST_OUTPUT, KEPT_OUTPUT = 8_000_000, 100_000


@dataclass(frozen=True)
class Job:
    """What the child is to do.

    Attributes:
        folder: where the answer goes.
        runner: the module whose ``run(job)`` does it and returns the capture's bytes.
        kind: "code": a program as text; "file": a model in a Python file.
        code, path, make, input, seed, time_limit, memory_limit: as in
            :class:`~visualizer.experiments.graph.requests.Source`; ``path`` is absolute.
    """

    folder: str
    runner: str
    kind: str
    code: str
    path: str
    make: str
    input: str
    seed: int
    time_limit: float
    memory_limit: float

    def line(self) -> bytes:
        """The job as one line of ASCII."""
        return json.dumps(asdict(self)).encode("ascii") + b"\n"


def read_job(line: bytes) -> Job:
    """The job in a line.

    Raises:
        ValueError, TypeError: it is none.
    """
    return Job(**json.loads(line))
