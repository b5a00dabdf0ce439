"""The drawn figure: items that stay, a view that does not jump, and values that cannot be drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QGraphicsScene

from tests.plots.figures_for_tests import everything, line, markers, one
from visualizer.base.roles import Role
from visualizer.figures.model import Axis, Band, Bars, Figure, Heat, Markers, Note, Rule, Segments, readonly
from visualizer.ui.plots.labels import Placed
from visualizer.ui.plots.layers import MarkersItem
from visualizer.ui.plots.scene import FigureItem
from visualizer.ui.theme import Theme


@pytest.fixture
def item(qapp: QApplication) -> Iterator[FigureItem]:
    scene = QGraphicsScene()
    item = FigureItem(Theme())
    scene.addItem(item)
    item.set_size(640, 400)
    yield item
    shiboken6.delete(scene)


def picture(item: FigureItem) -> QImage:
    image = QImage(640, 400, QImage.Format.Format_RGB32)
    image.fill(0xFF00FF)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    item.scene().render(painter, QRectF(0, 0, 640, 400), QRectF(0, 0, 640, 400))
    painter.end()
    return image


def pixels(image: QImage) -> np.ndarray:
    rows = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, :image.width(), 2::-1].astype(int)


def near(image: QImage, role: Role, theme: Theme | None = None, tolerance: int = 24) -> np.ndarray:
    """Where the picture has the colour of a role."""
    color = (theme or Theme()).color(role)
    return (np.abs(pixels(image) - (color.red(), color.green(), color.blue())).max(axis=2) <= tolerance)


def view(item: FigureItem) -> tuple[float, float, float, float]:
    m = item.mapping
    return m.x0, m.x1, m.y0, m.y1


def test_every_kind_of_layer_is_drawn(item: FigureItem) -> None:
    item.set_figure(everything())
    full = pixels(picture(item))
    for layer in everything().layers:
        if layer.key == "note":
            continue
        rest = replace(everything(), name="other", layers=tuple(o for o in everything().layers if o.key != layer.key))
        item.set_figure(everything())
        item.set_figure(rest)
        assert (pixels(picture(item)) != full).any(), f"without {layer.key} the picture is the same"


def test_an_update_keeps_the_items_and_skips_a_layer_that_is_the_same_object(item: FigureItem) -> None:
    still, moving = line([0, 1], [0, 1], key="still"), markers([0.5], [0.5])
    item.set_figure(one(still, moving))
    before = dict(item.items)
    built: list[str] = []
    for key, drawn in item.items.items():
        build = drawn.build
        drawn.build = lambda key=key, build=build: (built.append(key), build())  # type: ignore[method-assign]
    item.set_figure(one(still, markers([0.6], [0.5])))
    assert item.items["still"] is before["still"]
    assert item.items["markers"] is before["markers"]
    assert built == ["markers"]


def test_layers_come_go_and_change_their_kind(item: FigureItem) -> None:
    item.set_figure(one(line([0, 1], [0, 1], key="a"), line([0, 1], [1, 0], key="b")))
    item.set_figure(one(markers([0.5], [0.5], key="b"), line([0, 1], [0, 1], key="c")))
    assert list(item.items) == ["b", "c"]
    assert isinstance(item.items["b"].layer, Markers)
    children = [child for child in item.view_box.childItems() if child in item.items.values()]
    assert len(children) == 2
    assert item.items["b"].zValue() < item.items["c"].zValue()


def test_a_line_is_drawn_where_its_data_is(item: FigureItem) -> None:
    item.set_figure(one(line([0, 10], [3, 3]), x=Axis("x", limits=(0, 10)), y=Axis("y", limits=(0, 4))))
    rows, columns = np.nonzero(near(picture(item), Role.CURVE))
    plot = item.plot_rect
    assert rows.mean() == pytest.approx(plot.top() + plot.height() / 4, abs=1.0)
    assert columns.min() == pytest.approx(plot.left(), abs=2)
    assert columns.max() == pytest.approx(plot.right(), abs=2)


def test_nothing_is_drawn_outside_the_plot_area(item: FigureItem) -> None:
    wild = line(np.linspace(-5, 15, 400), 1e6 * np.sin(np.arange(400.0)))
    item.set_figure(one(wild, x=Axis("x", limits=(0, 10)), y=Axis("y", limits=(-1, 1))))
    rows, columns = np.nonzero(near(picture(item), Role.CURVE))
    plot = item.plot_rect
    assert rows.size
    assert rows.min() >= plot.top() - 1
    assert rows.max() <= plot.bottom()
    assert columns.min() >= plot.left() - 1
    assert columns.max() <= plot.right()


def test_the_view_stays_while_data_stays_inside_and_grows_when_it_leaves(item: FigureItem) -> None:
    item.set_figure(one(line([0, 10], [0, 10])))
    first = view(item)
    item.set_figure(one(line([0, 9], [1, 8])))
    assert view(item) == first
    item.set_figure(one(line([0, 14], [0, 10])))
    assert item.mapping.x1 >= 14
    assert view(item)[2:] == first[2:]
    grown = view(item)
    item.set_figure(one(line([0, 14.2], [0, 10])))
    assert view(item) == grown, "there is headroom: it does not rescale at every step"
    item.set_figure(one(line([0, 1], [0, 10])))
    assert item.mapping.x1 < 2, "data that shrank to a sliver is shown large again"


def test_another_run_gets_its_own_range_although_it_lies_inside_the_old_one(item: FigureItem) -> None:
    item.set_figure(one(line(np.arange(681.0), np.linspace(0.0, 12.0, 681))))
    item.set_figure(one(line(np.arange(215.0), np.linspace(8.2, 8.9, 215))))
    x0, x1, y0, y1 = view(item)
    assert (x0, x1, y0, y1) == pytest.approx((0.0, 214.0, 8.2, 8.9), abs=0.05 * 214)
    assert y1 - y0 < 0.8
    item.set_figure(one(line(np.arange(215.0), np.linspace(8.8, 20.0, 215))))
    assert view(item)[2] > 8.0, "what lies half outside is fitted, not added to the old range"


def test_the_view_stays_still_while_a_marker_runs_over_lines_that_stay(item: FigureItem) -> None:
    still = line([0, 10], [0, 10])
    item.set_figure(one(still, markers([100], [5])))
    first = view(item)
    for x in (80, 40, 5):
        item.set_figure(one(still, markers([x], [5])))
        assert view(item) == first


def test_the_view_of_a_growing_run_only_grows_and_seldom(item: FigureItem) -> None:
    values = 5.0 + 4.0 * np.cos(np.arange(2000.0) / 9.0) * 0.999 ** np.arange(2000.0)
    seen = []
    for n in range(2, 2000, 7):
        item.set_figure(one(line(np.arange(float(n)), values[:n])))
        seen.append(view(item))
    low, high = np.array(seen)[:, [0, 2]], np.array(seen)[:, [1, 3]]
    assert (np.diff(low, axis=0) <= 1e-9).all()
    assert (np.diff(high, axis=0) >= -1e-9).all()
    assert len(set(seen)) < 60


def test_after_the_user_zoomed_nothing_but_fit_moves_the_view(item: FigureItem) -> None:
    item.set_figure(one(line([0, 10], [0, 10])))
    item.zoom(0.5, 0.5, QPointF(100, 100))
    zoomed = view(item)
    item.set_figure(one(line([0, 1000], [0, 1000])))
    item.set_theme(Theme("dark"))
    assert view(item) == pytest.approx(zoomed)
    item.fit()
    assert not item.touched
    assert item.mapping.x1 > 1000
    item.zoom(0.5, 0.5, QPointF(100, 100))
    item.set_figure(one(line([0, 10], [0, 10]), name="another"))
    assert not item.touched
    assert item.mapping.x1 < 11


def test_zoom_keeps_the_point_under_the_pointer(item: FigureItem) -> None:
    item.set_figure(one(line([0, 10], [0, 10])))
    before = (item.mapping.x_at(120.0), item.mapping.y_at(90.0))
    item.zoom(0.3, 0.6, QPointF(120.0, 90.0))
    assert (item.mapping.x_at(120.0), item.mapping.y_at(90.0)) == pytest.approx(before)


def test_zooming_in_and_out_for_ever_does_not_break_the_view(item: FigureItem) -> None:
    item.set_figure(one(line([1e6, 1e6 + 1], [0, 1])))
    for factor in (0.2, 5.0):
        for _ in range(600):
            item.zoom(factor, factor, QPointF(200.0, 100.0))
        assert np.isfinite(view(item)).all()
        assert item.mapping.x1 > item.mapping.x0
        picture(item)


def test_limits_of_an_axis_win_over_the_data(item: FigureItem) -> None:
    item.set_figure(one(line([0, 100], [0, 100]), x=Axis("x", limits=(2, 3))))
    assert view(item)[:2] == (2, 3)
    assert item.mapping.y1 > 100


def test_a_log_axis_leaves_out_what_is_not_positive(item: FigureItem) -> None:
    item.set_figure(one(line([0, 1, 2, 3], [0.0, 1.0, -5.0, 1000.0]), y=Axis("y", log=True)))
    assert item.log_y
    assert 10**item.mapping.y0 == pytest.approx(1.0, rel=0.5)
    assert 10**item.mapping.y1 == pytest.approx(1000.0, rel=0.5)
    item.set_log(y=False)
    assert item.mapping.y0 < -5
    item.set_log(x=True, y=True)
    assert item.mapping.log_x
    picture(item)


@pytest.mark.parametrize("log", [False, True])
def test_data_that_cannot_be_drawn_leaves_a_picture_with_axes(item: FigureItem, log: bool) -> None:
    nan, empty, bad = np.full(5, np.nan), readonly([]), readonly([np.inf, -np.inf, np.nan, 1.7e308, -1.7e308])
    axes = {"x": Axis("x", log=log), "y": Axis("y", log=log)}
    figures = [
        one(line(empty, empty), markers(empty, empty), **axes),
        one(line(nan, nan), markers(nan, nan, texts=("a",) * 5), **axes),
        one(line(bad, bad), markers(bad, bad, texts=("a",) * 5), line(bad, bad, key="s", steps=True, dash="dot"), **axes),
        one(Band(key="b", role=Role.DATA, x=bad, lower=bad, upper=bad),
            Bars(key="h", role=Role.DATA, left=bad, right=bad, height=bad),
            Segments(key="s", role=Role.STEP, x0=bad, y0=bad, x1=bad[::-1], y1=bad, arrow=True),
            Rule(key="r", role=Role.STEP, position=np.inf, text="never"), **axes),
        one(Heat(key="h", role=Role.DATA, values=readonly([[np.nan, 1e308], [-1e308, np.inf]]), x_range=(1, 2),
                 y_range=(1, 2), contours=3), **axes),
        one(Heat(key="h", role=Role.DATA, values=readonly(np.empty((0, 0))), x_range=(1, 2), y_range=(1, 2)), **axes),
        one(line([5.0], [5.0]), markers([5.0], [5.0]), **axes),
        one(**axes),
    ]
    for index, figure in enumerate(figures):
        item.set_figure(replace(figure, name=f"f{index}"))
        assert np.isfinite(view(item)).all()
        assert item.mapping.x1 > item.mapping.x0
        image = pixels(picture(item))
        # The axis lines are there: something other than background in the row of the lower edge.
        row = image[round(item.plot_rect.bottom()), round(item.plot_rect.left()) + 5]
        assert (row != 255).any()


def test_a_constant_line_is_seen_in_the_middle(item: FigureItem) -> None:
    for value in (0.0, 1e-300, 7.5, -1e12, 1e300):
        item.set_figure(one(line([0, 1], [value, value]), name=str(value)))
        assert item.mapping.y0 < value < item.mapping.y1


def test_equal_axes_have_equal_scales_at_every_size(item: FigureItem) -> None:
    item.set_figure(one(line([-1, 1], [-1, 1]), equal=True))
    for size in ((640, 400), (300, 500)):
        item.set_size(*size)
        m = item.mapping
        assert m.width / (m.x1 - m.x0) == pytest.approx(m.height / (m.y1 - m.y0), rel=1e-6)
        assert m.x0 <= -1
        assert m.y1 >= 1


def test_a_theme_changes_in_place(item: FigureItem) -> None:
    item.set_figure(everything())
    before = dict(item.items)
    item.set_theme(Theme("dark", presentation=True))
    assert item.items == before
    corner = pixels(picture(item))[2, 2]
    background = Theme("dark").palette.background
    assert "#" + "".join(f"{c:02x}" for c in corner) == background


def test_names_cover_neither_each_other_nor_the_markers(item: FigureItem) -> None:
    random = np.random.default_rng(4)
    item.set_figure(one(markers(random.random(60), random.random(60), texts=tuple(f"P{n}" for n in range(60)))))
    boxes = [QRectF(t.x, t.y + 3, t.width, t.height - 6) for t in item.texts.placed]
    assert len(boxes) > 40
    for index, box in enumerate(boxes):
        assert not any(box.intersects(other) for other in boxes[:index])
        assert QRectF(0, 0, item.mapping.width, item.mapping.height).contains(box)
    drawn = item.items["markers"]
    own = {t.text: QRectF(t.x, t.y + 3, t.width, t.height - 6) for t in item.texts.placed}
    for index, (x, y) in enumerate(zip(drawn.px, drawn.py, strict=True)):  # type: ignore[attr-defined]
        if f"P{index}" in own:
            assert not own[f"P{index}"].contains(QPointF(x, y))


def test_names_stay_where_they_are_while_only_other_layers_change(item: FigureItem) -> None:
    points = markers([1, 2, 3], [1, 2, 1], key="points", texts=("P1", "P2", "P3"))
    limits = {"x": Axis("x", limits=(0, 4)), "y": Axis("y", limits=(0, 4))}
    item.set_figure(one(line([0, 4], [0, 4]), points, markers([1], [1], key="dot"), **limits))
    before = item.texts.placed
    again = markers([1, 2, 3], [1, 2, 1], key="points", texts=("P1", "P2", "P3"))
    item.set_figure(one(line([0, 4], [4, 0]), again, markers([2], [0.5], key="dot"), **limits))
    assert item.texts.placed == before


def _box(text: Placed) -> QRectF:
    return QRectF(text.x, text.y, text.width, text.height)


def _dots(item: FigureItem) -> list[QRectF]:
    """The squares that the markers fill which may not be covered."""
    found = []
    for drawn in item.items.values():
        if isinstance(drawn, MarkersItem) and drawn.layer.size >= 9:
            found += [QRectF(x - drawn.radius, y - drawn.radius, 2 * drawn.radius, 2 * drawn.radius)
                      for x, y in zip(drawn.px, drawn.py, strict=True)]
    return found


def test_a_name_gives_way_to_the_dot_that_runs_over_it_and_comes_back(item: FigureItem) -> None:
    points = markers([1, 2, 3], [1, 2, 1], key="points", texts=("P1", "P2", "P3"))
    limits = {"x": Axis("x", limits=(0, 4)), "y": Axis("y", limits=(0, 4))}
    item.set_figure(one(points, markers([0.2], [0.2], key="dot", size=14.0), **limits))
    home = item.texts.placed
    m, name = item.mapping, next(text for text in home if text.text == "P2")
    over = m.x_at(name.x + name.width / 2), m.y_at(name.y + name.height / 2)
    item.set_figure(one(points, markers([over[0]], [over[1]], key="dot", size=14.0), **limits))
    now = {text.text: text for text in item.texts.placed}
    assert {"P1", "P2", "P3"} == set(now)
    assert not any(_box(text).intersects(dot) for text in now.values() for dot in _dots(item))
    assert [now["P1"], now["P3"]] == [text for text in home if text.text != "P2"]
    item.set_figure(one(points, markers([0.3], [0.2], key="dot", size=14.0), **limits))
    assert item.texts.placed == home


@pytest.mark.parametrize("theme", [Theme(), Theme("dark", presentation=True)])
def test_texts_cover_no_dot_and_no_other_text(item: FigureItem, theme: Theme) -> None:
    item.set_theme(theme)
    x = np.linspace(1, 17, 17)
    notes = (Note(key="landing", role=Role.TEXT, x=5.0, y=5.0, text="P4x = 4.330, value 8.2", anchor=(0.5, 0.5)),
             Note(key="other", role=Role.TEXT, x=5.2, y=5.0, text="and another text here", anchor=(0.5, 0.5)),
             Rule(key="level", role=Role.GOOD, position=5.0, vertical=False, text="global minimum"),
             Rule(key="start", role=Role.MUTED, position=16.0, text="start"))
    item.set_figure(one(markers(x, 5 + np.sin(x), texts=tuple(f"P{n}" for n in range(1, 18))),
                        markers([5.0, 17.0], [5.0, 5.0], key="dot", size=14.0), *notes,
                        Segments(key="step", role=Role.STEP, x0=readonly([5.0]), y0=readonly([5.0]),
                                 x1=readonly([8.0]), y1=readonly([4.0]), arrow=True)))
    texts = item.texts.placed
    assert {"P4x = 4.330, value 8.2", "and another text here", "global minimum", "start"} <= {t.text for t in texts}
    for index, text in enumerate(texts):
        assert not any(_box(text).intersects(dot) for dot in _dots(item)), text.text
        assert not any(_box(text).intersects(_box(other)) for other in texts[:index]), text.text


def test_a_note_that_has_no_room_near_its_point_goes_to_a_corner_and_else_is_left_out(item: FigureItem) -> None:
    x, y = (values.ravel() for values in np.meshgrid(np.linspace(2, 8, 25), np.linspace(0, 10, 25)))
    note = Note(key="n", role=Role.TEXT, x=5.0, y=5.0, text="ten")
    limits = {"x": Axis("x", limits=(0, 10)), "y": Axis("y", limits=(0, 10))}
    item.set_figure(one(markers(x, y, size=20.0), note, **limits))
    (text,) = item.texts.placed
    assert text.x < 10 or text.x + text.width > item.mapping.width - 10
    item.set_figure(one(markers(x * 2 - 5, y, size=24.0), note, **limits))
    assert item.texts.placed == []


def test_names_go_along_with_their_markers_while_the_user_pans_and_are_placed_anew_afterwards(item: FigureItem) -> None:
    item.set_figure(one(markers([1, 2, 3], [1, 2, 1], texts=("P1", "P2", "P3")), line([0, 4], [0, 4])))
    before = {text.text: (text.x, text.y) for text in item.texts.placed}
    item.set_moving(True)
    item.pan(10.0, -5.0)
    for text in item.texts.placed:
        assert (text.x, text.y) == pytest.approx((before[text.text][0] + 10.0, before[text.text][1] - 5.0), abs=0.5)
    item.pan(200.0, 0.0)
    item.set_moving(False)
    area = QRectF(0, 0, item.mapping.width, item.mapping.height)
    assert all(area.contains(QRectF(t.x, t.y, t.width, t.height)) for t in item.texts.placed)


def test_the_legend_needs_two_labelled_layers(item: FigureItem) -> None:
    item.set_figure(one(line([0, 1], [0, 1], label="only")))
    assert not item.layout_.legend
    item.set_figure(one(line([0, 1], [0, 1], label="first"), line([0, 1], [1, 0], key="b", label="second")))
    assert [text for _, text, _, _ in item.layout_.legend] == ["first", "second"]
    item.set_figure(one(line([0, 1], [0, 1], label="first"), line([0, 1], [1, 0], key="b", label="s"), legend=False))
    assert not item.layout_.legend


@pytest.mark.parametrize("size", [(400, 250), (640, 400), (1280, 720)])
@pytest.mark.parametrize("theme", [Theme(), Theme("dark", presentation=True)])
def test_the_plot_keeps_its_room_and_everything_is_inside(item: FigureItem, size: tuple[int, int], theme: Theme) -> None:
    item.set_theme(theme)
    item.set_size(*size)
    labels = [line([0, 1e-7], [0, n], key=f"l{n}", label=f"optimizer number {n}") for n in range(8)]
    figure = Figure("f", "A title that is so long that it needs two lines in a small figure, if not more than that",
                    Axis("x", "s"), Axis("y", "kg"), tuple(labels), note="A note with many words, too. " * 6)
    item.set_figure(figure)
    plot = item.plot_rect
    assert plot.height() >= 0.3 * size[1]
    assert plot.left() > 0
    assert plot.right() < size[0]
    assert plot.bottom() < size[1]
    assert item.layout_.legend
    for _, _, x, y in item.layout_.legend:
        assert 0 <= x < size[0]
        assert 0 <= y < plot.top()


def test_layers_that_stand_still_look_the_same_when_they_are_kept_in_the_frames_picture(qapp: QApplication) -> None:
    scene = QGraphicsScene()
    live, plain = FigureItem(Theme(), live=True), FigureItem(Theme())
    scene.addItem(live)
    fixed = line(np.linspace(0, 1, 99), np.sin(9 * np.linspace(0, 1, 99)), key="fixed")
    other = QGraphicsScene()
    other.addItem(plain)
    for drawn in (live, plain):
        drawn.set_size(640, 400)
        for n in range(5):
            drawn.set_figure(one(fixed, markers([n / 5], [0.0], key="dot")))
    assert live.items["fixed"].in_picture
    assert not live.items["dot"].in_picture
    a, b = pixels(picture(live)), pixels(picture(plain))
    assert np.abs(a - b).max() <= 3
    live.set_figure(one(line([0, 1], [1, 1], key="fixed"), markers([0.5], [0.0], key="dot")))
    assert not live.items["fixed"].in_picture
    shiboken6.delete(scene)
    shiboken6.delete(other)


def test_ten_thousand_thin_bars_are_painted_from_the_lowest_to_the_highest_of_each_pixel(item: FigureItem) -> None:
    heights = np.sin(np.arange(10_000) / 500.0) + 0.3 * np.cos(np.arange(10_000) * 1.7)
    edges = np.arange(10_001.0)
    bars = Bars(key="bars", role=Role.DATA, left=readonly(edges[:-1]), right=readonly(edges[1:]), height=readonly(heights),
                opacity=1.0)
    item.set_figure(one(bars, x=Axis("x", limits=(0.0, 10_000.0)), y=Axis("y", limits=(-2.0, 2.0))))
    painted = near(picture(item), Role.DATA).sum(axis=0)
    columns = np.flatnonzero(painted > 3)
    assert columns.size > 400, "one column beside the other over the whole width"
    left, per_pixel = columns[0], 10_000 / columns.size
    scale = item.mapping.height / 4.0
    for column in columns[5:-5:7]:
        part = heights[int((column - left - 1.2) * per_pixel) : int((column - left + 2.2) * per_pixel) + 1]
        inner = heights[int((column - left + 0.9) * per_pixel) : int((column - left + 1.1) * per_pixel) + 1]
        most = (max(part.max(), 0.0) - min(part.min(), 0.0)) * scale
        least = (max(inner.max(), 0.0) - min(inner.min(), 0.0)) * scale
        assert least - 3.0 <= painted[column] <= most + 3.0, column
