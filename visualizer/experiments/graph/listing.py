"""A capture as plain lists and dictionaries, for JSON: always the real graph, however it is folded on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from visualizer.experiments.graph.model import Backward, Call, Capture, Graph, Leaf, Node, Preview, Saved


def listed(capture: Capture) -> dict[str, Any]:
    """Everything a script may ask for.

    ``counts``: ``nodes`` and ``edges`` as a walk of ``next_functions`` from the loss counts them: parallel edges each, edges to
    None not. ``nodes``: ``index``, ``name`` as torch has it, ``kind``, ``shape`` and ``dtype`` of its first output, ``module`` (the
    path of the innermost module that it belongs to, of an AccumulateGrad the module that has the parameter; None: none or not
    known), ``parameters`` (the names of the leaf, of an AccumulateGrad). ``edges``: an edge leads from ``next_functions[slot]`` of
    the node ``from`` to the node ``to``, and its gradient belongs to the output ``to_slot`` of that node's forward operation;
    ``from`` and ``to`` are indices of ``nodes``. Of a tensor ``bytes`` is what its elements take, ``storage_bytes`` what it keeps
    in memory.
    """
    graph, backward = capture.graph, capture.backward
    edges = graph.edges
    rows = zip(*(column.tolist() for column in (edges.source, edges.slot, edges.target, edges.target_slot)), strict=True)
    kept = [saved.tensor for node in graph.nodes for saved in node.saved if saved.tensor is not None]
    types = {call.path: call.type for call in graph.calls}
    owners = {leaf.node: (path, types.get(path)) for leaf in graph.leaves if leaf.parameter and leaf.names
              for path in (leaf.names[0].rpartition(".")[0],)}
    found = {
        "title": graph.title,
        "model": graph.model,
        "captured_with": capture.torch,
        "counts": {
            "nodes": len(graph.nodes), "edges": len(edges), "leaves": sum(leaf.node >= 0 for leaf in graph.leaves),
            "parameters": sum(leaf.parameter for leaf in graph.leaves), "calls": len(graph.calls),
            "operations": len(graph.operations), "by_name": _by_name(graph),
            "depth": longest_path(graph),
        },
        "roots": list(graph.roots),
        "loss": _tensor(graph.loss),
        "nodes": [_node(graph, backward, node, owners) for node in graph.nodes],
        "edges": [{"from": a, "slot": slot, "to": b, "to_slot": number} for a, slot, b, number in rows],
        "leaves": [_leaf(leaf) for leaf in graph.leaves],
        "calls": [_call(call) for call in graph.calls],
        "memory": {"saved_bytes": unique_bytes(kept), "saved_tensors": len(kept)},
        "notes": list(graph.notes),
        "failure": None if graph.failure is None else graph.failure.sentence,
    }
    if backward is not None:
        found["backward"] = {
            "order": [step.node for step in backward.steps],
            "equal": backward.equal,
            "error": backward.error,
            "grads": [
                {"leaf": grad.leaf, "names": list(graph.leaves[grad.leaf].names), "grad": _tensor(grad.after), "equal": grad.equal}
                for grad in backward.grads
            ],
        }
    return found


def unique_bytes(tensors: list[Preview]) -> int:
    """What these tensors keep in memory; those that share a storage count once, and a part of one counts as all of it."""
    shared: dict[int, int] = {}
    alone = 0
    for tensor in tensors:
        if tensor.storage < 0:
            alone += tensor.kept
        else:
            shared[tensor.storage] = max(shared.get(tensor.storage, 0), tensor.kept)
    return alone + sum(shared.values())


def longest_path(graph: Graph) -> int:
    """Edges on the longest way from where backward starts to a leaf."""
    order, start = (values.tolist() for values in graph.outgoing)
    target = graph.edges.target.tolist()
    waiting = [0] * len(graph.nodes)
    for at in target:
        waiting[at] += 1
    depth = [0] * len(graph.nodes)
    ready = [at for at, count in enumerate(waiting) if count == 0]
    for at in ready:
        for edge in order[start[at]: start[at + 1]]:
            below = target[edge]
            depth[below] = max(depth[below], depth[at] + 1)
            waiting[below] -= 1
            if waiting[below] == 0:
                ready.append(below)
    return max(depth, default=0)


def _by_name(graph: Graph) -> dict[str, int]:
    counts: dict[str, int] = {}
    for node in graph.nodes:
        counts[node.name] = counts.get(node.name, 0) + 1
    return dict(sorted(counts.items(), key=lambda row: (-row[1], row[0])))


def _node(
    graph: Graph, backward: Backward | None, node: Node, owners: Mapping[int, tuple[str, str | None]],
) -> dict[str, Any]:
    first = node.outputs[0] if node.outputs else None
    call = graph.calls[node.call] if node.call >= 0 else None
    module, module_type = owners.get(node.index, (None, None)) if call is None else (call.path, call.type)
    line = graph.lines[node.line] if node.line >= 0 else None
    row: dict[str, Any] = {
        "index": node.index, "name": node.name, "kind": node.kind,
        "shape": None if first is None else list(first.shape), "dtype": None if first is None else first.dtype,
        "outputs": [{"shape": list(shape), "dtype": dtype} for shape, dtype in node.outputs],
        "module": module, "module_type": module_type,
        "call": node.call if call is not None else None,
        "parameters": list(node.parameters), "variables": list(node.variables), "sequence": node.sequence,
        "line": None if line is None else {"file": line.file, "number": line.number, "text": line.text},
        "empty_slots": list(node.empty),
        "saved": [_saved(one) for one in node.saved],
        "value": _tensor(node.value),
    }
    step = backward.step_of.get(node.index) if backward is not None else None
    if backward is not None and step is not None:
        taken = backward.steps[step]
        row |= {"gradients_in": [_tensor(one) for one in taken.incoming], "gradients_out": [_tensor(one) for one in taken.outgoing],
                "seconds": taken.seconds}
    return row


def _saved(saved: Saved) -> dict[str, Any]:
    return {"name": saved.name, "tensor": _tensor(saved.tensor), "text": saved.text, "freed": saved.freed, "hooked": saved.hooked,
            "leaf": list(saved.leaf)}


def _leaf(leaf: Leaf) -> dict[str, Any]:
    return {"names": list(leaf.names), "shape": list(leaf.type.shape), "dtype": leaf.type.dtype, "parameter": leaf.parameter,
            "requires_grad": leaf.requires_grad, "node": leaf.node if leaf.node >= 0 else None, "reason": leaf.reason}


def _call(call: Call) -> dict[str, Any]:
    return {"index": call.index, "path": call.path, "type": call.type, "nth": call.nth,
            "parent": call.parent if call.parent >= 0 else None, "guessed": call.guessed}


def _tensor(tensor: Preview | None) -> dict[str, Any] | None:
    if tensor is None:
        return None
    row: dict[str, Any] = {
        "shape": list(tensor.type.shape), "dtype": tensor.type.dtype, "bytes": tensor.bytes, "storage_bytes": tensor.kept,
        "norm": tensor.norm, "mean": tensor.mean, "deviation": tensor.deviation, "minimum": tensor.minimum,
        "maximum": tensor.maximum, "nans": tensor.nans, "infinities": tensor.infinities,
    }
    if tensor.complete and tensor.sample.size <= 64:
        row["values"] = tensor.sample
    return row
