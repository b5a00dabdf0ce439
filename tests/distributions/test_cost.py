"""Long calls of torch.nn.init: made beside the run, or refused in words before they begin."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from visualizer.base.errors import UserError
from visualizer.experiments.distributions.cost import seconds_of
from visualizer.experiments.distributions.drawing import Source
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.requests import Chosen

TAB = Distributions()
ORTHOGONAL = Chosen("orthogonal", (("gain", 1.0),))


@pytest.mark.parametrize(("name", "shape"), [
    ("sparse", "1x1000000"), ("sparse", "1x67108864"), ("sparse", "67108864x1"), ("orthogonal", "8192x8192"),
    ("orthogonal", "6000x80x80"),
])
@pytest.mark.parametrize("view", ["initializer", "statistics"])
def test_what_would_stop_the_program_for_long_is_refused_in_words(view: str, name: str, shape: str) -> None:
    state = TAB.default_state().changed(view=view, source="sample", initializer=name, shape=shape)
    with pytest.raises(UserError, match=r"shape|size|smaller"):
        list(TAB.run(TAB.request(state)))


@pytest.mark.parametrize("shape", [(600, 600), (700, 30, 20), (2, 400_000)])
def test_a_matrix_drawn_beside_the_run_is_torchs_own_and_the_run_gives_way_meanwhile(shape: tuple[int, ...]) -> None:
    source = Source(ORTHOGONAL, shape, 2 * torch.Size(shape).numel(), seed=5)
    waited, drawn = 0, []
    for piece in source.pieces():
        if piece is None:
            waited += 1
        else:
            drawn.append(piece.clone())
    generator = torch.Generator().manual_seed(5)
    for piece in drawn:
        expected = torch.nn.init.orthogonal_(torch.empty(shape), generator=generator)
        assert torch.equal(piece.reshape(shape), expected)
    assert len(drawn) == 2
    assert waited > 0


def test_a_run_that_is_left_in_the_middle_of_a_long_call_is_left_at_once() -> None:
    pieces = Source(ORTHOGONAL, (1500, 1500), 1).pieces()
    assert next(pieces) is None
    before = time.perf_counter()
    pieces.close()  # type: ignore[attr-defined]
    assert time.perf_counter() - before < 0.5 * seconds_of("orthogonal", (1500, 1500))
    for thread in threading.enumerate():
        if thread.name == "aside":
            thread.join()


def test_what_is_drawn_in_pieces_is_never_refused() -> None:
    for name in ("uniform", "normal", "xavier_uniform", "kaiming_normal", "zeros", "trunc_normal"):
        assert seconds_of(name, (8192, 8192)) == 0.0
