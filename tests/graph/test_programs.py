"""Programs and model files: where backward starts, what is said of every mistake."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import Tensor

from visualizer.base.errors import UserError
from visualizer.experiments.graph.model_files import parsed_input
from visualizer.experiments.graph.programs import Ran, run_model, run_program

W = "w = torch.tensor([1., 2., 3.], requires_grad=True)\n"


def said(ran: Ran) -> str:
    assert ran.recording.failure is not None
    return ran.recording.failure.sentence


@pytest.mark.parametrize(("text", "value"), [
    ("loss = (w * 2).sum()\noutput = w * 3", 12.0),
    ("y = (w * 5).sum()\noutput = (w * 3).sum()", 18.0),
    ("a = (w * 5).sum()\ny = (w * 4).sum()\nb = (w * 3).sum()", 24.0),
    ("a = (w * 5).sum()\nb = (w * 3).sum()", 18.0),
    ("b = 0 * w\na = (w * 5).sum()\nb = (w * 3).sum()\nn = 3\nc = w.argmax()", 18.0),
    ("a = (w * 5).sum()\n(a * 2)", 60.0),
    ("loss = 3.5\noutput = (w * 3).sum()", 18.0),
    ("loss = (w * 2).sum()\nloss.backward()", 12.0),
])
def test_backward_starts_from_the_first_of_the_usual_names_else_from_the_end(text: str, value: float) -> None:
    ran = run_program(W + text)
    assert [root.item() for root in ran.roots] == [value]
    assert ran.recording.failure is None


def test_without_a_usual_name_the_choice_is_said() -> None:
    assert any("starts from a" in note for note in run_program(W + "a = w * 2").recording.notes)
    assert run_program(W + "loss = w * 2").recording.notes == ()


@pytest.mark.parametrize(("text", "words"), [
    ("loss = torch.ones(2).sum()", "nothing that went into it requires a gradient"),
    ("loss = w.detach().sum()", "detach"),
    ("with torch.no_grad():\n    h = w * 2\nloss = (h + 1).sum()", "Tensor.mul in line 3, because"),
    ("with torch.inference_mode():\n    loss = w.sum()", "inference_mode"),
    ("loss = w.argmax()", "integers or booleans"),
    ("loss = torch.tensor(1.)", "requires_grad=False"),
    ("loss = torch.tensor(1)", "integers or booleans"),
])
def test_a_loss_without_a_graph_is_explained(text: str, words: str) -> None:
    ran = run_program(W + text)
    assert ran.roots == ()
    assert words in said(ran)
    assert said(ran).startswith("There is no graph")


def test_a_program_that_leaves_no_tensor_says_what_to_do() -> None:
    ran = run_program("print('hello')")
    assert "into loss" in said(ran)
    assert ran.recording.output == "hello\n"


def test_an_error_half_way_leaves_what_was_built_before_it() -> None:
    ran = run_program(W + "h = w.exp()\nside = w.sin()\nloss = h @ torch.ones(4)")
    failure = ran.recording.failure
    assert failure is not None
    assert "line 4" in failure.sentence
    assert "inconsistent tensor size" in failure.details
    assert ran.recording.lines[failure.line].number == 4
    # Both are open ends: the failed operation has used up nothing.
    assert [type(root.grad_fn).__name__ for root in ran.roots] == ["ExpBackward0", "SinBackward0"]


def test_an_error_after_the_loss_still_starts_from_the_loss() -> None:
    ran = run_program(W + "loss = w.sum()\nnothing")
    assert [root.item() for root in ran.roots] == [6.0]
    assert "NameError" in said(ran)


def test_a_program_that_is_not_python_is_told_its_line() -> None:
    ran = run_program("x = 1\ny = = 2\n")
    assert said(ran) == "Line 2 is not Python: invalid syntax."
    failure = ran.recording.failure
    assert failure is not None
    assert ran.recording.lines[failure.line].text == "y = = 2"


@pytest.mark.parametrize("text", ["import sys\nsys.exit(3)", "exit()", "raise SystemExit"])
def test_a_program_may_end_itself(text: str) -> None:
    assert "ended itself" in said(run_program(W + "h = w * 2\n" + text))


@pytest.mark.parametrize(("raised", "told"), [
    ("class Odd(Exception):\n    def __str__(self): raise ValueError('mine')\nraise Odd", "Odd: its message cannot be read"),
    ("class Odd(Exception):\n    def __str__(self): return 3\nraise Odd", "Odd: its message cannot be read"),
    ("class Odd(BaseException): pass\nraise Odd('end')", "Odd: end"),
    ("raise GeneratorExit", "GeneratorExit: no message"),
    ("raise MemoryError", "MemoryError: no memory was left for it"),
    ("raise ValueError('\\n \\n')", "ValueError: no message"),
    (r"raise ValueError('a\0b\x1b[31m\ud800')", r"ValueError: a\x00b\x1b[31m\ud800"),
])
def test_whatever_an_error_is_it_is_told_and_what_was_built_before_it_is_there(raised: str, told: str) -> None:
    ran = run_program(W + "h = w * 2\n" + raised)
    assert said(ran) == f"The forward pass failed in line {2 + len(raised.splitlines())}. {told}"
    assert [type(root.grad_fn).__name__ for root in ran.roots] == ["MulBackward0"]


def test_a_message_of_many_megabytes_is_cut() -> None:
    failure = run_program("raise ValueError('x' * 10_000_000)").recording.failure
    assert failure is not None
    assert len(failure.sentence) < 400
    assert failure.details.endswith("(10,000,000 characters)")
    assert len(failure.details) < 30_000


def test_endless_recursion_is_an_error_as_any_other() -> None:
    assert "RecursionError" in said(run_program("def f(n):\n    return f(n + 1)\nf(0)"))


def test_the_seed_makes_the_numbers_and_the_generator_is_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, third = (run_program("loss = torch.randn(4, requires_grad=True).sum()", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(1)
    assert first.roots[0].item() == second.roots[0].item() == torch.randn(4).sum().item()
    assert third.roots[0].item() != first.roots[0].item()


def test_settings_that_a_program_changes_are_put_back() -> None:
    run_program("torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\ntorch.autograd.set_detect_anomaly(True)")
    assert torch.get_default_dtype() is torch.float32
    assert torch.is_grad_enabled()
    assert not torch.is_anomaly_enabled()


def test_names_of_the_program_are_names_of_the_tensors() -> None:
    ran = run_program("model = nn.Linear(2, 1)\nx = torch.ones(2)\nhidden = {'a': x * 2}\nloss = F.relu(model(hidden['a'])).sum()")
    assert set(ran.recording.variables) == {"x", "hidden['a']", "loss"}
    assert ran.model is not None
    assert [call.type for call in ran.recording.calls] == ["Linear"]


FILE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=7):
        super().__init__()
        self.embedding = nn.Embedding(classes, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, words, scale=None):
        h = self.embedding(words)
        return {"logits": self.head(h), "hidden": h}

net = Net()
def make(): return Net()
def pair(): return nn.Linear(3, 2), torch.ones(5, 3)
def several(): return nn.Bilinear(3, 3, 2), (torch.ones(5, 3), torch.ones(5, 3))
def wrong(): return nn.Linear(3, 2), torch.ones(5, 4)
def loss(): return nn.Linear(3, 2)(torch.ones(3)).sum()
def nothing(): return None
def needs(classes): return Net(classes)
def raises(): raise ValueError("no weights here")
class HasLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
    def forward(self, x):
        h = self.layer(x)
        return {"logits": h, "loss": h.pow(2).mean()}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_model.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(("make", "given", "shapes"), [
    ("make", "2,5:int64", [(2, 5, 2), (2, 5, 4)]),
    ("Net", "3:int64", [(3, 2), (3, 4)]),
    ("net", "3:int64", [(3, 2), (3, 4)]),
    ("", "3:int64", [(3, 2), (3, 4)]),
    ("pair", "", [(5, 2)]),
    ("pair", "4,3", [(4, 2)]),
    ("several", "", [(5, 2)]),
    ("several", "6,3; 6,3", [(6, 2)]),
    ("loss", "", [()]),
    ("HasLoss", "4,3", [()]),
])
def test_a_model_file_is_run(file: Path, make: str, given: str, shapes: list[tuple[int, ...]]) -> None:
    ran = run_model(str(file), make, given)
    assert ran.recording.failure is None
    assert [tuple(root.shape) for root in ran.roots] == shapes
    assert any("gradient of ones" in note for note in ran.recording.notes) is (len(shapes) > 1)


def test_integers_stay_below_the_smallest_embedding(file: Path) -> None:
    ran = run_model(str(file), "make", "400:int64")
    words = ran.recording.variables["input"]
    assert isinstance(words, Tensor)
    assert (int(words.min()), int(words.max())) == (0, 6)
    assert any("from 0 to 6" in note for note in ran.recording.notes)


@pytest.mark.parametrize(("make", "given", "words"), [
    ("mak", "", "Did you mean make?"),
    ("xyzzy", "", "The file has"),
    ("nothing", "", "gives nothing (None)"),
    ("needs", "", "needs arguments (classes)"),
    ("make", "", "forward needs an input (words)"),
    ("make", "2,a", "no shape of an input"),
    ("make", "2:int65", "no dtype of torch"),
    ("make", "99999,99999", "more than"),
])
def test_a_mistake_is_told_with_what_to_change(file: Path, make: str, given: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        run_model(str(file), make, given)


def test_a_file_that_is_not_there_names_what_is(file: Path) -> None:
    with pytest.raises(UserError, match=r"Did you mean my_model\.py\?"):
        run_model(str(file.with_name("mymodel.py")), "make", "")
    with pytest.raises(UserError, match="No model is named yet"):
        run_model("", "", "")


@pytest.mark.parametrize(("make", "given", "text"), [
    ("wrong", "", "def wrong(): return nn.Linear(3, 2), torch.ones(5, 4)"),
    ("make", "2,5", "h = self.embedding(words)"),
    ("raises", "", 'def raises(): raise ValueError("no weights here")'),
])
def test_what_the_users_code_raises_is_marked_at_its_line(file: Path, make: str, given: str, text: str) -> None:
    ran = run_model(str(file), make, given)
    failure = ran.recording.failure
    assert failure is not None
    if make == "wrong":  # torch refused what the file's own input was given to: no line of the file did that
        assert "mat1 and mat2 shapes cannot be multiplied" in failure.details
        assert failure.line == -1
    else:
        assert ran.recording.lines[failure.line].text == text
        assert ran.recording.lines[failure.line].file == "my_model.py"


def test_a_file_imports_its_neighbours_and_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_a_model.py").write_text("from torch import nn\nlayer = nn.Linear(2, 1)\n")
    path = tmp_path / "file_with_a_neighbour.py"
    path.write_text(textwrap.dedent("""
        import torch
        from neighbour_of_a_model import layer
        def make(): return layer, torch.ones(2)
    """))
    before = list(sys.path)
    ran = run_model(str(path), "make", "")
    sys.modules.pop("neighbour_of_a_model", None)
    assert len(ran.roots) == 1
    assert sys.path == before
    assert "file_with_a_neighbour" not in sys.modules


def test_shapes_are_read_as_people_write_them() -> None:
    assert [(one.shape, one.dtype) for one in parsed_input("1,3, 224x224; (2, 16):int64 ;()")] == [
        ((1, 3, 224, 224), torch.float32), ((2, 16), torch.int64), ((), torch.float32)]
    assert parsed_input("") == ()


@pytest.mark.parametrize(("text", "words"), [
    ("loss = (w * w).sum().item()", "loss is a float, as item() gives, and no tensor"),
    ("loss = [w * 2]", "loss is a list and no tensor"),
    ("loss = None", "loss is None and no tensor"),
    ("loss = 3", "loss is an int and no tensor"),
])
def test_a_loss_that_is_no_tensor_is_told_what_it_is(text: str, words: str) -> None:
    assert words in said(run_program(text.replace("w", "torch.ones(2)")))
    ran = run_program(W + "h = w * 3\noutput = h.sum()\n" + text)
    assert [root.item() for root in ran.roots] == [18.0]
    assert any(words in note and "starts from output" in note for note in ran.recording.notes)


@pytest.mark.parametrize("text", ["x = " + "-" * 9000 + "1", "x = 0" + " + x" * 6000])
def test_a_program_that_python_cannot_read_is_told_so(text: str) -> None:
    ran = run_program(text + "\nloss = torch.ones(2, requires_grad=True) * 2")
    assert said(ran) == "This is nested too deeply: Python cannot read it."
    assert not ran.roots


def test_a_byte_order_mark_before_a_program_is_no_part_of_it() -> None:
    ran = run_program("\ufeff" + W + "loss = w.sum()\nnothing")
    assert [root.item() for root in ran.roots] == [6.0]
    assert "line 3" in said(ran)


def test_objects_that_claim_to_be_tensors_or_refuse_every_question_are_passed_over() -> None:
    ran = run_program(textwrap.dedent("""
        class Refusing:
            @property
            def __class__(self): raise RuntimeError("asked")
            def __getattr__(self, name): raise RuntimeError("asked")
        class Claiming:
            __class__ = torch.Tensor
        class Closed(dict):
            def items(self): raise RuntimeError("asked")
        class Key:
            def __repr__(self): raise RuntimeError("asked")
        one, other, model = Refusing(), Claiming(), Refusing()
        inside = [Refusing(), Claiming()]
        closed, keyed = Closed(a=torch.ones(2)), {Key(): torch.ones(2)}
        globals()[3] = torch.ones(2)
        long = {"k" * 5000: torch.ones(2)}
        loss = torch.ones(2, requires_grad=True).sum()
        """))
    assert ran.recording.failure is None
    assert [root.item() for root in ran.roots] == [2.0]
    assert ran.model is None
    assert set(ran.recording.variables) == {"loss", "long['" + "k" * 76 + "...]"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX")
@pytest.mark.timeout(20)
def test_nothing_is_waited_for_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    for path in (tmp_path / "pipe.py", tmp_path, Path(os.devnull)):
        with pytest.raises(UserError, match="There is no Python file"):
            run_model(str(path), "make", "2,3")
