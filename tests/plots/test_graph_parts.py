"""What the canvas of a graph is made of: colours, index, ways, viewport, keyboard's way; each against a plain reference."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plots.graphs_for_tests import chain, closed_and_open, diamond, drawing, figure, locked, mesh
from visualizer.base.roles import Role
from visualizer.ui.graph.levels import Level, level_at
from visualizer.ui.graph.lines import Ways, rounded, ways_of
from visualizer.ui.graph.opening import kept, opened, same_graph, whole
from visualizer.ui.graph.scheme import LEGIBLE, SHADES, Looks, contrast, dim_look, role_look, shade_look, torchviz_look
from visualizer.ui.graph.stage import Index, Stage
from visualizer.ui.graph.viewport import Rect, Viewport
from visualizer.ui.graph.walking import next_row
from visualizer.ui.theme import Theme

THEMES = (Theme("light"), Theme("dark"))
places = st.floats(-1000, 1000, width=32)
sizes = st.floats(0, 300, width=32)


@pytest.mark.parametrize("theme", THEMES, ids=("light", "dark"))
def test_text_can_be_read_on_every_box_of_every_palette(theme: Theme) -> None:
    looks = [role_look(theme, role, done) for role, done in product(Role, (False, True))]
    looks += [shade_look(theme, step) for step in range(SHADES)] + [dim_look(theme)]
    looks += [torchviz_look(theme, outline) for outline in ("box", "round", "pill", "hexagon", "dashed")]
    for look in looks:
        assert contrast(look.text, look.fill) >= LEGIBLE, look
        assert contrast(look.second, look.fill) >= LEGIBLE, look


@pytest.mark.parametrize("theme", THEMES, ids=("light", "dark"))
def test_a_box_stands_out_from_the_ground_from_far_away(theme: Theme) -> None:
    # The role of text is for annotations; boxes have the others.
    for role in Role:
        assert contrast(role_look(theme, role).far, theme.palette.background) >= 1.7, role


def test_the_contrast_of_black_and_white_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_a_box_without_a_shade_is_muted_and_a_dimmed_one_is_in_the_background() -> None:
    theme = Theme()
    looks = Looks(diamond(shades=locked([0.0, 0.5, 1.0, np.nan, 0.2]), dimmed=locked([0, 0, 0, 0, 1], "?")), theme)
    assert looks.of(0) == shade_look(theme, 0)
    assert looks.of(2) == shade_look(theme, SHADES - 1)
    assert looks.of(3) == role_look(theme, Role.MUTED)
    assert looks.of(4) == dim_look(theme)


def test_what_has_computed_is_filled_more_than_what_waits() -> None:
    theme = Theme()
    looks = Looks(diamond(done=locked([1, 0, 0, 0, 0], "?"), roles=locked([0] * 5, "i4")), theme)
    ground = theme.palette.background
    assert contrast(looks.of(0).fill, ground) > contrast(looks.of(1).fill, ground)


@given(st.lists(st.tuples(places, places, sizes, sizes), max_size=40), st.tuples(places, places, sizes, sizes), st.booleans())
def test_the_index_finds_exactly_the_rectangles_that_meet_another(
    boxes: list[tuple[float, float, float, float]], asked: tuple[float, float, float, float], leftward: bool,
) -> None:
    left, top, wide, high = (np.array([box[side] for box in boxes], dtype=np.float64) for side in range(4))
    area = Rect(asked[0], asked[1], asked[0] + asked[2], asked[1] + asked[3])
    plain = [row for row in range(len(boxes)) if Rect(left[row], top[row], left[row] + wide[row], top[row] + high[row]).meets(area)]
    assert Index(left, top, left + wide, top + high, leftward).meeting(area).tolist() == plain


@given(st.floats(0.01, 6), places, places, st.floats(0, 800), st.floats(0, 600), st.floats(0.2, 5))
def test_zooming_keeps_the_place_under_the_pointer(zoom: float, x: float, y: float, px: float, py: float, factor: float) -> None:
    before = Viewport(800, 600, x, y, zoom)
    after = before.zoomed(factor, px, py, 0.001)
    close = 1e-6 * (1 + abs(x) + abs(y)) / min(zoom, after.zoom)
    assert after.to_scene(px, py) == pytest.approx(before.to_scene(px, py), abs=close)


@given(places, places, sizes, sizes, st.floats(0.05, 4))
def test_a_viewport_moved_to_show_a_box_shows_it_or_is_filled_by_it(
    x: float, y: float, wide: float, high: float, zoom: float,
) -> None:
    viewport = Viewport(640, 400, 0, 0, zoom)
    seen = viewport.showing(Rect(x, y, x + wide, y + high)).seen
    assert seen.left <= x + 1e-6 + max(wide - seen.width, 0)
    assert seen.right >= x + wide - 1e-6 - max(wide - seen.width, 0)
    assert seen.top <= y + 1e-6 + max(high - seen.height, 0)
    assert seen.bottom >= y + high - 1e-6 - max(high - seen.height, 0)


def test_a_box_that_is_seen_already_moves_nothing() -> None:
    viewport = Viewport(640, 400)
    assert viewport.showing(Rect(100, 100, 200, 150)) == viewport


def test_levels_grow_with_the_zoom() -> None:
    levels = [level_at(zoom, Theme()) for zoom in (0.05, 0.29, 0.31, 0.56, 0.81, 3.0)]
    assert levels == [Level.FAR, Level.FAR, Level.NAMES, Level.SHAPES, Level.VALUES, Level.VALUES]


def test_rounded_ways_begin_and_end_where_the_straight_ones_do_and_stay_near_them() -> None:
    stage = Stage(mesh(60, columns=6).drawing)
    ways = ways_of(stage.x, stage.y, stage.start, np.arange(len(stage.points)))
    soft = rounded(ways, 9.0)
    ends, soft_ends = np.flatnonzero(ways.last), np.flatnonzero(soft.last)
    assert len(ends) == len(soft_ends) == len(stage.points)
    begins, soft_begins = np.concatenate(([0], ends[:-1] + 1)), np.concatenate(([0], soft_ends[:-1] + 1))
    for old, new in ((ends, soft_ends), (begins, soft_begins)):
        assert ways.x[old].tolist() == soft.x[new].tolist()
        assert ways.y[old].tolist() == soft.y[new].tolist()
    for row in range(len(stage.points)):
        x, y = soft.x[soft_begins[row]:soft_ends[row] + 1], soft.y[soft_begins[row]:soft_ends[row] + 1]
        assert all(stage.edge_at(px, py, 9.0) >= 0 for px, py in zip(x.tolist(), y.tolist(), strict=True))


def test_a_straight_way_stays_two_points() -> None:
    soft = rounded(Ways(np.zeros(4), np.array([0.0, 10.0, 20.0, 30.0]), np.array([False, False, False, True])), 5.0)
    assert soft.y.tolist() == [0.0, 30.0]


def test_neighbours_are_those_of_the_edges() -> None:
    stage = Stage(mesh(120).drawing)
    edges = stage.drawing.edges
    pairs = list(zip(edges.source.tolist(), edges.target.tolist(), strict=True))
    for row in range(len(stage)):
        assert stage.leafward(row).tolist() == sorted({target for source, target in pairs if source == row})
        assert stage.lossward(row).tolist() == sorted({source for source, target in pairs if target == row})


def test_arrows_walk_along_edges_between_siblings_and_back_the_way_they_came() -> None:
    stage = Stage(diamond().drawing)
    assert next_row(stage, 0, "up") in (1, 2)
    assert next_row(stage, 1, "right") == 2
    assert next_row(stage, 2, "left") == 1
    assert next_row(stage, 1, "up") == 3
    assert next_row(stage, 3, "down", came_from=2) == 2
    assert next_row(stage, 3, "down", came_from=1) == 1
    assert next_row(stage, 4, "up") == -1
    assert next_row(stage, 0, "down") == -1


def test_in_a_leftward_picture_the_leaves_are_to_the_left() -> None:
    stage = Stage(drawing([(600, 100), (300, 20), (300, 200), (20, 100)], [(0, 1), (0, 2), (1, 3), (2, 3)], leftward=True))
    assert next_row(stage, 0, "left") in (1, 2)
    assert next_row(stage, 1, "down") == 2
    assert next_row(stage, 1, "right") == 0
    assert next_row(stage, 3, "left") == -1


def test_a_small_graph_opens_whole_and_a_long_one_at_its_loss_in_legible_size() -> None:
    viewport, theme = Viewport(900, 560), Theme()
    small = Stage(diamond().drawing)
    assert opened(small, viewport, theme) == whole(small, viewport, theme)
    long = Stage(chain(300).drawing)
    assert whole(long, viewport, theme).zoom < 0.05
    first = opened(long, viewport, theme)
    assert first.zoom >= 0.45
    loss = long.box(long.loss)
    assert long.loss == 0
    assert first.seen.left <= loss.left
    assert first.seen.right >= loss.right
    assert first.seen.top <= loss.top
    assert first.seen.bottom >= loss.bottom


def test_in_large_type_a_few_boxes_are_still_shown_all_and_many_are_not_made_small() -> None:
    large = Theme(presentation=True)
    for count, all_of_it in ((6, True), (60, False)):
        stage = Stage(chain(count).drawing)
        room = Viewport(1200, round(0.55 * stage.area.height))
        assert 0.45 <= whole(stage, room, large).zoom < 0.45 * large.zoom
        assert (opened(stage, room, large) == whole(stage, room, large)) is all_of_it


def test_an_opened_group_stays_where_it_was_on_the_screen() -> None:
    closed, now = (Stage(item.drawing) for item in closed_and_open())
    viewport = Viewport(800, 500, -40.0, 30.0, 0.9)
    assert same_graph(closed, now)
    moved = kept(closed, now, viewport, 500, (0.0, 0.0))
    assert moved is not None
    assert moved.zoom == viewport.zoom
    box, frame = closed.box(closed.row_of[500]), now.frame(now.frame_of[500])
    assert moved.to_pixels(frame.left, frame.top) == pytest.approx(viewport.to_pixels(box.left, box.top))


def test_without_a_group_the_box_nearest_to_the_pointer_stays() -> None:
    closed, now = (Stage(item.drawing) for item in closed_and_open())
    viewport = Viewport(800, 500, 0.0, 0.0, 1.0)
    loss = closed.box(0)
    moved = kept(closed, now, viewport, None, ((loss.left + loss.right) / 2, (loss.top + loss.bottom) / 2))
    assert moved is not None
    assert moved.to_pixels(now.left[0], now.top[0]) == pytest.approx(viewport.to_pixels(loss.left, loss.top))


def test_graphs_of_other_operations_are_other_graphs_although_the_numbers_are_the_same() -> None:
    other = figure(drawing([(0.0, 100.0 * row) for row in range(5)], [], titles=("A", "B", "C", "D", "E")))
    assert not same_graph(Stage(diamond().drawing), Stage(other.drawing))
    assert not same_graph(Stage(drawing([], [])), Stage(diamond().drawing))
