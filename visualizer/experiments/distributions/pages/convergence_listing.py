"""The convergence page's script: every network trained by itself, with torch.nn and torch.optim.SGD."""

from __future__ import annotations

from visualizer.components.initializers import initializer
from visualizer.experiments.distributions.convergence import (
    ACTIVATIONS,
    ARM,
    POINTS,
    WIDTH,
    arguments_of,
    data_seed,
    weight_seed,
)
from visualizer.experiments.distributions.requests import ConvergenceRequest


def listing(request: ConvergenceRequest) -> str:
    """The script as text; it prints the median loss of every initialiser."""
    spirals = request.task == "spirals"
    if spirals:
        data = [
            f"radius = torch.linspace(0.3, 2.0, {ARM}, dtype=torch.float64)",
            "arm = torch.stack((radius * (math.pi * radius).cos(), radius * (math.pi * radius).sin()), dim=1)",
            "x = torch.cat((arm, -arm))",
            "x = x + 0.05 * torch.randn(x.shape, generator=generator, dtype=torch.float64)",
            f"y = torch.cat((torch.zeros({ARM}, 1, dtype=torch.float64), torch.ones({ARM}, 1, dtype=torch.float64)))",
            "loss_function = nn.BCEWithLogitsLoss()",
        ]
    else:
        data = [
            f"x = 2.0 * torch.rand({POINTS}, 1, generator=generator, dtype=torch.float64) - 1.0",
            "y = (math.pi * x).sin()",
            "loss_function = nn.MSELoss()",
        ]
    fills: list[str] = []
    for name in request.contestants:
        entry = initializer(name)
        source = entry.code("weight", arguments_of(entry, request.activation))
        fills += ["", "", f"def {name}(weight, generator):", *(f"    {line}" for line in source)]
    sizes = (2 if spirals else 1, *(WIDTH,) * request.hidden_layers, 1)
    module = ACTIVATIONS[request.activation].module
    return "\n".join((
        "import math",
        "import statistics",
        "",
        "import torch",
        "from torch import nn",
        "",
        f"generator = torch.Generator().manual_seed({data_seed(request.seed)})",
        *data,
        *fills,
        "",
        "",
        f"sizes = {sizes}" if len(sizes) < 8 else f"sizes = ({sizes[0]}, *({WIDTH},) * {request.hidden_layers}, 1)",
        f"for fill in ({', '.join(request.contestants)}{',' if len(request.contestants) == 1 else ''}):",
        "    losses = []",
        f"    for repeat in range({request.repeats}):",
        f"        generator = torch.Generator().manual_seed({weight_seed(request.seed, 0)} + repeat)",
        "        layers = []",
        "        for before, after in zip(sizes, sizes[1:]):",
        "            linear = nn.Linear(before, after, dtype=torch.float64)",
        "            fill(linear.weight, generator)",
        "            nn.init.zeros_(linear.bias)",
        f"            layers += [linear, nn.{module}]",
        "        network = nn.Sequential(*layers[:-1])",
        f"        optimizer = torch.optim.SGD(network.parameters(), lr={request.lr!r})",
        f"        for step in range({request.epochs}):",
        "            optimizer.zero_grad()",
        "            loss = loss_function(network(x), y)",
        "            if not loss.isfinite():",
        "                break  # it has diverged",
        "            loss.backward()",
        "            optimizer.step()",
        "        loss = loss_function(network(x), y).item()",
        "        losses.append(loss if math.isfinite(loss) else math.inf)",
        '    print(f"{fill.__name__}: median loss = {statistics.median(losses):.6g}")',
        "",
    ))
