"""From a source to a capture: what is kept, what is refused, what is left behind when a run is closed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from visualizer.base.errors import UserError
from visualizer.experiments.graph import captures
from visualizer.experiments.graph.captures import Captured, captured, forget
from visualizer.experiments.graph.requests import Source, source_of
from visualizer.experiments.graph.state import GraphState


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    forget()
    yield
    forget()


def finish(steps: Generator[None, None, Captured]) -> Captured:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Captured = end.value
            return found


def of(name: str, **values: Any) -> Source:
    return source_of(GraphState().changed(example=name, **values))


def test_an_example_gives_a_graph_its_backward_and_the_live_nodes() -> None:
    found = finish(captured(of("mlp")))
    graph = found.capture.graph
    assert found.walked is not None
    assert len(found.walked.live) == len(graph.nodes)
    assert found.walked.graph is graph
    assert found.capture.backward is not None
    assert found.capture.backward.equal is True
    assert found.capture.torch == torch.__version__
    assert graph.title == "MLP"
    assert graph.model == "Sequential"
    assert all(leaf.grad is None for leaf in found.walked.leaves)  # as before the engine ran


def test_the_last_four_sources_are_kept() -> None:
    names = ["lecture", "square", "views", "split", "custom"]
    first = [finish(captured(of(name))) for name in names[:4]]
    assert [finish(captured(of(name))) for name in names[:4]] == first
    finish(captured(of("custom")))  # the fifth: the one that was not asked for longest goes
    assert finish(captured(of("split"))) is first[3]
    assert finish(captured(of("lecture"))) is not first[0]


def test_sizes_and_seed_make_another_capture() -> None:
    found = finish(captured(of("mlp")))
    assert finish(captured(of("mlp", depth=4))) is not found
    assert finish(captured(of("mlp", seed=1))) is not found
    assert finish(captured(of("mlp"))) is found


def test_a_run_that_is_closed_leaves_nothing_behind() -> None:
    state = torch.random.get_rng_state()
    steps = captured(of("gpt", depth=2))
    for _ in range(3):
        next(steps)
    steps.close()
    assert not captures._kept
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.is_grad_enabled()
    assert not torch.nn.modules.module._global_forward_hooks
    found = finish(captured(of("gpt", depth=2)))
    assert found.capture.backward is not None
    assert found.capture.backward.equal is True


def test_torchs_generator_is_as_it_was() -> None:
    state = torch.random.get_rng_state()
    finish(captured(of("transformer")))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("kind", ["code", "file"])
def test_a_program_that_nobody_has_asked_for_is_not_run(kind: Any) -> None:
    source = Source(kind, code="raise SystemExit", path="nothing.py", allowed=False)
    with pytest.raises(UserError, match="Press Run"):
        next(captured(source))


def test_a_file_that_has_changed_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.py"
    path.write_text("one")
    runs: list[Source] = []

    def made(source: Source) -> Generator[None, None, Captured]:
        runs.append(source)
        yield None
        return Captured(capture=None)  # type: ignore[arg-type]

    monkeypatch.setattr(captures, "_made", made)
    source = Source("file", path=str(path))
    first = finish(captured(source))
    assert finish(captured(source)) is first
    path.write_text("another")
    assert finish(captured(source)) is not first
    (tmp_path / "helper.py").write_text("what the model imports")
    finish(captured(source))
    assert len(runs) == 3


def test_an_example_without_a_graph_still_says_what_ran() -> None:
    from visualizer.experiments.graph.captures import captured_run
    from visualizer.experiments.graph.programs import run_program

    found = finish(captured_run(run_program("w = torch.ones(2, requires_grad=True)\nloss = w.detach().sum()")))
    graph = found.capture.graph
    assert graph.nodes == ()
    assert found.capture.backward is None
    assert graph.failure is not None
    assert [one.reason for one in graph.operations] == ["detach", "inputs"]


def test_a_capture_imports_none_of_torchs_symbolic_shapes() -> None:
    program = """
import sys
from visualizer.experiments.graph.captures import captured
from visualizer.experiments.graph.requests import source_of
from visualizer.experiments.graph.state import GraphState
run = captured(source_of(GraphState()))
while True:
    try:
        next(run)
    except StopIteration as end:
        assert end.value.capture.backward.equal
        break
print("sympy" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


def test_a_capture_without_a_name_is_asked_for() -> None:
    with pytest.raises(UserError, match="No capture is named yet"):
        finish(captured(source_of(GraphState(source="capture"))))


@pytest.mark.parametrize("path", [
    "~nobody-has-this-name/run.graph.json", "a\x00b", "\ud800", "x" * 3900, "a\x00/b.json", "/dev/null/x",
])
def test_a_text_that_is_no_path_is_refused_in_words(path: str) -> None:
    with pytest.raises(UserError, match=r"^The capture .+\.$"):
        finish(captured(Source("capture", path=path)))


@pytest.mark.parametrize("path", ["~nobody-has-this-name/model.py", "a\x00b.py", "\ud800.py", "a\x00/b.py"])
def test_of_a_text_that_is_no_path_nothing_is_looked_at(path: str) -> None:
    assert captures._stamp(Source("file", path=path)) == ()
