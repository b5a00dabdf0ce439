"""``python -m visualizer`` and the installed command: the window, or the command line."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run with these words (default: the process's own) and return the exit status."""
    from visualizer.cli.main import run

    return run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
