"""Graphs that show what autograd can do besides: checkpoints, second derivatives, functions of one's own, several losses."""

from __future__ import annotations

from visualizer.experiments.graph.examples.entry import Example

GRADIENTS: tuple[Example, ...] = (
    Example(
        "checkpoint", "Checkpoints", "Blocks keep only their input and are computed again in backward: memory for time.",
        """
from torch.utils.checkpoint import checkpoint

class Saving(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(width, width), nn.Tanh()) for _ in range(depth))

    def forward(self, x):
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)     # what it saves is computed again in backward
        return x

model = Saving()
loss = model(torch.randn(batch, width)).pow(2).mean()
""", {"depth": 3, "width": 8, "batch": 4}, {"depth": 1_000}, lambda of: of["depth"] * of["width"] * (of["width"] + 2 * of["batch"]),
        fold="parameters",
    ),
    Example(
        "penalty", "A gradient in the loss",
        "The loss holds a gradient (a gradient penalty), so backward itself is in the graph: double backward.",
        """
model = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
x = torch.randn(batch, width, requires_grad=True)
score = model(x)
# create_graph: the backward pass is recorded, too, so that it can be differentiated
slope, = torch.autograd.grad(score.sum(), x, create_graph=True)
penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
loss = score.mean() + 10 * penalty
""", {"width": 8, "batch": 4}, numbers=lambda of: of["width"] * (3 * of["width"] + 9 * of["batch"]),
        fold="parameters",
    ),
    Example(
        "custom", "A function of your own", "A torch.autograd.Function with its own backward and an argument that is no tensor.",
        """
class Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, limit):
        ctx.limit = limit
        ctx.save_for_backward(x)
        return x.clamp(-limit, limit)

    @staticmethod
    def backward(ctx, grad):                    # straight through, but not far outside
        x, = ctx.saved_tensors
        return grad * (x.abs() < 2 * ctx.limit), None     # None: limit is no tensor

x = torch.randn(batch, width, requires_grad=True)
y = Clip.apply(x, 0.5)
loss = y.pow(2).sum()
""", {"batch": 4, "width": 8},
    ),
    Example(
        "losses", "Several losses",
        "Two heads, three losses, added with weights: each of them sends its gradient through the shared layers.",
        """
body = nn.Sequential(nn.Linear(width, width), nn.ReLU())
number, kind = nn.Linear(width, 1), nn.Linear(width, 3)
model = nn.ModuleDict({"body": body, "number": number, "kind": kind})
x = torch.randn(batch, width)
h = body(x)
regression = F.mse_loss(number(h).squeeze(1), torch.randn(batch))
classes = F.cross_entropy(kind(h), torch.randint(0, 3, (batch,)))
decay = sum(weight.pow(2).sum() for weight in model.parameters())
loss = regression + 0.5 * classes + 1e-3 * decay
""", {"width": 8, "batch": 4}, numbers=lambda of: 3 * of["width"] * (of["width"] + of["batch"]), fold="parameters",
    ),
    Example(
        "contrastive", "Contrastive loss",
        "Two views of the same pictures through one encoder: the right pairs are to be alike (InfoNCE).",
        """
encoder = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
model = encoder
pictures = torch.randn(batch, width)
first = F.normalize(encoder(pictures + 0.1 * torch.randn(batch, width)), dim=1)
second = F.normalize(encoder(pictures + 0.1 * torch.randn(batch, width)), dim=1)
alike = first @ second.t() / 0.1                # every first with every second
right = torch.arange(batch)                     # row i belongs to column i
loss = (F.cross_entropy(alike, right) + F.cross_entropy(alike.t(), right)) / 2
""", {"width": 8, "batch": 4}, numbers=lambda of: 2 * of["width"] ** 2 + of["batch"] * (20 * of["width"] + 6 * of["batch"]),
        fold="parameters",
    ),
    Example(
        "zoo", "Many losses at once", "One prediction under five losses: each has a backward node of its own.",
        """
prediction = torch.randn(batch, requires_grad=True)
target = torch.rand(batch)
parts = [
    F.mse_loss(prediction, target),
    F.l1_loss(prediction, target),
    F.huber_loss(prediction, target),
    F.smooth_l1_loss(prediction, target),
    F.binary_cross_entropy_with_logits(prediction, target),
]
loss = torch.stack(parts).sum()
""", {"batch": 8},
    ),
    Example(
        "unroll", "Differentiating through training",
        "Steps of gradient descent in the graph: how does the end depend on the step size?",
        """
rate = torch.tensor(0.1, requires_grad=True)
start = torch.ones(width, requires_grad=True)
goal = torch.linspace(-1, 1, width)
w = start
for _ in range(depth):
    inner = ((w - goal) ** 2).sum()
    slope, = torch.autograd.grad(inner, w, create_graph=True)
    w = w - rate * slope                # the step is in the graph, and so is the rate
loss = ((w - goal) ** 2).sum()
""", {"depth": 2, "width": 8}, {"depth": 40}, lambda of: 20 * of["depth"] ** 2 * of["width"],
    ),
    Example(
        "after", "After its backward", "loss.backward() has run already: .grad is filled, and what the graph had saved is freed.",
        """
model = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
x = torch.randn(batch, width)
loss = model(x).pow(2).mean()
loss.backward()         # frees the saved tensors; a second call would be refused
""", {"width": 8, "batch": 4}, numbers=lambda of: 2 * of["width"] * (of["width"] + of["batch"]),
    ),
)
