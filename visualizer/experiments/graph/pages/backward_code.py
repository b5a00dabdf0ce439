"""The program of a source as text, and the lines that set hooks on its graph."""

from __future__ import annotations

import ast

from visualizer.base.errors import UserError
from visualizer.experiments.graph.examples.catalogue import example
from visualizer.experiments.graph.requests import Source

#: Names under which a program leaves the tensor that backward starts from, the first that there is.
_ROOTS = ("loss", "output", "y")

WALK = """\
nodes, seen = [], set()  # all nodes of the graph, without recursion: graphs are deep
waiting = [{root}.grad_fn]
while waiting:
    node = waiting.pop()
    if node is not None and node not in seen:
        seen.add(node)
        nodes.append(node)
        waiting += [following for following, _ in node.next_functions]
"""

_HOOKS = """\

count = 0


def shown(gradients):
    return [None if one is None else one.detach().clone() for one in gradients]


def before(node):
    def hook(gradients):
        global count
        count += 1
        print(f"step {{count}}: {{node.name()}} gets {{shown(gradients)}}")
    return hook


def after(node):
    def hook(returned, given):
        print(f"    returns {{shown(returned)}}")
    return hook


for node in nodes:
    node.register_prehook(before(node))
    node.register_hook(after(node))

{run}
for node in nodes:
    if hasattr(node, "variable"):
        print("leaf", tuple(node.variable.shape), "grad", node.variable.grad)
"""


def program(source: Source) -> tuple[str, str]:
    """The program as a script that runs as it stands, and the name of the tensor that backward starts from.

    Raises:
        UserError: there is no program: the graph came from a file of its own.
    """
    head = f"import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\ntorch.manual_seed({source.seed})\n"
    match source.kind:
        case "example":
            text = example(source.example).program(dict(source.sizes))
        case "code":
            future, text = _without_future(source.code.removeprefix("\ufeff").strip("\n") + "\n")
            head = future + head
        case "file":
            raise UserError("Set the hooks in your own script, on the loss that your model gives: visualizer.show(loss, model) "
                            "draws the same graph from there.")
        case _:
            raise UserError("A capture has no program: it holds what a run left behind.")
    return f"{head}{text}", root_of(text)


def _without_future(text: str) -> tuple[str, str]:
    """The lines ``from __future__ import`` of a program, which must come before all others, and the program without them."""
    lines = text.splitlines(keepends=True)
    future = [line for line in lines if line.startswith("from __future__ import") and "(" not in line]
    return "".join(future), "".join(line for line in lines if line not in future)


def root_of(text: str) -> str:
    """The variable that backward starts from: loss, output or y, else what is assigned last."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # the last two: nested too deeply
        return "loss"
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    there = {node.id for node in names}
    return next((name for name in _ROOTS if name in there), names[-1].id if names else "loss")


def code(source: Source) -> str:
    """The program, with hooks on every node that print what comes in and what goes out, in the engine's order.

    Raises:
        UserError: there is no program.
    """
    text, root = program(source)
    run = f"{root}.backward(torch.ones_like({root}))"
    if ".backward(" in text:  # a second one, which torch may refuse
        run = f'try:\n    {run}\nexcept RuntimeError as error:\n    print("torch says:", error)'
    return f"{text}\n{WALK.format(root=root)}{_HOOKS.format(run=run)}"
