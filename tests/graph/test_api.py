"""What scripts and notebooks call: nothing of the user's is changed by it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import visualizer
from tests.graph.plain_walk import plain_walk
from visualizer.base.errors import UserError
from visualizer.experiments.graph import api, showing


def small() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 1))
    return model, model(torch.randn(4, 5)).pow(2).mean()


def test_to_import_the_package_loads_nothing_heavy() -> None:
    script = ("import sys, visualizer; assert {'capture', 'show', 'record', 'load'} <= set(dir(visualizer)); "
              "visualizer.__version__; print(sorted({'torch', 'numpy', 'PySide6', 'pydantic'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_what_the_package_has_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'captures'"):
        visualizer.captures  # type: ignore[attr-defined]  # noqa: B018


def test_the_counts_are_those_of_a_plain_walk() -> None:
    model, loss = small()
    found = visualizer.capture(loss, model)
    nodes, edges = plain_walk(loss).counts
    assert found.counts == {"nodes": nodes, "edges": edges}
    assert f"{nodes} nodes, {edges} edges" in repr(found)
    assert "Sequential" in repr(found)


def test_backward_is_run_and_equals_torchs_own() -> None:
    model, loss = small()
    found = visualizer.capture(loss, model)
    assert found.backward is not None
    assert found.backward.error == ""
    assert found.backward.equal
    assert {step.node for step in found.backward.steps} == set(range(found.counts["nodes"]))
    loss.backward()  # type: ignore[no-untyped-call]
    for grad in found.backward.grads:
        leaf = dict(model.named_parameters())[found.graph.leaves[grad.leaf].names[0]]
        assert grad.after is not None
        assert leaf.grad is not None
        assert grad.after.norm == pytest.approx(leaf.grad.norm().item())


@pytest.mark.parametrize("before", [False, True])
def test_gradients_and_a_later_backward_are_undisturbed(before: bool) -> None:
    model, loss = small()
    twin, twins_loss = small()
    if before:
        for parameter in (*model.parameters(), *twin.parameters()):
            parameter.grad = torch.full_like(parameter, 0.25)
    grads = [parameter.grad for parameter in model.parameters()]
    state = torch.get_rng_state()
    visualizer.capture(loss, model)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is grad for parameter, grad in zip(model.parameters(), grads, strict=True))
    loss.backward()  # type: ignore[no-untyped-call]
    twins_loss.backward()  # type: ignore[no-untyped-call]
    for one, two in zip(model.parameters(), twin.parameters(), strict=True):
        assert one.grad is not None
        assert two.grad is not None
        assert torch.equal(one.grad, two.grad)


def test_without_backward_no_engine_runs() -> None:
    x = torch.ones(3, requires_grad=True)
    h = x.exp()
    h.register_hook(lambda grad: pytest.fail("backward was run"))
    assert visualizer.capture(h.sum(), backward=False).backward is None


def test_without_backward_a_checkpoint_is_not_run_again() -> None:
    runs = []

    def part(t: Tensor) -> Tensor:
        runs.append(1)
        return t.exp() * t

    loss = checkpoint(part, torch.ones(3, requires_grad=True), use_reentrant=False).sum()
    visualizer.capture(loss, backward=False)
    assert len(runs) == 1


def test_the_gradient_of_an_intermediate_tensor_that_retains_it_stays_what_it_was() -> None:
    class Keeping(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.hidden = x * 2.0
            self.hidden.retain_grad()
            return self.hidden.exp()

    model, x = Keeping(), torch.ones(3, requires_grad=True)
    loss = model(x).sum()
    early = nn.Parameter(torch.ones(2)) * 1.0  # of another graph
    early.retain_grad()
    visualizer.capture(loss, model)
    assert model.hidden.grad is None
    loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    held = model.hidden.grad
    assert held is not None
    before = held.clone()
    backward = visualizer.capture(loss, model).backward
    assert backward is not None
    assert backward.equal is True
    assert model.hidden.grad is held
    assert torch.equal(held, before)
    loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    assert torch.equal(model.hidden.grad, 2.0 * before)


@pytest.mark.parametrize("recorded", [False, True])
def test_a_model_on_the_device_meta_has_a_graph_with_shapes_and_no_values(recorded: bool) -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 1))
        x = torch.empty(2, 5)
    with visualizer.record(model) as recording:
        loss = model(x).pow(2).mean()
    found = visualizer.capture(loss, model, recording=recording if recorded else None)
    assert found.counts == {"nodes": 11, "edges": 10}
    assert found.backward is not None
    assert (found.backward.equal, found.backward.error, len(found.backward.steps)) == (None, "", 11)
    shapes = [grad.after.type.shape for grad in found.backward.grads if grad.after is not None]
    assert shapes == [tuple(parameter.shape) for parameter in model.parameters()]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_graph_after_its_backward_is_captured_without_what_was_freed() -> None:
    model, loss = small()
    loss.backward()  # type: ignore[no-untyped-call]
    found = visualizer.capture(loss, model)
    assert found.backward is None
    assert any("already run" in note for note in found.graph.notes)
    assert any(saved.freed for node in found.graph.nodes for saved in node.saved)


def test_a_backward_that_fails_is_told_in_the_capture() -> None:
    x = torch.ones(3, requires_grad=True)
    h = x.exp()
    loss = h.sum()
    h.add_(1.0)
    found = visualizer.capture(loss)
    assert found.backward is not None
    assert "inplace" in found.backward.error
    assert "backward failed" in repr(found)
    assert x.grad is None


def test_several_losses_are_several_roots() -> None:
    x = torch.ones(3, requires_grad=True)
    one, two = x.exp().sum(), x.sin().sum()
    for given in ([one, two], (one, two), {"one": one, "two": two}, {"all": [one, (two, one)], "step": 3}):
        found = visualizer.capture(given)
        assert [found.graph.nodes[root].variables for root in found.graph.roots] == [("one",), ("two",)]
    assert x.grad is None


def test_tensors_without_a_gradient_among_others_are_left_out_and_told() -> None:
    x = torch.ones(3, requires_grad=True)
    found = visualizer.capture([x.sum(), torch.ones(())])
    assert len(found.graph.roots) == 1
    assert any("1 of the 2 tensors" in note for note in found.graph.notes)


def test_variables_of_the_caller_name_tensors_unless_names_are_given() -> None:
    x = torch.ones(3, requires_grad=True)
    hidden = x.exp()
    loss = hidden.sum()
    found = visualizer.capture(loss)
    assert [node.variables or node.parameters for node in found.graph.nodes] == [("loss",), ("hidden",), ("x",)]
    found = visualizer.capture(loss, names={"y": hidden})
    assert [node.variables or node.parameters for node in found.graph.nodes] == [(), ("y",), ()]


def test_a_recording_gives_exact_calls_lines_and_values() -> None:
    model = nn.Sequential(nn.Linear(5, 3), nn.Tanh())
    x = torch.randn(4, 5)
    with visualizer.record(model) as recording:
        loss = model(x).sum()
    found = visualizer.capture(loss, model, recording=recording)
    assert [call.title for call in found.graph.calls] == ["Sequential", "0 · Linear", "1 · Tanh"]
    assert not any(call.guessed for call in found.graph.calls)
    lines = {found.graph.lines[node.line].text for node in found.graph.nodes if node.line >= 0}
    assert lines == {"loss = model(x).sum()"}
    tanh = next(node for node in found.graph.nodes if node.title == "Tanh")
    assert tanh.value is not None
    assert found.graph.nodes[0].variables == ("loss",)
    assert ("x",) in [leaf.names for leaf in found.graph.leaves]
    assert [operation.name for operation in found.graph.operations]


def test_a_capture_holds_nothing_of_the_users() -> None:
    model, loss = small()
    gone = [weakref.ref(parameter) for parameter in model.parameters()]
    found = visualizer.capture(loss, model)
    del model, loss  # the variables of this very function
    assert [reference() for reference in gone] == [None] * 4
    assert found.counts["nodes"] > 5


@pytest.mark.parametrize(("loss", "words"), [
    (torch.ones(3), "requires no gradient"), (torch.tensor([1, 2]), "int64"), (0.5, "loss.item()"), ([], "no tensor"),
    ("loss", "no tensor"), (None, "no tensor"), ([torch.ones(1), torch.ones(1)], "none of them"),
], ids=["no gradient", "integers", "number", "empty", "text", "None", "several"])
def test_what_has_no_graph_is_told_in_a_sentence(loss: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        visualizer.capture(loss)
    assert words in caught.value.sentence
    assert caught.value.sentence.endswith(".")


def test_a_loss_of_inference_mode_is_told() -> None:
    with torch.inference_mode():
        loss = nn.Linear(3, 1)(torch.ones(3))
    with pytest.raises(UserError, match="inference_mode"):
        visualizer.capture(loss)


def test_a_model_or_recording_that_is_none_is_told() -> None:
    x = torch.ones(1, requires_grad=True)
    with pytest.raises(UserError, match=r"give a torch\.nn\.Module"):
        visualizer.capture(x * 2, x)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"visualizer\.record"):
        visualizer.capture(x * 2, recording=3)  # type: ignore[arg-type]


def test_a_saved_capture_is_loaded_as_it_was(tmp_path: Path) -> None:
    model, loss = small()
    found = visualizer.capture(loss, model)
    path = found.save(tmp_path / "run.graph.json")
    again = visualizer.load(path)
    assert repr(again) == repr(found)
    assert again.backward is not None
    assert again.backward.equal
    assert again.save(tmp_path / "again.graph.json").read_bytes() == path.read_bytes()
    assert json.loads(path.read_text())["torch"] == torch.__version__
    with pytest.raises(UserError):
        visualizer.load(tmp_path / "none.graph.json")


POPEN = subprocess.Popen


class Started:
    """Instead of a process: notes how it would have been started."""

    every: list[Started] = []  # noqa: RUF012

    def __init__(self, words: list[str], **options: Any) -> None:
        self.words, self.options = words, options
        Started.every.append(self)

    def poll(self) -> int | None:
        return None

    def wait(self, timeout: float) -> int:
        return 0


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A display, a home and a program that is never started; the folder of shown captures."""
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(showing.subprocess, "Popen", Started)
    monkeypatch.setattr(showing, "_windows", [])
    monkeypatch.setattr(showing, "_said", set())
    Started.every.clear()
    yield showing.shown_folder()
    watched()


