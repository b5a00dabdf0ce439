"""What was chosen or opened in a graph, as a session holds it: any text at all."""

from __future__ import annotations

import pytest

from visualizer.experiments.graph.requests import idents_of, request_of, selected_ident, source_of
from visualizer.experiments.graph.state import GraphState


def test_what_was_chosen_belongs_to_one_program() -> None:
    state = GraphState()
    key = source_of(state).key
    assert idents_of(f"{key}:17,4", key) == (17, 4)
    assert idents_of("0000:17,4", key) == ()
    assert selected_ident(state.changed(selected=f"{key}:3")) == 3
    assert selected_ident(state.changed(selected=f"{key}:3", width=9, example="mlp")) is None


@pytest.mark.parametrize("words", ["\u00b2", "\u0661\u0662", "9" * 5000, "-1", "1.5", "", ",,", "\x00", " 3", "0x3", "\ud800"])
def test_a_session_may_hold_anything_in_place_of_numbers(words: str) -> None:
    """ "²" is a digit for Python, but no number; a text of 5,000 digits is more than it reads."""
    state = GraphState(fold="modules")
    key = source_of(state).key
    assert idents_of(f"{key}:{words},7", key) == (7,)
    held = state.changed(toggled=f"{key}:{words}", selected=f"{key}:{words}"[:60])
    assert request_of(held) == request_of(state)
    assert selected_ident(held) is None


def test_the_program_that_stands_there_at_first_is_shown_at_once_and_any_change_of_it_waits_for_run() -> None:
    state = GraphState().changed(source="code")
    assert source_of(state).allowed
    assert not source_of(state.changed(code=state.code + "\n")).allowed
