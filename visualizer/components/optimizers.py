"""Every optimizer of torch.optim that works on a single number. To add one is one entry here.

Formulas and state values are those of torch 2.13; a test computes each of them in plain Python and compares.
Everywhere g is the gradient, a hat means corrected for starting at zero (m divided by 1 - 0.9^t, v by 1 - 0.999^t),
and epsilon is 1e-8 unless its entry says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from visualizer.base.parameters import Option

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch


@dataclass(frozen=True)
class Optimizer:
    """An entry of the catalogue.

    Attributes:
        name: in scripts.
        title: on the screen.
        torch_name: the class in ``torch.optim``.
        default_lr: torch's own default learning rate.
        help: what it does, in a sentence.
        formula: its update rule in LaTeX (source: the class's page in the PyTorch documentation).
        options: keyword arguments beside ``lr``; the value ``None`` stands for the user's momentum.
        state: names of the per-parameter state values worth showing, with the symbol each has in the formula.
    """

    name: str
    title: str
    torch_name: str
    default_lr: float
    help: str
    formula: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    state: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def arguments(self, lr: float, momentum: float) -> dict[str, Any]:
        """Keyword arguments for the torch class."""
        chosen = {name: momentum if value is None else value for name, value in self.options.items()}
        if momentum == 0.0 and chosen.get("nesterov"):
            del chosen["nesterov"]  # torch refuses it without momentum, and without momentum it changes nothing
        return {"lr": lr} | chosen

    def create(self, parameters: Iterable[torch.Tensor], lr: float, momentum: float) -> torch.optim.Optimizer:
        """The real torch optimizer."""
        import torch

        made: torch.optim.Optimizer = getattr(torch.optim, self.torch_name)(
            parameters, **self.arguments(lr, momentum)
        )
        return made

    @property
    def uses_momentum(self) -> bool:
        return None in self.options.values()


_MOMENTS = MappingProxyType({"exp_avg": "m", "exp_avg_sq": "v"})

OPTIMIZERS: tuple[Optimizer, ...] = (
    Optimizer("sgd", "SGD", "SGD", 1e-3, "Steps against the gradient, alpha times as long.",
              r"x_{t+1} = x_t - \alpha\, g_t"),
    Optimizer("momentum", "SGD with momentum", "SGD", 1e-3,
              "Keeps a velocity: past gradients fade by the factor mu, so it rolls through small dips.",
              r"b_t = \mu\, b_{t-1} + g_t \qquad x_{t+1} = x_t - \alpha\, b_t",
              MappingProxyType({"momentum": None}), MappingProxyType({"momentum_buffer": "b"})),
    Optimizer("nesterov", "Nesterov momentum", "SGD", 1e-3,
              "Momentum that adds the velocity to the gradient before stepping, as if looking ahead.",
              r"b_t = \mu\, b_{t-1} + g_t \qquad x_{t+1} = x_t - \alpha\,(g_t + \mu\, b_t)",
              MappingProxyType({"momentum": None, "nesterov": True}), MappingProxyType({"momentum_buffer": "b"})),
    Optimizer("rmsprop", "RMSprop", "RMSprop", 1e-2,
              "Divides the gradient by a running root mean square of it, so the step length hardly depends on its size.",
              r"v_t = 0.99\, v_{t-1} + 0.01\, g_t^2 \qquad x_{t+1} = x_t - \alpha\, g_t / (\sqrt{v_t} + \epsilon)",
              state=MappingProxyType({"square_avg": "v"})),
    Optimizer("adagrad", "Adagrad", "Adagrad", 1e-2,
              "Divides by the root of the sum of all squared gradients, so its steps only get shorter.",
              r"s_t = s_{t-1} + g_t^2 \qquad x_{t+1} = x_t - \alpha\, g_t / (\sqrt{s_t} + 10^{-10})",
              state=MappingProxyType({"sum": "s"})),
    Optimizer("adam", "Adam", "Adam", 1e-3,
              "Momentum and RMSprop together, both corrected for starting at zero.",
              r"m_t = 0.9\, m_{t-1} + 0.1\, g_t \qquad v_t = 0.999\, v_{t-1} + 0.001\, g_t^2 \qquad "
              r"x_{t+1} = x_t - \alpha\, \hat m_t / (\sqrt{\hat v_t} + \epsilon)",
              state=_MOMENTS),
    Optimizer("adamw", "AdamW", "AdamW", 1e-3,
              "Adam with weight decay (0.01) taken out of the gradient: it also pulls x a little towards 0.",
              r"x_{t+1} = x_t - \alpha\,\lambda\, x_t - \alpha\, \hat m_t / (\sqrt{\hat v_t} + \epsilon)",
              state=_MOMENTS),
    Optimizer("adadelta", "Adadelta", "Adadelta", 1.0,
              "Scales each step by the size of past steps, so it starts tiny and grows; torch's own rate is 1.",
              r"v_t = 0.9\, v_{t-1} + 0.1\, g_t^2 \qquad "
              r"\Delta_t = g_t\, \sqrt{u_{t-1} + 10^{-6}} / \sqrt{v_t + 10^{-6}} \qquad "
              r"u_t = 0.9\, u_{t-1} + 0.1\, \Delta_t^2 \qquad x_{t+1} = x_t - \alpha\, \Delta_t",
              state=MappingProxyType({"square_avg": "v", "acc_delta": "u"})),
    Optimizer("adamax", "Adamax", "Adamax", 2e-3,
              "Adam with the largest recent gradient in place of the root mean square.",
              r"m_t = 0.9\, m_{t-1} + 0.1\, g_t \qquad u_t = \max(0.999\, u_{t-1}, |g_t| + \epsilon) \qquad "
              r"x_{t+1} = x_t - \alpha\, \hat m_t / u_t",
              state=MappingProxyType({"exp_avg": "m", "exp_inf": "u"})),
    Optimizer("nadam", "NAdam", "NAdam", 2e-3,
              "Adam with Nesterov momentum, whose factor grows from 0.45 towards 0.9 over thousands of steps.",
              r"\mu_t = 0.9\,(1 - 0.5 \cdot 0.96^{0.004\, t}) \qquad x_{t+1} = x_t - \frac{\alpha}{\sqrt{\hat v_t} + \epsilon}"
              r"\left(\frac{\mu_{t+1}\, m_t}{1 - \mu_1 \cdots \mu_{t+1}} + \frac{(1 - \mu_t)\, g_t}"
              r"{1 - \mu_1 \cdots \mu_t}\right)",
              state=_MOMENTS),
    Optimizer("radam", "RAdam", "RAdam", 1e-3,
              "Adam that steps by plain momentum for five steps, until its variance estimate can be trusted a little.",
              r"x_{t+1} = x_t - \alpha\, \hat m_t\, r_t\, \sqrt{1 - 0.999^t} / (\sqrt{v_t} + \epsilon) \qquad "
              r"t \leq 5:\; x_{t+1} = x_t - \alpha\, \hat m_t",
              state=_MOMENTS),
    Optimizer("adafactor", "Adafactor", "Adafactor", 1e-2,
              "Steps by a fraction of x itself, with a memory of the gradient's size that becomes ever longer.",
              r"v_t = (1 - t^{-0.8})\, v_{t-1} + t^{-0.8}\, g_t^2 \qquad u_t = g_t / \sqrt{v_t} \qquad "
              r"x_{t+1} = x_t - \max(0.001, |x_t|)\, \min(\alpha, t^{-1/2})\, u_t / \max(1, |u_t|)",
              state=MappingProxyType({"variance": "v"})),
    Optimizer("rprop", "Rprop", "Rprop", 1e-2,
              "Looks only at the gradient's sign: the step grows by 1.2 while it stays; when it flips the step is "
              "halved and left out once.",
              r"x_{t+1} = x_t - \eta_t\, \mathrm{sign}(g_t) \qquad \eta_t = 1.2\, \eta_{t-1} \;\mathrm{or}\; 0.5\, \eta_{t-1}",
              state=MappingProxyType({"step_size": r"\eta"})),
    Optimizer("asgd", "ASGD", "ASGD", 1e-2,
              "SGD with a tiny pull towards 0 that also averages its iterates (from step 1,000,000 on by default).",
              r"x_{t+1} = (1 - \lambda \eta_t)\, x_t - \eta_t\, g_t \qquad \eta_{t+1} = \alpha / (1 + \lambda \alpha t)^{0.75} "
              r"\qquad \lambda = 10^{-4}",
              state=MappingProxyType({"eta": r"\eta", "ax": "a"})),
)

_BY_NAME = {entry.name: entry for entry in OPTIMIZERS}

#: Classes of torch.optim that are not in the catalogue, and why.
EXCLUDED: Mapping[str, str] = MappingProxyType({
    "LBFGS": "needs a closure: it evaluates the loss several times within one step",
    "SparseAdam": "takes sparse gradients only, and a single number has a dense one",
    "Muon": "takes matrices only: it makes the rows of the momentum orthogonal",
})


def optimizer(name: str) -> Optimizer:
    """The entry of this name (KeyError if there is none)."""
    return _BY_NAME[name]


def optimizer_options() -> tuple[Option, ...]:
    """The catalogue as options of a choice."""
    return tuple(Option(entry.name, entry.title, entry.help) for entry in OPTIMIZERS)
