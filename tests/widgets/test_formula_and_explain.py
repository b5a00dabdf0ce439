"""Typeset formulas and the explain panel."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QPlainTextEdit, QTableView, QWidget
from pytestqt.qtbot import QtBot

from visualizer.base.explanation import (
    Block,
    Explanation,
    Formula,
    Heading,
    Number,
    Numbers,
    Paragraph,
    Table,
    Verdict,
    number_text,
)
from visualizer.base.roles import Role
from visualizer.components.optimizers import OPTIMIZERS
from visualizer.ui.theme import Theme, style_application
from visualizer.ui.widgets.explain import ExplainPanel
from visualizer.ui.widgets.explain_numbers import NumbersBlock
from visualizer.ui.widgets.formula import FormulaView
from visualizer.ui.widgets.formula_breaks import balanced, breaks
from visualizer.ui.widgets.symbols import symbol_text
from visualizer.ui.widgets.typesetter import Typesetter, typeset


@pytest.fixture
def typesetter(qapp: Any) -> Iterator[Typesetter]:
    made = Typesetter()
    yield made
    made.stop()
    made.deleteLater()


@pytest.fixture
def view(theme: Theme, host: QWidget, put: Callable[[QWidget], None], typesetter: Typesetter) -> FormulaView:
    made = FormulaView(theme, host, typesetter)
    put(made)
    return made


# Breaking and typesetting.


@pytest.mark.parametrize(("latex", "pieces"), [
    (r"x = y", ("x", "= y")),
    (r"a \qquad b = c", ("a", "b", "= c")),
    (r"\sum_{i=1}^n f(x = 2) = 3", (r"\sum_{i=1}^n f(x = 2)", "= 3")),
    (r"= 3", ("= 3",)),
    (r"\begin{cases} a = b \\ c = d \end{cases}", (r"\begin{cases} a = b \\ c = d \end{cases}",)),
    (r"\left( a = b \right) \approx c", (r"\left( a = b \right)", r"\approx c")),
    ("", ()),
])
def test_formulas_break_before_relations_outside_of_brackets(latex: str, pieces: tuple[str, ...]) -> None:
    assert breaks(latex) == pieces


@given(st.text(alphabet=r"ab=({[]}) \+_^", max_size=40))
def test_breaking_loses_nothing_but_blanks(latex: str) -> None:
    assert "".join(breaks(latex)).replace(" ", "") == latex.replace(" ", "")


@pytest.mark.parametrize("latex", [r"\frac{a", "}", "{", r"\frac", "x^", r"\foo{a}", r"a \undefined b", ""])
def test_what_is_not_latex_gives_no_picture_and_no_exception(latex: str) -> None:
    assert typeset(latex).pieces == ()


@given(st.text(max_size=30))
def test_no_text_at_all_raises(latex: str) -> None:
    result = typeset(latex)
    assert result.latex == latex
    assert not result.pieces or balanced(latex)


@pytest.mark.parametrize("entry", OPTIMIZERS, ids=lambda entry: entry.name)
def test_every_update_rule_of_the_catalogue_can_be_typeset(entry: Any) -> None:
    result = typeset(entry.formula)
    assert len(result.pieces) >= 2
    assert all(b"<path" in svg and b"<symbol" not in svg for _, svg in result.pieces)


@pytest.mark.parametrize(("latex", "text"), [
    (r"\alpha", "α"), ("x_0", "x₀"), ("k", "k"), (r"\mu", "μ"), (r"x_{12}", "x₁₂"), (r"\frac{a}{b}", ""), ("", ""),
    ("x_b", ""), (r"\nonsense", ""),
])
def test_simple_symbols_are_unicode(latex: str, text: str) -> None:
    assert symbol_text(latex) == text


# The view.


def test_a_formula_is_drawn_in_the_text_colour(view: FormulaView, qtbot: QtBot) -> None:
    view.set_latex(r"x_{t+1} = x_t - \alpha f'(x_t)", "next x")
    qtbot.waitUntil(lambda: bool(view.shown))
    assert view.accessibleName() == "next x"
    for mode in ("light", "dark"):
        theme = Theme(mode)
        view.set_theme(theme)
        picture = view.widget().grab().toImage()
        ground = QColor(theme.palette.surface)
        text = QColor(theme.palette.text)
        seen = {QColor(picture.pixel(x, y)).name() for x in range(picture.width()) for y in range(picture.height())}
        assert text.name() in seen, (mode, sorted(seen)[:5], ground.name())


def test_the_old_formula_stays_until_the_new_one_is_there(view: FormulaView, qtbot: QtBot) -> None:
    view.set_latex("a = 1")
    qtbot.waitUntil(lambda: view.shown == "a = 1")
    view.set_latex("a = 2")
    assert view.shown == "a = 1"
    qtbot.waitUntil(lambda: view.shown == "a = 2")
    view.set_latex("a = 1")  # known: at once, when the last change is long enough ago
    qtbot.waitUntil(lambda: view.shown == "a = 1")


def test_the_pictures_of_old_formulas_are_given_back(view: FormulaView, qtbot: QtBot) -> None:
    view.set_latex("a = 1 + 1 = 2")
    qtbot.waitUntil(lambda: view.shown == "a = 1 + 1 = 2")
    canvas = view.widget()
    pictures = [weakref.ref(picture) for _, picture in canvas.pieces]  # type: ignore[attr-defined]
    assert pictures
    view.set_latex("a = 3")
    qtbot.waitUntil(lambda: view.shown == "a = 3")
    assert [picture() for picture in pictures] == [None] * len(pictures)


def test_only_the_newest_of_many_wishes_is_typeset(view: FormulaView, typesetter: Typesetter, qtbot: QtBot) -> None:
    made: list[str] = []
    typesetter.finished.connect(lambda result: made.append(result.latex))
    for number in range(500):
        view.set_latex(f"a = {number}")
    qtbot.waitUntil(lambda: view.shown == "a = 499")
    assert len(made) <= 3


def test_what_is_wrong_is_shown_as_its_source(view: FormulaView, qtbot: QtBot) -> None:
    view.set_latex(r"\frac{a")
    qtbot.waitUntil(lambda: view.shown == r"\frac{a")
    assert view.as_source


@pytest.mark.parametrize("width", [150, 240, 900])
def test_a_long_formula_breaks_shrinks_to_70_percent_then_scrolls(
    view: FormulaView, host: QWidget, qtbot: QtBot, width: int
) -> None:
    product = r"\sum_{i=1}^{n} y_i \prod_{j \neq i} \frac{x - x_j}{x_i - x_j}"
    view.set_latex(rf"f(x) = {product} = \frac{{1 + 2 + 3 + 4 + 5}}{{17}}")
    qtbot.waitUntil(lambda: bool(view.shown))
    view.setFixedWidth(width)
    qtbot.waitUntil(lambda: view.width() == width)
    heights = view.widget().height()
    assert view.height() >= heights
    if width == 900:
        assert view.widget().width() == width
        assert heights < 60
    if width == 240:
        assert view.widget().width() == width
        assert heights > 60  # several lines
    assert view.horizontalScrollBar().maximum() == max(0, view.widget().width() - width)


def test_a_formula_a_little_too_wide_is_set_smaller_not_broken(view: FormulaView, qtbot: QtBot) -> None:
    view.set_latex(r"x_{t+1} = x_t - \alpha f'(x_t)")
    qtbot.waitUntil(lambda: bool(view.shown))
    view.setFixedWidth(600)
    qtbot.waitUntil(lambda: view.width() == 600)
    single = view.widget().height()
    needed = inked(view.widget()).width()
    for share, lines in ((0.95, 1), (0.85, 1), (0.7, 2)):
        width = round(needed * share)
        view.setFixedWidth(width)
        qtbot.waitUntil(lambda width=width: view.width() == width)
        height = view.widget().height()
        assert (height <= single) if lines == 1 else (height > 1.4 * single), share
        assert inked(view.widget()).width() <= width
        assert view.horizontalScrollBar().maximum() == 0


def inked(widget: QWidget) -> QRect:
    """The smallest rectangle with everything that is drawn."""
    picture = widget.grab().toImage()
    ground = picture.pixel(picture.width() - 1, picture.height() - 1)
    places = [(x, y) for x in range(picture.width()) for y in range(picture.height()) if picture.pixel(x, y) != ground]
    xs, ys = [x for x, _ in places], [y for _, y in places]
    return QRect(QPoint(min(xs), min(ys)), QPoint(max(xs), max(ys)))


def darkest(widget: QWidget) -> int:
    picture = widget.grab().toImage()
    return min(QColor(picture.pixel(x, y)).lightness() for x in range(picture.width()) for y in range(picture.height()))


def test_a_formula_that_is_not_yet_the_one_meant_is_fainter(view: FormulaView, qtbot: QtBot) -> None:
    view.set_latex("a = 1")
    qtbot.waitUntil(lambda: view.shown == "a = 1")
    full = darkest(view.widget())
    view.set_latex("a = 2")
    assert view.stale
    assert darkest(view.widget()) > full + 60
    qtbot.waitUntil(lambda: view.shown == "a = 2")
    assert not view.stale
    assert darkest(view.widget()) < full + 30


def test_a_view_that_goes_while_its_formula_is_typeset_leaves_nothing(
    theme: Theme, host: QWidget, typesetter: Typesetter
) -> None:
    doomed = FormulaView(theme, host, typesetter)
    doomed.set_latex(r"\sum_{i=1}^{n} \frac{1}{i^2} = \frac{\pi^2}{6}")
    doomed.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
    assert typesetter.take_wish() is None


# The panel.


def explanation(value: float = 1.0, *, extra: tuple[Block, ...] = ()) -> Explanation:
    return Explanation((
        Verdict("Converging.", "good"), Heading("What is seen"), Paragraph("A dot that rolls down a curve. " * 5),
        Formula(r"x_{t+1} = x_t - \alpha f'(x_t)", "the next x"),
        Numbers((
            Number("start", number_text(15.3 * value), "cm", "Where it began.", Role.DATA),
            Number("gradient", number_text(-0.0123 * value), "", "", Role.GRADIENT),
            Number("steps", "431"), Number("near", "P14"), Number("tiny", number_text(1e-9 * value)),
        )),
        Table(("name", "x", "value"), (("SGD", f"{value:.3f}", "1"), ("Adam", f"{value + 1:.3f}", "2"))),
        *extra,
    ))


@pytest.fixture
def panel(any_theme: Theme, host: QWidget, put: Callable[[QWidget], None], qtbot: QtBot) -> ExplainPanel:
    made = ExplainPanel("landscape", any_theme, host)
    put(made)
    host.resize(480 if any_theme.presentation else 320, 800)
    made.set_explanation(explanation())
    qtbot.waitUntil(lambda: made.complete)
    return made


def labels(panel: QWidget) -> dict[str, QLabel]:
    return {label.text(): label for label in panel.findChildren(QLabel) if label.isVisibleTo(panel) and label.text()}


def test_every_kind_of_block_is_shown_and_can_be_selected(panel: ExplainPanel) -> None:
    shown = labels(panel)
    for text in ("Converging.", "What is seen", "start", "15.30", "cm", "431", "P14", "1.000e-09"):
        assert shown[text].textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse, text
    table = panel.findChild(QTableView)
    assert table is not None
    assert table.model().index(1, 1).data() == "2.000"


def test_new_numbers_change_texts_in_place(panel: ExplainPanel, qtbot: QtBot) -> None:
    before = {id(widget) for widget in panel.findChildren(QWidget)}
    value = labels(panel)["15.30"]
    place = value.geometry()
    panel.set_explanation(explanation(2.0))
    assert value.text() == "30.60"
    QCoreApplication.processEvents()
    assert value.geometry() == place
    assert {id(widget) for widget in panel.findChildren(QWidget)} == before
    table = panel.findChild(QTableView)
    assert table is not None
    assert table.model().index(0, 1).data() == "2.000"


def numbers(*values: str, units: bool = False) -> Explanation:
    return Explanation((Numbers(tuple(
        Number(f"name {index}", value, "cm" if units and index < 3 else "") for index, value in enumerate(values)
    )),))


def test_decimal_points_stand_under_each_other(panel: ExplainPanel, qtbot: QtBot) -> None:
    points = []
    panel.set_explanation(numbers("15.30", "\u22120.1230", "431"))
    QCoreApplication.processEvents()
    for text in ("15.30", "\u22120.1230", "431"):
        label = labels(panel)[text]
        metrics = QFontMetrics(label.font())
        whole = text.partition(".")[0]
        right = label.mapTo(panel, label.contentsRect().topRight()).x()
        points.append(right - metrics.horizontalAdvance(text) + metrics.horizontalAdvance(whole))
    assert max(points) - min(points) <= 2, points


def test_numbers_of_very_different_sizes_are_right_aligned(panel: ExplainPanel) -> None:
    texts = ("934.5", "2.766", "0.03261")
    panel.set_explanation(numbers(*texts))
    QCoreApplication.processEvents()
    shown = [labels(panel)[text] for text in texts]
    assert len({label.mapTo(panel, label.contentsRect().topRight()).x() for label in shown}) == 1


def test_units_of_another_page_leave_nothing_behind(panel: ExplainPanel, any_theme: Theme) -> None:
    panel.set_explanation(numbers("1", "2", "3", "4", "5", units=True))
    panel.set_explanation(numbers("1", "2"))
    panel.set_theme(any_theme)
    QCoreApplication.processEvents()
    assert set(labels(panel)) == {"1", "2", "name 0", "name 1"}
    block = next(block for block in panel.findChildren(NumbersBlock) if block.isVisible())
    for text in ("1", "2"):
        label = labels(panel)[text]
        assert label.mapTo(block, label.rect().topRight()).x() == block.width() - 1  # no empty column
    panel.set_explanation(numbers("1", "2", "3", "4", "5", units=True))
    assert sum(label.isVisible() and label.text() == "cm" for label in panel.findChildren(QLabel)) == 3


def test_headers_take_over_the_type_size_of_every_look(panel: ExplainPanel, qapp: QApplication) -> None:
    table = panel.findChild(QTableView)
    assert table is not None
    for theme in (Theme(presentation=True), Theme(), Theme(presentation=True), Theme()):
        style_application(qapp, theme)
        panel.set_theme(theme)
        QCoreApplication.processEvents()
        header = table.horizontalHeader()
        font = table.model().headerData(0, Qt.Orientation.Horizontal, Qt.ItemDataRole.FontRole)
        assert isinstance(font, QFont)
        assert font.pixelSize() == theme.font("label").pixelSize()
        assert header.height() >= QFontMetrics(font).height() + 2
        assert header.height() <= 2.2 * font.pixelSize()


def test_five_short_columns_need_no_scrolling(panel: ExplainPanel, any_theme: Theme) -> None:
    head = ("Batch", "runs", "near", "share", "mean x")
    panel.set_explanation(Explanation((Table(head, (("17", "200", "187", "93.5 %", "4.321"),) * 4),)))
    panel.setFixedWidth(round(300 * any_theme.zoom))
    for _ in range(3):
        QCoreApplication.processEvents()
    table = next(view for view in panel.findChildren(QTableView) if view.isVisible())
    assert table.horizontalScrollBar().maximum() == 0
    for column, title in enumerate(head):
        font = table.model().headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.FontRole)
        assert isinstance(font, QFont)
        assert font.pixelSize() >= 0.88 * any_theme.font("label").pixelSize()
        assert table.columnWidth(column) >= QFontMetrics(font).horizontalAdvance(title) + any_theme.px(4)


CODE = Table(("", "broken", "cured"), (
    ("1", "y = (prediction * 2).detach()", "y = prediction * 2"),
    ("2", "loss = torch.nn.functional.mse_loss(y, target)", "loss = torch.nn.functional.mse_loss(y, target)"),
))


def test_lines_of_code_in_a_narrow_table_are_broken_and_not_cut_off(panel: ExplainPanel, any_theme: Theme) -> None:
    panel.set_explanation(Explanation((CODE,)))
    panel.setFixedWidth(round(290 * any_theme.zoom))
    for _ in range(3):
        QCoreApplication.processEvents()
    table = next(view for view in panel.findChildren(QTableView) if view.isVisible())
    assert table.horizontalScrollBar().maximum() == 0
    assert table.verticalScrollBar().maximum() == 0
    one_line, lines = table.rowHeight(0), table.rowHeight(1)
    assert lines >= one_line
    font = table.model().index(1, 1).data(Qt.ItemDataRole.FontRole)
    for row in range(2):
        for column in (1, 2):
            index = table.model().index(row, column)
            assert index.data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignLeft
            text = str(index.data())
            room = table.visualRect(index).adjusted(3, 0, -3, 0)
            needed = QFontMetrics(font).boundingRect(
                0, 0, room.width(), 10_000, Qt.TextFlag.TextWordWrap.value, text
            )
            assert needed.height() <= room.height()
            assert needed.width() <= room.width() + 1
    table.selectAll()
    table.actions()[0].trigger()
    copied = QApplication.clipboard().text()
    assert copied == "\n".join("\t".join(row) for row in CODE.rows)


def test_a_name_of_two_words_beside_wide_cells_is_broken_and_all_cells_have_their_room(
    panel: ExplainPanel, any_theme: Theme
) -> None:
    rows = (("standard deviation", "2", "2.2360680"), ("in torch", "correction=0", "correction=1"))
    panel.set_explanation(Explanation((Table(("", "with n", "with n \u2212 1"), rows),)))
    panel.setFixedWidth(round(260 * any_theme.zoom))
    for _ in range(3):
        QCoreApplication.processEvents()
    table = next(view for view in panel.findChildren(QTableView) if view.isVisible())
    assert table.horizontalScrollBar().maximum() == 0
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            index = table.model().index(row, column)
            metrics, room = QFontMetrics(index.data(Qt.ItemDataRole.FontRole)), table.visualRect(index).width() - 6
            longest = max(text.split(), key=metrics.horizontalAdvance) if column == 0 else text
            assert metrics.horizontalAdvance(longest) <= room, text


def test_columns_of_numbers_stay_on_the_right_and_those_of_words_on_the_left(panel: ExplainPanel) -> None:
    rows = (("a", "1.5", "yes", "\u22123"), ("b", "None", "no", "1e-05"))
    panel.set_explanation(Explanation((Table(("name", "value", "leaf", "slope"), rows),)))
    QCoreApplication.processEvents()
    table = next(view for view in panel.findChildren(QTableView) if view.isVisible())
    sides = [bool(table.model().index(1, column).data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight)
             for column in range(4)]
    assert sides == [False, True, False, True]


def test_formulas_and_numbers_change_together(panel: ExplainPanel, qtbot: QtBot) -> None:
    seen = []

    def look(last: int) -> bool:
        view = panel.findChild(FormulaView)
        heading = next((text for text in labels(panel) if text.startswith("Step ")), None)
        if view is None or not view.shown or heading is None:
            return False
        seen.append((heading, view.shown, view.stale))
        return bool(heading == f"Step {last}")

    qtbot.waitUntil(lambda: all(view.shown for view in panel.findChildren(FormulaView)))  # the typesetter is at work
    for step in range(40):
        panel.set_explanation(Explanation((Heading(f"Step {step}"), Formula(f"y_{{{step}}} = {step}"))))
        QCoreApplication.processEvents()
        look(step)
    qtbot.waitUntil(lambda: look(39))
    # What took the typesetter too long is fainter until it agrees; the last one is as it should be.
    assert all(stale or formula == f"y_{{{heading[5:]}}} = {heading[5:]}" for heading, formula, stale in seen), seen
    qtbot.waitUntil(lambda: look(39) and seen[-1] == ("Step 39", "y_{39} = 39", False))


def test_another_page_shows_no_formula_of_the_page_before(panel: ExplainPanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: any(view.shown for view in panel.findChildren(FormulaView)))
    panel.set_explanation(Explanation((Paragraph("Another page."),)))
    qtbot.waitUntil(lambda: panel.complete)
    assert not any(view.shown for view in panel.findChildren(FormulaView))


def test_nothing_is_wider_than_the_panel(panel: ExplainPanel, qtbot: QtBot) -> None:
    panel.set_code("import torch\n" + "x = torch.tensor([" + "1.0, " * 60 + "])\n")
    QCoreApplication.processEvents()
    content = panel.findChild(QWidget, "landscape.explain")
    assert content is not None
    assert content.width() <= panel.width()
    for label in panel.findChildren(QLabel):
        if label.isVisibleTo(panel) and label.text():
            left = label.mapTo(content, label.rect().topLeft()).x()
            assert left >= 0
            assert left + label.width() <= content.width(), label.text()
            needed = label.heightForWidth(label.width()) if label.wordWrap() else label.sizeHint().height()
            assert label.height() >= min(needed, label.height() + 2) - 2, label.text()


def test_other_blocks_take_over_widgets_of_their_kind(panel: ExplainPanel, qtbot: QtBot) -> None:
    verdict = labels(panel)["Converging."]
    short = Explanation((Verdict("Diverging.", "bad"), Paragraph("Too far.")))
    panel.set_explanation(short)
    qtbot.waitUntil(lambda: panel.complete)
    assert verdict.text() == "Diverging."
    assert set(labels(panel)) == {"Diverging.", "Too far."}
    count = len(panel.findChildren(QWidget))
    for _ in range(3):
        panel.set_explanation(explanation())
        qtbot.waitUntil(lambda: panel.complete)
        panel.set_explanation(short)
        qtbot.waitUntil(lambda: panel.complete)
    assert len(panel.findChildren(QWidget)) <= count + 1


def test_a_newer_explanation_wins_while_widgets_are_being_made(
    theme: Theme, host: QWidget, put: Any, qtbot: QtBot
) -> None:
    panel = ExplainPanel("landscape", theme, host)
    put(panel)
    many = tuple(Heading(f"Heading {number}") for number in range(60))
    panel.set_explanation(explanation(1.0, extra=many))
    panel.set_explanation(explanation(2.0, extra=many))
    qtbot.waitUntil(lambda: panel.complete)
    assert "30.60" in labels(panel)
    assert "15.30" not in labels(panel)


def test_numbers_ten_times_a_second_cost_little(panel: ExplainPanel, qtbot: QtBot) -> None:
    costs = []
    for number in range(40):
        new = explanation(1.0 + number / 100)
        start = time.process_time()
        panel.set_explanation(new)
        costs.append(time.process_time() - start)
    assert sorted(costs)[len(costs) // 2] < 0.004


def test_the_code_is_shown_and_copied_as_it_is(panel: ExplainPanel, qtbot: QtBot) -> None:
    code = "import torch\n\n# a comment\nprint(torch.tensor(1.5), 'text')\n"
    panel.set_code(code)
    text = panel.findChild(QPlainTextEdit, "landscape.code")
    copy = panel.findChild(QAbstractButton, "landscape.copy_code")
    assert text is not None
    assert copy is not None
    assert text.isVisibleTo(panel)
    assert text.toPlainText() == code.rstrip("\n")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == code
    assert copy.text() == "Copied"
    qtbot.waitUntil(lambda: copy.text() == "Copy")
    panel.set_code("")
    assert not text.isVisibleTo(panel)
