"""What theory predicts for the spread of activations and gradients in a wide network of random weights.

The mean-field recursion of Poole et al. (2016) and Schoenholz et al. (2017), of which the rules of Glorot & Bengio (2010)
and He et al. (2015) are the special cases "linear" and "ReLU"; extended here to weights whose mean is not zero. Expectations
over the standard normal z are sums over midpoints, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

Floats = NDArray[np.float64]
Both = tuple[Floats, Floats]

# Midpoints: a ReLU has its kink at 0, between two of them.
_Z = (np.arange(800) + 0.5) / 50.0 - 8.0
_P = np.exp(-0.5 * _Z**2)
_P /= _P.sum()

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
_SQRT_2PI = float(np.sqrt(2 * np.pi))


def _relu(x: Floats, below: float = 0.0) -> Both:
    positive = x > 0
    return np.where(positive, x, below * x if below else 0.0), np.where(positive, 1.0, below)


def _tanh(x: Floats) -> Both:
    y = np.tanh(x)
    return y, 1.0 - y * y


def _sigmoid(x: Floats) -> Both:
    y = expit(x)
    return y, y * expit(-x)


def _selu(x: Floats) -> Both:
    positive, down = x > 0, _SELU_ALPHA * np.exp(np.minimum(x, 0.0))
    return _SELU_SCALE * np.where(positive, x, down - _SELU_ALPHA), _SELU_SCALE * np.where(positive, 1.0, down)


def _gelu(x: Floats) -> Both:
    below = ndtr(x)
    return x * below, below + x * np.exp(-0.5 * np.minimum(np.abs(x), 40.0) ** 2) / _SQRT_2PI


#: Every activation together with its derivative, by its name in the state.
ACTIVATION: dict[str, Callable[[Floats], Both]] = {
    "linear": lambda x: (x, np.ones_like(x)),
    "relu": _relu,
    "leaky_relu": lambda x: _relu(x, 0.01),
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "selu": _selu,
    "gelu": _gelu,
}

#: Rows whose averages are taken at once, so that a slice stays short and its arrays in the cache.
_ROWS = 32

#: Activations for which the scatter of a finite network's spread is predicted (a sigmoid's spread is not its size).
SCATTERED = ("linear", "relu", "leaky_relu", "tanh", "selu", "gelu")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Standard deviations per layer, 0 (the input) to depth; NaN where float64 ends.

    Attributes:
        variance: of the pre-activations of layers 1 to depth (index 0: NaN).
        activation: of the activations; ``low`` and ``high`` hold 95 % of the networks of this width (NaN: not predicted).
        gradient: of the gradient with respect to the activations, with unit variance at the last layer.
        weight_gradient: of the gradient with respect to the weights of layers 1 to depth (index 0: NaN;
            all NaN for weights whose mean is not 0).
        chi: by which the gradient's variance is multiplied when it passes a layer backward (index 0: NaN).
    """

    variance: Floats
    activation: Floats
    low: Floats
    high: Floats
    gradient: Floats
    weight_gradient: Floats
    chi: Floats


def applies(mean: float, variance: float, width: int) -> bool:
    """Whether the recursion describes such weights.

    What the mean of the weights passes on has the gain ``mean * width``, what their spread passes on has ``std * sqrt(width)``.
    Where the two are alike, the sum of a layer's activations is as random as it is large, and the recursion leaves that out.
    """
    ratio = abs(mean) * width / max(np.sqrt(variance * width), 1e-300)
    return bool(mean == 0.0 or ratio < 0.1 or ratio > 3.0)


