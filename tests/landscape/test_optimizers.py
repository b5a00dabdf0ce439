"""The catalogue of optimizers against the installed torch: nothing is missing, and every formula is what torch computes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from visualizer.components.optimizers import EXCLUDED, OPTIMIZERS, Optimizer, optimizer, optimizer_options

START, MOMENTUM, STEPS = 2.5, 0.8, 60

#: A step: the next x and the state values by symbol, from x, the gradient, the rate, and a private memory.
Rule = Callable[[float, float, float, int, dict[str, float]], tuple[float, dict[str, float]]]


def gradient(x: float) -> float:
    """Of a function with a minimum at about 0.7 which the runs cross, so that signs flip as well."""
    return math.sinh(x - 0.7) + 0.3 * math.cos(3.0 * x)


def loss(x: Tensor) -> Tensor:
    return torch.cosh(x - 0.7) + 0.1 * torch.sin(3.0 * x)


def _sgd(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    return x - lr * g, {}


def _momentum(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    s["b"] = MOMENTUM * s.get("b", 0.0) + g
    return x - lr * s["b"], {"b": s["b"]}


def _nesterov(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    s["b"] = MOMENTUM * s.get("b", 0.0) + g
    return x - lr * (g + MOMENTUM * s["b"]), {"b": s["b"]}


def _rmsprop(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    s["v"] = 0.99 * s.get("v", 0.0) + 0.01 * g * g
    return x - lr * g / (math.sqrt(s["v"]) + 1e-8), {"v": s["v"]}


def _adagrad(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    s["s"] = s.get("s", 0.0) + g * g
    return x - lr * g / (math.sqrt(s["s"]) + 1e-10), {"s": s["s"]}


def _moments(g: float, s: dict[str, float]) -> None:
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0.0) + 0.001 * g * g


def _shown(s: dict[str, float]) -> dict[str, float]:
    return {"m": s["m"], "v": s["v"]}


def _adam(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    _moments(g, s)
    m, v = s["m"] / (1 - 0.9**t), s["v"] / (1 - 0.999**t)
    return x - lr * m / (math.sqrt(v) + 1e-8), _shown(s)


def _adamw(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    return _adam(x, g, lr, t, s)[0] - lr * 0.01 * x, _shown(s)


def _adadelta(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    s["v"] = 0.9 * s.get("v", 0.0) + 0.1 * g * g
    delta = g * math.sqrt(s.get("u", 0.0) + 1e-6) / math.sqrt(s["v"] + 1e-6)
    s["u"] = 0.9 * s.get("u", 0.0) + 0.1 * delta * delta
    return x - lr * delta, {"v": s["v"], "u": s["u"]}


def _adamax(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    _moments(g, s)
    s["u"] = max(0.999 * s.get("u", 0.0), abs(g) + 1e-8)
    return x - lr * s["m"] / (1 - 0.9**t) / s["u"], {"m": s["m"], "u": s["u"]}


def _nadam(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    _moments(g, s)
    mu, following = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * n)) for n in (t, t + 1))
    s["product"] = s.get("product", 1.0) * mu
    direction = following * s["m"] / (1 - s["product"] * following) + (1 - mu) * g / (1 - s["product"])
    return x - lr * direction / (math.sqrt(s["v"] / (1 - 0.999**t)) + 1e-8), _shown(s)


def _radam(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    _moments(g, s)
    m, correction = s["m"] / (1 - 0.9**t), 1 - 0.999**t
    if t <= 5:
        return x - lr * m, _shown(s)
    longest = 2 / (1 - 0.999) - 1
    length = longest - 2 * t * 0.999**t / correction
    r = math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
    return x - lr * m * r * math.sqrt(correction) / (math.sqrt(s["v"]) + 1e-8), _shown(s)


def _adafactor(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    fresh = t**-0.8
    s["v"] = (1 - fresh) * s.get("v", 0.0) + fresh * g * g
    u = g / math.sqrt(s["v"])
    return x - max(1e-3, abs(x)) * min(lr, t**-0.5) * u / max(1.0, abs(u)), {"v": s["v"]}


def _rprop(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    agreement = g * s.get("before", 0.0)
    s["eta"] = s.get("eta", lr) * (1.2 if agreement > 0 else 0.5 if agreement < 0 else 1.0)
    s["before"] = 0.0 if agreement < 0 else g
    return x - math.copysign(s["eta"], g) * (agreement >= 0), {r"\eta": s["eta"]}


def _asgd(x: float, g: float, lr: float, t: int, s: dict[str, float]) -> tuple[float, dict[str, float]]:
    eta = s.get("eta", lr)
    s["eta"] = lr / (1 + 1e-4 * lr * t) ** 0.75
    after = (1 - 1e-4 * eta) * x - eta * g
    return after, {r"\eta": s["eta"], "a": after}


RULES: dict[str, Rule] = {
    "sgd": _sgd, "momentum": _momentum, "nesterov": _nesterov, "rmsprop": _rmsprop, "adagrad": _adagrad, "adam": _adam,
    "adamw": _adamw, "adadelta": _adadelta, "adamax": _adamax, "nadam": _nadam, "radam": _radam,
    "adafactor": _adafactor, "rprop": _rprop, "asgd": _asgd,
}


def torch_classes() -> set[str]:
    found = {
        name for name in dir(torch.optim)
        if isinstance(kind := getattr(torch.optim, name), type) and issubclass(kind, torch.optim.Optimizer)
    }
    return found - {"Optimizer"}


def run(entry: Optimizer, lr: float) -> Iterator[tuple[float, dict[str, float]]]:
    """Torch's steps: x and the shown state values after each of them."""
    x = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    made = entry.create([x], lr, MOMENTUM)
    for _ in range(STEPS):
        made.zero_grad()
        loss(x).backward()  # type: ignore[no-untyped-call]
        made.step()
        yield x.item(), {symbol: float(made.state[x][key]) for key, symbol in entry.state.items()}


