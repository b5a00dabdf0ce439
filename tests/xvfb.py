"""A virtual screen with a window manager, and a program on it that is used through real X events and can be asked
what it shows."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

NEEDED = ("Xvfb", "xdotool", "openbox")
LAUNCHER = Path(__file__).with_name("probed.py")
SECONDS = 60.0  # far more than anything here takes; a condition that is not met by then is never met

T = TypeVar("T")


def missing() -> list[str]:
    """The commands that this module needs and the machine has not."""
    return [name for name in NEEDED if shutil.which(name) is None]


class ClientMessage(ctypes.Structure):
    """XClientMessageEvent of Xlib.h, as long as the union XEvent."""

    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong), ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 12),
    ]


class Display:
    """An X server of our own on a free display number, with openbox to give windows focus and a close button."""

    def __init__(self, home: Path, width: int = 1280, height: int = 720) -> None:
        self.width, self.height = width, height
        reading, writing = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp",
             "-noreset"],
            pass_fds=(writing,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading, encoding="ascii") as numbers:
            number = numbers.readline().strip()  # written when clients may connect; ends empty if the server died
        if not number:
            self._server.wait()
            raise RuntimeError("Xvfb did not start")
        self.name = f":{number}"
        home.mkdir(parents=True, exist_ok=True)
        self.environment = environment(home, DISPLAY=self.name, QT_QPA_PLATFORM="xcb")
        self._manager = subprocess.Popen(
            ["openbox"], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        # The manager sets this property of the root window once it manages.
        self.wait_for(lambda: self._xdotool("get_num_desktops", check=False).returncode == 0, "the window manager")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the window manager and the server."""
        for process in (self._manager, self._server):
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)

    def wait_for(self, condition: Callable[[], T], what: str) -> T:
        """The condition's first true value; between two looks the server is watched, which must not end.

        Raises:
            AssertionError: it did not become true; names ``what`` was waited for.
        """
        return wait_for(condition, what, self._server)

    def click(self, x: float, y: float, button: int = 1) -> None:
        """Move the mouse there and click."""
        self._xdotool("mousemove", "--sync", str(round(x)), str(round(y)), "click", str(button))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at ``start``, move in steps, release at ``end`` (screen pixels)."""
        words = ["mousemove", "--sync", str(round(start[0])), str(round(start[1])), "mousedown", "1"]
        for part in (0.1, 0.4, 0.7, 1.0):
            x, y = (round(a + part * (b - a)) for a, b in zip(start, end, strict=True))
            words += ["mousemove", "--sync", str(x), str(y)]
        self._xdotool(*words, "mouseup", "1")

    def key(self, *names: str) -> None:
        """Press and release each key or combination (``ctrl+a``, ``Return``)."""
        self._xdotool("key", "--clearmodifiers", *names)

    def type(self, text: str) -> None:
        """Type the text on the keyboard."""
        self._xdotool("type", "--clearmodifiers", "--delay", "2", text)

    def close_window(self) -> None:
        """Ask the window manager to close the active window, as its close button does.

        Not by Alt+F4: the first key of a new server changes the keyboard map, on which the manager lets go of its keys
        for a moment, and the key is lost.
        """
        window = int(self._xdotool("getactivewindow").stdout)
        x11 = ctypes.CDLL("libX11.so.6")  # xdotool needs it
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XDefaultRootWindow.restype = x11.XInternAtom.restype = ctypes.c_ulong
        server = ctypes.c_void_p(x11.XOpenDisplay(self.name.encode()))
        message = ClientMessage(
            type=33, window=window, message_type=x11.XInternAtom(server, b"_NET_CLOSE_WINDOW", 0), format=32
        )
        root = ctypes.c_ulong(x11.XDefaultRootWindow(server))
        to_the_manager = ctypes.c_long(1 << 19 | 1 << 20)  # who asked for SubstructureNotify or SubstructureRedirect
        x11.XSendEvent(server, root, 0, to_the_manager, ctypes.byref(message))
        x11.XCloseDisplay(server)  # sends what waits

    def screenshot(self, path: Path) -> None:
        """The whole screen as a PNG, taken by a Qt program of its own (the tests' own Qt is offscreen)."""
        script = (
            "import sys; from PySide6.QtWidgets import QApplication; application = QApplication([]);"
            "sys.exit(not application.primaryScreen().grabWindow(0).save(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-c", script, str(path)], env=self.environment, check=True, timeout=SECONDS)

    def _xdotool(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=SECONDS, check=check
        )


