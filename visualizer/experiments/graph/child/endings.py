"""How a program ended that left no answer, as a sentence."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from visualizer.experiments.graph.child.protocol import NOT_BEGUN

#: What a process does whose signal this is, in words.
_SIGNALS = {
    "SIGSEGV": "crashed: it touched memory that is not its own",
    "SIGBUS": "crashed: it touched memory that is not there",
    "SIGABRT": "was ended by abort()",
    "SIGFPE": "crashed in integer arithmetic",
    "SIGILL": "crashed: the processor does not know an instruction of it",
    "SIGKILL": "was killed from outside, as a system does that is short of memory",
    "SIGTERM": "was ended from outside",
    "SIGXCPU": "used up its time on the processor",
    "SIGXFSZ": "wrote a file larger than is allowed",
}
_FRAME = re.compile(r'^\s*File "(.+)", line (\d+)', re.MULTILINE)


def ending(status: int, output: str, path: str) -> str:
    """The sentence for this exit status; ``path``: the user's file, if the program is one."""
    if status == NOT_BEGUN:
        return "The program could not be run: the Python beside the window did not get as far."
    if status >= 0:
        return f"The program ended the process with exit status {status}, before its graph could be captured."
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    words = _SIGNALS.get(name, "was ended by a signal")
    return f"The program {words} ({name}){at_line(output, path)}."


def at_line(trace: str, path: str = "") -> str:
    """", at line 3" for the innermost line of the user's own code in a trace of faulthandler (innermost first); else empty."""
    start = max(trace.rfind("Current thread"), trace.rfind("Thread 0x", 0, trace.rfind("Current thread") + 1), 0)
    for file, line in _FRAME.findall(trace[start:]):
        if _own(file, path):
            return f", at line {line}"
    return ""


def _own(file: str, path: str) -> bool:
    if file.startswith("<"):
        return not file.startswith(("<frozen", "<__array_function__", "<string>"))
    if path and Path(file) == Path(path):
        return True
    return not path and file == "program.py"
