"""DOT: read back by a small parser of its own and, where it is installed, by graphviz."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.graph.pages_of_the_graph import capture_of, made, view_of
from visualizer.experiments.graph.dot import dot_text, quoted
from visualizer.experiments.graph.examples.catalogue import EXAMPLES
from visualizer.experiments.graph.model import Call

_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(rf"{_STRING}|->|[A-Za-z_0-9.]+|[{{}}\[\];=,]")


class Read:
    """Nodes with their labels, edges, and how many clusters: whatever the DOT grammar allows of them."""

    def __init__(self, text: str) -> None:
        rest = _TOKEN.sub("", text)
        assert not rest.strip(), rest
        self.nodes: dict[str, str] = {}
        self.edges: list[tuple[str, str]] = []
        self.clusters = 0
        depth = 0
        for line in text.splitlines():
            tokens = _TOKEN.findall(line)
            if not tokens:
                continue
            if tokens[0] in ("digraph", "subgraph"):
                self.clusters += tokens[0] == "subgraph"
            elif "->" in tokens:
                self.edges.append((tokens[0], tokens[2]))
            elif re.fullmatch(r"[np]\d+(_\d+)?", tokens[0]):
                assert tokens[0] not in self.nodes
                self.nodes[tokens[0]] = tokens[tokens.index("label") + 2][1:-1]
            depth += tokens.count("{") - tokens.count("}")
            assert depth >= 0
        assert depth == 0


@pytest.mark.parametrize("name", [entry.name for entry in EXAMPLES])
def test_unfolded_it_has_the_nodes_and_edges_of_the_graph(name: str) -> None:
    graph = capture_of(name).graph
    read = Read(dot_text(graph, view_of(graph, "none")))
    inside = {ident: label for ident, label in read.nodes.items() if int(ident[1:]) < 500_000_000}
    assert len(inside) == len(graph.nodes)
    wanted = Counter((f"n{a}", f"n{b}") for a, b in zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True))
    assert Counter(edge for edge in read.edges if edge[0] in inside and edge[1] in inside) == wanted
    for node in graph.nodes:
        assert inside[f"n{node.index}"].startswith(node.name)


@pytest.mark.parametrize("name", ["lecture", "mlp", "transformer"])
def test_folded_leaves_and_open_groups_are_there(name: str) -> None:
    graph = capture_of(name).graph
    for view in (view_of(graph, "parameters"), view_of(graph, "modules", 2)):
        read = Read(dot_text(graph, view))
        assert read.clusters == len(view.groups)
        badges = sum(len(item.badges) for item in view.items if item.node >= 0)
        assert sum(ident.startswith("p") for ident in read.nodes) == badges
        assert len(read.edges) == len(view.source) + badges


@given(st.text(max_size=30))
def test_any_name_is_a_string_of_dot(name: str) -> None:
    call = Call(0, name, "Module", 0)
    graph = made(["Add", "Mul", f"p{name}"], [(0, 1), (1, 2)], [call], [0, 0, -1])
    Read(dot_text(graph, view_of(graph, "modules", 1)))
    assert re.fullmatch(_STRING, quoted(name))


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
@pytest.mark.parametrize("fold", ["none", "parameters", "modules"])
def test_graphviz_reads_it(fold: str) -> None:
    graph = capture_of("mlp").graph
    text = dot_text(graph, view_of(graph, fold, 2))
    nasty = dot_text(made(["Add", 'p"; \\ <b> é \n'], [(0, 1)]), view_of(made(["Add", 'p"; \\ <b> é \n'], [(0, 1)]), "parameters"))
    for one, nodes in ((text, len(Read(text).nodes)), (nasty, 2)):
        run = subprocess.run(["dot", "-Tplain"], input=one.encode(), capture_output=True, timeout=60, check=True)
        assert not run.stderr
        assert sum(line.startswith("node ") for line in run.stdout.decode().splitlines()) == nodes


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_draws_the_loss_below_and_the_arrows_towards_it() -> None:
    """As torchviz does, and the screen."""
    graph = capture_of("lecture").graph
    text = dot_text(graph, view_of(graph, "none"))
    run = subprocess.run(["dot", "-Tjson"], input=text.encode(), capture_output=True, timeout=60, check=True)
    drawn = json.loads(run.stdout)
    height = {node["name"]: float(node["pos"].split(",")[1]) for node in drawn["objects"]}
    assert min(height, key=height.__getitem__) == f"n{graph.roots[0]}"
    assert len(drawn["edges"]) == len(graph.edges)
    for edge in drawn["edges"]:
        tail, head = (height[drawn["objects"][edge[end]]["name"]] for end in ("tail", "head"))
        (points,) = [part["points"] for part in edge["_tdraw_"] if part["op"] == "P"]
        assert "_hdraw_" not in edge
        assert tail < min(y for _, y in points) < (tail + head) / 2
