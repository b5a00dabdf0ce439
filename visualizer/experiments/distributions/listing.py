"""The first tensor of a sample as lines of PyTorch that run as they stand."""

from __future__ import annotations

from visualizer.experiments.distributions.requests import InitializerRequest


def drawn(request: InitializerRequest) -> list[str]:
    """Lines that draw it as ``w``.

    Raises:
        UserError: the text is no shape.
    """
    given, shape = request.chosen.arguments, ", ".join(map(str, request.shape))
    elsewhere = request.device != "cpu"
    on = f", device={request.device!r}" if elsewhere else ""
    lines = ["import torch", ""]
    fill = [*request.chosen.entry.code("w", given)]
    if request.method == "tail":
        lines[1:1] = ["", "from visualizer.experiments.distributions.tail import tail_normal_  # torch has no such sampler"]
        words = "".join(f"{name}={given[name]!r}, " for name in request.chosen.entry.arguments)
        fill = [f"tail_normal_(w, {words}generator=generator)"]
    elif request.chosen.name == "orthogonal" and request.dtype in ("bfloat16", "float16"):
        fill = [
            "try:", f"    {fill[0]}", f"except NotImplementedError:  # torch has no QR decomposition in {request.dtype}",
            f"    w = {fill[0].replace('(w,', '(w.float(),')}.to(w.dtype)",
        ]
    return [
        *lines,
        f"generator = torch.Generator({repr(request.device) if elsewhere else ''}).manual_seed({request.seed})",
        f"w = torch.empty({shape}, dtype=torch.{request.dtype}{on})",
        *fill,
    ]
