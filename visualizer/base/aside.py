"""One long call of torch beside the run that waits for it, so that the run can be left meanwhile.

A decomposition of a large matrix is one call, which nothing can interrupt; a run that made it itself would hold up whatever
the worker is asked for next. Python's lock is free while torch computes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue

#: Seconds that the waiting run sleeps before it says that there is nothing yet.
_PATIENCE = 0.004

#: Calls that were left take turns with later ones: however fast a slider moves, they take one processor.
_ONE_AT_A_TIME = threading.Lock()


def aside(call: Callable[[], object]) -> Generator[None, None, None]:
    """Make this call in a thread of its own; ``None`` every few milliseconds until it has returned.

    When the generator is closed earlier, nobody waits: a call that has begun goes on to its end, one that has not is
    left out. The end of the process waits for one that has begun. Only for calls that touch nothing shared: no torch state
    of a thread or of the process.

    Raises:
        Exception: what the call has raised.
    """
    done: SimpleQueue[BaseException | None] = SimpleQueue()
    left = threading.Event()

    def work() -> None:
        try:
            with _ONE_AT_A_TIME:
                if not left.is_set():
                    call()
            done.put(None)
        except BaseException as error:  # whatever it is: it belongs to the one who waits
            done.put(error)

    # A thread made in Qt's would be a daemon, too: Python ends those when it exits itself, in the middle of torch's C++,
    # which aborts the process. So the exit waits for a call that has begun.
    thread = threading.Thread(target=work, name="aside", daemon=False)
    thread.start()
    try:
        while True:
            try:
                error = done.get(timeout=_PATIENCE)
                break
            except Empty:
                yield None
    finally:
        left.set()
    thread.join()
    if error is not None:
        try:
            raise error
        finally:
            del error  # it holds this frame, which would hold it
