"""Networks of real shape and tiny width: their graphs have as many nodes as those of the real ones, and are made at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Unrolled(nn.Module):
    """An LSTM cell, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.read = nn.LSTMCell(4, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Of (steps, batch, 4)."""
        state = torch.zeros(x.shape[1], 8), torch.zeros(x.shape[1], 8)
        for step in x:
            state = self.cell(step, state)
        return self.read(state[0])


class Bottleneck(nn.Module):
    """The block of ResNet-50 and larger ones: 1x1, 3x3, 1x1, each with a batch norm (He et al. 2016, figure 5)."""

    def __init__(self, given: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(given, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width),
        )
        same = given == 4 * width and stride == 1
        self.skip = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(given, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Of (batch, channels, height, width)."""
        return torch.relu(self.body(x) + self.skip(x))


class Block(nn.Module):
    """A block of GPT-2: attention and two layers, each behind a layer norm and with a connection around it."""

    def __init__(self, width: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Of (batch, tokens, width)."""
        normed = self.first(x)
        query, key, value = (
            made(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2) for made in (self.query, self.key, self.value)
        )
        weights = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)
        x = x + self.out((weights @ value).transpose(1, 2).flatten(-2))
        return x + self.mlp(self.second(x))


def lstm() -> tuple[nn.Module, Tensor]:
    """60 steps."""
    return Unrolled(), torch.ones(60, 2, 4)


def mlp() -> tuple[nn.Module, Tensor]:
    """1,000 layers."""
    return nn.Sequential(*(part for _ in range(1000) for part in (nn.Linear(4, 4), nn.ReLU()))), torch.ones(2, 4)


def resnet() -> tuple[nn.Module, Tensor]:
    """The 50 blocks of ResNet-152."""
    parts: list[nn.Module] = [nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    given, width = 4, 4
    for stage, blocks in enumerate((3, 8, 36, 3)):
        for block in range(blocks):
            parts.append(Bottleneck(given, width, 2 if stage and not block else 1))
            given = 4 * width
        width *= 2
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(given, 10)), torch.ones(2, 3, 32, 32)


def gpt(blocks: int) -> Callable[[], tuple[nn.Module, Tensor]]:
    """A stack of blocks of GPT-2."""
    return lambda: (nn.Sequential(*(Block() for _ in range(blocks)), nn.LayerNorm(8), nn.Linear(8, 16)), torch.ones(1, 4, 8))


#: By name: what it is, and how it is made.
MODELS: dict[str, tuple[str, Callable[[], tuple[nn.Module, Tensor]]]] = {
    "lstm": ("LSTM, 60 steps", lstm),
    "resnet": ("ResNet-152", resnet),
    "gpt12": ("GPT-2, 12 blocks", gpt(12)),
    "mlp": ("MLP, 1,000 layers", mlp),
    "gpt72": ("GPT-like, 72 blocks", gpt(72)),
    "gpt290": ("GPT-like, 290 blocks", gpt(290)),
}
