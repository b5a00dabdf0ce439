"""Why is .grad None: every case really ends so, its cure does not, and the diagnosis is right for any tensor and loss."""

from __future__ import annotations

import contextlib
import io
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visualizer.base.explanation import Table, Verdict
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.gallery import CASES, Case, case_of, case_options
from visualizer.experiments.losses.inspection import diagnose, grad_of, on_path
from visualizer.experiments.losses.pages import none as page
from visualizer.experiments.losses.requests import NoneRequest
from visualizer.experiments.losses.state import LossesState
from visualizer.figures.model import Markers

#: What is wrong in each case, told by hand.
REASONS = {
    "non_leaf": "non_leaf", "converted": "non_leaf", "detached": "off_path", "no_grad": "no_graph", "integer": "integer",
    "argmax": "no_graph", "not_on_path": "off_path", "overwritten": "overwritten", "leaf_in_place": "leaf_changed",
    "reassigned": "non_leaf", "view": "non_leaf", "data": "off_path", "numpy": "no_graph", "parameter": "off_path",
    "frozen": "not_required", "set_to_none": "emptied", "not_called": "not_called", "autograd_grad": "emptied",
    "inputs": "emptied",
}
STATE = LossesState(view="none")


def result_of(name: str) -> page.NoneResult:
    *_, last = page.run(NoneRequest(name))
    assert last is not None
    return last


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_grad_is_none_for_the_reason_that_is_found_and_filled_after_the_cure(case: Case) -> None:
    result = result_of(case.name)
    assert result.broken.finding.reason == REASONS[case.name]
    assert not result.broken.finding.filled
    assert result.cured.finding.reason == "filled"
    assert result.cured.error == ""
    asked = next(entry for entry in result.cured.seen if entry.name == case.asked)
    assert asked.grad is not None
    assert any(value != 0 for value in asked.grad)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_script_ends_with_the_error_that_is_declared(case: Case) -> None:
    error = result_of(case.name).broken.error
    assert error.partition(":")[0] == case.error


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_scripts_are_short_and_code_runs_as_it_stands_and_prints_the_gradient(case: Case) -> None:
    assert max(len(script.splitlines()) for script in (case.broken, case.cure)) <= 8
    assert max(len(line) for script in (case.broken, case.cure) for line in script.splitlines()) <= 90
    out = io.StringIO()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(out):
        warnings.simplefilter("ignore")
        exec(Losses().code(STATE.changed(case=case.name)), {"__name__": "__main__"})
    result = result_of(case.name)
    wanted = [*result.broken.printed, *([result.broken.error] if result.broken.error else []), *result.cured.printed]
    assert out.getvalue().split() == " ".join(wanted).split()


def test_torchs_own_words_are_shown() -> None:
    said = {name: result_of(name).broken for name in ("non_leaf", "no_grad", "integer", "overwritten", "leaf_in_place")}
    assert "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed" in said["non_leaf"].warned[0]
    assert "element 0 of tensors does not require grad and does not have a grad_fn" in said["no_grad"].error
    assert "can require gradients" in said["integer"].error
    assert "modified by an inplace operation" in said["overwritten"].error
    assert "a leaf Variable that requires grad is being used in an in-place operation" in said["leaf_in_place"].error


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_explanation_begins_with_the_verdict_and_the_figures_mark_the_tensor(case: Case) -> None:
    result = result_of(case.name)
    first, *rest = page.explain(result, STATE).blocks
    assert isinstance(first, Verdict)
    assert first.text.startswith(f".grad of {case.asked} is None: ")
    assert sum(isinstance(block, Table) for block in rest) >= 3
    figures = page.figures(result, STATE)
    assert [figure.name for figure in figures] == ["none", "cured"]
    for figure in figures:
        assert any(isinstance(layer, Markers) and layer.key == "asked" for layer in figure.layers)
        assert len({layer.key for layer in figure.layers}) == len(figure.layers)


def test_torchs_generator_stays_where_it_was_and_the_case_is_the_same_each_time() -> None:
    before = torch.random.get_rng_state()
    first, second = result_of("frozen").numbers(), result_of("frozen").numbers()
    assert first == second
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_case_is_an_option() -> None:
    assert [option.name for option in case_options()] == [case.name for case in CASES]
    assert case_of("view").asked == "part"
    assert set(REASONS) == {case.name for case in CASES}


