"""From data to pixels, against slow and plain references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualizer.ui.plots import geometry
from visualizer.ui.plots.geometry import Mapping

AREA = Mapping(0.0, 1.0, -1.0, 1.0, 100.0, 50.0)


def test_the_corners_of_the_view_are_the_corners_of_the_area() -> None:
    assert AREA.x(np.array([0.0, 1.0])).tolist() == [0.0, 100.0]
    assert AREA.y(np.array([1.0, -1.0])).tolist() == [0.0, 50.0]
    assert AREA.x_at(25.0) == 0.25
    assert AREA.y_at(50.0) == -1.0


def test_on_a_log_axis_equal_ratios_are_equal_distances_and_what_is_not_positive_is_left_out() -> None:
    mapping = Mapping(0.0, 2.0, 0.0, 1.0, 100.0, 50.0, log_x=True)
    pixels = mapping.x(np.array([1.0, 10.0, 100.0, 0.0, -5.0, np.inf, np.nan]))
    np.testing.assert_allclose(pixels[:3], [0.0, 50.0, 100.0])
    assert np.isnan(pixels[3:]).all()
    assert mapping.x_at(50.0) == pytest.approx(10.0)


def test_values_at_the_end_of_the_float_range_stay_finite() -> None:
    mapping = Mapping(-1e300, 1e300, 0.0, 1.0, 100.0, 50.0)
    assert mapping.x(np.array([-1.7e308, 0.0, 1.7e308])).tolist() == [0.0, 50.0, 100.0]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_decimated_line_reaches_the_same_height_and_depth_in_every_pixel_column(ordered: bool) -> None:
    x = np.linspace(0.0, 1.0, 200_000)
    y = np.clip(np.random.default_rng(1).standard_normal(x.size) / 4, -1, 1)
    px, py = geometry.decimate(x, y, AREA, ordered)
    assert px.size <= 4 * 101
    column = np.minimum(np.floor(x * 100.0), 99)
    drawn = np.minimum(np.floor(px), 99)
    for index in range(100):
        here, there = AREA.view_y(y[column == index]), py[drawn == index]
        assert there.min() == pytest.approx(here.min(), abs=1e-9)
        assert there.max() == pytest.approx(here.max(), abs=1e-9)


def test_a_gap_wider_than_a_pixel_survives_decimation() -> None:
    x = np.linspace(0.0, 1.0, 100_000)
    y = np.where((x > 0.4) & (x < 0.5), np.nan, 0.0)
    rows = geometry.segments_of(*geometry.decimate(x, y, AREA, True))
    crossing = (rows[:, [0, 2]].min(axis=1) < 49.0) & (rows[:, [0, 2]].max(axis=1) > 41.0)
    assert not crossing.any()
    assert (rows[:, 0] < 40).any()
    assert (rows[:, 0] > 50).any()


coordinates = st.floats(-1e4, 1e4, allow_nan=False, width=32)


@given(st.lists(st.tuples(coordinates, coordinates, coordinates, coordinates), min_size=1, max_size=20))
def test_clipped_segments_are_what_a_dense_sampling_finds_inside(rows: list[tuple[float, ...]]) -> None:
    segments = np.array(rows, dtype=np.float64)
    clipped = geometry.clip_segments(segments, 100.0, 50.0, margin=0.0)
    assert ((clipped[:, [0, 2]] >= -1e-6) & (clipped[:, [0, 2]] <= 100.0 + 1e-6)).all()
    assert ((clipped[:, [1, 3]] >= -1e-6) & (clipped[:, [1, 3]] <= 50.0 + 1e-6)).all()
    t = np.linspace(0.0, 1.0, 2001)
    for x0, y0, x1, y1 in segments:
        x, y = x0 + t * (x1 - x0), y0 + t * (y1 - y0)
        inside = (x > 1e-3) & (x < 100 - 1e-3) & (y > 1e-3) & (y < 50 - 1e-3)
        for px, py in zip(x[inside][::100], y[inside][::100], strict=True):
            assert _distance(clipped, px, py) < 1e-2


def _distance(rows: np.ndarray, px: float, py: float) -> float:
    delta = rows[:, 2:] - rows[:, :2]
    offset = np.array([px, py]) - rows[:, :2]
    t = np.clip((offset * delta).sum(axis=1) / np.maximum((delta**2).sum(axis=1), 1e-30), 0, 1)
    return float(np.hypot(*(rows[:, :2] + t[:, None] * delta - (px, py)).T).min()) if len(rows) else np.inf


def test_a_clipped_polygon_keeps_the_area_inside() -> None:
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    x, y = geometry.clip_polygon(50 + 40 * np.cos(angle), 40 * np.sin(angle), 100.0, 50.0, margin=0.0)
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    assert area == pytest.approx(np.pi * 40 * 40 / 2, rel=1e-4)
    assert y.min() >= 0.0


def test_dashes_have_their_lengths_and_run_on_around_corners() -> None:
    rows = np.array([[0.0, 0.0, 10.0, 0.0], [10.0, 0.0, 10.0, 20.0]])
    parts = geometry.dashes(rows, 4.0, 2.0)
    length = np.hypot(parts[:, 2] - parts[:, 0], parts[:, 3] - parts[:, 1])
    assert length.sum() == pytest.approx(20.0)
    np.testing.assert_allclose(parts[:2], [[0, 0, 4, 0], [6, 0, 10, 0]])
    np.testing.assert_allclose(parts[2], [10, 2, 10, 6])


def test_a_contour_of_a_cone_is_a_circle() -> None:
    row, column = np.mgrid[0:101, 0:101]
    rows = geometry.contours(np.hypot(row - 50.0, column - 50.0), 30.0)
    radius = np.hypot(rows[:, [0, 2]] - 50.0, rows[:, [1, 3]] - 50.0)
    np.testing.assert_allclose(radius, 30.0, atol=0.01)
    assert np.hypot(rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1]).sum() == pytest.approx(2 * np.pi * 30, rel=1e-3)


def test_contours_at_several_levels_are_those_at_each_and_a_saddle_has_both_of_its_segments() -> None:
    row, column = np.mgrid[0:41, 0:41]
    cone = np.hypot(row - 20.0, column - 20.0)
    together = geometry.contours(cone, np.array([5.0, 12.0]))
    radius = np.hypot(together[:, 0] - 20.0, together[:, 1] - 20.0)
    np.testing.assert_allclose(np.sort(radius), np.sort(np.where(radius < 8.0, 5.0, 12.0)), atol=0.03)
    lengths = np.hypot(together[:, 2] - together[:, 0], together[:, 3] - together[:, 1])
    assert lengths.sum() == pytest.approx(2 * np.pi * 17, rel=1e-2)
    saddle = geometry.contours(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.5)
    assert sorted(map(tuple, saddle.reshape(-1, 2))) == [(0.0, 0.5), (0.5, 0.0), (0.5, 1.0), (1.0, 0.5)]


def test_a_thinned_curve_has_fewer_vertices_and_is_nowhere_away_from_the_curve() -> None:
    x = np.linspace(0.0, 900.0, 600)
    y = 250 + 200 * np.sin(x / 60)
    px, py = geometry.thinned(x, y, 0.06)
    assert px.size < 400
    rows = geometry.segments_of(px, py)
    assert max(_distance(rows, a, b) for a, b in zip(x, y, strict=True)) < 0.13
    assert (px[0], px[-1]) == (0.0, 900.0)


def test_thinning_keeps_corners_turns_and_gaps() -> None:
    x = np.repeat(np.arange(40.0), 2) * 10
    spikes = np.tile([0.0, 100.0], 40)
    assert geometry.thinned(x, spikes, 0.06)[0].size >= 79
    back = np.tile([0.0, 50.0, 20.0, 70.0], 12)
    assert set(geometry.thinned(back, np.zeros(48), 0.06)[0]) == {0.0, 50.0, 20.0, 70.0}
    gap = np.linspace(0.0, 1.0, 101)
    gap[50] = np.nan
    assert np.isnan(geometry.thinned(np.linspace(0.0, 1.0, 101), gap, 0.06)[1]).sum() == 1


def test_segments_that_a_wide_stroke_covers_are_drawn_once() -> None:
    swing = np.tile([[0.0, 0.0, 90.0, 40.0], [90.0, 40.0, 0.0, 0.0]], (2000, 1))
    assert len(geometry.unique_segments(swing, 2.0)) == 1
    assert len(geometry.unique_segments(np.array([[0.0, 0, 90, 40], [0.0, 9, 90, 40]]), 2.0)) == 2
