"""Argument parsers that answer every mistake in one line: the option, what was given, what is allowed."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from visualizer.base.errors import UserError
from visualizer.cli.output import write_text

#: Stands for an option that was written without a value.
NO_VALUE = "\0no value"
FORMATS = ("png", "svg", "csv", "json")
THEMES = ("light", "dark")
#: Where the parameters' values are kept in the namespace, apart from the command's own.
PARAMETER = "parameter."


class _Formatter(argparse.HelpFormatter):
    """Help without brackets around a value that only the parser takes as optional, to have its own sentence for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=min(110, shutil.get_terminal_size((100, 24)).columns))

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        if action.const == NO_VALUE:
            return str(action.metavar)
        return super()._format_args(action, default_metavar)


class Parser(argparse.ArgumentParser):
    """Never abbreviates, never exits, says what is wrong as a UserError."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **options)

    def error(self, message: str) -> NoReturn:
        raise UserError(message[:1].upper() + message[1:] + ("" if message.endswith(".") else "."))

    def _print_message(self, message: str, file: Any = None) -> None:
        write_text(message)  # help, whatever characters the terminal knows

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """The options of these words.

        Raises:
            UserError: one of them is unknown; names the one that was probably meant.
        """
        given, unknown = self.parse_known_args(self._values_joined(argv))
        if unknown:
            word = unknown[0].split("=", 1)[0]
            if not word.startswith("-"):
                raise UserError(f"{word!r} was not expected after '{self.prog}'; an option begins with two dashes.")
            raise UserError(
                f"{word} is not an option of '{self.prog}'{did_you_mean(word, self._option_string_actions)}"
            )
        return given

    def _values_joined(self, argv: Sequence[str]) -> list[str]:
        """``--phase -1e-3`` as ``--phase=-1e-3``: argparse would take such a value for an option.

        Also ``-inf`` and ``-P9``: that such a value is wrong is the parameter's to say.
        """
        known = self._option_string_actions
        words: list[str] = []
        for word in argv:
            action = known.get(words[-1]) if words else None
            one_dash = word[:1] in ("-", "\u2212") and len(word) > 1 and word[1] != "-"
            if action is not None and action.nargs != 0 and one_dash and word not in known:
                words[-1] += "=" + word
            else:
                words.append(word)
        return words


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else "."


def refuse_unknown(option: str, given: str, known: Sequence[str], what: str) -> UserError:
    """The sentence for a name that is not one of a few."""
    from difflib import get_close_matches

    allowed = f"{what}{':' * (what != 'one of')} {', '.join(known)}"
    if given == NO_VALUE:
        return UserError(f"{option}: no value was given; allowed is {allowed}.")
    near = get_close_matches(given, known, n=1, cutoff=0.6)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return UserError(f"{option}: {given!r} was given; allowed is {allowed}{hint}.")


def one_of(option: str, given: str | None, known: Sequence[str], what: str = "one of") -> str | None:
    """The value if it is one of the known names, None if it was not given.

    Raises:
        UserError: it is none of them.
    """
    if given is None or given in known:
        return given
    raise refuse_unknown(option, given, known, what)


def window_parser() -> Parser:
    parser = Parser(
        prog="visualizer",
        usage="visualizer [--session FILE | --fresh] [--tab NAME] [--theme light|dark] [--presentation]\n"
        "       visualizer EXPERIMENT [WORD] [--PARAMETER VALUE ...] [options of the window]\n"
        "       visualizer list [--json]\n"
        "       visualizer export EXPERIMENT [WORD] [--PARAMETER VALUE ...] --out PATH [options]",
        description="See how a neural network learns. Without a command, the window opens.",
        epilog="With an experiment's name, such as 'visualizer graph model.py:make --input 1,3,224,224', the window opens on it "
        "with these values. Commands: 'visualizer list' shows every experiment, figure and parameter; 'visualizer export "
        "EXPERIMENT --help' the options of an export. Exit status: 0 done; 1 a defect in visualizer; 2 "
        "what was asked for cannot be done; 3 this system lacks something that is needed; 130 stopped by Ctrl-C.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    value_option(parser, "--tab", "NAME", "show this experiment first")
    window_options(parser)
    debug_option(parser)
    return parser


def window_options(parser: Any) -> None:
    """What a window takes, whatever it shows."""
    value_option(parser, "--session", "FILE", "open this session")
    parser.add_argument("--fresh", action="store_true", help="begin with the defaults, not with the last session")
    value_option(parser, "--theme", "light|dark", "instead of the system's")
    parser.add_argument("--presentation", action="store_true", help="large type and thick lines, for a projector")


def list_parser() -> Parser:
    parser = Parser(
        prog="visualizer list", description="Every experiment with its pages, figures, presets and parameters."
    )
    parser.add_argument("--json", action="store_true", help="as JSON, with types, bounds and defaults")
    debug_option(parser)
    return parser


def value_option(parser: Any, option: str, metavar: str, help: str) -> None:
    """An option whose missing value is answered with its own sentence, not argparse's."""
    parser.add_argument(option, nargs="?", const=NO_VALUE, metavar=metavar, help=help.replace("%", "%%"))


def debug_option(parser: Any) -> None:
    """The option that every command takes."""
    parser.add_argument("--debug", action="store_true", help="show the traceback of a defect")