def predict(
    sums: Floats, squares: Floats, *, mean: float, variance: float, width: int, depth: int, activation: str,
    input_std: float, orthogonal: bool, rows: int, output_sums: Floats,
) -> Iterator[Prediction | None]:
    """The prediction, after a ``None`` for every layer and every few rows of it.

    Args:
        sums: the sum of every row of the input, shape (rows,).
        squares: the mean square of every row of the input, shape (rows,).
        mean, variance: of a single weight.
        input_std: spread of the input, which is where the lines start.
        rows: of the batch; the gradient of a weight is a sum over them.
        output_sums: the sum of every row of the gradient at the output, shape (rows,).
        orthogonal: the weights of a layer are a (scaled) orthogonal matrix: lengths scatter less.
    """
    both = ACTIVATION[activation]
    totals = output_sums**2
    if mean == 0.0:  # then rows differ only by their length, and one stands for all
        sums, squares = np.zeros(1), np.array([squares.mean()])
        totals = np.array([float(width)])
    shape = depth + 1
    q, spread, square, scatter, chi = (np.full(shape, np.nan) for _ in range(5))
    first, second = np.full((shape, len(sums)), np.nan), np.full((shape, len(sums)), np.nan)
    spread[0], square[0], scatter[0] = input_std, squares.mean(), 0.0
    for layer in range(1, shape):
        m1, m2 = np.empty_like(sums), np.empty_like(sums)
        with np.errstate(all="ignore"):
            var = width * variance * squares[:, None]
            root = np.sqrt(var)
        for start in range(0, len(sums), _ROWS):
            some = slice(start, start + _ROWS)
            with np.errstate(all="ignore"):
                pre = mean * sums[some, None] + root[some] * _Z
                out, by = both(pre)
                m1[some], m2[some] = out @ _P, (out * out) @ _P
                first[layer, some], second[layer, some] = by @ _P, (by * by) @ _P
            yield None
        with np.errstate(all="ignore"):
            q[layer] = var.mean() + ((mean * sums) ** 2).mean()
            total = float(m2.mean())
            spread[layer] = np.sqrt(max(total - float(m1.mean()) ** 2, 0.0)) if np.isfinite(total) else np.nan
            if mean == 0.0 and activation in SCATTERED and total > 0:
                relative = out[0] ** 2 / total
                noise = float(relative**2 @ _P) - 1.0
                if orthogonal:  # the length is kept exactly: what is common to phi(z)^2 and z^2 does not scatter
                    noise -= float(relative @ (_P * (_Z**2 - 1.0))) ** 2 / 2.0
                elastic = float((out[0] * by[0] * root[0] * _Z) @ _P) / total
                scatter[layer] = elastic**2 * scatter[layer - 1] + max(noise, 0.0) / width
            square[layer] = total
            sums, squares = width * m1, m2
            chi[layer] = width * variance * float(second[layer].mean())
        if not np.isfinite(total) and activation != "linear":
            break  # float64 ends here, and with it what is known of the slope
    gradient, weight = np.full(shape, np.nan), np.full(shape, np.nan)
    gradient[depth] = 1.0
    with np.errstate(all="ignore"):
        # The gradient's variance: what all neurons of a row share, and each neuron's own.
        shared, own = np.zeros(len(sums)), np.ones(len(sums))
        for layer in range(depth, 0, -1):
            d1, d2 = first[layer], second[layer]
            if mean == 0.0:
                weight[layer] = np.sqrt(rows * float((d2 * (shared + own)).mean()) * square[layer - 1])
            # The mean square of what the mean of the weights adds up over the neurons; at the output their sum is known.
            passed = (d1**2 * totals + width * (d2 - d1**2) if layer == depth
                      else width**2 * d1**2 * shared + width * (d2 * own + np.maximum(d2 - d1**2, 0.0) * shared))
            shared, own = mean**2 * passed, width * variance * d2 * (shared + own)
            gradient[layer - 1] = np.sqrt(float((shared + own).mean()))
        low = spread * np.exp(-scatter / 4 - 0.98 * np.sqrt(scatter))
        high = spread * np.exp(-scatter / 4 + 0.98 * np.sqrt(scatter))
    for values in (q, spread, low, high, gradient, weight, chi):
        values[~np.isfinite(values)] = np.nan
        values.flags.writeable = False
    yield Prediction(q, spread, low, high, gradient, weight, chi)
