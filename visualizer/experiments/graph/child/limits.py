"""What the child does to itself before the program runs, so that the program harms nobody. POSIX; elsewhere most is left out."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path


def die_with_parent(lifeline: int) -> None:
    """Let this process and all that it starts be killed when the other end of the pipe is closed, however that comes about.

    A process of its own waits for that: a thread would not get its turn while the program holds the interpreter's lock. It is made
    before anything is imported, so it is small. Without fork, a thread has to do.
    """
    if not hasattr(os, "fork"):
        threading.Thread(target=_wait_and_exit, args=(lifeline,), daemon=True).start()
        return
    group = os.getpgrp()
    if group != os.getpid() or os.fork():  # in a group that is not its own it would kill whoever started it
        return
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, lifeline)
        os.closerange(lifeline + 1, 256)
        while os.read(lifeline, 4096):
            pass
        os.killpg(group, signal.SIGKILL)
    finally:
        os._exit(0)


def _wait_and_exit(lifeline: int) -> None:
    while os.read(lifeline, 4096):
        pass
    os._exit(1)


def be_first_to_go() -> None:
    """Little of the processor while others want it, the first choice of a kernel that is short of memory, no core dumps."""
    if sys.platform == "linux":
        try:
            Path("/proc/self/oom_score_adj").write_text("1000")
        except OSError:
            pass
    if hasattr(os, "nice"):
        try:
            os.nice(5)
        except OSError:
            pass
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass


def limit_memory(amount: int) -> None:
    """Allow this process ``amount`` more bytes of memory of its own than it has now.

    RLIMIT_DATA counts private writable pages. RLIMIT_AS would count what torch's libraries only reserve, too. A tensor that is too
    large is then an error at its line, instead of the end of the process.
    """
    if sys.platform != "linux":  # elsewhere the limit is not kept
        return
    import resource

    try:
        status = Path("/proc/self/status").read_text()
        used = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = used + amount if hard == resource.RLIM_INFINITY else min(used + amount, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    except (OSError, ValueError, StopIteration):
        pass
