"""Layouts of small, odd and hostile graphs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.layout_checks import check, laid_out, problem_of
from tests.graph.torch_problems import models, torch_problem
from visualizer.experiments.graph.layout.contract import Problem
from visualizer.experiments.graph.layout.engine import lay_out


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Any graph, acyclic or hostile, with any groups, also such whose quotient has cycles."""
    count = draw(st.integers(0, 24))
    groups = draw(st.integers(0, 6))
    parent = tuple(draw(st.integers(-1, index - 1)) for index in range(groups))
    group = [draw(st.integers(-1, groups - 1)) for _ in range(count)]
    sizes = st.tuples(st.sampled_from([1.0, 60.0, 110.0, 320.0]), st.sampled_from([1.0, 30.0, 90.0]))
    box = st.integers(0, max(count - 1, 0))
    links = draw(st.lists(st.tuples(box, box), max_size=40)) if count else []
    if draw(st.booleans()):
        links = [(min(link), max(link)) for link in links]
    if links and draw(st.booleans()):
        links += [links[0]] * 2
    return problem_of([draw(sizes) for _ in range(count)], links, group, parent, 130.0, draw(st.booleans()))


@settings(max_examples=300, deadline=None)
@given(problems())
def test_any_graph_keeps_every_promise(problem: Problem) -> None:
    check(problem, laid_out(problem))


MODELS = models()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("folded", [False, True], ids=["raw", "folded"])
@pytest.mark.parametrize("grouped", [False, True], ids=["flat", "groups"])
@pytest.mark.parametrize("leftward", [False, True], ids=["down", "leftward"])
def test_graphs_of_torch_keep_every_promise(name: str, folded: bool, grouped: bool, leftward: bool) -> None:
    model, given_input = MODELS[name]
    problem = torch_problem(model, lambda: model(given_input).sum(), folded, grouped, leftward)
    check(problem, laid_out(problem))


LAYERED = [(one, 4 + other) for one in range(4) for other in range(4)]
ODD = {
    "nothing": problem_of(0, []),
    "one box": problem_of(1, []),
    "a link to itself": problem_of(1, [(0, 0)]),
    "three parallel links": problem_of(2, [(0, 1)] * 3),
    "parallel links around another box": problem_of(5, [(0, 1), (1, 2), (2, 3), (3, 4)] + [(0, 4)] * 3),
    "unlinked boxes": problem_of(40, []),
    "two components and a box": problem_of(7, [(0, 1), (1, 2), (3, 4), (3, 5)]),
    "a cycle": problem_of(3, [(0, 1), (1, 2), (2, 0)]),
    "two boxes around each other": problem_of(2, [(0, 1), (1, 0), (0, 1)]),
    "dense": problem_of(8, LAYERED),
    "everything linked": problem_of(40, [(one, other) for one in range(40) for other in range(one + 1, 40)]),
    "more long links than chains are for": problem_of(70, [(one, other) for one in range(70) for other in range(one + 1, 70)]),
    "long links out of a group": problem_of(
        60, [(one, other) for one in range(59) for other in range(one + 1, 60)], [box // 30 - 1 for box in range(60)], (-1,),
    ),
    "empty groups": problem_of(1, [], [-1], (-1, 0, -1)),
    "a cycle of groups": problem_of(4, [(0, 1), (2, 3)], [0, 1, 1, 0], (-1, -1)),
    "through groups": problem_of(5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 4), (0, 3)], [-1, 0, 1, 0, -1], (-1, 0)),
    "a leaf that two groups share": problem_of(4, [(0, 1), (0, 3), (1, 3), (1, 2)], [0, 1, 1, -1], (-1, -1)),
}


@pytest.mark.parametrize("leftward", [False, True], ids=["down", "leftward"])
@pytest.mark.parametrize("name", ODD)
def test_odd_graphs_keep_every_promise(name: str, leftward: bool) -> None:
    problem = replace(ODD[name], leftward=leftward)
    check(problem, laid_out(problem))


