"""Where the nodes of a small graph stand: in columns by their distance from the loss, few crossings, room for every name.

The method is Sugiyama's: columns by the longest way, a stand-in in every column that a long edge passes, the order within a
column by the mean place of the neighbours, and places as near to the neighbours as the order lets them.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system structures", IEEE Transactions
on Systems, Man and Cybernetics 11(2), 1981.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

#: Between a name and the next one in its row, and between two columns, in pixels of a figure of ordinary width.
_BETWEEN, _COLUMN = 16.0, 52.0
#: Between what hangs below the same node.
_HANGING = 16.0
#: The plot area of a figure of ordinary width, in pixels.
_ORDINARY = 560.0


@dataclass(frozen=True)
class Layout:
    """Positions.

    Attributes:
        x, y: of every node; x in pixels of a figure of ordinary width, rows are 1 apart and y is 0 at the top, falling.
        above: whether the name stands above the node; in the next column it stands below, so that both have room.
        ways: for every edge the points that it passes, both ends among them.
        width: the x axis reaches from 0 to here.
        rows: the y axis reaches from 0 down to minus this.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    above: tuple[bool, ...]
    ways: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    rows: float


def layered(widths: Sequence[float], edges: Sequence[tuple[int, int]], hanging: Mapping[int, int] = MappingProxyType({})) -> Layout:
    """Lay out a graph without cycles.

    Args:
        widths: of the nodes' names in pixels.
        edges: (from, to) by index; parallel ones are allowed.
        hanging: nodes that hang right below another one, by index; their edges are not among the others, and have no way.
    """
    count = len(widths)
    linked = sorted({end for edge in edges for end in edge} | set(hanging.values()))
    column = _columns(count, edges)
    # Stand-ins: nodes from ``count`` on.
    ways: list[list[int]] = []
    columns = list(column)
    for source, target in edges:
        way = [source]
        for passed in range(column[source] + 1, column[target]):
            way.append(len(columns))
            columns.append(passed)
        ways.append([*way, target])
    steps = [pair for way in ways for pair in pairwise(way)]
    beside: dict[int, list[int]] = {node: [] for node in linked}
    for source, target in steps:
        beside.setdefault(source, []).append(target)
        beside.setdefault(target, []).append(source)
    rows: list[list[int]] = [[] for _ in range(max((columns[node] for node in linked), default=-1) + 1)]
    for node in (*linked, *range(count, len(columns))):
        rows[columns[node]].append(node)
    place = _places(rows, columns, beside)
    held = [any(source in hanging.values() for source in row) for row in rows]
    above = _sides(held)
    at = _positions([max((widths[node] for node in row if node < count), default=0.0) for row in rows], above, held)
    x, y = [0.0] * count, [0.0] * count
    for node in linked:
        x[node], y[node] = at[columns[node]], -place[node]
    width = max((x[node] + widths[node] / 2 for node in linked), default=0.0)
    lowest = max(place.values(), default=-1.0)
    # What has no edge stands in rows of its own below.
    left, row = 0.0, lowest + 1.0
    alone = [node for node in range(count) if node not in place and node not in hanging]
    for node in alone:
        if left and left + widths[node] > max(width, _ORDINARY):
            left, row = 0.0, row + 1.0
        x[node], y[node] = left + widths[node] / 2, -row
        left += widths[node] + 2 * _BETWEEN
        width = max(width, left - 2 * _BETWEEN)
    mates: dict[int, list[int]] = {}
    for node, source in hanging.items():
        mates.setdefault(source, []).append(node)
    for source, nodes in mates.items():
        for index, node in enumerate(nodes):
            x[node], y[node] = x[source] + _HANGING * (index - (len(nodes) - 1) / 2), y[source] - 0.5
    points = {node: (at[columns[node]], -found) for node, found in place.items()}
    return Layout(
        tuple(x), tuple(y), tuple(node not in place or above[columns[node]] for node in range(count)),
        tuple(tuple(points[node] for node in way) for way in ways), width, row if alone else lowest,
    )


def _columns(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The length of the longest way to each node."""
    waiting = [0] * count
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        after[source].append(target)
        waiting[target] += 1
    column = [0] * count
    ready = [node for node in range(count) if waiting[node] == 0]
    for node in ready:
        for target in after[node]:
            column[target] = max(column[target], column[node] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return column


def _places(rows: list[list[int]], columns: Sequence[int], beside: Mapping[int, Sequence[int]]) -> dict[int, float]:
    """The row of every node, from 0 at the top."""
    place = {node: float(index) for row in rows for index, node in enumerate(row)}

    def mean(node: int, side: int) -> float:
        found = [place[other] for other in beside[node] if side == 0 or columns[other] - columns[node] == side]
        return sum(found) / len(found) if found else place[node]

    for sweep in range(6):
        side = -1 if sweep % 2 == 0 else 1
        for row in rows if side < 0 else rows[::-1]:
            wanted = {node: mean(node, side) for node in row}
            row.sort(key=wanted.__getitem__)
            for index, node in enumerate(row):
                place[node] = float(index)
    for sweep in range(30):
        for row in rows if sweep % 2 else rows[::-1]:
            place.update(zip(row, _apart([mean(node, 0) for node in row]), strict=True))
    top = min(place.values(), default=0.0)
    return {node: found - top for node, found in place.items()}


def _apart(wanted: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones (least squares) that rise by at least 1: pooled where they would not."""
    blocks: list[tuple[float, int]] = []  # mean, size
    for index, value in enumerate(wanted):
        mean, size = value - index, 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean, size = (other * others + mean * size) / (others + size), others + size
        blocks.append((mean, size))
    flat = [mean for mean, size in blocks for _ in range(size)]
    return [value + index for index, value in enumerate(flat)]


def _sides(held: Sequence[bool]) -> list[bool]:
    """Whether the names of each column stand above: always where something hangs below, else in turn."""
    above: list[bool] = []
    for full in held:
        above.append(full or not above or not above[-1])
    return above


def _positions(widths: Sequence[float], above: Sequence[bool], held: Sequence[bool]) -> list[float]:
    """The x of each column, so that names on the same side do not touch, nor those below what hangs in the next column."""
    at: list[float] = []
    for index, width in enumerate(widths):
        least = width / 2
        if index:
            least = max(least, at[-1] + _COLUMN)
            if held[index - 1] and not above[index]:
                least = max(least, at[-1] + width / 2 + _BETWEEN)
            if held[index] and not above[index - 1]:
                least = max(least, at[-1] + widths[index - 1] / 2 + _BETWEEN)
        for before in range(index):
            if above[before] == above[index]:
                least = max(least, at[before] + (widths[before] + width) / 2 + _BETWEEN)
        at.append(least)
    return at
