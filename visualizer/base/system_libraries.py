"""What Qt needs of the system, found out before Qt is started: Qt itself aborts the process when something is missing.

Free of Qt: the platform plugin that Qt is going to load is loaded by the dynamic linker alone, which names what is
missing, and the display is asked for a connection through the very library that the plugin uses.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

#: Libraries that the wheels of Qt expect from the system, with the Debian and Ubuntu package of each.
PACKAGES: Mapping[str, str] = MappingProxyType({
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libzstd.so.1": "libzstd1",
    "libz.so.1": "zlib1g",
})

_ONLY_WAYLAND = ("libwayland-client.so.0", "libwayland-cursor.so.0", "libwayland-egl.so.1")
_NO_DISPLAY = "There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
_LINKER = re.compile(r"(?P<library>[\w.+-]+\.so[\w.]*): (?P<reason>.+)")


def qt_problem(window: bool = True) -> str | None:
    """Why Qt could not start here, in one sentence that says what to do; None when nothing stands in the way.

    Args:
        window: a window is wanted; False: only pictures, which need libraries but no display.
    """
    if not sys.platform.startswith("linux"):
        return None
    plugins = _plugin_folder()
    if plugins is None:
        return None
    if not window:
        return _library_problem(plugins, "offscreen")
    problems = [_platform_problem(plugins, platform) for platform in _platforms()]
    if not problems:
        return f"{_NO_DISPLAY}: start visualizer in a desktop session, or use 'visualizer export', which needs none."
    return None if None in problems else problems[0]


def display_problem() -> str | None:
    """Why a window cannot be opened from here, as far as it can be told without loading anything; None: perhaps it can."""
    return f"{_NO_DISPLAY}." if sys.platform.startswith("linux") and not _platforms() else None


def import_problem(error: ImportError) -> str | None:
    """The sentence for an import of Qt that failed for a missing system library; None if it failed otherwise."""
    found = _LINKER.search(str(error))
    return None if found is None else _sentence(found["library"], found["reason"], _others())


def _plugin_folder() -> Path | None:
    """Where the wheel keeps its platform plugins; None: another installation, whose system cares for libraries."""
    from importlib.util import find_spec

    if os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH") or os.environ.get("QT_PLUGIN_PATH"):
        return None
    spec = find_spec("PySide6")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "Qt" / "plugins" / "platforms"
    return folder if folder.is_dir() else None


def _platforms() -> list[str]:
    """The platform plugins that Qt is going to try, in its order."""
    asked = os.environ.get("QT_QPA_PLATFORM", "")
    if asked:
        return [part.split(":")[0] for part in asked.split(";") if part]
    found: list[str] = []
    if os.environ.get("WAYLAND_DISPLAY"):
        found.append("wayland")
    if os.environ.get("DISPLAY"):
        found.append("xcb")
    return found


def _platform_problem(plugins: Path, platform: str) -> str | None:
    platform = {"wayland-egl": "wayland"}.get(platform, platform)
    if not (plugins / f"libq{platform}.so").exists():
        known = ", ".join(sorted(path.name[4:-3] for path in plugins.glob("libq*.so")))
        return f"QT_QPA_PLATFORM asks Qt for {platform!r}, which it does not have; allowed is one of {known}."
    problem = _library_problem(plugins, platform)
    if problem is None and platform == "xcb":
        problem = _x11_problem()
    if problem is None and platform == "wayland":
        problem = _wayland_problem()
    return problem


def _library_problem(plugins: Path, platform: str) -> str | None:
    failure = _load(str(plugins / f"libq{platform}.so"))
    if failure is None:
        return None
    found = _LINKER.search(failure)
    if found is None:
        return f"Qt's plugin for {platform} cannot be loaded: {failure}."
    return _sentence(found["library"], found["reason"], _others(wayland=platform == "wayland"))


def _load(library: str) -> str | None:
    """Load a library as Qt will; the linker's words if that fails."""
    import ctypes

    try:
        ctypes.CDLL(library)
    except OSError as error:
        return str(error)
    return None


def _others(wayland: bool = False) -> list[str]:
    """Every further library of the list that does not load: the linker stops at the first."""
    return [name for name in PACKAGES if (wayland or name not in _ONLY_WAYLAND) and _load(name) is not None]


def _sentence(library: str, reason: str, others: list[str]) -> str:
    libraries = list(dict.fromkeys([library, *others]))
    packages = list(dict.fromkeys(PACKAGES[name] for name in libraries if name in PACKAGES))
    advice = f"; on Debian or Ubuntu: sudo apt install {' '.join(packages)}" if packages else ""
    why = "is missing" if "No such file" in reason else f"cannot be loaded ({reason.strip().rstrip('.')})"
    return f"Qt needs the system library {library}, which {why}{advice}."


def _x11_problem() -> str | None:
    """Whether the X server that DISPLAY names lets us in."""
    import ctypes

    display = os.environ.get("DISPLAY", "")
    if not display:
        return "There is no X display (DISPLAY is not set): start visualizer in a desktop session."
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return None  # the plugin has just been loaded with it: it is there under another name
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.restype = ctypes.c_int
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.restype = None
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    if not failed:
        return None
    return (
        f"The display {display!r} that DISPLAY names cannot be opened: no X server answers there, or it does not let "
        "this user in."
    )


def _wayland_problem() -> str | None:
    import socket

    name = os.environ.get("WAYLAND_DISPLAY") or "wayland-0"
    path = Path(os.environ.get("XDG_RUNTIME_DIR", "/"), name)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError as error:
            return f"The Wayland display {name!r} cannot be opened: {error.strerror or error}."
    return None
