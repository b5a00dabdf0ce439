"""The graph: all of it, a node's tensors, and everything that is known of what was clicked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from visualizer.base.explanation import Block, Explanation
from visualizer.experiments.graph import looks, node_words, pages_base
from visualizer.experiments.graph.pages import graph_figures, graph_words
from visualizer.experiments.graph.pages.backward_code import program
from visualizer.experiments.graph.requests import GraphRequest, Source, selected_ident
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import GraphState
from visualizer.figures.graph import AnyFigure

#: Graphs of so many nodes are shown while they are run backward.
_LARGE = 1000


@dataclass(frozen=True, eq=False)
class GraphPageResult(GraphResult):
    """A capture and its drawing; ``overview`` is said while nothing is chosen."""

    overview: tuple[Block, ...]


def run(request: GraphRequest) -> Iterator[GraphPageResult | None]:
    """Capture, fold, lay out. A large graph is there before it is run backward.

    Raises:
        UserError: there is no graph; the sentence says why.
    """
    run = pages_base.begin_in_parts(request.source, request.shown, _LARGE)
    try:
        while True:
            try:
                early = next(run)
            except StopIteration as end:
                found, view, drawing = end.value
                break
            if early is None:
                yield None
                continue
            found, view, drawing = early
            yield GraphPageResult(request=request, capture=found.capture, view=view, drawing=drawing,
                                  overview=graph_words.BEFORE_BACKWARD, progress=0.6)
    finally:
        run.close()
    yield None
    overview = tuple(graph_words.overview(found.capture))
    yield GraphPageResult(request=request, capture=found.capture, view=view, drawing=drawing, overview=overview)


def figures(result: GraphPageResult, state: GraphState) -> tuple[AnyFigure, ...]:
    """The graph; the chosen tensor of the chosen node; the distribution of its elements."""
    graph = result.capture.graph
    name = graph.title or graph.model
    title = f"The graph of {name}" if name else "The graph that autograd built"
    picture = looks.figure_of("graph", title, result, state)
    if result.overview and len(graph.nodes) == 0 and not picture.note:
        picture = looks.figure_of("graph", title, result, state, note=graph_words.empty(result.capture.graph))
    chosen = graph_figures.chosen(result, state)
    return picture, graph_figures.tensor(chosen), graph_figures.histogram(chosen)


def explain(result: GraphPageResult, state: GraphState) -> Explanation:
    """What was clicked; without a choice, the whole graph."""
    ident = selected_ident(state)
    blocks = node_words.words(result.capture, result.view, ident) if ident is not None else None
    return Explanation(tuple(blocks) if blocks is not None else result.overview)


_WALK = """\

# The graph hangs on {root}.grad_fn; it is walked without recursion, for graphs are deep.
nodes, edges, seen = [], 0, set()
waiting = [{root}.grad_fn] if {root}.grad_fn is not None else []
while waiting:
    node = waiting.pop()
    if node in seen:
        continue
    seen.add(node)
    nodes.append(node)
    following = [at for at, _ in node.next_functions if at is not None]
    edges += len(following)  # parallel edges each, None not
    waiting += following

print("nodes:", len(nodes))
print("edges:", edges)
names = [node.name().rpartition("::")[2] for node in nodes]
for name in sorted(set(names)):
    print(f"{{names.count(name):6}} {{name}}")
"""


def code(request: GraphRequest) -> str:
    """The program, and lines that walk its graph and print the counts.

    Raises:
        UserError: there is no program to run.
    """
    source: Source = request.source
    text, root = program(source)
    return text + _WALK.format(root=root)
