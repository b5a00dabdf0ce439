"""What one call of torch.nn.init takes, where nothing can interrupt it: too long ones are refused in words beforehand."""

from __future__ import annotations

import math

from visualizer.base.errors import UserError

#: Seconds that one call may take. So long the program waits at its end for one beside the run, if it was left; sparse_ is
#: called in the run, because it borrows torch's global generator, and all else waits for it.
LONGEST = {"orthogonal": 3.0, "sparse": 1.0}
#: Calls that take longer than this are made beside the run (see :mod:`visualizer.base.aside`).
SHORT = 0.008

# Seen on one core: floating-point operations a second of a QR decomposition and of forming its Q; seconds for an element of
# a thin one; seconds that sparse_ takes for a column, and to shuffle a place of a column that fits the cache, or does not.
_QR, _THIN, _COLUMN, _SHUFFLED, _FAR = 9e10, 4e-8, 7e-6, 1.5e-8, 1e-7


def seconds_of(name: str, shape: tuple[int, ...]) -> float:
    """About how long one call for a tensor of this shape takes; 0 where it is drawn in pieces or is quick."""
    if len(shape) < 2 or name not in ("orthogonal", "sparse"):
        return 0.0
    rows, columns = shape[0], math.prod(shape[1:])
    if name == "sparse":
        return columns * (_COLUMN + rows * (_SHUFFLED if rows < 2**20 else _FAR))
    small, large = sorted((rows, columns))
    return 4.0 * large * small**2 / _QR + _THIN * large


def check_cost(name: str, shape: tuple[int, ...]) -> float:
    """The seconds of :func:`seconds_of`.

    Raises:
        UserError: they are too many.
    """
    taken = seconds_of(name, shape)
    if taken > LONGEST.get(name, 0.0):
        what = "decomposes the matrix" if name == "orthogonal" else "shuffles every column by itself"
        raise UserError(f"torch.nn.init.{name}_ {what} in one call that nothing can interrupt; for this shape it would take about "
                        f"{taken:,.0f} seconds. Choose a smaller shape.")
    return taken