def test_every_optimizer_class_of_torch_has_an_entry_or_a_reason_why_not() -> None:
    listed = {entry.torch_name for entry in OPTIMIZERS}
    assert torch_classes() == listed | set(EXCLUDED)
    assert not listed & set(EXCLUDED)


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_an_excluded_class_really_cannot_move_a_single_number_by_a_plain_step(name: str) -> None:
    x = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    loss(x).backward()  # type: ignore[no-untyped-call]

    def one_step() -> None:
        getattr(torch.optim, name)([x]).step()

    with pytest.raises((TypeError, ValueError, RuntimeError), match=r"closure|2D|dense"):
        one_step()


@pytest.mark.parametrize("lr", [0.05, 0.3])
@pytest.mark.parametrize("entry", OPTIMIZERS, ids=lambda entry: entry.name)
def test_torch_steps_by_the_formula_of_the_entry_and_keeps_the_state_it_names(entry: Optimizer, lr: float) -> None:
    assert entry.name in RULES, f"write the rule of {entry.name} in plain Python into RULES, to check its formula against torch"
    rule, memory, x = RULES[entry.name], dict[str, float](), START
    for step, (found, state) in enumerate(run(entry, lr), start=1):
        x, expected = rule(x, gradient(x), lr, step, memory)
        assert found == pytest.approx(x, rel=1e-6, abs=1e-6)
        assert state == pytest.approx(expected, rel=1e-5, abs=1e-6)
        assert list(state) == list(entry.state.values())
    assert abs(x - START) > 1e-4


@pytest.mark.parametrize("entry", OPTIMIZERS, ids=lambda entry: entry.name)
def test_an_entry_names_the_default_rate_of_torch(entry: Optimizer) -> None:
    made = getattr(torch.optim, entry.torch_name)([torch.zeros((), requires_grad=True)])
    assert made.defaults["lr"] == entry.default_lr


@pytest.mark.parametrize("entry", OPTIMIZERS, ids=lambda entry: entry.name)
def test_the_users_momentum_reaches_exactly_the_optimizers_that_say_so(entry: Optimizer) -> None:
    slow, fast = (entry.arguments(0.1, momentum) for momentum in (0.1, 0.9))
    assert (slow != fast) == entry.uses_momentum


def test_names_are_unique_and_found_again() -> None:
    names = [option.name for option in optimizer_options()]
    assert len(set(names)) == len(names)
    assert [optimizer(name).name for name in names] == names
    with pytest.raises(KeyError):
        optimizer("no such optimizer")
