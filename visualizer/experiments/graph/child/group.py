"""The child and all that it has started, as the parent sees them: how many, how much memory, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

#: Processes that a program may have started at one time.
MOST_PROCESSES = 256


def members(leader: int) -> list[int]:
    """The living processes of the session that ``leader`` began; only it, where the system does not tell."""
    if sys.platform != "linux":
        return [leader]
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - many times as fast, and it is done many times a second
        if name.isdigit():
            try:
                if os.getsid(int(name)) == leader:
                    found.append(int(name))
            except OSError:
                pass
    return found


def memory(processes: list[int]) -> int:
    """Bytes of memory that these processes have for themselves (no files that are mapped); 0 where the system does not tell."""
    total = 0
    if sys.platform == "linux":
        for process in processes:
            try:
                status = Path(f"/proc/{process}/status").read_text()
            except OSError:
                continue
            for line in status.splitlines():
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += int(line.split()[1]) * 1024
    return total


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the child has ended. Where that is possible it is not reaped yet, so that its number stays its own."""
    if process.returncode is not None:
        return True
    if hasattr(os, "waitid"):
        try:
            return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True
    return process.poll() is not None


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and all of its session at once, and reap it."""
    if process.returncode is None:
        if os.name == "nt":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        else:
            _signal(process.pid, group=True)
            # Those that made themselves groups of their own.
            for member in members(process.pid):
                _signal(member, group=False)
    process.kill()
    process.wait()


def _signal(number: int, *, group: bool) -> None:
    try:
        (os.killpg if group else os.kill)(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
