"""The graph tab, declared: its pages, its parameters, its presets. No torch, no numpy, no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from visualizer.base.experiment import Preset, State, View, view_choice
from visualizer.base.parameters import Option, choice, flag, integer, real, seed, shown_step, text
from visualizer.experiments.graph.examples.catalogue import EXAMPLES, example, example_options

VIEWS = (
    View("graph", "The graph",
         "The graph that autograd really built. Click a node to know all about it, double-click a group to open it, "
         "walk along the edges with the arrow keys.",
         ("graph", "tensor", "histogram"), graphs=("graph",)),
    View("backward", "Step by step",
         "First the forward pass is recorded, operation by operation; then the engine runs the graph backward, one node at a time.",
         ("backward", "incoming", "local", "outgoing"), playable=True, graphs=("backward",)),
    View("life", "Backward again",
         "What backward leaves behind: freed tensors, filled .grad; what a second backward says, and what retain_graph and "
         "zero_grad change.",
         ("life", "grads"), playable=True, graphs=("life",)),
    View("absent", "Not in the graph",
         "Every tensor of the forward pass: which are in the graph, and why the others are not.",
         ("absent", "memory"), graphs=("absent",)),
)

FOLDS = (
    Option("none", "Every node", "As autograd has it and as torchviz draws it: AccumulateGrad is a node of its own."),
    Option("parameters", "Parameters as chips", "A parameter's AccumulateGrad, and the transpose before it, are a chip on the node "
           "that uses it."),
    Option("modules", "Module groups", "Besides, what a module's call has built is a group that opens and closes."),
)

COLOURS = (
    Option("kind", "Kind of node", "Operations, leaves, the loss, custom functions."),
    Option("gradient", "Gradient norm", "The 2-norm of the gradient that arrives at each node, on a logarithmic scale."),
    Option("memory", "Memory", "Bytes that each node keeps for backward; a tensor that several keep counts at the first."),
    Option("time", "Time in backward", "Seconds that the engine took for each node in one run."),
    Option("torchviz", "As torchviz", "Leaves light blue, the output green, functions grey."),
)

TENSORS = (
    Option("auto", "The first there is", "What the node computed, else what it saved, else the gradient that arrives."),
    Option("value", "Result of forward", "What the operation returned in the forward pass."),
    Option("saved", "Saved for backward", "What the node keeps for backward."),
    Option("incoming", "Gradient in", "What arrives from the loss, summed where paths join."),
    Option("outgoing", "Gradient out", "What goes on towards the leaves."),
)

CLEARS = (
    Option("nothing", "Nothing", "Gradients add up."),
    Option("zero_grad", "zero_grad()", "Every .grad becomes None."),
    Option("zeros", "zero_grad(set_to_none=False)", "Every .grad is filled with zeros."),
)

CODE = """\
w = torch.tensor([1., 2., 3.], requires_grad=True)
x = torch.tensor([4., 5., 6.])
h = w * x
loss = (h * h).sum()
"""


def _from(*sources: str) -> Callable[[Any], bool]:
    return lambda state: state.source in sources


def _uses(size: str) -> Callable[[Any], bool]:
    return lambda state: state.source == "example" and size in example(state.example).uses


@dataclass(frozen=True)
class GraphState(State):
    """Every control of the graph tab."""

    def changed(self, **values: Any) -> Self:
        """This state with some values replaced; another example brings its own sizes and its own folding along."""
        chosen = values.get("example")
        if isinstance(chosen, str) and chosen != self.example and any(chosen == entry.name for entry in EXAMPLES):
            values = {**example(chosen).sizes, "fold": example(chosen).fold} | values
        return super().changed(**values)

    view: str = view_choice(VIEWS)

    source: str = choice(
        "example", (
            Option("example", "An example", "One of the catalogue."),
            Option("code", "My code", "A program that is typed here; it leaves its result in the variable loss."),
            Option("file", "My model", "A Python file that makes a model, and the shape of its input."),
            Option("capture", "A capture", "A file that visualizer.capture(...).save wrote; no code runs."),
        ), label="Graph of", group="Graph", help="Where the graph comes from.",
    )
    example: str = choice("lecture", example_options(), label="Example", group="Graph", when=_from("example"),
                          help="A program of the catalogue; its code is in the panel on the right.")
    depth: int = integer(3, 1, 20_000, scale="log", span=lambda state: (1, 50), label="Depth", group="Graph", when=_uses("depth"),
                         help="Layers or blocks, one after the other.")
    width: int = integer(8, 1, 4096, scale="log", span=lambda state: (1, 256), label="Width", group="Graph", when=_uses("width"),
                         help="Features of each layer.")
    batch: int = integer(4, 1, 1024, scale="log", span=lambda state: (1, 64), label="Batch", group="Graph", when=_uses("batch"),
                         help="Rows of the input.")
    length: int = integer(6, 1, 1000, scale="log", span=lambda state: (1, 100), label="Sequence length", group="Graph",
                          when=_uses("length"), help="Steps of a sequence.")
    code: str = text(CODE, label="Program", group="Graph", when=_from("code"), multiline=True, program=True, max_length=100_000,
                     help="Plain PyTorch; torch and nn are imported. It runs when you press Run (Ctrl+Enter), in a process of its "
                          "own, and leaves the tensor that backward starts from in loss.")
    model: str = text("", label="Model", group="Graph", when=_from("file"), program=True, max_length=4_000,
                      help="A Python file and the name in it that makes the model, such as model.py:make. It runs when you press "
                           "Run, in a process of its own.")
    input: str = text("", label="Input", group="Graph", when=_from("file"), max_length=1_000,
                      help="Shape of the input, such as 1,3,224,224; several are separated by semicolons, and a dtype may follow: "
                           "2,16:int64. Empty if the file returns its input together with the model.")
    capture: str = text("", label="Capture", group="Graph", when=_from("capture"), max_length=4_000,
                        help="A file that visualizer.capture(loss, model).save(\"run.graph.json\") wrote. No code runs.")
    time_limit: float = real(60.0, 1.0, 3600.0, scale="log", label="Time limit", unit="s", group="Limits",
                             when=_from("code", "file"), help="A program that takes longer is stopped.")
    memory_limit: float = real(4.0, 0.5, 256.0, scale="log", span=lambda state: (0.5, 16.0), label="Memory limit", unit="GiB",
                               group="Limits", when=_from("code", "file"), help="A program that takes more is stopped.")

    fold: str = choice("none", FOLDS, label="Fold", group="Picture",
                       help="What is drawn as one box. The counts are always those of the real graph.")
    level: int = integer(1, 0, 12, label="Open down to level", group="Picture", when=lambda state: state.fold == "modules",
                         help="0: the whole model is one box; 1: its modules are; and so on.")
    repeats: bool = flag(True, label="Fold equal blocks", group="Picture", when=lambda state: state.fold == "modules",
                         help="Equal blocks one after the other are one box with the number of times; a double click opens it.")
    direction: str = choice(
        "down", (Option("down", "Top to bottom", "Leaves above, the loss below."),
                 Option("right", "Left to right", "Leaves on the left, the loss on the right.")),
        label="Direction", group="Picture", help="Which way the forward pass goes; backward goes the other way.",
    )
    colour: str = choice("kind", COLOURS, label="Colour", group="Picture", views=("graph",), display=True,
                         help="What the colour of a node means.")
    find: str = text("", label="Find", group="Look for", views=("graph", "backward", "absent"), display=True, max_length=200,
                     help="Nodes whose name, module, parameter, shape or source line has this text; F3 goes to the next.")
    kinds: str = text("", label="Only", group="Look for", views=("graph",), display=True, max_length=200,
                      help="Kinds of nodes to show, by the beginnings of their names and separated by commas, such as Addmm, Relu; "
                           "the others fade. Empty: all.")
    trace: bool = flag(False, label="Show the gradient's paths", group="Look for", views=("graph",), display=True,
                       help="From the loss to the chosen node and on to its leaves: what its gradient flows through.")
    tensor: str = choice("auto", TENSORS, label="Tensor", group="Look for", views=("graph",), display=True,
                         help="Which tensor of the chosen node the lower figures show.")
    slot: int = integer(0, 0, 100, label="Which one", group="Look for", views=("graph",), display=True, span=lambda state: (0, 5),
                        when=lambda state: state.tensor in ("saved", "incoming", "outgoing"),
                        help="A node may save several tensors, and has a gradient for each input and output; counted from 0.")

    backwards: int = integer(2, 1, 4, label="Calls of backward", group="Backward", views=("life",),
                             help="How often loss.backward() is called on the same graph.")
    retain: bool = flag(False, label="retain_graph", group="Backward", views=("life",),
                        help="backward(retain_graph=True) keeps the saved tensors, so that it can be called again.")
    clear: str = choice("nothing", CLEARS, label="Between the calls", group="Backward", views=("life",),
                        help="What happens to .grad between two calls of backward.")

    selected: str = text("", label="Chosen node", hidden=True, display=True, max_length=60, help="The node that was clicked.")
    toggled: str = text("", label="Opened and closed groups", hidden=True, max_length=100_000,
                        help="The groups that were opened or closed by hand.")
    seed: int = seed()
    shown_step: int = shown_step()


PRESETS = (
    Preset("lecture", "Lecture: the graph", "Linear and Sigmoid on (1, 2, 3, 4, 5): what torchviz draws.",
           {"view": "graph", "source": "example", "example": "lecture", "fold": "none", "direction": "down", "colour": "kind"}),
    Preset("square", "x * x", "One tensor, used twice: two edges to the same leaf.",
           {"view": "graph", "source": "example", "example": "square", "fold": "none", "direction": "down", "colour": "kind"}),
    Preset("blocks", "Twelve equal blocks", "A GPT-2-sized stack: equal blocks are one box; a double click opens it.",
           {"view": "graph", "source": "example", "example": "gpt", "fold": "modules", "level": 1, "repeats": True,
            "direction": "down", "colour": "kind"}),
    Preset("norms", "Where the gradient fades", "An MLP coloured by the norm of the gradient that arrives at each node.",
           {"view": "graph", "source": "example", "example": "mlp", "depth": 12, "fold": "parameters", "direction": "down",
            "colour": "gradient"}),
    Preset("lecture_steps", "Lecture: backward", "The same graph, recorded and then run backward node by node.",
           {"view": "backward", "source": "example", "example": "lecture", "fold": "none", "direction": "down"}, play=True),
    Preset("lecture_layer", "Lecture: through a layer", "The loss of Linear(5, 3): weight.grad is None until backward arrives.",
           {"view": "backward", "source": "example", "example": "lecture_loss", "fold": "none", "direction": "down"}, play=True),
    Preset("absent", "Why not in the graph?", "detach, no_grad, an integer, an input: tensors that autograd does not follow.",
           {"view": "absent", "source": "example", "example": "detach", "fold": "none", "direction": "down"}),
    Preset("again", "Backward twice", "A second backward on the same loss: torch's error, step by step.",
           {"view": "life", "source": "example", "example": "lecture", "fold": "none", "direction": "down", "backwards": 2,
            "retain": False, "clear": "nothing"}, play=True),
    Preset("joins", "Where paths meet", "One tensor is used several times: its gradients wait for each other and are added.",
           {"view": "backward", "source": "example", "example": "diamond", "fold": "none", "direction": "down"}, play=True),
)
