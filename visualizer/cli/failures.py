"""What the system lacks, apart from what the user did wrong and from defects."""

from __future__ import annotations


class SystemLacksError(Exception):
    """This system lacks something that Qt or torch needs; the text is one sentence that says what to install."""


def lacking(error: ImportError) -> Exception:
    """A failed import as what the system lacks; the error itself if it is a defect."""
    from visualizer.base.system_libraries import import_problem

    sentence = import_problem(error)
    if sentence is None and isinstance(error, ModuleNotFoundError) and error.name is not None:
        package = error.name.partition(".")[0]
        if package != "visualizer":
            sentence = f"The Python package {package} is not installed here; install visualizer again with pip."
    return error if sentence is None else SystemLacksError(sentence)
