"""Networks, from two layers to a stack of the depth of GPT-2."""

from __future__ import annotations

from collections.abc import Mapping

from visualizer.experiments.graph.examples.entry import Example


def _blocks(of: Mapping[str, int]) -> int:
    """Transformer blocks: 12 squared widths of weights, some 20 results of a row for each position, and the attention's squares."""
    rows = of["batch"] * of["length"]
    return of.get("depth", 1) * (12 * of["width"] ** 2 + rows * (20 * of["width"] + 12 * of["length"]))


def _cells(of: Mapping[str, int]) -> int:
    return 8 * of["width"] ** 2 + 20 * of["length"] * of["batch"] * of["width"]


NETWORKS: tuple[Example, ...] = (
    Example(
        "mlp", "MLP", "Linear layers with ReLU between them, and a mean squared error.",
        """
layers = []
for _ in range(depth):
    layers += [nn.Linear(width, width), nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(width, 1))
x = torch.randn(batch, width)
target = torch.randn(batch, 1)
loss = nn.functional.mse_loss(model(x), target)
""", {"depth": 3, "width": 8, "batch": 4}, {"depth": 3_000}, lambda of: of["depth"] * of["width"] * (of["width"] + 2 * of["batch"]),
        fold="parameters",
    ),
    Example(
        "residual", "Skip connections",
        "Each block adds to its input, so the gradient has a way past it: the backbone of deep networks.",
        """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x):
        return x + torch.relu(self.layer(x))     # the skip connection: d/dx has a 1 in it

model = nn.Sequential(*[Block() for _ in range(depth)])
x = torch.randn(batch, width)
loss = model(x).pow(2).mean()
""", {"depth": 4, "width": 8, "batch": 4}, {"depth": 3_000}, lambda of: of["depth"] * of["width"] * (of["width"] + 3 * of["batch"]),
        fold="parameters",
    ),
    Example(
        "cnn", "CNN with BatchNorm", "Convolution, batch normalisation, ReLU and pooling, as for small pictures.",
        """
def block(channels, out):
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())

blocks = [block(1 if k == 0 else width, width) for k in range(depth)]
model = nn.Sequential(*blocks, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(width * 16, 10))
pictures = torch.randn(batch, 1, 8, 8)
digits = torch.randint(0, 10, (batch,))
loss = F.cross_entropy(model(pictures), digits)
""", {"depth": 2, "width": 4, "batch": 4}, {"depth": 1_000},
        lambda of: of["depth"] * of["width"] * (9 * of["width"] + 192 * of["batch"]), fold="parameters",
    ),
    Example(
        "resnet", "ResNet",
        "Residual blocks of convolutions, from few layers to the 152 of the largest ResNet; channels as you choose.",
        """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(h)))

stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
blocks = [Block() for _ in range((depth - 2) // 2)]        # depth counts the layers with weights
model = nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
pictures = torch.randn(batch, 3, 8, 8)
loss = F.cross_entropy(model(pictures), torch.randint(0, 10, (batch,)))
""", {"depth": 18, "width": 8, "batch": 2}, {"depth": 1_000},
        lambda of: of["depth"] * of["width"] * (9 * of["width"] + 200 * of["batch"]), fold="modules",
    ),
    Example(
        "rnn", "RNN", "A recurrent layer written out: the same two weights at every step of the sequence.",
        """
cell = nn.RNNCell(width, width)
x = torch.randn(length, batch, width)
h = torch.zeros(batch, width)
for t in range(length):
    h = cell(x[t], h)           # the same weights at every step
loss = h.pow(2).mean()
""", {"length": 6, "width": 8, "batch": 4}, numbers=_cells, fold="parameters",
    ),
    Example(
        "lstm", "LSTM, unrolled", "An LSTM cell called once for each step; the last state makes the prediction.",
        """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(width, width)
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        h = c = torch.zeros(x.shape[1], width)
        for step in x:                      # x: (length, batch, width)
            h, c = self.cell(step, (h, c))
        return self.head(h)

model = Model()
x = torch.randn(length, batch, width)
loss = F.mse_loss(model(x), torch.randn(batch, 1))
""", {"length": 6, "width": 8, "batch": 4}, numbers=_cells, fold="modules",
    ),
    Example(
        "attention", "Attention by hand", "One head of self-attention, formula by formula: softmax(QKᵀ/√d) V.",
        """
x = torch.randn(batch, length, width)
to_query, to_key, to_value = (nn.Linear(width, width, bias=False) for _ in range(3))
query, key, value = to_query(x), to_key(x), to_value(x)
scores = query @ key.transpose(1, 2) / width ** 0.5        # how much each position asks each other
weights = scores.softmax(dim=-1)                           # rows add up to 1
output = weights @ value
loss = output.pow(2).mean()
""", {"width": 8, "batch": 2, "length": 6}, numbers=_blocks, fold="parameters",
    ),
    Example(
        "transformer", "Transformer encoder",
        "torch.nn.TransformerEncoderLayer in training: attention, skip connections, normalisation, dropout.",
        """
heads = 4 if width % 4 == 0 else 1
layer = nn.TransformerEncoderLayer(width, heads, 4 * width, batch_first=True)
model = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)     # in training, as it is made
x = torch.randn(batch, length, width)
loss = model(x).pow(2).mean()
""", {"depth": 1, "width": 8, "batch": 2, "length": 6}, {"depth": 500}, _blocks, fold="modules",
    ),
    Example(
        "gpt", "GPT-2-sized stack",
        "Twelve blocks as in GPT-2: causal self-attention and an MLP, each beside a skip connection; narrow, to be quick.",
        """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        heads = 4 if width % 4 == 0 else 1
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in self.qkv(self.ln_1(x)).chunk(3, dim=-1))
        scores = (q @ k.transpose(-2, -1)) / q.shape[-1] ** 0.5
        later = torch.ones(length, length, dtype=torch.bool).triu(1)       # nobody looks ahead
        weights = scores.masked_fill(later, float("-inf")).softmax(dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        return x + self.mlp(self.ln_2(x))

embedding, places = nn.Embedding(50, width), nn.Embedding(length, width)
model = nn.ModuleDict({"tokens": embedding, "places": places, "blocks": nn.Sequential(*[Block() for _ in range(depth)])})
words = torch.randint(0, 50, (batch, length))
h = model.blocks(embedding(words) + places(torch.arange(length)))
loss = F.cross_entropy((h @ embedding.weight.t()).flatten(0, 1), words.roll(-1, dims=1).flatten())
""", {"depth": 12, "width": 32, "batch": 2, "length": 8}, {"depth": 500}, _blocks, fold="modules",
    ),
    Example(
        "autoencoder", "Autoencoder",
        "Two networks, one after the other: the input is squeezed into two numbers and made again from them.",
        """
encoder = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2))
decoder = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width))
model = nn.Sequential(encoder, decoder)
x = torch.randn(batch, width)
loss = F.mse_loss(model(x), x)
""", {"width": 8, "batch": 4}, numbers=lambda of: 2 * of["width"] * (of["width"] + 3 * of["batch"]),
        fold="parameters",
    ),
)
