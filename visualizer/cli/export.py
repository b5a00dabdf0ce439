"""``visualizer export``: compute one state here and now, and write its figures or its numbers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visualizer.base.errors import UserError
from visualizer.base.experiment import Experiment, Result, State
from visualizer.base.json_text import json_chunks
from visualizer.base.numbers import numbers_document
from visualizer.base.reading import printable
from visualizer.cli.output import Progress, error_line, replace_allowed, write_stdout, write_text
from visualizer.cli.parameter_options import export_parser, formats_of
from visualizer.cli.parsing import NO_VALUE, PARAMETER, THEMES, did_you_mean, one_of
from visualizer.cli.states import state_from, word_and_options

if TYPE_CHECKING:
    from visualizer.cli.pictures import Mode
    from visualizer.figures.graph import AnyFigure

AnyExperiment = Experiment[Any, Any, Any]

#: Of a picture when --size is not given.
SIZE = (1920, 1080)
LEAST_SIZE, MOST_SIZE = 100, 16_384
MOST_SCALE = 10.0
#: Width times height times scale twice, and the longer side: what the pictures' code draws at most.
MOST_PIXELS, MOST_SIDE = 100_000_000, 30_000


@dataclass(frozen=True)
class Picture:
    """How PNG and SVG are drawn; ``width`` and ``height`` before ``scale``."""

    width: int
    height: int
    scale: float
    theme: Mode
    presentation: bool


@dataclass(frozen=True)
class Target:
    """Where an export goes: one file, the folder for all figures, or (``path`` is None) standard output."""

    path: Path | None
    format: str
    every_figure: bool
    overwrite: bool


def export(argv: Sequence[str], experiments: Sequence[AnyExperiment]) -> int:
    """Run the command with the words after ``export``.

    Raises:
        UserError: the export cannot be done as asked.
    """
    experiment = _experiment(argv, experiments)
    if experiment is None:
        return 0
    word, rest = word_and_options(argv[1:])
    options = vars(export_parser(experiment).parse(rest))
    state = state_from(options, experiment, experiments, word)
    _say_what_means_nothing(options, experiment, state)
    target = _target(options, experiment)
    picture = _picture(options)
    view = experiment.view(state)
    chosen = view.figures if target.every_figure else (options["figure"] or view.figures[0],)
    files = _files(target, experiment, chosen)
    _refuse_unwritable(target, files)

    result = compute(experiment, state)
    if target.format == "json":
        _deliver(files[0], _json_pieces(numbers_document(experiment, result, state)))
        return 0
    if target.format in experiment.formats:
        _deliver(files[0], (experiment.document(target.format, result, state),))
        return 0
    figures = {figure.name: figure for figure in experiment.figures(result, state)}
    with _drawer(target.format, picture) as draw:
        contents = [draw(figures[name]) for name in chosen]
    if target.every_figure and target.path is not None:
        target.path.mkdir(exist_ok=True)
    for file, content in zip(files, contents, strict=True):
        _deliver(file, (content,))
    return 0


def _say_what_means_nothing(options: Mapping[str, Any], experiment: AnyExperiment, state: State) -> None:
    """A note about options of other pages, or of other settings of this one: they are kept, but this result is without them."""
    page = experiment.view(state).name
    idle = [
        parameter.option for name, parameter in experiment.parameters().items()
        if options.get(PARAMETER + name) is not None
        and ((parameter.views and page not in parameter.views) or (parameter.when is not None and not parameter.when(state)))
    ]
    if idle:
        verb = "means" if len(idle) == 1 else "mean"
        error_line(f"note: {', '.join(idle)} {verb} nothing on the page {page} as it is set; "
                   f"'visualizer list' shows what each page knows.")


def compute(experiment: AnyExperiment, state: State) -> Result:
    """The final result, computed in this thread with one thread of torch, as the window computes it.

    Raises:
        UserError: the request cannot be computed.
    """
    from visualizer.worker.loading import set_torch_environment

    set_torch_environment()
    os.environ["OMP_NUM_THREADS"] = "1"
    last: Result | None = None
    with Progress(experiment.name) as progress:
        for result in experiment.run(experiment.request(state)):
            if result is not None:
                last = result
                progress.show(result.progress)
    if last is None:
        raise RuntimeError(f"the run of {experiment.name} ended without a result")
    return last


def _json_pieces(document: Mapping[str, Any]) -> Iterator[bytes]:
    for piece in json_chunks(document):
        # Half a character, from a file name that is no text: its escape is valid JSON.
        yield piece.encode("utf-8", "backslashreplace")
    yield b"\n"


def _experiment(argv: Sequence[str], experiments: Sequence[AnyExperiment]) -> AnyExperiment | None:
    """The experiment that the first word names; None after help was printed."""
    names = [entry.name for entry in experiments]
    if not argv or argv[0].startswith("-"):
        if argv and argv[0] in ("-h", "--help"):
            listed = "\n".join(f"  {entry.name:<16}{entry.title}" for entry in experiments)
            write_text(
                "usage: visualizer export EXPERIMENT [WORD] [options] --out PATH\n\n"
                "Writes a figure as PNG, SVG or CSV, or all numeric results as JSON.\n"
                "'visualizer export EXPERIMENT --help' shows every option. Experiments:\n"
                f"{listed}\n"
            )
            return None
        raise UserError(f"After 'visualizer export' comes the experiment: {', '.join(names)}; then the options.")
    found = next((entry for entry in experiments if entry.name == argv[0]), None)
    if found is None:
        near = did_you_mean(argv[0], names)
        raise UserError(f"EXPERIMENT: {argv[0]!r} was given; allowed is one of {', '.join(names)}{near}")
    return found


def _target(options: Mapping[str, Any], experiment: AnyExperiment) -> Target:
    out, every = options["out"], options["all"]
    formats = formats_of(experiment)
    *others, last = [f".{name}" for name in formats]
    endings = f"{', '.join(others)} or {last}"
    given = one_of("--format", options["format"] and options["format"].lower(), formats)
    if out in (None, NO_VALUE, ""):
        raise UserError(f"--out: no value was given; allowed is a path ending in {endings}, or - for standard output.")
    if every:
        if out == "-":
            raise UserError("--all: several figures do not fit on standard output; give --out a folder.")
        if options["figure"] is not None:
            raise UserError("--all: every figure of the page is exported; --figure chooses one; give only one of them.")
        if given == "json":
            raise UserError("--all: JSON holds all numbers of the page in one file; leave --all away.")
        if given in experiment.formats:
            raise UserError(f"--all: {given} is one file for the whole page; leave --all away.")
        return Target(Path(out), given or "png", True, options["overwrite"])
    if str(out).endswith(("/", os.sep)):
        raise UserError(f"--out: {printable(out)!r} is a folder; give a file in it.")
    if out == "-":
        return Target(None, given or "json", False, True)
    # run.graph.json is a graph.json, though it ends in .json, too.
    suffix = next((name for name in sorted(formats, key=len, reverse=True) if out.lower().endswith(f".{name}")), "")
    if not suffix and given is None:
        raise UserError(f"--out: {printable(out)!r} was given; allowed is a path ending in {endings}, or any path with --format.")
    if suffix and given not in (None, suffix) and not suffix.endswith(f".{given}"):
        raise UserError(f"--format: {given!r} was given, but --out ends in .{suffix}; allowed is one format.")
    return Target(Path(out), given or suffix, False, options["overwrite"])


def _picture(options: Mapping[str, Any]) -> Picture:
    width, height = _size(options["size"])
    scale = _scale(options["scale"])
    if width * height * scale**2 > MOST_PIXELS or max(width, height) * scale > MOST_SIDE:
        raise UserError(
            f"--size: {width}x{height} at scale {scale:g} was given; allowed are {MOST_PIXELS // 10**6} million "
            f"pixels, {MOST_SIDE} on a side."
        )
    dark = one_of("--theme", options["theme"], THEMES) == "dark"
    return Picture(width, height, scale, "dark" if dark else "light", options["presentation"])


def _size(text: str | None) -> tuple[int, int]:
    if text is None:
        return SIZE
    found = re.fullmatch(r"\s*(\d{1,6})\s*[xX\u00d7]\s*(\d{1,6})\s*", text)
    width, height = (int(part) for part in found.groups()) if found else (0, 0)
    if not (LEAST_SIZE <= width <= MOST_SIZE and LEAST_SIZE <= height <= MOST_SIZE):
        given = "no value" if text == NO_VALUE else repr(text)
        raise UserError(
            f"--size: {given} was given; allowed is WIDTHxHEIGHT in pixels, such as 1920x1080, each from "
            f"{LEAST_SIZE} to {MOST_SIZE}."
        )
    return width, height


def _scale(text: str | None) -> float:
    if text is None:
        return 1.0
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0.1 <= scale <= MOST_SCALE:
        given = "no value" if text == NO_VALUE else repr(text)
        raise UserError(f"--scale: {given} was given; allowed is a number from 0.1 to {MOST_SCALE:g}.")
    return scale


def _files(target: Target, experiment: AnyExperiment, figures: Sequence[str]) -> list[Path | None]:
    if target.path is None or not target.every_figure:
        return [target.path]
    return [target.path / f"{experiment.name}-{name}.{target.format}" for name in figures]


def _refuse_unwritable(target: Target, files: Sequence[Path | None]) -> None:
    """Say before a long computation what would go wrong after it."""
    if target.path is None:
        return
    try:
        parent = target.path.parent
        if not parent.is_dir():
            raise UserError(f"--out: the folder {printable(parent)} does not exist.")
        if target.every_figure and target.path.exists() and not target.path.is_dir():
            raise UserError(f"--out: {printable(target.path)} is a file; with --all it is a folder.")
        if not target.every_figure and target.path.is_dir():
            raise UserError(f"--out: {printable(target.path)} is a folder; give a file in it.")
        folder = target.path if target.every_figure and target.path.is_dir() else parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(f"--out: the folder {printable(folder)} may not be written to.")
        existing = [file for file in files if file is not None and os.path.lexists(file)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--out: {printable(target.path)} cannot be written: {reason}.") from None
    if existing and not target.overwrite and not replace_allowed(existing):
        if len(existing) == 1:
            raise UserError(f"--out: {printable(existing[0])} exists and was left as it is; --overwrite replaces it.")
        raise UserError(
            f"--out: {printable(existing[0])} and {len(existing) - 1} more exist and were left as they are; "
            "--overwrite replaces them."
        )


def _deliver(file: Path | None, pieces: Iterable[bytes]) -> None:
    if file is None:
        write_stdout(pieces)
        return
    from visualizer.base.files import write_atomically

    try:
        write_atomically(file, b"".join(pieces))
    except UserError as error:
        raise UserError(f"--out: {error.sentence}", error.details) from error


@contextmanager
def _drawer(format: str, picture: Picture) -> Iterator[Callable[[AnyFigure], bytes]]:
    """The function that turns a figure into a file's content; Qt is imported for pictures only."""
    if format == "csv":
        from visualizer.figures.table import figure_csv

        yield lambda figure: figure_csv(figure).encode("utf-8")
        return
    from visualizer.cli.pictures import picture_drawer

    with picture_drawer(
        format, (picture.width, picture.height), picture.scale, picture.theme, picture.presentation
    ) as draw:
        yield draw
