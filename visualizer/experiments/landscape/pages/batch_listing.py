"""The PyTorch code of the two mini-batch pages: all runs are rows of one tensor, one run is a tensor of one row."""

from __future__ import annotations

from visualizer.components.optimizers import optimizer
from visualizer.experiments.landscape.batches import study_blocks
from visualizer.experiments.landscape.pages import listing
from visualizer.experiments.landscape.requests import BatchesRequest, Data, StudyRequest

_LAGRANGE = '''
def curve(x, y, t):
    """At t[r], the polynomial through the points of row r: x, y of shape [rows, k], t of shape [rows]."""
    one = torch.eye(x.shape[1])  # a factor 1 where the product leaves one out
    width = x[:, :, None] - x[:, None, :] + one
    return ((((t[:, None, None] - x[:, None, :]) * (1 - one) + one) / width).prod(dim=2) * y).sum(dim=1)
'''

_PIECEWISE = '''
def curve(x, y, t):
    """At t[r], the {title} through the points of row r: x, y of shape [rows, k], t of shape [rows]."""
    h = x.diff(dim=1)
    s = y.diff(dim=1) / h
    d = derivatives(h, s)
    inside = t.detach().clamp(x[:, 0], x[:, -1])  # straight on outside
    i = (x[:, 1:-1] <= inside[:, None]).sum(dim=1, keepdim=True)
    h, s, first, last = (v.gather(1, j).squeeze(1) for v, j in ((h, i), (s, i), (d, i), (d, i + 1)))
    u = (inside - x.gather(1, i).squeeze(1)).requires_grad_()
    piece = u * (first + u * ((3 * s - 2 * first - last) / h + u * (first + last - 2 * s) / h**2))
    (slope,) = torch.autograd.grad(piece.sum(), u)
    return slope * t  # a line with that slope: its gradient is all that is used
'''

_SPLINE = '''
def derivatives(h, s):
    """Of natural cubic splines at their nodes: the second derivative is continuous, and zero at both ends."""
    if h.shape[1] == 1:
        return s.repeat(1, 2)
    zero = torch.zeros(len(h), 1)
    inverse = 1 / h
    above, below = torch.cat((inverse, zero), dim=1), torch.cat((zero, inverse), dim=1)
    matrix = torch.diag_embed(2 * (above + below)) + torch.diag_embed(inverse, 1) + torch.diag_embed(inverse, -1)
    right = 3 * (torch.cat((s * inverse, zero), dim=1) + torch.cat((zero, s * inverse), dim=1))
    return torch.linalg.solve(matrix, right)
'''

_PCHIP = '''
def derivatives(h, s):
    """Of PCHIP at its nodes: weighted harmonic means of the neighbouring slopes, zero where these differ in sign."""
    if h.shape[1] == 1:
        return s.repeat(1, 2)
    left, right = 2 * h[:, 1:] + h[:, :-1], h[:, 1:] + 2 * h[:, :-1]
    same = s[:, :-1] * s[:, 1:] > 0
    mean = (left + right) / (left / torch.where(same, s[:, :-1], 1.0) + right / torch.where(same, s[:, 1:], 1.0))
    middle = torch.where(same, mean, 0.0)

    def end(h0, h1, s0, s1):
        d = ((2 * h0 + h1) * s0 - h0 * s1) / (h0 + h1)
        d = torch.where(d * s0 > 0, d, 0.0)
        return torch.where((s0 * s1 < 0) & (d.abs() > 3 * s0.abs()), 3 * s0, d)

    first = end(h[:, 0], h[:, 1], s[:, 0], s[:, 1])
    last = end(h[:, -1], h[:, -2], s[:, -1], s[:, -2])
    return torch.cat((first[:, None], middle, last[:, None]), dim=1)
'''

_BACK = {
    "stay": "t = t.clamp(low, high)",
    "bounce": "t = torch.where(t < low, 2 * low - t, torch.where(t > high, 2 * high - t, t)).clamp(low, high)",
}