def watched() -> None:
    """Wait for the threads that watch how windows begin."""
    for thread in threading.enumerate():
        if thread.name == "visualizer.show":
            thread.join()


def test_show_opens_a_saved_capture_in_a_process_of_its_own(shown: Path) -> None:
    model, loss = small()
    assert visualizer.show(loss, model) is None  # type: ignore[func-returns-value]
    (started,) = Started.every
    assert started.words[:4] == [sys.executable, "-m", "visualizer", "graph"]
    found = visualizer.load(started.words[4])
    assert found.counts == visualizer.capture(loss, model).counts
    assert found.graph.nodes[0].variables == ("loss",)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_window_holds_none_of_the_scripts_streams(shown: Path) -> None:
    """A pipe behind the script would not end before the window."""
    visualizer.show(small()[1])
    (started,) = Started.every
    assert {started.options[name] for name in ("stdin", "stdout")} == {subprocess.DEVNULL}
    assert started.options["stderr"].name != sys.stderr.fileno()
    assert started.options["start_new_session"]


def test_what_was_shown_is_kept_for_the_window_but_not_for_ever(shown: Path) -> None:
    other = shown / "other.json"
    other.write_text("{}")
    model, loss = small()
    for _ in range(showing.KEPT + 3):
        visualizer.show(loss, model)
    files = [Path(started.words[4]) for started in Started.every]
    assert len(set(files)) == showing.KEPT + 3
    assert [file.exists() for file in files] == [False] * 3 + [True] * showing.KEPT
    assert other.exists()


