"""All numbers of a result as one document: what ``export --format json`` and the window's JSON export write."""

from __future__ import annotations

import sys
from typing import Any

from visualizer import __version__
from visualizer.base.experiment import Experiment, Result, State


def numbers_document(experiment: Experiment[Any, Any, Any], result: Result, state: State) -> dict[str, Any]:
    """What the numbers are of, the state they came from, and the numbers themselves as members of the outermost object.

    ``torch`` is the version that computed, or would have: the installed one. Write it with
    :func:`visualizer.base.json_text.json_chunks`.

    Raises:
        RuntimeError: the experiment's numbers use a name that is taken (a defect).
    """
    head: dict[str, Any] = {
        "experiment": experiment.name,
        "view": experiment.view(state).name,
        "visualizer": __version__,
        "torch": _torch_version(),
        "state": {
            name: parameter.to_json(getattr(state, name)) for name, parameter in experiment.parameters().items()
        },
    }
    numbers = experiment.numbers(result, state)
    if clash := head.keys() & numbers.keys():
        raise RuntimeError(f"the numbers of {experiment.name} take the reserved names {', '.join(sorted(clash))}")
    return head | numbers


def _torch_version() -> str | None:
    torch = sys.modules.get("torch")
    if torch is not None:
        return str(torch.__version__)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("torch")
    except PackageNotFoundError:
        return None
