"""What the page Signal propagation explains, and the PyTorch that repeats it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visualizer.base.explanation import (
    Block,
    Explanation,
    Formula,
    Heading,
    Number,
    Numbers,
    Paragraph,
    Table,
    Verdict,
    number_text,
)
from visualizer.base.roles import Role
from visualizer.components.latex import factor_latex, number_latex
from visualizer.experiments.distributions.meanfield import Prediction
from visualizer.experiments.distributions.propagation import Trace, gradient_seed, input_seed, rows_of
from visualizer.experiments.distributions.propagation_verdict import LEAST_TOTAL, MOST_FACTOR, MOST_TOTAL, Judgement
from visualizer.experiments.distributions.requests import PropagationRequest
from visualizer.experiments.distributions.symmetry import RATE, ROWS, Symmetry

Floats = NDArray[np.float64]

#: Half of a symmetric variance passes a ReLU; what the recursion becomes for the activations that have a closed form.
_CLOSED = {
    "linear": (r"q_{l+1} = n\, \mathrm{Var}(w)\, q_l", r"\chi = n\, \mathrm{Var}(w)",
               "Without activation n Var(w) = 1 keeps signal and gradient: Glorot & Bengio (2010), whose rule is the mean of "
               "this condition forward, 1/n_in, and backward, 1/n_out. An orthogonal matrix keeps every length exactly: "
               "Saxe et al. (2013)."),
    "relu": (r"q_{l+1} = \frac{1}{2}\, n\, \mathrm{Var}(w)\, q_l", r"\chi = \frac{1}{2}\, n\, \mathrm{Var}(w)",
             "A ReLU lets half of the mean square through, so Var(w) = 2 / n keeps signal and gradient: He et al. (2015)."),
}


def explain(
    trace: Trace, judgement: Judgement, theory: Prediction | None, symmetry: Symmetry | None, request: PropagationRequest,
    mean: float, variance: float, unpredicted: str,
) -> Explanation:
    """The verdict, then forward, backward, the thresholds, and symmetry."""
    blocks: list[Block] = [Verdict(judgement.text, judgement.role)]
    blocks += _measured(trace, judgement, theory, request)
    blocks += _forward(trace, theory, request, mean, variance, unpredicted)
    blocks += _backward(trace, theory, request, variance)
    blocks += _thresholds(judgement)
    blocks += _symmetry(trace, symmetry, request)
    return Explanation(tuple(blocks))


def _measured(trace: Trace, judgement: Judgement, theory: Prediction | None, request: PropagationRequest) -> list[Block]:
    depth = len(trace.activation.std) - 1
    fewer = "" if trace.rows == trace.asked else (
        f" {trace.asked} rows were asked for; at this width {trace.rows} are enough for the same picture, and they keep memory "
        "small and the window quick.")
    blocks: list[Block] = [
        Heading("The network"),
        Formula(r"h_l = \varphi(W_l\, h_{l-1}), \qquad l = 1, \ldots, L", "each layer applies the activation to W times the last"),
        Paragraph(f"L = {depth} linear layers of n = {request.width} neurons without bias, each followed by the activation; "
                  f"{trace.rows} rows of input. Every weight is filled by torch.nn.init.{request.chosen.name}_.{fewer}"),
    ]
    places = [int(layer) for layer in np.unique(np.linspace(1, depth, min(depth, 6)).round())]
    nothing = np.full(depth + 1, np.nan)

    def table(**columns: Floats) -> Table:
        return Table(("layer", *(name.replace("_", " ") for name in columns)), tuple(
            (str(layer), *(_cell(float(values[layer])) for values in columns.values())) for layer in places
        ))

    blocks += [
        table(signal=trace.activation.std, theory=nothing if theory is None else theory.activation),
        table(gradient=trace.gradient.std, theory=nothing if theory is None else theory.gradient, of_W=trace.weight_gradient),
        Paragraph("Standard deviations over all rows and neurons: of the activations h, of the gradient with respect to "
                  "them, and of the gradient of the weights W, which is what a step of training uses."),
    ]
    dead = trace.dead[1:]
    if request.activation == "relu" and np.isfinite(dead).any():
        worst = int(np.nanargmax(dead)) + 1
        blocks.append(Numbers((
            Number("dead ReLUs in the last layer", number_text(100 * float(dead[np.isfinite(dead)][-1]), 3), "%",
                   help="Neurons that are 0 for every row: no gradient passes them."),
            Number(f"most, in layer {worst}", number_text(100 * float(np.nanmax(dead)), 3), "%"),
        )))
    if judgement.bad_layer is not None:
        blocks.append(Paragraph(f"Layer {judgement.bad_layer} is the first that is not finite: {trace.inf:,} infinite and "
                                f"{trace.nan:,} NaN (infinite minus infinite). Whatever follows is lost, so no gradient is taken."))
    return blocks


def _cell(value: float) -> str:
    """A short number for a narrow column."""
    if np.isnan(value):
        return "\u2013"
    return number_text(value, 3) if value == 0.0 or 1e-3 <= value < 1e4 else f"{value:.2e}"


def _forward(
    trace: Trace, theory: Prediction | None, request: PropagationRequest, mean: float, variance: float, unpredicted: str,
) -> list[Block]:
    n = request.width
    blocks: list[Block] = [
        Heading("Theory: forward"),
        Formula(r"q_{l+1} = n\, \mathrm{Var}(w)\, E\left[\varphi(\sqrt{q_l}\, z)^2\right], \quad z \sim \mathcal{N}(0, 1)",
                "the variance before the next activation is n times the variance of a weight times the mean square after the "
                "last activation"),
        Formula(r"\mathrm{std}(h_l)^2 = E\left[\varphi(\sqrt{q_l}\, z)^2\right] - E\left[\varphi(\sqrt{q_l}\, z)\right]^2",
                "the spread that is drawn"),
        Paragraph("What enters a neuron is a sum of n products, so in a wide network it is normally distributed (Poole et al. "
                  "2016, Schoenholz et al. 2017). E is a mean over z."),
    ]
    if request.activation in _CLOSED and mean == 0:
        blocks += [Formula(_CLOSED[request.activation][0], "the recursion for this activation"),
                   Paragraph(_CLOSED[request.activation][2])]
    if theory is None:
        blocks.append(Paragraph(unpredicted))
    else:
        first = float(trace.squares.mean())
        if mean == 0:
            blocks.append(Formula(
                rf"q_1 = n\, \mathrm{{Var}}(w)\, \overline{{x^2}} = {n} \cdot {factor_latex(variance)} \cdot "
                rf"{factor_latex(first)} = {number_latex(n * variance * first)}",
                "the variance before the first activation, with this run's numbers"))
        else:
            blocks += [
                Formula(r"z_{l+1} \sim \mathcal{N}\left(\mu\, \sum_i h_i,\; n\, \mathrm{Var}(w)\, \overline{h^2}\right)",
                        "with weights of mean mu every neuron also gets mu times the sum of the last layer"),
                Paragraph(f"These weights have the mean \u03bc = {number_text(mean)}: all neurons of a layer get \u03bc times the "
                          "sum of the last layer in common, row by row, and the recursion carries that sum along with the "
                          "variance."),
            ]
        rows = [Number("variance of a weight", number_text(variance), role=Role.THEORY),
                Number("n Var(w)", number_text(n * variance), role=Role.THEORY)]
        for layer in dict.fromkeys((1, len(theory.activation) - 1)):
            rows += [Number(f"q before the activation of layer {layer}", number_text(float(theory.variance[layer])),
                            role=Role.THEORY),
                     Number(f"std of the signal in layer {layer}", number_text(float(theory.activation[layer])),
                            role=Role.THEORY)]
        blocks.append(Numbers(tuple(rows)))
        if np.isfinite(theory.low[1:]).any():
            blocks.append(Paragraph(
                "The shaded band: a network of finite width is one draw, and its deviations multiply from layer to layer. 95 % of "
                "networks of this width are expected inside; it widens with depth / width (Hanin & Nica 2019)."))
    return blocks


def _backward(trace: Trace, theory: Prediction | None, request: PropagationRequest, variance: float) -> list[Block]:
    depth = len(trace.activation.std) - 1
    blocks: list[Block] = [
        Heading("Theory: backward"),
        Formula(r"\mathrm{loss} = \sum g\, h_L, \qquad g \sim \mathcal{N}(0, 1)", "the loss is the sum of g times the output"),
        Paragraph("The gradient that starts at the output is random with variance 1, so that only the network decides what "
                  "becomes of it. torch's autograd takes it back from layer to layer."),
        Formula(r"\mathrm{Var}\left(\frac{\partial\, \mathrm{loss}}{\partial h_{l-1}}\right) = \chi_l\, "
                r"\mathrm{Var}\left(\frac{\partial\, \mathrm{loss}}{\partial h_l}\right)", "one layer back multiplies by chi"),
        Formula(r"\chi_l = n\, \mathrm{Var}(w)\, E\left[\varphi'(\sqrt{q_l}\, z)^2\right]",
                "chi is n times the variance of a weight times the mean square of the activation's slope"),
    ]
    if theory is not None and np.isfinite(theory.chi[depth]) and variance > 0:
        chi = float(theory.chi[depth])
        blocks.append(Formula(
            rf"\chi_{{{depth}}} = {request.width} \cdot {factor_latex(variance)} \cdot "
            rf"{factor_latex(chi / (request.width * variance))} = {number_latex(chi)}",
            "chi of the last layer with this run's numbers"))
        blocks.append(Paragraph("Below 1 the gradient shrinks on its way back, above 1 it grows; over L layers that is \u03c7 to "
                                "the power of L."))
        if np.isfinite(theory.weight_gradient[depth]):
            blocks += [
                Formula(r"\mathrm{Var}\left(\frac{\partial\, \mathrm{loss}}{\partial W_l}\right) = B\, "
                        r"E\left[\varphi'(\sqrt{q_l}\, z)^2\right]\, \mathrm{Var}\left(\frac{\partial\, \mathrm{loss}}{\partial "
                        r"h_l}\right)\, \overline{h_{l-1}^2}", "the variance of the gradient of the weights"),
                Numbers((Number(f"std of the gradient of W in layer {depth}, theory",
                                number_text(float(theory.weight_gradient[depth])), role=Role.THEORY),
                         Number("measured", number_text(float(trace.weight_gradient[depth])), role=Role.GRADIENT))),
                Paragraph(f"A weight's gradient is a sum over the B = {trace.rows} rows of the gradient behind the layer times "
                          "the signal before it: both must live, or the layer does not learn."),
            ]
        if trace.activation.zero[depth] == 1.0:
            blocks.append(Paragraph("Theory does not know where float32 ends: a signal that is exactly 0 has left its range, and "
                                    "with it the slope of a ReLU and the gradient."))
    return blocks


def _thresholds(judgement: Judgement) -> list[Block]:
    blocks: list[Block] = [Heading("The verdict")]
    rows = []
    for name, ratio, role in (("signal, last / first layer", judgement.forward, Role.DATA),
                              ("gradient, first / last layer", judgement.backward, Role.GRADIENT)):
        if np.isfinite(ratio):
            rows += [Number(name, number_text(ratio), role=role),
                     Number("  per layer", number_text(ratio ** (1 / judgement.layers)), role=role)]
    if rows:
        blocks.append(Numbers(tuple(rows)))
    blocks.append(Paragraph(
        f"Healthy: the spread changes by less than a factor of {MOST_TOTAL:.0f} through the whole network and by less than "
        f"{MOST_FACTOR:.0f} per layer, signal and gradient; less than {LEAST_TOTAL:.0f} in all always is. Smaller is vanishing, "
        "larger exploding. Symmetric: all rows of every weight matrix are equal. Not a number: some value is NaN or infinite. The "
        "first layer is layer 1, in a network of one layer the input."))
    return blocks


def _symmetry(trace: Trace, symmetry: Symmetry | None, request: PropagationRequest) -> list[Block]:
    blocks: list[Block] = [
        Heading("Symmetry"),
        Formula(r"d_l = \max_{i, j} \left\| w_i - w_j \right\|", "the largest distance between two rows of a weight matrix"),
    ]
    if symmetry is None:
        return blocks
    count = symmetry.distance.shape[1]
    blocks.append(Paragraph(
        f"A small network of the same initialiser, {count} hidden layer{'s' * (count > 1)} of {symmetry.width} neurons and one "
        f"output, in float64, takes {request.symmetry_steps} steps of SGD (learning rate {RATE}, gradient shortened to length 1 at "
        f"most) on {ROWS} random inputs and targets. w with index i is the row of weights of neuron i."))
    last = symmetry.distance[np.isfinite(symmetry.distance).all(axis=1)]
    if len(last):
        blocks.append(Numbers(tuple(
            Number(f"d in layer {index + 1} at the end", number_text(float(last[-1, index])), role=role)
            for index, role in zip(range(count), (Role.C1, Role.C2, Role.C3, Role.C4), strict=False)
        )))
        blocks.append(Paragraph(
            "Neurons with equal weights compute the same and get the same gradient, so a step changes them alike: a layer of "
            "n neurons learns no more than one neuron. Only a random start breaks the symmetry." if symmetry.stays else
            "The neurons start different, get different gradients, and can learn different things."))
    if len(last) < len(symmetry.distance):
        blocks.append(Paragraph(f"After step {max(len(last) - 1, 0)} the numbers of the small network are not finite: "
                                "it stops there."))
    return blocks


_ACTIVATION_CODE = {
    "linear": "x", "relu": "torch.relu(x)", "leaky_relu": "torch.nn.functional.leaky_relu(x)", "tanh": "torch.tanh(x)",
    "sigmoid": "torch.sigmoid(x)", "selu": "torch.selu(x)", "gelu": "torch.nn.functional.gelu(x)",
}
_WITHOUT_GENERATOR = ("constant", "ones", "zeros", "eye")


def code(request: PropagationRequest) -> str:
    """PyTorch that builds the same network and runs one real ``backward()``.

    Raises:
        UserError: the initialiser does not fill matrices.
    """
    chosen, width = request.chosen, request.width
    rows = rows_of(request.batch, width)
    arguments = "".join(f", {word}" for word in chosen.entry.keywords(chosen.arguments))
    random = chosen.name not in _WITHOUT_GENERATOR
    inputs = {
        "normal": "x = torch.randn(rows, width, generator=source)",
        "uniform": "x = torch.rand(rows, width, generator=source)",
        "one_hot": "x = torch.nn.functional.one_hot(torch.randint(width, (rows,), generator=source), width).float()",
    }
    act = _ACTIVATION_CODE[request.activation]
    return "\n".join((
        "import torch",
        "",
        f"depth, width, rows = {request.depth}, {width}, {rows}",
        *([f"generator = torch.Generator().manual_seed({request.seed})"] if random else []),
        "layers = []",
        "for _ in range(depth):",
        "    layer = torch.nn.utils.skip_init(torch.nn.Linear, width, width, bias=False)",
        *(["    # sparse_ chooses its zeros by the global generator, whichever it is given",
           "    torch.manual_seed(torch.randint(2**62, (), generator=generator).item())"] if chosen.name == "sparse" else []),
        f"    torch.nn.init.{chosen.name}_(layer.weight{arguments}{', generator=generator' if random else ''})",
        "    layers.append(layer)",
        "",
        f"source = torch.Generator().manual_seed({input_seed(request.seed)})",
        inputs[request.input],
        "activations = []",
        "for layer in layers:",
        "    x = layer(x)",
        *([f"    x = {act}"] if act != "x" else []),
        "    x.retain_grad()  # the gradient with respect to the activations is kept",
        "    activations.append(x)",
        "",
        "# The loss is chosen so that the gradient at the output is random with variance 1.",
        f"source = torch.Generator().manual_seed({gradient_seed(request.seed)})",
        "loss = (torch.randn(rows, width, generator=source) * x).sum()",
        "loss.backward()",
        "activation_std = [h.double().std(correction=0).item() for h in activations]",
        "gradient_std = [h.grad.double().std(correction=0).item() for h in activations]",
        "weight_gradient_std = [layer.weight.grad.double().std(correction=0).item() for layer in layers]",
        "for number in range(depth):",
        '    print(f"layer {number + 1}: activations {activation_std[number]:.6g}, gradients {gradient_std[number]:.6g}, "',
        '          f"gradients of the weights {weight_gradient_std[number]:.6g}")',
        "",
    ))
