"""From older schemas to the present one, one version at a time.

When a change of the parameters would make older files mean something else (a renamed parameter, another unit),
raise ``SCHEMA`` by one and add the function that rewrites a document of the version before. A parameter that is
new needs no migration: it takes its default.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from visualizer.base.errors import UserError

#: Takes a document of version n (a copy of its own, to change or replace) and returns one of version n + 1.
Migration = Callable[[dict[str, Any]], dict[str, Any]]

#: By the version that is read. There is one schema so far.
MIGRATIONS: Mapping[int, Migration] = MappingProxyType({})


def migrated(
    document: dict[str, Any], version: int, wanted: int, migrations: Mapping[int, Migration] = MIGRATIONS
) -> dict[str, Any]:
    """The document in the wanted schema; the one given is not changed.

    Raises:
        UserError: the document is not what its own version says, so that it cannot be rewritten.
    """
    if version == wanted:
        return document
    document = copy.deepcopy(document)
    for step in range(version, wanted):
        try:
            document = migrations[step](document)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise UserError(
                f"The session file is refused: it says schema {version}, but is not a session of that schema.",
                f"migration {step} -> {step + 1}: {type(error).__name__}: {error}",
            ) from error
        document["schema"] = step + 1
    return document
