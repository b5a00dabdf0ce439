"""What a layout promises, checked by plain geometry that knows nothing of how it was made."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from visualizer.experiments.graph.layout.contract import Layout, Problem
from visualizer.experiments.graph.layout.engine import lay_out

NEAR, APART, TITLE = 1e-6, 10.0, 20.0


def laid_out(problem: Problem) -> Layout:
    """The layout, all turns of the generator taken."""
    turns = lay_out(problem)
    while True:
        try:
            assert next(turns) is None
        except StopIteration as stop:
            layout: Layout = stop.value
            return layout


def problem_of(
    boxes: int | list[tuple[float, float]], links: list[tuple[int, int]], group: list[int] | None = None,
    parent: tuple[int, ...] = (), title: float = 90.0, leftward: bool = False,
) -> Problem:
    """A problem from plain lists."""
    sizes = [(110.0, 36.0)] * boxes if isinstance(boxes, int) else boxes
    ends = np.array(links, dtype=np.int32).reshape(-1, 2)
    return Problem(
        np.array([width for width, _ in sizes], dtype=np.float64), np.array([height for _, height in sizes], dtype=np.float64),
        np.array([-1] * len(sizes) if group is None else group, dtype=np.int32), np.array(parent, dtype=np.int32),
        np.full(len(parent), title), ends[:, 0].copy(), ends[:, 1].copy(), leftward,
    )


def ancestors(problem: Problem) -> NDArray[np.bool_]:
    """``[group, box]``: whether the box is in the group, at whatever depth."""
    inside = np.zeros((len(problem.parent), len(problem.width)), dtype=bool)
    for box, group in enumerate(problem.group.tolist()):
        while group >= 0:
            inside[group, box] = True
            group = int(problem.parent[group])
    return inside


def _hits(x: NDArray[np.float64], y: NDArray[np.float64], left: float, top: float, right: float, bottom: float) -> bool:
    """Whether a segment of the polyline has a point inside of the rectangle (Liang and Barsky's clipping)."""
    x0, y0, dx, dy = x[:-1], y[:-1], np.diff(x), np.diff(y)
    low, high = np.zeros(len(x0)), np.ones(len(x0))
    out = np.zeros(len(x0), dtype=bool)
    for step, distance in ((-dx, x0 - left), (dx, right - x0), (-dy, y0 - top), (dy, bottom - y0)):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = distance / step
        out |= (step == 0) & (distance <= 0)
        low = np.where(step < 0, np.maximum(low, ratio), low)
        high = np.where(step > 0, np.minimum(high, ratio), high)
    return bool(np.any(~out & (high - low > 1e-9)))


def check(problem: Problem, layout: Layout) -> None:
    """Assert all that a layout promises."""
    count, groups = len(problem.width), len(problem.parent)
    left, top = layout.left, layout.top
    right, bottom = left + problem.width, top + problem.height
    frame_left, frame_top = layout.frame_left, layout.frame_top
    frame_right, frame_bottom = frame_left + layout.frame_width, frame_top + layout.frame_height
    assert len(left) == len(top) == count
    assert len(frame_left) == groups
    assert all(np.all(np.isfinite(values)) for values in (left, top, layout.x, layout.y, [layout.width, layout.height]))

    # everything is inside
    for low, high, size in (
        (left, right, layout.width), (top, bottom, layout.height), (frame_left, frame_right, layout.width),
        (frame_top, frame_bottom, layout.height), (layout.x, layout.x, layout.width), (layout.y, layout.y, layout.height),
    ):
        assert not len(low) or (low.min() >= -NEAR and high.max() <= size + NEAR)

    # boxes apart
    for box in range(count):
        rest = slice(box + 1, None)
        across = np.maximum(left[rest] - right[box], left[box] - right[rest])
        down = np.maximum(top[rest] - bottom[box], top[box] - bottom[rest])
        assert np.all(np.maximum(across, down) >= APART - NEAR), f"box {box} is too near to another one"

    # frames hold their own boxes and inner frames under the title, and nothing else
    inside = ancestors(problem)
    for group in range(groups):
        own = inside[group]
        for at, end, low, high in ((left, right, frame_left, frame_right), (top, bottom, frame_top, frame_bottom)):
            strip = TITLE if at is top else 0.0
            assert np.all(at[own] >= low[group] + strip)
            assert np.all(end[own] <= high[group])
        across = np.maximum(left[~own] - frame_right[group], frame_left[group] - right[~own])
        down = np.maximum(top[~own] - frame_bottom[group], frame_top[group] - bottom[~own])
        assert np.all(np.maximum(across, down) >= APART - NEAR), f"a foreign box is in frame {group}"
        assert layout.frame_width[group] >= problem.title[group] - NEAR
        above = int(problem.parent[group])
        if above >= 0:
            assert frame_left[above] < frame_left[group] < frame_right[group] < frame_right[above]
            assert frame_top[above] + TITLE <= frame_top[group] < frame_bottom[group] < frame_bottom[above]
    chains = [_chain(problem, group) for group in range(groups)]
    for one, other in itertools.combinations(range(groups), 2):
        if one not in chains[other] and other not in chains[one]:
            across_by = max(frame_left[one] - frame_right[other], frame_left[other] - frame_right[one])
            down_by = max(frame_top[one] - frame_bottom[other], frame_top[other] - frame_bottom[one])
            assert max(across_by, down_by) >= APART - NEAR, f"frames {one} and {other} are too near"

    # ways
    assert len(layout.start) == len(problem.source) + 1
    assert layout.start[0] == 0
    assert layout.start[-1] == len(layout.x) == len(layout.y)
    ways: dict[tuple[int, int], list[bytes]] = {}
    for link, (source, target) in enumerate(zip(problem.source.tolist(), problem.target.tolist(), strict=True)):
        first, last = int(layout.start[link]), int(layout.start[link + 1])
        if source == target:
            assert first == last
            continue
        x, y = layout.x[first:last], layout.y[first:last]
        assert len(x) >= 2
        for box, place in ((source, 0), (target, -1)):
            off = np.array([x[place] - left[box], right[box] - x[place], y[place] - top[box], bottom[box] - y[place]])
            assert off.min() >= -NEAR, f"link {link} does not end at box {box}"
            assert off.min() <= NEAR, f"link {link} ends inside of box {box}"
        near = (
            (left < x.max() - NEAR) & (right > x.min() + NEAR) & (top < y.max() - NEAR) & (bottom > y.min() + NEAR)
        )
        for box in np.flatnonzero(near).tolist():
            assert not _hits(x, y, left[box] + NEAR, top[box] + NEAR, right[box] - NEAR, bottom[box] - NEAR), (
                f"link {link} from {source} to {target} passes through box {box}"
            )
        for group in range(groups):
            if not inside[group, source] and not inside[group, target]:
                corners = frame_left[group], frame_top[group], frame_right[group], frame_bottom[group]
                assert not _hits(x, y, *corners), f"link {link} passes through frame {group}"
        ways.setdefault((source, target), []).append(x.tobytes() + y.tobytes())
    assert all(len(set(parallel)) == len(parallel) for parallel in ways.values()), "parallel links lie on one another"


def _chain(problem: Problem, group: int) -> set[int]:
    found = set()
    while group >= 0:
        found.add(group)
        group = int(problem.parent[group])
    return found
