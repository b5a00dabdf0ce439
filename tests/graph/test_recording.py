"""The recording of a forward pass, against what torch itself says of the same forward pass."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_modules
from torch.utils.checkpoint import checkpoint

from visualizer.experiments.graph.model import Operation
from visualizer.experiments.graph.recording import Recording
from visualizer.experiments.graph.walking import walked


def recorded(run: Callable[[], Any], model: nn.Module | None = None) -> tuple[Recording, Any]:
    with Recording(model) as recording:
        result = run()
    return recording, result


def names(recording: Recording) -> list[str]:
    return [operation.name for operation in recording.operations]


def named(recording: Recording, name: str) -> Operation:
    return next(one for one in recording.operations if name in one.variables)


def test_every_node_of_the_graph_belongs_to_the_operation_that_made_it() -> None:
    x = torch.randn(3, 4, requires_grad=True)
    grad_fns: list[Any] = []

    def forward() -> Tensor:
        h = x.exp()
        grad_fns.append(h.grad_fn)
        h = torch.nn.functional.softmax(h, dim=1)
        grad_fns.append(h.grad_fn)
        h = h.std(dim=0)
        grad_fns.append(h.grad_fn)
        h = h @ torch.ones(4)
        grad_fns.append(h.grad_fn)
        return h

    recording, loss = recorded(forward)
    assert names(recording) == ["Tensor.exp", "torch.nn.functional.softmax", "Tensor.std", "Tensor.matmul"]
    assert [recording.of_node(node._sequence_nr(), node).operation for node in grad_fns] == [0, 1, 2, 3]
    found = walked([loss], None, recording)
    operations = found.graph.operations
    assert sorted(node for one in operations for node in one.nodes) == [
        node.index for node in found.graph.nodes if node.kind != "accumulate"]
    for one, node in zip(operations, grad_fns, strict=True):  # the last node of each is the one that torch names
        assert found.live[one.nodes[-1]] is node


def test_nodes_from_before_and_after_the_recording_belong_to_nothing() -> None:
    before = torch.randn(2, requires_grad=True) * 2
    recording, inside = recorded(lambda: before + 1)
    after = inside * 3
    nodes: list[Any] = [one.grad_fn for one in (before, inside, after)]
    assert [recording.of_node(node._sequence_nr(), node).operation for node in nodes] == [-1, 0, -1]


def test_values_are_those_of_the_moment() -> None:
    x = torch.tensor([1.0, 2.0])
    recording, _ = recorded(lambda: (x * 2, x.add_(1), x * 2))
    values = [one.value.sample.ravel().tolist() for one in recording.operations if one.value is not None]
    assert values == [[2.0, 4.0], [2.0, 3.0], [4.0, 6.0]]
    assert recording.known[0].value is not None
    assert recording.known[0].value.sample.ravel().tolist() == [1.0, 2.0]  # before it was changed


def test_module_calls_are_nested_counted_and_named_as_named_modules_has_them() -> None:
    class Again(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Sequential(nn.Linear(2, 2))

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(3):
                x = self.layer(x)
            return x

    model = Again()
    expected: list[str] = []
    paths = {module: path for path, module in model.named_modules()}
    for one in model.modules():
        one.register_forward_pre_hook(lambda module, _: expected.append(paths[module]))
    recording, _ = recorded(lambda: model(torch.randn(1, 2)), model)
    assert [call.path for call in recording.calls] == expected
    assert [call.nth for call in recording.calls if call.path == "layer.0"] == [0, 1, 2]
    parents = [recording.calls[call.parent].path if call.parent >= 0 else None for call in recording.calls]
    assert parents == [None, "", "layer", "", "layer", "", "layer"]
    assert [operation.call for operation in recording.operations] == [2, 4, 6]


def test_a_module_outside_of_the_model_has_the_name_of_its_variable() -> None:
    layers = [nn.Linear(2, 2), nn.Linear(2, 1)]
    recording, _ = recorded(lambda: nn.ReLU()(layers[1](layers[0](torch.ones(2)))))
    recording.name({"layers": layers})
    assert [(call.path, call.type) for call in recording.calls] == [("layers[0]", "Linear"), ("layers[1]", "Linear"), ("ReLU", "")]
    assert ("layers[0].weight",) in [known.names for known in recording.known]


def test_an_exception_closes_the_calls_and_nothing_is_left_behind() -> None:
    class Fails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ torch.ones(7)

    model = nn.Sequential(nn.Linear(3, 3), Fails())
    recording = Recording(model)
    own = torch.autograd.Function.__dict__["apply"]
    with pytest.raises(RuntimeError), recording:
        model(torch.ones(3, requires_grad=True))
    assert torch.autograd.Function.__dict__["apply"] is own
    assert not torch_modules._global_forward_hooks
    assert not torch_modules._global_forward_pre_hooks
    failure = recording.failure
    assert failure is not None
    assert "Tensor.matmul" in failure.sentence
    assert "inconsistent tensor size" in failure.details
    failed = recording.operations[failure.operation]
    assert failed.name == "Tensor.matmul"
    assert failed.error == failure.details
    assert recording.lines[failure.line].text == "return x @ torch.ones(7)"
    assert recording.calls[failed.call].type == "Fails"
    assert [type(root.grad_fn).__name__ for root in recording.loose] == ["ViewBackward0"]  # what the linear layer gave


def test_an_error_that_the_user_has_caught_is_no_failure() -> None:
    def forward() -> Tensor:
        x = torch.ones(3, requires_grad=True)
        try:
            x @ torch.ones(4)
        except RuntimeError:
            return x * 2
        raise AssertionError

    recording, _ = recorded(forward)
    assert recording.failure is None
    assert [one.error for one in recording.operations] == ["", ""]


def test_source_lines_are_those_of_the_caller() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    recording, _ = recorded(lambda: model(torch.ones(2)).sum())
    assert {line.text for line in recording.lines} == {"recording, _ = recorded(lambda: model(torch.ones(2)).sum())"}
    assert {one.line for one in recording.operations} == {0}


def test_making_a_module_and_updating_it_are_no_operations() -> None:
    def run() -> None:
        model = nn.Sequential(nn.LSTM(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2), nn.MultiheadAttention(4, 2), nn.Embedding(3, 2))
        model.to(torch.float64).load_state_dict(model.state_dict())
        repr(model[1].weight)

    recording, _ = recorded(run)
    assert names(recording) == []


@pytest.mark.parametrize(("run", "reason"), [
    (lambda w: w * 2, ""),
    (lambda w: torch.ones(3) * 2, "inputs"),
    (lambda w: w.detach(), "detach"),
    (lambda w: w.data, "detach"),
    (lambda w: w.argmax(), "integer"),
    (lambda w: w > 0, "integer"),
    (lambda w: torch.no_grad()(lambda: w * 2)(), "no_grad"),
    (lambda w: torch.inference_mode()(lambda: w * 2)(), "inference"),
    (lambda w: torch.zeros_like(w), "nondifferentiable"),
    (lambda w: torch.autograd.grad((w * w).sum(), w)[0], "nondifferentiable"),
])
def test_the_reason_says_why_a_result_requires_no_gradient(run: Callable[[Tensor], Tensor], reason: str) -> None:
    recording, result = recorded(lambda: run(torch.tensor([1.0, -2.0, 3.0], requires_grad=True)))
    assert result.requires_grad is (reason == "")
    assert recording.operations[-1].reason == reason


def test_a_result_that_the_loss_does_not_need_is_unused() -> None:
    w = torch.ones(3, requires_grad=True)
    recording, (loss, other) = recorded(lambda: (w.sum(), w.exp()))
    recording.name({"loss": loss, "other": other})
    operations = walked([loss], None, recording).graph.operations
    assert [(one.variables, one.reason) for one in operations] == [(("loss",), ""), (("other",), "unused")]


def test_inputs_name_what_made_them() -> None:
    model = nn.Linear(2, 2)
    x = torch.ones(2)

    def forward() -> tuple[Tensor, Tensor]:
        h = model(x)
        return h, h * x

    recording, (h, y) = recorded(forward, model)
    recording.name({"h": h, "y": y, "x": x, "model": model})
    linear, product = recording.operations
    assert [(one.name, one.operation, one.requires_grad) for one in linear.inputs] == [
        ("x", -1, False), ("weight", -1, True), ("bias", -1, True)]
    assert [(one.name, one.operation) for one in product.inputs] == [("h", 0), ("x", -1)]
    assert (linear.variables, product.variables) == (("h",), ("y",))


def test_a_view_that_is_written_into_changes_what_made_its_base() -> None:
    def forward() -> Tensor:
        h = torch.ones(2, 2, requires_grad=True) * 2
        h[0].mul_(3)
        return h.sum()

    recording, _ = recorded(forward)
    assert names(recording) == ["Tensor.mul", "Tensor.__getitem__", "Tensor.mul_", "Tensor.sum"]
    assert recording.operations[3].inputs[0].operation == 2


def test_several_results_are_all_there() -> None:
    recording, (parts, (largest, _)) = recorded(lambda: (torch.ones(4, 2, requires_grad=True).split(2),  # type: ignore[no-untyped-call]
                                                         torch.ones(2, 3, requires_grad=True).max(1)))
    recording.name({"parts": parts, "largest": largest})
    split, largest_of = recording.operations
    assert [one.shape for one in split.outputs] == [(2, 2), (2, 2)]
    assert split.variables == ("parts[0]", "parts[1]")
    assert [one.dtype for one in largest_of.outputs] == ["float32", "int64"]


def test_a_custom_function_is_one_operation_whatever_it_calls() -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, times: int) -> Tensor:
            return x.clone().mul_(times)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return grads[0] * 2, None

    x = torch.ones(2, requires_grad=True)
    recording, y = recorded(lambda: Double.apply(x, 2))  # type: ignore[no-untyped-call]
    assert names(recording) == ["Double.apply"]
    assert recording.of_node(y.grad_fn._sequence_nr(), y.grad_fn).operation == 0


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("backward", [lambda loss: loss.backward(), torch.autograd.backward])
def test_what_a_checkpoint_computes_again_is_no_second_forward_pass(backward: Callable[[Tensor], None], reentrant: bool) -> None:
    block = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    x = torch.ones(2, requires_grad=True)
    runs: list[int] = []
    block[1].register_forward_pre_hook(lambda *_: runs.append(1))
    recording, _ = recorded(lambda: backward(checkpoint(block, x, use_reentrant=reentrant).sum()))
    assert len(runs) == 2  # torch did run it twice
    assert sum(call.type == "Tanh" or call.path == "Tanh" for call in recording.calls) == (0 if reentrant else 1)
    assert names(recording).count("torch.tanh") == (0 if reentrant else 1)


def test_another_thread_is_not_recorded() -> None:
    model = nn.Linear(2, 2)

    def forward() -> None:
        thread = threading.Thread(target=lambda: model(torch.ones(2)))
        thread.start()
        thread.join()

    recording, _ = recorded(forward)
    assert recording.operations == ()
    assert recording.calls == ()


def test_what_is_given_back_unchanged_is_no_operation() -> None:
    x = torch.ones(2, 2, requires_grad=True)
    recording, _ = recorded(lambda: (x.contiguous(), x.to(torch.float32), x.size(), x.shape, x.grad, x.T.shape, len(x)))
    assert names(recording) == ["Tensor.T"]


def nested() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]).to_padded_tensor(0.0)


@pytest.mark.parametrize("run", [
    lambda w: torch.vmap(lambda x: (x * w).sum())(torch.ones(4, 3)),
    lambda w: torch.func.grad(lambda x: (x * x).sum())(w),
    lambda w: torch.autograd.functional.jacobian(lambda x: x ** 2, w),  # type: ignore[no-untyped-call]
    lambda w: torch.autocast("cpu")(nn.Linear(3, 3))(w),
    lambda w: nested(),
    lambda w: torch.fft.fft(w).abs(),
    lambda w: torch.sparse.mm(torch.eye(3).to_sparse(), w[:, None]),
    lambda w: torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))(w),
    lambda w: torch.distributions.Normal(w, w.exp()).rsample(),
    lambda w: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()(torch.ones(1, 2, 4)),
])
def test_a_recording_changes_no_result_of_the_rest_of_torch(run: Callable[[Tensor], Tensor]) -> None:
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    torch.manual_seed(0)
    plain = run(w)
    torch.manual_seed(0)
    recording, result = recorded(lambda: run(w))
    assert torch.equal(plain, result)
    assert recording.failure is None


def test_compiled_code_is_recorded_as_it_is_written() -> None:
    model = torch.compile(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), backend="eager")
    recording, _ = recorded(lambda: model(torch.ones(2, 3)))
    assert names(recording) == ["torch.nn.functional.linear", "torch.nn.functional.relu"]
    recording, _ = recorded(lambda: torch.compile(lambda x: x.sin(), backend="eager")(torch.ones(2)))
    assert names(recording) == ["Tensor.sin"]
    assert any("torch.compile" in note for note in recording.notes)


def test_a_recording_is_entered_once() -> None:
    recording, _ = recorded(lambda: None)
    with pytest.raises(RuntimeError), recording:
        raise AssertionError