def graph(plan: list[tuple[int, int, int]]) -> list[Tensor]:
    """Tensors computed from one another, in ways that keep, cut and split the graph."""
    tensors = [torch.tensor([0.5, 1.5], requires_grad=True), torch.tensor([1.0, -1.0], requires_grad=True), torch.ones(2)]
    for what, one, other in plan:
        a, b = tensors[one % len(tensors)], tensors[other % len(tensors)]
        match what:
            case 0:
                tensors.append(a * b)
            case 1:
                tensors.append(a + b.sin())
            case 2:
                tensors.append(a.detach())
            case 3:
                with torch.no_grad():
                    tensors.append(a * 2)
            case 4:
                tensors += list(torch.stack([a, b]).unbind())
            case 5:
                tensors.append(torch.nn.Parameter(a * 1.0))
            case 6:
                tensors.append(a[:1].expand(2))
            case _:
                tensors.append(torch.zeros(2, dtype=torch.int64) + a.long())
    return tensors


PLANS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 99), st.integers(0, 99)), max_size=10)


@settings(max_examples=150, deadline=None)
@given(PLANS, st.integers(0, 99), st.integers(0, 99))
def test_on_the_path_is_what_the_engine_finds(plan: list[tuple[int, int, int]], which: int, asked: int) -> None:
    tensors = graph(plan)
    loss, tensor = tensors[which % len(tensors)].sum() * 1.0, tensors[asked % len(tensors)]
    expected = False
    if loss.requires_grad and tensor.requires_grad:
        (found,) = torch.autograd.grad(loss, tensor, allow_unused=True, retain_graph=True)
        expected = found is not None
    assert on_path(tensor, loss) == expected
    assert on_path(loss, loss) == loss.requires_grad


@settings(max_examples=150, deadline=None)
@given(PLANS, st.integers(0, 99), st.sets(st.integers(0, 99), max_size=3))
def test_what_is_said_before_backward_is_what_happens(
    plan: list[tuple[int, int, int]], which: int, retained: set[int],
) -> None:
    tensors = graph(plan)
    for index in retained:
        if tensors[index % len(tensors)].requires_grad:
            tensors[index % len(tensors)].retain_grad()
    loss = tensors[which % len(tensors)].square().sum() * 1.0
    before = [diagnose("t", tensor, loss) for tensor in tensors]
    if not loss.requires_grad:
        for tensor, finding in zip(tensors, before, strict=True):
            assert finding.reason == ("no_graph" if tensor.requires_grad else
                                      "not_required" if tensor.is_floating_point() else "integer")
        with pytest.raises(RuntimeError, match="does not require grad"):
            loss.backward()
        return
    loss.backward()
    for tensor, finding in zip(tensors, before, strict=True):
        # It is filled exactly if nothing else than the missing call stood in the way.
        assert (grad_of(tensor) is not None) == (finding.reason == "not_called")
        after = diagnose("t", tensor, loss)
        assert after.reason == ("filled" if finding.reason == "not_called" else finding.reason)
        assert after.ran == "yes"
        assert after.headline
        assert all(after.sentences)
        if tensor.grad_fn is None and tensor.grad is not None:
            tensor.grad = None
            assert diagnose("t", tensor, loss).reason == "emptied"


def test_a_gradient_of_an_earlier_loss_does_not_pass_for_a_backward_on_this_one() -> None:
    x, w = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    (w**2).sum().backward()
    assert diagnose("x", x, (x * w).sum()).reason == "not_called"


def test_a_hook_on_saved_tensors_is_not_called_by_looking() -> None:
    called = []
    x = torch.ones(2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, lambda tensor: called.append(tensor) or tensor):
        loss = (x**2).sum()
    diagnose("x", x, loss)
    assert called == []


def test_the_numbers_tell_the_state_of_every_tensor() -> None:
    numbers = result_of("non_leaf").numbers()
    assert numbers["broken"]["tensors"]["y"]["is_leaf"] is False
    assert numbers["broken"]["tensors"]["y"]["grad"] is None
    assert numbers["broken"]["tensors"]["x"]["grad"] == [8.0, 16.0, 24.0]
    assert numbers["cured"]["tensors"]["y"]["grad"] == [4.0, 8.0, 12.0]
