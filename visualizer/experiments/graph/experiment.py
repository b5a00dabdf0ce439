"""The graph tab as an experiment: what is declared here, and what its pages answer."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from visualizer.base.experiment import Gesture, Report, Request
from visualizer.base.pages import PagedExperiment, PageResult
from visualizer.experiments.graph.state import PRESETS, VIEWS, GraphState

if TYPE_CHECKING:
    from visualizer.experiments.graph.requests import PageRequest
    from visualizer.experiments.graph.results import GraphResult


class GraphTab(PagedExperiment[GraphState, Request, PageResult]):
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
        from visualizer.experiments.graph.requests import idents_of, source_of

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

    def document(self, format: str, result: PageResult, state: GraphState) -> bytes:
        drawn = cast("GraphResult", result)
        if format == "dot":
            from visualizer.experiments.graph.dot import dot_text

            return dot_text(drawn.capture.graph, drawn.view).encode()
        from visualizer.experiments.graph.capture_file import capture_bytes

        return capture_bytes(drawn.capture)

    def values_of(self, word: str) -> Mapping[str, Any]:
        """``model.py:make`` is a model in a file; a file that ends in ``.json`` a capture."""
        path = os.path.abspath(word)  # noqa: PTH100 - the word is a path with a name after it; a session has to find it from elsewhere
        if word.lower().endswith(".json"):
            return {"source": "capture", "capture": path}
        if word.lower().endswith(".py") or ".py:" in word.lower():
            return {"source": "file", "model": path}
        return super().values_of(word)

    def implied(self, names: Collection[str]) -> Mapping[str, Any]:
        """A program, a model or a capture means that the graph is that one's."""
        if "source" in names:
            return {}
        of = {"code": "code", "model": "file", "input": "file", "capture": "capture", "example": "example"}
        found = {of[name] for name in names if name in of}
        return {"source": found.pop()} if len(found) == 1 else {}

    def reports(self, result: PageResult) -> Mapping[str, Report]:
        graph = cast("GraphResult", result).capture.graph
        source = cast("PageRequest", result.request).source
        failure = graph.failure
        line = graph.lines[failure.line].number if failure is not None and failure.line >= 0 else 0
        report = Report(failure.sentence if failure is not None else "", line, graph.output)
        return {"code": report} if source.kind == "code" else {"model": report} if source.kind == "file" else {}

    def allow(self, state: GraphState) -> None:
        from visualizer.experiments.graph import consent
        from visualizer.experiments.graph.requests import source_of

        consent.allow(source_of(state).key)
