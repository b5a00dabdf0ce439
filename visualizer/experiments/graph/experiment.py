"""The graph tab as an experiment: what is declared here, and what its pages answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from visualizer.base.experiment import Gesture, Request
from visualizer.base.pages import PagedExperiment
from visualizer.experiments.graph import consent
from visualizer.experiments.graph.requests import idents_of, source_of
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import PRESETS, VIEWS, GraphState


class GraphTab(PagedExperiment[GraphState, Request, GraphResult]):
    """The autograd graph that torch really built, explored, and run backward node by node."""

    name = "graph"
    title = "Graph"
    summary = (
        "The autograd graph that torch really built, of an example or of your own model: explore it, see what each node keeps and "
        "computes, and run backward one node at a time."
    )
    views = VIEWS
    presets = PRESETS
    formats: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"dot": "DOT, for graphviz", "graph.json": "capture, to be opened again"}
    )
    state_type = GraphState

    def gesture(self, state: GraphState, gesture: Gesture) -> GraphState:
        """A click on ``node`` chooses it, on ``background`` nothing; a click on ``toggle`` opens or closes a group."""
        key = source_of(state).key
        match gesture.layer:
            case "node":
                return state.changed(selected=f"{key}:{gesture.index}")
            case "background":
                return state.changed(selected="")
            case "toggle":
                toggled = set(idents_of(state.toggled, key)) ^ {gesture.index}
                return state.changed(toggled=f"{key}:{','.join(map(str, sorted(toggled)))}" if toggled else "")
        return state

    def document(self, format: str, result: GraphResult, state: GraphState) -> bytes:
        if format == "dot":
            from visualizer.experiments.graph.dot import dot_text

            return dot_text(result.capture.graph, result.view).encode()
        from visualizer.experiments.graph.capture_file import capture_bytes

        return capture_bytes(result.capture)

    def values_of(self, word: str) -> Mapping[str, Any]:
        """``model.py:make`` is a model in a file; a file that ends in ``.json`` a capture."""
        if word.lower().endswith(".json"):
            return {"source": "capture", "capture": word}
        if ".py" in word.lower():
            return {"source": "file", "model": word}
        return super().values_of(word)

    def allow(self, state: GraphState) -> None:
        consent.allow(source_of(state).key)


def selected_ident(state: GraphState) -> int | None:
    """The ident of the box that was chosen in this graph; None: none."""
    found = idents_of(state.selected, source_of(state).key)
    return found[0] if found else None
