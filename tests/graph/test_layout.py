"""Layouts of small, odd and hostile graphs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.layout_checks import check, laid_out, problem_of
from visualizer.experiments.graph.layout.contract import Problem


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