def _head(data: Data) -> list[str]:
    kept = data.curved
    rounded = {"lagrange": [_LAGRANGE], "spline": [_SPLINE, _PIECEWISE], "pchip": [_PCHIP, _PIECEWISE]}
    title = {"spline": "natural cubic spline", "pchip": "PCHIP"}.get(data.interpolant, "")
    lines = [
        "import torch",
        "",
        "torch.set_default_dtype(torch.float64)",
        f"points_x = torch.tensor([{listing.numbers([p.x for p in kept], 25)}])",
        f"points_y = torch.tensor([{listing.numbers([p.y for p in kept], 25)}])",
        f"low, high = {data.points[0].x!r}, {data.points[-1].x!r}",
        "n = len(points_x)",
        "",
    ]
    for function in rounded[data.interpolant]:
        lines += function.replace("{title}", title).rstrip("\n").split("\n")
        lines.append("")
    return lines


def code(request: BatchesRequest) -> str:
    """One mini-batch run, with the same batches."""
    entry = optimizer(request.optimizer)
    plain = entry.name == "sgd"
    back = _BACK.get(request.ends)
    if request.batch_size >= len(request.data.kept):
        draw = ["        batch = torch.arange(n)"]
    elif request.keep_ends:
        draw = [f"        inner = 1 + torch.randperm(n - 2, generator=generator)[:{request.batch_size - 2}]",
                "        batch = torch.cat((torch.tensor([0, n - 1]), inner)).sort().values"]
    else:
        draw = [f"        batch = torch.randperm(n, generator=generator)[:{request.batch_size}].sort().values"]
    slope = [
        "    t.grad = None" if plain else "    optimizer.zero_grad()",
        "    curve(points_x[batch][None], points_y[batch][None], t).sum().backward()",
    ]
    if plain:
        step = [f"        t -= ({request.alpha!r} * t.grad).clamp(-{request.longest!r}, {request.longest!r})"]
    else:
        step = []
    if back is not None:
        step.append("        " + back.replace("t = ", "t.copy_(", 1) + ")")
    return "\n".join([
        *_head(request.data),
        "",
        f"generator = torch.Generator().manual_seed({request.seed})",
        f"t = torch.tensor([{request.start!r}], requires_grad=True)",
        *([] if plain else [f"optimizer = torch.optim.{entry.torch_name}([t], "
                            f"{listing.arguments(entry, request.alpha, request.momentum)})"]),
        f"for step in range({request.steps}):",
        f"    if step % {request.hold} == 0:  # a new batch",
        *draw,
        *slope,
        *([] if plain else ["    optimizer.step()"]),
        *(["    with torch.no_grad():", *step] if step else []),
        *(["    if not low <= t.item() <= high:", "        break"] if back is None else []),
        'print(f"x = {t.item():.6f}, steps = {step + 1}")',
        "",
    ])


def study_code(request: StudyRequest) -> str:
    """The whole study, with the same batches: every batch size prints its share of runs near the global minimum."""
    from visualizer.experiments.landscape.pages.terrain import terrain

    best = terrain(request.data).best
    count = len(request.data.kept)
    scores = ["                scores[:, 0] = scores[:, -1] = 2"] if request.keep_ends else []
    back = _BACK.get(request.ends)
    return "\n".join([
        *_head(request.data),
        "",
        f"for k in range(2, {count + 1}):  # autograd through every batch: this takes minutes, the window's closed form seconds",
        "    landed = []",
        f"    for seed, runs in {study_blocks(count, request.runs, request.seed)!r}:",
        "        generator = torch.Generator().manual_seed(seed)",
        f"        t = torch.full((runs,), {request.start!r})",
        "        here = (t >= low) & (t <= high)",
        f"        for step in range({request.steps}):",
        f"            if step % {request.hold} == 0 and k < n:  # every run draws a batch: its k largest scores",
        "                scores = torch.rand(runs, n, generator=generator, dtype=torch.float32)",
        *scores,
        "                batch = scores.topk(k, dim=1).indices.sort(dim=1).values",
        "            elif k == n:",
        "                batch = torch.arange(n).expand(runs, -1)",
        "            t.requires_grad_()",
        "            (slope,) = torch.autograd.grad(curve(points_x[batch], points_y[batch], t).sum(), t)",
        f"            moved = t.detach() - ({request.alpha!r} * slope).clamp(-{request.longest!r}, {request.longest!r})",
        "            t = torch.where(here, moved, t.detach())",
        *(["            " + back] if back is not None else ["            here &= (t >= low) & (t <= high)"]),
        "        landed.append(torch.where(here, t, torch.nan))",
        f"    near = ((torch.cat(landed) - {best.x!r}).abs() <= {request.near + best.half_width!r}).double().mean()",
        '    print(f"k = {k}: {100 * near:.2f} % of runs end near the global minimum")',
        "",
    ])
