"""Small graphs in which one thing is to be seen, the lecture's first."""

from __future__ import annotations

from visualizer.experiments.graph.examples.entry import Example

BASICS: tuple[Example, ...] = (
    Example(
        "lecture", "Lecture: Linear and Sigmoid", "The lecture's first graph: a linear layer and a sigmoid on five numbers.",
        """
model = nn.Sequential(nn.Linear(5, 1), nn.Sigmoid())
x = torch.tensor([1., 2., 3., 4., 5.])
output = model(x)
""",
    ),
    Example(
        "lecture_batch", "Lecture: on a batch", "The same layers on rows of five numbers: no reshaping, so one node less.",
        """
model = nn.Sequential(nn.Linear(5, 1), nn.Sigmoid())
x = torch.tensor([[1., 2., 3., 4., 5.]]).repeat(batch, 1)
output = model(x)
""", {"batch": 1},
    ),
    Example(
        "lecture_loss", "Lecture: a loss through a layer",
        "Only output and target reach the loss, and yet the layer's weight gets its gradient: the graph links them.",
        """
model = nn.Linear(5, 3)
x = torch.tensor([1., 2., 3., 2., 1.])
target = torch.tensor([4., 5., 6.])
output = model(x)
loss = F.mse_loss(output, target)   # knows nothing of the layer; the output's grad_fn does
""",
    ),
    Example(
        "square", "x * x", "One tensor is used twice: two edges lead to the same leaf, and their gradients add up to 2x.",
        """
x = torch.tensor([1., 2., 3.], requires_grad=True)
y = x * x         # two edges to x: each carries x, together 2x
loss = y.sum()
""",
    ),
    Example(
        "views", "Views and in-place",
        "A view shares its base's memory: writing into it changes the base's place in the graph, too.",
        """
x = torch.randn(batch, width, requires_grad=True)
h = x * 2               # the base; a leaf itself must not be changed in place
row = h[0]              # a view: the same memory
row.mul_(3)             # changes h as well: CopySlices puts the row back into it
flat = h.view(-1)       # a view of what h is now
flat += 1
loss = (h.t() ** 2).mean()
""", {"batch": 4, "width": 8},
    ),
    Example(
        "shared", "A layer used several times",
        "One layer, called again and again: a call each, but one weight that all of them add to.",
        """
class Again(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x):
        for _ in range(depth):
            x = torch.tanh(self.layer(x))   # the same weight every time
        return x

model = Again()
loss = model(torch.randn(batch, width)).pow(2).mean()
""", {"depth": 3, "width": 8, "batch": 4}, {"depth": 5_000}, lambda of: of["width"] * (of["width"] + 2 * of["depth"] * of["batch"]),
    ),
    Example(
        "tied", "Tied weights", "The embedding and the last layer share one weight: one leaf with two names.",
        """
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, width)
        self.output = nn.Linear(width, 20, bias=False)
        self.output.weight = self.embedding.weight      # one tensor from now on

    def forward(self, words):
        return self.output(torch.tanh(self.embedding(words)))

model = Tied()
words = torch.randint(0, 20, (batch, length))
logits = model(words[:, :-1] if length > 1 else words)
target = words[:, 1:] if length > 1 else words
loss = F.cross_entropy(logits.flatten(0, 1), target.flatten())
""", {"width": 8, "batch": 4, "length": 6}, numbers=lambda of: of["batch"] * of["length"] * (2 * of["width"] + 40),
    ),
    Example(
        "split", "A part that nobody uses",
        "split gives three parts and one is not used: its gradient is None at first, zeros in the end.",
        """
x = torch.randn(batch, 3 * width, requires_grad=True)
query, key, unused = x.split(width, dim=1)
# SplitBackward gets a gradient for query and for key, and none for the third part.
loss = (query * key).sum()
""", {"batch": 2, "width": 4},
    ),
    Example(
        "broadcast", "Broadcasting and dtypes",
        "Small tensors are stretched and low precision is raised: the gradient is summed and cast back.",
        """
x = torch.randn(batch, width)
scale = torch.randn(width, dtype=torch.float16, requires_grad=True)   # half precision
shift = torch.zeros(batch, 1, requires_grad=True)                     # one number for each row
power = torch.tensor(2., dtype=torch.float64, requires_grad=True)     # a single number
y = x * scale + shift           # float16 with float32 gives float32
y = y.abs() ** power            # a float64 scalar does not raise the dtype
loss = y.mean()                 # every .grad has the shape and the dtype of its leaf
""", {"batch": 4, "width": 8},
    ),
    Example(
        "detach", "Not in the graph",
        "Tensors that autograd does not follow: detach, no_grad, integers, and one that the loss does not need.",
        """
w = torch.randn(width, requires_grad=True)
x = torch.randn(width)                  # an input: it requires no gradient
h = torch.tanh(w * x)
fixed = h.detach()                      # cut off: the same numbers without a history
with torch.no_grad():
    scale = (w * w).mean()              # nothing is recorded in here
place = h.argmax()                      # an integer: it has no derivative
unused = w.exp()                        # recorded, but the loss does not depend on it
loss = ((h - fixed - 1) ** 2).sum() / (1 + scale) + h[place]
""", {"width": 8},
    ),
    Example(
        "nan", "A NaN in the middle", "The logarithm of a negative number is not a number, and all that comes after it is neither.",
        """
x = torch.tensor([4., 1., -1., 0.], requires_grad=True)
root = torch.sqrt(x.clamp(min=0))       # at 0 its derivative is infinite
logarithm = torch.log(x)                # of -1: NaN; of 0: minus infinity
h = torch.where(x > 0, logarithm, root) # looks sound, yet the gradient passes through both
loss = h.sum()
""",
    ),
    Example(
        "chain", "A long chain", "One addition after the other: a graph too deep for anything that recurses.",
        """
w = torch.ones(width, requires_grad=True)
h = w
for _ in range(depth):
    h = h + 1
loss = h.sum()
""", {"depth": 100, "width": 1}, numbers=lambda of: of["depth"] * of["width"] // 4,
    ),
    Example(
        "diamond", "Paths that part and join",
        "A value is used on several paths; where they join, going backward, gradients are added.",
        """
x = torch.randn(width, requires_grad=True)
h = torch.sin(x)
paths = [torch.tanh(h * (k + 1)) for k in range(depth)]     # every path starts at h
loss = torch.stack(paths).mean()                            # and ends here
""", {"depth": 4, "width": 8}, {"depth": 3_000}, lambda of: 4 * of["depth"] * of["width"],
    ),
)
