"""The middle of a tab: the main figure, large, over its secondary ones; and what is said when there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from visualizer.base.experiment import Experiment, View
from visualizer.ui.main_window import LOADING
from visualizer.ui.steps import Steps
from visualizer.ui.tabs.answers import Problem
from visualizer.ui.theme import Theme

if TYPE_CHECKING:
    from visualizer.figures.graph import AnyFigure
    from visualizer.ui.graph.canvas import GraphCanvas
    from visualizer.ui.graph.viewport import Rect
    from visualizer.ui.plots.canvas import FigureCanvas
    from visualizer.ui.widgets.banner import Banner

#: Share of the height that the main figure gets over its secondary ones; on a projector their type needs more of it.
MAIN_SHARE, PRESENTED_SHARE = 0.68, 0.64
#: The same where the main figure is a graph and those below it are details of one of its boxes.
GRAPH_SHARE = 0.72
_MANY = 10_000


class _Veil(QWidget):
    """Dims what lies behind it and lets the mouse through: the last good figure can still be touched."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        colour = QColor(self.palette().base().color())
        colour.setAlpha(150)
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour)
        painter.end()


class FigurePage(QSplitter):
    """The canvases of one page. They are made one at a time by :meth:`build`."""

    def __init__(self, view: View, theme: Theme, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self.view = view
        self.theme = theme
        self.canvases: dict[str, FigureCanvas | GraphCanvas] = {}
        self.setChildrenCollapsible(False)
        self.setHandleWidth(5)
        self._lower: QSplitter | None = None

    @property
    def built(self) -> bool:
        return len(self.canvases) == len(self.view.figures)

    def build(self, area: FigureArea) -> Iterator[None]:
        """Make the canvases; every step makes one."""
        for index, name in enumerate(self.view.figures):
            if name in self.canvases:
                continue
            if index == 1:
                self._lower = QSplitter(Qt.Orientation.Horizontal, self)
                self._lower.setChildrenCollapsible(False)
                self._lower.setHandleWidth(5)
            parent = self._lower if index and self._lower is not None else self
            canvas = self._canvas(name, parent)
            canvas.setObjectName(f"{area.experiment.name}.figure.{name}")
            canvas.gesture.connect(area.gesture)
            canvas.export_requested.connect(area.export_requested)
            canvas.copy_requested.connect(area.copy_requested)
            canvas.enlarge_requested.connect(area.enlarge_requested)
            self.canvases[name] = canvas
            yield
        self._share()
        self.show_only(area.enlarged)

    def _canvas(self, name: str, parent: QWidget) -> FigureCanvas | GraphCanvas:
        """The widget that draws this kind of figure."""
        if name in self.view.graphs:
            from visualizer.ui.graph.canvas import GraphCanvas

            return GraphCanvas(parent, self.theme, played=self.view.playable)
        from visualizer.ui.plots.canvas import FigureCanvas

        return FigureCanvas(parent, self.theme)

    def show_figure(self, figure: AnyFigure) -> None:
        """Draw a figure on its canvas, which is the one for its kind."""
        canvas: Any = self.canvases[figure.name]
        canvas.set_figure(figure)

    def show_only(self, figure: str) -> None:
        """Show one figure, or all (empty). The main one for a name that the page has not."""
        if figure and figure not in self.canvases:
            figure = self.view.figures[0]
        for name, canvas in self.canvases.items():
            canvas.setVisible(figure in ("", name))
        if self._lower is not None:
            self._lower.setVisible(figure != self.view.figures[0])

    def set_theme(self, theme: Theme) -> None:
        """Other colours, type and strokes; costs nothing where they are the same."""
        was, self.theme = self.theme, theme
        if theme == was:
            return
        for canvas in self.canvases.values():
            canvas.set_theme(theme)
        if theme.presentation != was.presentation:
            self._share()

    def _share(self) -> None:
        """Divide the height between the main figure and the others, and the width evenly among these."""
        main = PRESENTED_SHARE if self.theme.presentation else MAIN_SHARE
        if self.view.figures[0] in self.view.graphs and len(self.view.figures) > 2:
            main = GRAPH_SHARE
        self.setSizes([round(_MANY * main), round(_MANY * (1 - main))])
        if self._lower is not None:
            self._lower.setSizes([_MANY] * self._lower.count())


class FigureArea(QWidget):
    """All pages of a tab, one of them in front.

    Signals:
        gesture(Gesture): of any canvas.
        export_requested(str), copy_requested(str): the figure's name, from a canvas' own menu.
        enlarge_requested(str): this figure large, or again among the others.
        page_built(): the canvases of the page in front can take figures now.
    """

    gesture = Signal(object)
    export_requested = Signal(str)
    copy_requested = Signal(str)
    enlarge_requested = Signal(str)
    page_built = Signal()

    def __init__(self, experiment: Experiment[Any, Any, Any], steps: Steps, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.experiment = experiment
        self.theme = theme
        self.enlarged = ""
        self._steps = steps
        self._stack = QStackedWidget(self)
        self._empty = QLabel(LOADING, self)
        self._empty.setObjectName(f"{experiment.name}.empty")
        self._empty.setAccessibleName("State of the figures")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setFont(theme.font("title"))
        self._stack.addWidget(self._empty)
        self._pages: dict[str, FigurePage] = {}
        self._page = experiment.views[0].name
        self._has_figures: set[str] = set()
        self._first: tuple[FigurePage, tuple[AnyFigure, ...]] | None = None
        self._later: dict[str, tuple[FigurePage, AnyFigure]] = {}
        self._order: list[str] = []
        self._later_timer = QTimer(self, interval=0)
        self._later_timer.timeout.connect(self._draw_later)
        self._veil = _Veil(self)
        self._dimming = True
        self._card: Banner | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    @property
    def page(self) -> FigurePage | None:
        """The page in front, if its canvases have been begun."""
        return self._pages.get(self._page)

    @property
    def canvases(self) -> dict[str, FigureCanvas | GraphCanvas]:
        """The canvases of the page in front, by figure name, the main one first."""
        return self.page.canvases if self.page else {}

    @property
    def seen(self) -> dict[str, Rect]:
        """Of each graph of the page in front the part of its scene that is seen."""
        graphs = self.page.view.graphs if self.page is not None else ()
        return {name: cast("GraphCanvas", self.canvases[name]).viewport.seen for name in graphs if name in self.canvases}

    @property
    def empty_text(self) -> str:
        """What is said in place of figures; empty when figures are shown."""
        return self._empty.text() if self.empty_showing else ""

    def build_page(self, name: str) -> Iterator[None]:
        """Make the canvases of a page. Only once pyqtgraph has been imported: importing it here would take too long."""
        view = next(view for view in self.experiment.views if view.name == name)
        page = self._pages.get(name)
        if page is None:
            page = self._pages[name] = FigurePage(view, self.theme, self._stack)
            self._stack.addWidget(page)
        yield from page.build(self)
        if name == self._page:
            self.page_built.emit()

    def needs_building(self, name: str) -> bool:
        return name not in self._pages or not self._pages[name].built

    def show_page(self, name: str) -> None:
        """Bring a page to the front; it stays behind the empty text until it has figures."""
        self._page = name
        self._arrange()

    def show_figures(self, figures: tuple[AnyFigure, ...]) -> None:
        """Draw figures of the page in front; those of canvases that are not made yet wait for the next call."""
        page = self.page
        if page is None or not page.built:
            return
        if all(page.canvases[figure.name].figure is not None for figure in figures):
            self._later = {}
            for figure in figures[:1]:
                page.show_figure(figure)
            # Each of the others in a turn of its own: drawn and painted all at once they would hold the mouse for longer
            # than a frame. A picture that is overtaken while it waits is never drawn.
            self._later = {figure.name: (page, figure) for figure in figures[1:]}
            self._order = [*(name for name in self._order if name in self._later),
                           *(name for name in self._later if name not in self._order)]
            self._later_timer.start()
        else:
            # The first picture of a canvas takes longer than any that follow, so each gets a step of its own.
            busy, self._first = self._first is not None, (page, figures)
            if not busy:
                self._steps.add(self._draw_first())
        self._has_figures.add(self._page)
        self._arrange()

    @Slot()
    def _draw_later(self) -> None:
        """The secondary figure that has waited longest."""
        name = next((name for name in self._order if name in self._later), None)
        if name is None:
            self._later_timer.stop()
            return
        page, figure = self._later.pop(name)
        self._order = [*(other for other in self._order if other != name), name]
        page.show_figure(figure)

    def _draw_first(self) -> Iterator[None]:
        """The newest of the figures that were asked for, one canvas at a step."""
        while self._first is not None:
            page, figures = self._first
            missing = [figure for figure in figures if page.canvases[figure.name].figure is None]
            for figure in missing[:1] or figures:
                page.show_figure(figure)
            if not missing:
                self._first = None
            yield

    def show_empty(self, sentence: str) -> None:
        """Say this in place of the page's figures, which it has none of yet."""
        self._empty.setText(sentence)
        self._has_figures.discard(self._page)
        self._arrange()

    def set_empty_text(self, sentence: str) -> None:
        """What is said as long as the page has no figures."""
        self._empty.setText(sentence)

    def show_problem(self, problem: Problem | None, dim: bool = True) -> None:
        """Say over the figures, dimmed, why there are no newer ones; None: all is well.

        Args:
            dim: whether the figures are out of date; False where only the last wish was refused.
        """
        self._dimming = dim
        if problem is None:
            self._veil.hide()
            if self._card is not None:
                self._card.clear()
            return
        if self._card is None:
            from visualizer.ui.widgets.banner import Banner

            self._card = Banner(self.theme, self, f"{self.experiment.name}.problem")
            # Its details unfold inside it: it has to be placed again.
            details = self._card.findChild(QAbstractButton, f"{self.experiment.name}.problem.details")
            if details is not None:
                details.toggled.connect(self._place_soon)
        self._card.show_message(problem.sentence, problem.details, "warning" if problem.expected else "bad")
        self._veil.setVisible(dim and not self.empty_text)
        self._veil.raise_()
        self._card.raise_()
        self._place()

    @property
    def problem_text(self) -> str:
        return self._card.message if self._card is not None else ""

    @property
    def focused(self) -> str:
        """Name of the figure that has the focus; otherwise of the main one, or empty while there is none."""
        names = list(self.canvases)
        return next((name for name in names if self.canvases[name].hasFocus()), names[0] if names else "")

    def enlarge(self, figure: str) -> None:
        """Show only this figure, on every page that has it, and the main one on the others; empty: show all."""
        if figure == self.enlarged:
            return
        self.enlarged = figure
        for page in self._pages.values():
            if page.built:
                page.show_only(figure)

    def take_focus(self) -> None:
        """Give the keyboard to the main figure; while there is none, to what stands in its place.

        The stack hands it on to the main figure when the figures come.
        """
        main = next(iter(self.canvases.values()), None)
        front = self._empty if self.empty_showing or main is None else main
        front.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def empty_showing(self) -> bool:
        """Whether there is a sentence, or nothing at all, in place of figures."""
        return self._stack.currentWidget() is self._empty

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self._empty.setFont(theme.font("title"))
        if self._card is not None:
            self._card.set_theme(theme)
            self._place()
        if self.page is not None:
            # The others when they come to the front: all at once they would hold the window.
            self.page.set_theme(theme)

    def set_busy(self, busy: bool) -> None:
        """Say on the main figure that a newer one is on its way."""
        for canvas in list(self.canvases.values())[:1]:
            canvas.set_busy(busy)

    @Slot()
    def fit(self) -> None:
        """Show all that is drawn, in every canvas of the page."""
        for canvas in self.canvases.values():
            canvas.fit()

    def sizes(self) -> list[int]:
        """Heights of main and secondary figures of the page in front, to be remembered."""
        return self.page.sizes() if self.page else []

    def _arrange(self) -> None:
        page = self.page
        if page is not None:
            page.set_theme(self.theme)
        front = page if page is not None and self._page in self._has_figures else self._empty
        if self._stack.currentWidget() is not front:
            self._stack.setCurrentWidget(front)
        if self._card is not None and self._card.isVisible():
            self._veil.setVisible(self._dimming and front is not self._empty)

    @Slot()
    def _place_soon(self) -> None:
        QTimer.singleShot(0, self, self._place)

    def _place(self) -> None:
        self._veil.setGeometry(self.rect())
        if self._card is None:
            return
        width = max(160, min(self.width() - self.theme.px(48), self.theme.px(560)))
        needed = self._card.heightForWidth(width) if self._card.hasHeightForWidth() else self._card.sizeHint().height()
        height = min(max(needed, self.theme.px(44)), max(44, self.height() - self.theme.px(16)))
        self._card.setGeometry((self.width() - width) // 2, max(8, (self.height() - height) // 3), width, height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()
