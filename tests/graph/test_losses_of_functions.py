"""Functions of a file that return losses: their models are local variables, and still their parameters have names."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import visualizer
from visualizer.base.errors import UserError
from visualizer.experiments.graph.programs import Ran, run_model, run_program
from visualizer.experiments.graph.walking import Walked, walked

FILE = '''
import torch
from torch import nn

def one():
    network = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    return nn.MSELoss()(network(torch.ones(4, 3)), torch.zeros(4, 2))

def two(kind=dict):
    G, D = nn.Linear(2, 3), nn.Linear(3, 1)
    fake = G(torch.ones(4, 2))
    return {"d_loss": D(fake.detach()).mean(), "g_loss": -D(fake).mean()}

def as_tuple():
    return tuple(two().values())

def named():
    return two() | {"loss": two()["g_loss"] * 2}

class Trainer:
    def __init__(self):
        self.critic, self.actor = nn.Linear(2, 2), nn.Linear(2, 1)

    def step(self):
        return self.actor(self.critic(torch.ones(2))).sum()

def trained():
    return Trainer().step()

def same_name():
    def called():
        net = nn.Linear(2, 2)
        return net(torch.ones(2)).sum()
    return called() + called()

def only_numbers():
    return {"accuracy": 0.5}

def make():
    class Detector(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(3, 2)
        def forward(self, x):
            h = self.body(x)
            return {"boxes": h.square().sum(), "classes": h.sum(), "features": h}
    return Detector()
'''


def ran(tmp_path: Path, make: str, given: str = "") -> tuple[Ran, Walked]:
    path = tmp_path / "losses_of_functions.py"
    path.write_text(textwrap.dedent(FILE))
    found = run_model(str(path), make, given)
    assert found.recording.failure is None
    return found, walked(found.roots, found.model, found.recording)


def names(found: Walked) -> set[str]:
    return {name for leaf in found.graph.leaves if leaf.node >= 0 for name in leaf.names}


def test_the_one_model_of_a_function_is_the_model(tmp_path: Path) -> None:
    """What has no parameters, such as a loss, is none."""
    found, walk = ran(tmp_path, "one")
    assert type(found.model) is nn.Sequential
    assert names(walk) == {"0.weight", "0.bias"}
    assert [(call.path, call.type) for call in walk.graph.calls[:2]] == [("", "Sequential"), ("0", "Linear")]
    assert sum(leaf.parameter for leaf in walk.graph.leaves) == 2


@pytest.mark.parametrize("make", ["two", "as_tuple"])
def test_several_models_are_called_what_the_function_calls_them(tmp_path: Path, make: str) -> None:
    found, walk = ran(tmp_path, make)
    assert found.model is None
    assert names(walk) == {"G.weight", "G.bias", "D.weight", "D.bias"}
    assert len(walk.graph.roots) == 2
    assert any("all 2 losses" in note for note in walk.graph.notes)
    wanted = [("d_loss",), ("g_loss",)] if make == "two" else [("output[0]",), ("output[1]",)]
    assert [walk.graph.nodes[root].variables for root in walk.graph.roots] == wanted


def test_what_is_called_loss_is_the_loss(tmp_path: Path) -> None:
    _, walk = ran(tmp_path, "named")
    assert [walk.graph.nodes[root].variables for root in walk.graph.roots] == [("loss",)]


def test_attributes_of_self_name_models(tmp_path: Path) -> None:
    _, walk = ran(tmp_path, "trained")
    assert names(walk) == {"critic.weight", "critic.bias", "actor.weight", "actor.bias"}


def test_two_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    _, walk = ran(tmp_path, "same_name")
    assert names(walk) == {"net.weight", "net.bias", "net_2.weight", "net_2.bias"}


def test_a_model_that_returns_several_losses_is_run_backward_from_their_sum(tmp_path: Path) -> None:
    found, walk = ran(tmp_path, "make", "5,3")
    assert [walk.graph.nodes[root].variables for root in walk.graph.roots] == [("boxes",), ("classes",)]
    body: Any = found.model
    torch.autograd.backward(found.roots, retain_graph=True)
    x = found.recording.variables["input"]
    by_hand = (2 * body.body(x) + 1).t() @ x
    torch.testing.assert_close(body.body.weight.grad, by_hand)


def test_a_dictionary_without_a_tensor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gives a dict"):
        ran(tmp_path, "only_numbers")


def test_a_variable_that_names_a_model_is_not_overruled() -> None:
    found = run_program("net = nn.Linear(2, 1)\ndef f():\n    inner = net\n    return inner(torch.ones(2))\nloss = f().sum()")
    assert found.model is None
    assert names(walked(found.roots, found.model, found.recording)) == {"net.weight", "net.bias"}


def test_a_capture_without_a_model_knows_what_was_recorded() -> None:
    def forward() -> Any:
        hidden_away = nn.Linear(3, 1)
        return hidden_away(torch.ones(2, 3)).sum()

    with visualizer.record() as recording:
        loss = forward()
    graph = visualizer.capture(loss, recording=recording).graph
    assert graph.model == "Linear"
    assert {name for leaf in graph.leaves for name in leaf.names} >= {"weight", "bias"}