def test_a_window_that_cannot_be_started_is_told_and_the_script_goes_on(
    shown: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    model, loss = small()
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    if sys.platform.startswith("linux"):
        for _ in range(3):
            visualizer.show(loss, model)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("visualizer: There is no display")
        assert "run.graph.json" in line
        assert list(shown.iterdir()) == []
    assert Started.every == []
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(showing.subprocess, "Popen", POPEN)
    for program in ("", "/no/such/program"):
        monkeypatch.setattr(showing.sys, "executable", program)
        visualizer.show(loss, model)
        assert capsys.readouterr().err.startswith("visualizer: No window can be opened: ")


def test_a_window_that_ends_with_a_sentence_has_it_passed_on(
    shown: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(showing.subprocess, "Popen", POPEN)
    monkeypatch.setattr(showing, "program", lambda: [
        sys.executable, "-c", "import sys; print('noise', file=sys.stderr); sys.exit('visualizer: No X server answers there.')"])
    visualizer.show(small()[1])
    watched()
    assert capsys.readouterr().err.startswith("visualizer: No X server answers there. The script goes on")


def test_where_there_is_no_home_to_write_to_a_temporary_folder_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    monkeypatch.setattr(showing.tempfile, "mkdtemp", lambda prefix: str(tmp_path))
    assert showing.shown_folder() == tmp_path


def test_a_notebook_shows_the_text_where_no_picture_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    model, loss = small()
    monkeypatch.setattr(api.sys, "executable", "/no/such/program")
    assert visualizer.capture(loss, model)._repr_svg_() is None


def test_a_notebook_shows_what_the_command_line_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    model, loss = small()
    asked: list[list[str]] = []

    def run(words: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        asked.append(words)
        assert visualizer.load(words[5]).counts["nodes"] > 5
        return subprocess.CompletedProcess(words, 0, b'<?xml version="1.0"?><svg></svg>')

    monkeypatch.setattr(api.subprocess, "run", run)
    found = visualizer.capture(loss, model)
    assert found._repr_svg_() == '<?xml version="1.0"?><svg></svg>'
    assert found._repr_svg_() is not None
    (words,) = asked
    assert words[1:5] == ["-m", "visualizer", "export", "graph"]
    assert words[6:10] == ["--out", "-", "--format", "svg"]


def test_a_notebooks_picture_has_the_size_of_its_graph() -> None:
    """Of a small graph a full screen would be empty ground, and its names too small."""
    x = torch.ones(3, requires_grad=True)
    picture = visualizer.capture((x * x).sum())._repr_svg_()
    assert picture is not None
    width, height = (float(size) for size in re.findall(r'<svg width="(\d+)" height="(\d+)"', picture)[0])
    assert width == 640
    assert 250 < height < 450
