"""Typesetting LaTeX in a thread of its own: it is pure Python and takes milliseconds for each formula."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

from PySide6.QtCore import QCoreApplication, QObject, QThread, Signal, Slot
from shiboken6 import Shiboken

from visualizer.ui.widgets.formula_breaks import balanced, breaks

#: Formulas are set in this size and scaled when drawn, so one result serves every size and colour.
REFERENCE_SIZE = 24.0
_CACHED = 256
# A minus that is a sign: ziamath would set "(-2)" with the room of a subtraction around it.
_SIGN = re.compile(r"(^|[=(,\[|]|\\approx|\\;|\\cdot|\\times|\\left\()\s*-\s*(?=[\d\\A-Za-z(])")


@dataclass(frozen=True)
class Typeset:
    """A formula as SVG pictures, one for each piece that may stand on its own line; empty: not valid LaTeX."""

    latex: str
    pieces: tuple[tuple[str, bytes], ...]


def typeset(latex: str) -> Typeset:
    """Typeset a formula. Whatever is wrong with it, the answer is one without pieces, never an exception."""
    try:
        return Typeset(latex, tuple((piece, _svg(piece)) for piece in breaks(latex)) if balanced(latex) else ())
    except Exception:
        # The libraries raise all kinds of errors for LaTeX that they do not know, AssertionError among them.
        return Typeset(latex, ())


def _svg(latex: str) -> bytes:
    from ziamath.config import config
    from ziamath.zmath import Latex

    config.svg2 = False  # plain paths: Qt draws no <symbol>
    formula = Latex(_SIGN.sub(r"\1{-}", latex), size=REFERENCE_SIZE)
    if re.search(r"\\[A-Za-z]", formula.mathmlstr()):
        raise ValueError("an unknown command is left over")
    svg: str = formula.svg()
    return svg.encode()


class Typesetter(QObject):
    """Typesets what is asked for, the newest wish of each asker, and keeps the last results.

    The thread runs only while there is work. ``finished`` tells each result in the thread of this object.
    """

    finished = Signal(object)
    _shared: ClassVar[Typesetter | None] = None

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._wishes: OrderedDict[int, str] = OrderedDict()
        self._cache: OrderedDict[str, Typeset] = OrderedDict()
        self._askers = count()
        self._living = 0
        self._thread = _Thread(self)
        self._thread.done.connect(self._on_done)
        self._thread.finished.connect(self._on_thread_finished)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    @classmethod
    def shared(cls) -> Typesetter:
        """The one typesetter of the application."""
        if cls._shared is None or not Shiboken.isValid(cls._shared):  # it goes with the application object
            cls._shared = Typesetter(QCoreApplication.instance())
        return cls._shared

    def asker(self, owner: QObject) -> int:
        """A number for someone who asks; a newer wish of the same asker replaces its waiting one.

        When the last owner has been destroyed, nothing is typeset any more and the thread is at rest.
        """
        self._living += 1
        owner.destroyed.connect(self._on_gone)
        return next(self._askers)

    def known(self, latex: str) -> Typeset | None:
        """The result when it is known; asks for nothing."""
        known = self._cache.get(latex)
        if known is not None:
            self._cache.move_to_end(latex)
        return known

    def request(self, asker: int, latex: str) -> Typeset | None:
        """The result at once when it is known; else None, and it comes with ``finished``."""
        known = self.known(latex)
        with self._lock:
            self._wishes.pop(asker, None)
            if known is None:
                self._wishes[asker] = latex
        if known is not None:
            return known
        if not self._thread.isRunning():
            self._thread.start(QThread.Priority.LowPriority)
        return None

    def take_wish(self) -> str | None:
        """The wish that waits longest, for the thread."""
        with self._lock:
            return self._wishes.popitem(last=False)[1] if self._wishes else None

    @Slot()
    def stop(self) -> None:
        """Forget all wishes and wait for the formula at work (milliseconds). It may be used again afterwards."""
        with self._lock:
            self._wishes.clear()
        self._thread.wait()

    @Slot()
    def _on_gone(self) -> None:
        self._living -= 1
        if self._living <= 0:
            self.stop()

    @Slot(object)
    def _on_done(self, result: Typeset) -> None:
        self._cache[result.latex] = result
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        self.finished.emit(result)

    @Slot()
    def _on_thread_finished(self) -> None:
        """A wish that came when the thread had just looked for the last time."""
        with self._lock:
            waiting = bool(self._wishes)
        if waiting:
            self._thread.wait()
            self._thread.start(QThread.Priority.LowPriority)


class _Thread(QThread):
    done = Signal(object)

    def __init__(self, typesetter: Typesetter) -> None:
        super().__init__(typesetter)
        self._typesetter = typesetter

    def run(self) -> None:
        while (latex := self._typesetter.take_wish()) is not None:
            self.done.emit(typeset(latex))