def test_targets_stand_above_sources_or_left_of_them() -> None:
    links = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]
    down, left = laid_out(problem_of(5, links)), laid_out(problem_of(5, links, leftward=True))
    for source, target in links:
        assert down.top[target] + 36 < down.top[source]
        assert left.left[target] + 110 < left.left[source]


def test_a_chain_is_a_straight_column() -> None:
    layout = laid_out(problem_of([(60.0 + 10 * (box % 3), 36.0) for box in range(6)], [(box, box + 1) for box in range(5)]))
    assert np.ptp(layout.x) < 1e-9
    assert layout.start.tolist() == [0, 2, 4, 6, 8, 10]


def test_a_leaf_stands_in_the_layer_above_its_consumer() -> None:
    chain = [(box, box + 1) for box in range(9)]
    layout = laid_out(problem_of(13, [*chain, (0, 10), (4, 11), (7, 12)]))
    for consumer, leaf in ((0, 10), (4, 11), (7, 12)):
        assert layout.top[leaf] == layout.top[consumer + 1]


def test_the_main_line_of_a_network_is_straight_whatever_stands_beside_it() -> None:
    links = []
    for layer in range(12):
        addmm, bias, transpose, weight, before = range(4 * layer, 4 * layer + 5)
        links += [(addmm, bias), (addmm, before), (addmm, transpose), (transpose, weight)]
    layout = laid_out(problem_of(52, links))
    assert np.ptp(layout.left[0:49:4]) < 1e-9


def test_a_weight_used_at_every_step_has_one_straight_trunk() -> None:
    steps = 30
    chain = [(step, step + 1) for step in range(3 * steps)]
    weight = 3 * steps + 1
    problem = problem_of(weight + 1, [*chain, *((3 * step, weight) for step in range(steps))])
    layout = laid_out(problem)
    check(problem, layout)
    trunks = [layout.x[layout.start[link]:layout.start[link + 1]] for link in range(3 * steps, 4 * steps - 3)]
    assert len({round(float(x[-1]), 6) for x in trunks}) == 1
    assert layout.width < 600


def test_the_same_problem_has_the_same_layout() -> None:
    rng = np.random.default_rng(3)
    links = [(int(low), int(high)) for low, high in np.sort(rng.integers(0, 60, (120, 2)), axis=1)]
    first, second = (laid_out(problem_of(60, links, [box // 10 - 1 for box in range(60)], (-1, 0, 0, -1, 3))) for _ in range(2))
    for name in ("left", "top", "frame_left", "frame_top", "x", "y", "start"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert not first.left.flags.writeable
    assert not first.x.flags.writeable


@pytest.mark.parametrize("problem", [
    problem_of(20_000, [(box, box + 1) for box in range(19_999)]),
    problem_of(5_001, [(0, leaf) for leaf in range(1, 5_001)]),
    problem_of(300, [(one, 150 + other) for one in range(150) for other in range(150)]),
    problem_of(150, [(one, other) for one in range(150) for other in range(one + 1, 150)]),
], ids=["chain of 20,000", "5,000 leaves", "dense in two layers", "everything linked"])
def test_large_and_dense_graphs_end_soon_and_stay_disjoint(problem: Problem) -> None:
    layout = laid_out(problem)
    order = np.lexsort((layout.left, layout.top))
    left, top = layout.left[order], layout.top[order]
    same = np.diff(top) == 0
    assert np.all(np.diff(left)[same] >= 110 + 10)
    assert np.all(np.diff(top)[~same] >= 36 + 10)


def test_closing_the_generator_stops_the_layout() -> None:
    turns = lay_out(problem_of(20_000, [(box, box + 1) for box in range(19_999)]))
    assert next(turns) is None
    turns.close()
    with pytest.raises(StopIteration):
        next(turns)