class Program:
    """``python -m visualizer ARGUMENTS`` on a display, with a line to ask it what it shows (see probed.py)."""

    def __init__(self, display: Display, *arguments: str, cwd: Path) -> None:
        self.display = display
        self._line, theirs = socket.socketpair()
        self._line.settimeout(SECONDS)
        self.process = subprocess.Popen(
            [sys.executable, str(LAUNCHER), str(theirs.fileno()), *arguments],
            env=display.environment, cwd=cwd, pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        theirs.close()
        self._answers = self._line.makefile("r", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()  # the test has failed already
        self.process.communicate()
        self._answers.close()
        self._line.close()

    def shown(self) -> dict[str, Any]:
        """What is on the screen now: ``widgets`` and ``plots``, from the program itself."""
        self._line.sendall(b"?")
        answer = self._answers.readline()
        if not answer:
            _, errors = self.process.communicate(timeout=SECONDS)
            raise AssertionError(f"the program ended with {self.process.returncode}: {errors}")
        found: dict[str, Any] = json.loads(answer)
        assert "error" not in found, found["error"]
        return found

    def wait_for(self, condition: Callable[[dict[str, Any]], T], what: str) -> T:
        """The condition's first true value; it is given what :meth:`shown` says."""
        last: dict[str, Any] = {}

        def look() -> T:
            last.update(self.shown())
            return condition(last)

        try:
            return wait_for(look, what, self.process)
        except AssertionError as error:
            seen = {widget["name"]: widget.get("text", "") for widget in last.get("widgets", ()) if widget["name"]}
            raise AssertionError(f"{error}; there are {seen}") from None

    def widget(self, name: str) -> dict[str, Any]:
        """The visible widget of this object name, once there is one in a window that has the focus.

        The focus comes last, when the window manager has given the window its place.
        """
        found = self.wait_for(
            lambda shown: (widget := find(shown, name)) and widget["isActiveWindow"] and widget, f"the widget {name}"
        )
        assert isinstance(found, dict)
        return found

    def click(self, name: str) -> None:
        """Click the middle of a visible widget."""
        x, y, width, height = self.widget(name)["place"]
        self.display.click(x + width / 2, y + height / 2)

    def closed(self) -> tuple[int, str, float]:
        """Close the window as the window manager does; exit code, standard error, seconds it took."""
        self.display.close_window()
        asked = time.monotonic()
        _, errors = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, errors, time.monotonic() - asked


def environment(home: Path, **more: str) -> Mapping[str, str]:
    """This process's environment for a program that has never run before: an empty home, no other display."""
    kept = {
        name: value for name, value in os.environ.items()
        if not name.startswith(("XDG_", "QT_", "WAYLAND_", "PYTEST_", "DBUS_")) and name != "DISPLAY"
    }
    runtime = home / "runtime"
    runtime.mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)  # Qt warns about one that others can read
    return kept | {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "LC_ALL": "C.UTF-8"} | more


def find(shown: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The visible widget of this object name."""
    return next((widget for widget in shown["widgets"] if widget["name"] == name), None)


def wait_for(condition: Callable[[], T], what: str, process: subprocess.Popen[Any]) -> T:
    """Look again until the condition holds; ``process`` is what it waits on, and its end is the end of waiting."""
    end = time.monotonic() + SECONDS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {SECONDS:g} s in vain for {what}"
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the process ended with {process.returncode} while it was waited for {what}")
