"""The child and all that it has started, as the parent sees them: how many, how much memory, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

#: The variable of the environment that all have which a program has started; its value is the mark of that program.
MARK = "VISUALIZER_PROGRAM"
#: Processes that a program may have started at one time.
MOST_PROCESSES = 256
#: So often those are looked for that have left the session.
_ROUNDS = 20


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


def marked(mark: str) -> list[int]:
    """The living processes that began with this mark, whatever session they are in now; none where the system does not tell."""
    if sys.platform != "linux":
        return []
    found, line = [], f"{MARK}={mark}".encode()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                begun = Path(f"/proc/{name}/environ").read_bytes()
            except OSError:  # another user's, or gone
                continue
            if line in begun.split(b"\0"):
                found.append(int(name))
    return found


def kill(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill the child and all of its session at once, and what it has started outside of that, and reap it."""
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
    for _ in range(_ROUNDS):  # while one is looked for, another may begin
        strays = marked(mark)
        if not strays:
            break
        for stray in strays:
            _signal(stray, group=False)


def _signal(number: int, *, group: bool) -> None:
    try:
        (os.killpg if group else os.kill)(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
