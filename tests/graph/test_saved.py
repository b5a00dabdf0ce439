"""What nodes keep for backward: read without running hooks, and without errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.graph.plain_walk import Scale
from visualizer.experiments.graph.model import Graph, Node, Preview, Saved
from visualizer.experiments.graph.saved import CHANGED, FREED, HIDDEN, text_of
from visualizer.experiments.graph.walking import CHANGED_NOTE, FREED_NOTE, HIDDEN_NOTE, walked


def node_of(graph: Graph, title: str) -> Node:
    return next(node for node in graph.nodes if node.title == title)


def saved_of(graph: Graph, title: str) -> dict[str, Saved]:
    return {saved.name: saved for saved in node_of(graph, title).saved}


def sample(saved: Saved) -> Any:
    assert isinstance(saved.tensor, Preview)
    return saved.tensor.sample


def test_saved_tensors_have_the_names_of_the_formula_and_their_values() -> None:
    x, w = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 5.0], requires_grad=True)
    saved = saved_of(walked([(x * w).sum()], names={"x": x, "w": w}).graph, "Mul")
    np.testing.assert_array_equal(sample(saved["self"]), [[1.0, 2.0]])
    np.testing.assert_array_equal(sample(saved["other"]), [[3.0, 5.0]])
    assert (saved["self"].leaf, saved["other"].leaf) == (("x",), ("w",))


def test_what_backward_does_not_need_is_not_among_the_saved() -> None:
    x = torch.ones(2, requires_grad=True)
    assert set(saved_of(walked([x * torch.zeros(2)]).graph, "Mul")) == {"other"}


def test_a_saved_parameter_has_its_name_and_shares_the_leafs_storage() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    graph = walked([model(torch.ones(2, 3, requires_grad=True)).sum()], model).graph
    norm = saved_of(graph, "NativeLayerNorm")
    assert norm["weight"].leaf == ("1.weight",)
    transposed = saved_of(graph, "Addmm")["mat2"].tensor
    leaf = next(leaf for leaf in graph.leaves if leaf.names == ("0.weight",))
    assert transposed is not None
    assert leaf.value is not None
    assert transposed.storage == leaf.value.storage >= 0
    assert transposed.type.shape == (3, 4)


def test_values_that_are_no_tensors_are_text_and_negative_dimensions_stay_so() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    graph = walked([x.clamp(0.25, None).softmax(-1).sum(-1, keepdim=True)]).graph
    total, clamp, softmax = saved_of(graph, "Sum"), saved_of(graph, "Clamp"), saved_of(graph, "Softmax")
    assert (total["dim"].text, total["keepdim"].text, total["self_sym_sizes"].text) == ("(-1,)", "True", "(2, 3)")
    assert (clamp["min"].text, clamp["max"].text) == ("0.25", "None")
    assert softmax["dim"].text in ("-1", "1")
    assert total["dim"].tensor is None


def test_a_list_of_saved_tensors_is_numbered() -> None:
    x = torch.ones(3, 3, requires_grad=True)
    saved = saved_of(walked([x[torch.tensor([0, 2]), torch.tensor([1, 1])]]).graph, "Index")
    np.testing.assert_array_equal(sample(saved["indices[0]"]), [[0.0, 2.0]])
    np.testing.assert_array_equal(sample(saved["indices[1]"]), [[1.0, 1.0]])


def test_after_backward_saved_tensors_are_told_to_be_freed() -> None:
    x = torch.ones(3, requires_grad=True)
    loss = (x.exp() * x[torch.tensor([0, 1, 2])]).sum()
    before = walked([loss]).graph
    loss.backward()
    graph = walked([loss]).graph
    for title, name in (("Exp", "result"), ("Mul", "self"), ("Index", "indices")):
        saved = saved_of(graph, title)[name]
        assert (saved.tensor, saved.text, saved.freed) == (None, FREED, True)
    assert FREED_NOTE in graph.notes
    assert FREED_NOTE not in before.notes
    assert [node.name for node in before.nodes] == [node.name for node in graph.nodes]


def test_what_retain_graph_keeps_is_there() -> None:
    x = torch.ones(3, requires_grad=True)
    loss = x.exp().sum()
    loss.backward(retain_graph=True)
    graph = walked([loss]).graph
    assert saved_of(graph, "Exp")["result"].tensor is not None
    assert graph.notes == ()


def test_what_was_changed_in_place_is_told_to_be_refused_by_backward() -> None:
    x = torch.ones(3, requires_grad=True)
    h = x.exp()
    loss = (h * 2.0).sum()
    h.add_(1.0)
    graph = walked([loss]).graph
    saved = saved_of(graph, "Exp")["result"]
    assert (saved.tensor, saved.text, saved.freed) == (None, CHANGED, False)
    assert graph.notes == (CHANGED_NOTE,)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("reentrant", [False, True])
def test_to_look_at_a_checkpoint_does_not_run_the_forward_pass_again(reentrant: bool) -> None:
    runs = []

    def part(t: Tensor) -> Tensor:
        runs.append(1)
        return (t * t).exp()

    x = torch.ones(3, requires_grad=True)
    loss = checkpoint(part, x, use_reentrant=reentrant).sum()
    graph = walked([loss]).graph
    assert runs == [1]
    if not reentrant:
        saved = saved_of(graph, "Exp")["result"]
        assert (saved.tensor, saved.text, saved.hooked) == (None, HIDDEN, True)
        assert graph.notes == (HIDDEN_NOTE,)
    else:
        assert node_of(graph, "CheckpointFunction").kind == "custom"
    loss.backward()
    assert len(runs) == 2
    walked([loss])
    assert len(runs) == 2


def test_hooks_that_pack_are_never_called_to_unpack() -> None:
    unpacked = []

    def unpack(packed: Any) -> Any:
        unpacked.append(packed)
        return packed

    x = torch.ones(3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, unpack):
        h = Scale.apply(x.exp()[torch.tensor([0, 1])], 2.0, [])
    loss = (h * h).sum()
    graph = walked([loss]).graph
    assert unpacked == []
    assert saved_of(graph, "Exp")["result"].hooked
    assert saved_of(graph, "Index")["indices[0]"].hooked
    assert saved_of(graph, "Scale")["saved_tensors[0]"].hooked
    assert not saved_of(graph, "Mul")["self"].hooked
    loss.backward()
    assert unpacked


def test_of_a_users_function_the_saved_tensors_and_what_is_on_ctx_are_read() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = Scale.apply(x, 3.0, ["a", "b"]).sum()
    saved = saved_of(walked([loss], names={"x": x}).graph, "Scale")
    np.testing.assert_array_equal(sample(saved["saved_tensors[0]"]), [[1.0, 2.0]])
    assert saved["saved_tensors[0]"].leaf == ("x",)
    np.testing.assert_array_equal(sample(saved["saved_tensors[1]"]), [[2.0, 4.0]])
    assert (saved["factor"].text, saved["words"].text, saved["thing"].text) == ("3.0", "['a', 'b']", "<object>")
    loss.backward()
    freed = saved_of(walked([loss]).graph, "Scale")
    assert freed["saved_tensors"].freed
    assert freed["factor"].text == "3.0"


def test_tensors_that_are_saved_twice_are_previewed_once() -> None:
    x = torch.ones(3, requires_grad=True)
    h = x.exp()
    graph = walked([(h * h).sum()]).graph
    mul, exp = saved_of(graph, "Mul"), saved_of(graph, "Exp")
    assert mul["self"].tensor is mul["other"].tensor is exp["result"].tensor is node_of(graph, "Exp").value


class Loud:
    def __repr__(self) -> str:
        raise AssertionError("the user's code must not run")


@pytest.mark.parametrize(("value", "text"), [
    (None, "None"), (True, "True"), (3, "3"), (2**64 - 1, "-1"), (0.1, "0.1"), (1 + 2j, "(1+2j)"), ("sum", "'sum'"),
    (torch.float32, "torch.float32"), (torch.device("cpu"), "cpu"), (torch.strided, "torch.strided"), ((1,), "(1,)"),
    ([1, (2, 3)], "[1, (2, 3)]"),
    (torch.Size([2, 3]), "(2, 3)"), (Loud(), "<Loud>"), ({"a": 1}, "<dict>"), (len, "len"), (10**5000, "a very large integer"),
    (torch.ones(2, 3), "tensor of shape (2, 3)"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_values_as_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_long_values_are_cut() -> None:
    assert text_of(list(range(1000))).endswith("... 1,000 in all]")
    assert len(text_of("x" * 10_000)) <= 200
    assert len(text_of([["x" * 500] * 500] * 500)) <= 200
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert len(text_of(deep)) <= 200
