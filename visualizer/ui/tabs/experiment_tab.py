"""The tab of any experiment: controls, figures, explanation, transport. What it decides is in its controller."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QHideEvent, QResizeEvent, QShowEvent, QUndoGroup
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QSplitter, QVBoxLayout, QWidget

from visualizer.base.experiment import Experiment
from visualizer.base.messages import Message
from visualizer.ui.actions import TAB, dress, key_text, make_actions, page_actions
from visualizer.ui.exporting import Exportable
from visualizer.ui.focus import set_tab_order
from visualizer.ui.main_window import LOADING
from visualizer.ui.settings import Settings
from visualizer.ui.steps import Steps
from visualizer.ui.tabs.answers import Problem
from visualizer.ui.tabs.arrangement import Arrangement
from visualizer.ui.tabs.controller import Activity, Client, Controller
from visualizer.ui.tabs.examples import Examples
from visualizer.ui.tabs.figure_area import FigureArea
from visualizer.ui.tabs.playback import Playback
from visualizer.ui.tabs.programs import Programs
from visualizer.ui.tabs.side_panel import SidePanel
from visualizer.ui.tabs.words import Words
from visualizer.ui.theme import Theme

if TYPE_CHECKING:
    from visualizer.figures.model import Figure
    from visualizer.ui.widgets.form import ParameterForm
    from visualizer.ui.widgets.pages import PageBar
    from visualizer.ui.widgets.presets import PresetRow
    from visualizer.ui.widgets.transport import TransportBar

LEFT_WIDTH, RIGHT_WIDTH = 304, 304


class ExperimentTab(QWidget):
    """One tab. Made as a skeleton before the first paint, filled by :meth:`build` afterwards.

    Signals:
        said(str): something to know that is no problem.
        status(str): what the tab is doing, in a word, once it has taken a while.
        hint(str): what is wrong with a value that is being typed; empty when it is right again.
        built(): all controls are there.
        folds_changed(bool, bool): whether the controls and the explanation are open.
        export_requested(str), copy_requested(str): a figure's name.
    """

    said = Signal(str)
    status = Signal(str)
    hint = Signal(str)
    built = Signal()
    folds_changed = Signal(bool, bool)
    export_requested = Signal(str)
    copy_requested = Signal(str)

    def __init__(
        self, experiment: Experiment[Any, Any, Any], client: Client, group: QUndoGroup, steps: Steps, settings: Settings,
        theme: Theme, parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.experiment = experiment
        self.setObjectName(f"{experiment.name}.tab")
        self.theme = theme
        self.controller = Controller(experiment, client, group, self)
        self.page_actions = make_actions(page_actions(experiment.views), experiment.name, self)
        self.actions_by_name = make_actions(TAB, experiment.name, self) | self.page_actions
        self.playback = Playback(self.controller, self)
        self.examples = Examples(self.controller, self)
        self.programs = Programs(self.controller, self)
        self._client = client
        self._steps = steps
        self._settings = settings
        self.activity_word = ""
        self._begun = False
        self._libraries = False
        self._arrangement = Arrangement(settings, f"tab-{experiment.name}", theme.presentation)
        self._enlarged_figure = ""
        self._chosen = False
        self._refused: Any = None
        self._pages: PageBar | None = None
        self._presets: PresetRow | None = None
        self._form: ParameterForm | None = None
        self._transport: TransportBar | None = None

        self._top = QWidget(self)
        self._top_layout = _tight(self._top)
        self._bottom = QWidget(self)
        self._bottom_layout = _tight(self._bottom)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(5)
        self.left = SidePanel(theme, LEFT_WIDTH, self._splitter)
        middle = QWidget(self._splitter)
        self._middle_layout = _tight(middle)
        # The presets, wherever the controls that they stand over are folded away.
        self._strip = QWidget(middle)
        self._strip_layout = _tight(self._strip)
        self.area = FigureArea(experiment, steps, theme, middle)
        self._middle_layout.addWidget(self._strip)
        self._middle_layout.addWidget(self.area, 1)
        self.right = SidePanel(theme, RIGHT_WIDTH, self._splitter)
        self._words = Words(self.controller, self.right, theme, self)
        self._splitter.setStretchFactor(1, 1)
        layout = _tight(self)
        layout.addWidget(self._top)
        layout.addWidget(self._splitter, 1)
        layout.addWidget(self._bottom)
        self._restore_layout()
        self._connect()
        self._reserve()

    # Made step by step.

    def begin(self) -> None:
        """Make the controls, once, in short steps."""
        if not self._begun:
            self._begun = True
            self._steps.add(self.build())
            self.controller.set_asking(True)

    def build(self) -> Iterator[None]:
        """Make everything but the canvases; each step takes a few milliseconds."""
        from visualizer.ui.widgets.help import tooltip
        from visualizer.ui.widgets.pages import PageBar

        yield
        self._pages = PageBar(self.experiment, self.theme, self._top)
        self._pages.chosen.connect(self.controller.choose_page)
        self._top_layout.addWidget(self._pages)
        for view in self.experiment.views[:9]:
            button, action = self._pages.findChild(QWidget, f"{self.experiment.name}.view.{view.name}"), f"page_{view.name}"
            if button is not None and action in self.page_actions:
                button.setToolTip(tooltip(f"{view.help} ({key_text(self.page_actions[action])})"))
        yield
        yield from self._build_transport()
        yield from self._build_controls()
        yield from self._words.build(self._middle_layout)
        self.show_state(self.controller.state)
        set_tab_order(self)
        self.built.emit()

    def _build_transport(self) -> Iterator[None]:
        from visualizer.ui.widgets.transport import TransportBar

        yield
        bar = self._transport = TransportBar(self.experiment, self.theme, self._bottom)
        self._bottom_layout.addWidget(bar)
        self.playback.begin(bar)
        bar.problem.connect(self.hint)
        self._show_activity(self.controller.activity)
        yield

    def _build_controls(self) -> Iterator[None]:
        from visualizer.ui.widgets.form import ParameterForm
        from visualizer.ui.widgets.presets import PresetRow

        yield
        scroll = QScrollArea(self.left)
        scroll.setObjectName(f"{self.experiment.name}.controls")
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget(scroll)
        inside.setProperty("panel", True)
        self._controls = _tight(inside)
        self._presets = PresetRow(self.experiment, self.theme, inside)
        self._presets.chosen.connect(self.examples.show)
        for button in self._presets.findChildren(QPushButton):
            # A click leaves the keyboard where it is: Space then pauses what the example plays.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._form = ParameterForm(self.experiment, self.theme, inside)
        self._form.set_state(self.controller.state)
        self._form.set_folded(self._settings.text(self._key("sections")).split("|"))
        self._form.edited.connect(self.controller.edit)
        self._form.problem.connect(self.hint)
        self._form.folds_changed.connect(self._save_sections)
        self.programs.begin(self._form)
        self._controls.addWidget(self._presets)
        self._controls.addWidget(self._form, 1)
        scroll.setWidget(inside)
        self.left.body.addWidget(scroll)
        self._reserve()
        self._place_presets()
        yield
        yield from self._form.build()

    def _connect(self) -> None:
        control = self.controller
        control.state_changed.connect(self.show_state)
        control.drawn.connect(self._draw)
        control.blank.connect(self._show_blank)
        control.problem_changed.connect(self._show_problem)
        control.activity_changed.connect(self._show_activity)
        control.refused.connect(self._show_refusal)
        self.area.gesture.connect(control.touch)
        self.area.page_built.connect(control.refresh)
        self.area.page_built.connect(self._order_focus)
        self.area.export_requested.connect(self.export_requested)
        self.area.copy_requested.connect(self.copy_requested)
        by_name = self.actions_by_name
        by_name["cancel"].triggered.connect(control.cancel)
        by_name["recompute"].triggered.connect(control.recompute)
        by_name["hold"].toggled.connect(self._hold)
        by_name["fit"].triggered.connect(self.area.fit)
        by_name["enlarge"].triggered.connect(self.toggle_enlarged)
        by_name["next_preset"].triggered.connect(self.examples.show_next)
        by_name["previous_preset"].triggered.connect(self.examples.show_previous)
        self.examples.said.connect(self.said)
        self.area.enlarge_requested.connect(self._enlarge)
        for view, action in zip(self.experiment.views, self.page_actions.values(), strict=False):
            action.triggered.connect(partial(control.choose_page, view.name))

    @property
    def run_actions(self) -> list[QAction]:
        """What the Run menu shows; the transport bar's come as soon as there is one."""
        names = ("run", "step", "step_back", "to_start", "to_end", "reset")
        transport = [self._transport.action(name) for name in names] if self._transport is not None else []
        own = ("next_preset", "previous_preset", "cancel", "hold", "recompute")
        return transport + [self.actions_by_name[name] for name in own]

    @property
    def transport(self) -> TransportBar:
        """The transport bar; there is one as soon as the tab is built."""
        assert self._transport is not None, "the tab is not built yet"
        return self._transport

    @property
    def playing(self) -> bool:
        return self.playback.playing

    def exportable(self) -> Exportable | None:
        """The page as it is shown now; None while it shows nothing."""
        shown = self.controller.shown
        if shown is None:
            return None
        state = self.controller.display_state(shown)
        return Exportable(self.experiment, state, shown.result, self.controller.figures(), self.theme, self.area.seen)

    # What the worker and the controller say.

    def set_libraries_ready(self) -> None:
        """pyqtgraph is imported: canvases can be made without a stall."""
        self._libraries = True
        self._need_page()

    def receive(self, message: Message) -> None:
        """A message of the worker about this experiment."""
        self.controller.receive(message)

    @Slot(object)
    def show_state(self, state: Any) -> None:
        """Let every control show this state."""
        view = self.experiment.view(state)
        if self._pages is not None:
            self._pages.set_view(view.name)
        if self._presets is not None:
            self._presets.set_state(state)
        if self._form is not None:
            self._form.set_state(state)
        if self._transport is not None:
            self.playback.set_playable(view.playable)
            self._transport.set_seed(state.seed if self.controller.seeded else None)
        for name, action in self.page_actions.items():
            action.setChecked(name == f"page_{view.name}")
        for name in ("next_preset", "previous_preset"):
            self.actions_by_name[name].setEnabled(bool(self.examples.here))
        self._show_strip()
        self.area.show_page(view.name)
        if self._refused is not None and self._refused != state:
            self._show_problem(self.controller.problem)
        self._need_page()

    def _need_page(self) -> None:
        if self._libraries and self._begun and self.area.needs_building(self.controller.page):
            self._steps.add(self.area.build_page(self.controller.page))

    @Slot(object)
    def _draw(self, figures: tuple[Figure, ...]) -> None:
        self.area.show_figures(figures)
        self.programs.show_reports()

    @Slot()
    def _show_blank(self) -> None:
        self.area.show_empty(self._empty_text())

    def _empty_text(self) -> str:
        activity = self.controller.activity
        match activity.kind:
            case "loading":
                return LOADING
            case "cancelled":
                return "The computation was cancelled. Ctrl+F5 (menu Run, Compute again) starts it anew."
            case "failed":
                return ""
        return "Computing …" if activity.late else ""

    @Slot(object)
    def _show_problem(self, problem: Problem | None) -> None:
        self._refused = None
        if problem is not None:
            self.playback.pause()
        self.area.show_problem(problem)
        self.programs.show_reports()

    @Slot(str, str)
    def _show_refusal(self, sentence: str, details: str) -> None:
        """What was asked for is not possible; the figures stay good, and the next change takes the sentence away."""
        self._refused = self.controller.state
        self.area.show_problem(Problem(sentence, details), dim=False)

    @Slot(object)
    def _show_activity(self, activity: Activity) -> None:
        self.area.set_empty_text(self._empty_text())
        self.area.set_busy(activity.late)
        said = {"failed": "failed", "cancelled": "cancelled"}.get(activity.kind, "computing" if activity.late else "")
        text = LOADING if activity.kind == "loading" else "" if said == "computing" else said.capitalize()
        fraction: float | None = None
        if activity.kind == "running":
            fraction = activity.progress or -1.0
            if activity.late:
                text = f"Computing, {activity.progress:.0%}" if activity.progress else "Updating …"
        if self._transport is not None:
            self._transport.set_progress(fraction, text)
        running = activity.kind == "running"
        self.programs.set_running(running)
        for name in ("cancel", "hold"):
            self.actions_by_name[name].setEnabled(running)
        if not running:
            self.actions_by_name["hold"].setChecked(False)
        self.actions_by_name["recompute"].setEnabled(activity.kind in ("failed", "cancelled"))
        if said != self.activity_word:
            self.activity_word = said
            self.status.emit(said)

    @Slot(bool)
    def _hold(self, held: bool) -> None:
        self._client.pause(self.experiment.name, held)

    # Look and layout.

    def set_theme(self, theme: Theme) -> None:
        was, self.theme = self.theme, theme
        parts = (self._pages, self._presets, self._form, self._words, self._transport)
        for part in (self.left, self.right, self.area, *parts):
            if part is not None:
                part.set_theme(theme)
        self._reserve()
        self.dress()
        if was.presentation != theme.presentation:
            self._chosen = False
            self._arrangement.presented = theme.presentation
            self._arrange()
            self._widths()

    def dress(self) -> None:
        """Give the tab's actions their icons."""
        dress(self.actions_by_name, TAB, self.theme)

    def set_open(self, left: bool, right: bool) -> None:
        """Fold or unfold the side panels, as the user wants them in this mode."""
        self._chosen = True
        self._arrangement.open(left, right)
        self._arrange()

    @property
    def open_panels(self) -> tuple[bool, bool]:
        """Whether controls and explanation are open."""
        return not self.left.isHidden(), not self.right.isHidden()

    @property
    def enlarged(self) -> str:
        """Name of the figure that has the middle to itself; empty when all are shown."""
        return self.area.enlarged

    @Slot()
    def toggle_enlarged(self) -> None:
        """Let the figure with the focus, or else the main one, fill the middle; or all come back."""
        self._enlarge(self.area.focused)

    @Slot(str)
    def _enlarge(self, figure: str) -> None:
        self._enlarged_figure = figure
        self._arrangement.enlarge(not self._arrangement.enlarged)
        self._arrange()

    def _arrange(self) -> None:
        """Show what is to be open.

        Outside presentation mode the figures keep half of the window: where there is no room for the explanation, it
        is folded away until the user asks for it.
        """
        left, right = self._arrangement.folds
        if right and self._arrangement.mode == "window" and not self._chosen and self.isVisible():
            right = self.left.wanted_width * left + self.right.wanted_width <= self.width() / 2
        enlarged = self._arrangement.enlarged
        self.area.enlarge((self._enlarged_figure or self.experiment.view(self.controller.state).figures[0])
                          if enlarged else "")
        self.actions_by_name["enlarge"].setChecked(enlarged)
        if (left, right) != self.open_panels:
            self.left.setVisible(left)
            self.right.setVisible(right)
        self._words.arrange(self.theme.presentation)
        self._place_presets()
        self.folds_changed.emit(left, right)

    def _place_presets(self) -> None:
        """Over the controls; over the figures where the controls are folded away, and on a projector."""
        if self._presets is None:
            return
        above = self.theme.presentation or self.left.isHidden()
        if above and self._strip_layout.indexOf(self._presets) < 0:
            self._strip_layout.addWidget(self._presets)
        elif not above and self._controls.indexOf(self._presets) < 0:
            self._controls.insertWidget(0, self._presets)
        self._presets.set_state(self.controller.state)
        self._show_strip()

    def _show_strip(self) -> None:
        self._strip.setVisible(self._strip_layout.count() > 0 and bool(self.examples.here))

    def _widths(self) -> None:
        left, right = self.left.wanted_width, self.right.wanted_width
        if self._remembered is not None and not self.theme.presentation:
            left, right = self._remembered[0], self._remembered[2]
        # The splitter itself is laid out later than this widget is resized.
        self._splitter.setSizes([left, max(200, self.width() - left - right - 2 * self._splitter.handleWidth()), right])

    def _reserve(self) -> None:
        """Room for what is made after the first paint, so that nothing jumps when it comes."""
        px = self.theme.px
        self._top.setMinimumHeight(px(36))
        self._top_layout.setContentsMargins(px(8), px(2), px(8), 0)
        self._top.setVisible(len(self.experiment.views) > 1)
        # On a projector the figure gets what a page without a run leaves there.
        self._bottom.setMinimumHeight(px(36 if self.theme.presentation else 46))
        self._strip_layout.setContentsMargins(px(8), px(4), px(8), px(4))
        if self._form is not None:
            self._controls.setContentsMargins(px(12), px(8), px(8), px(8))
            self._controls.setSpacing(px(8))

    def _key(self, name: str) -> str:
        return f"tab-{self.experiment.name}/{name}"

    def _restore_layout(self) -> None:
        sizes = self._settings.numbers(self._key("splitter"))
        self._remembered = sizes if len(sizes) == 3 and all(sizes) else None
        self._arrange()

    def save_layout(self) -> None:
        """Remember widths and folds."""
        self._arrangement.save()
        if self._form is not None and all(self._splitter.sizes()) and not self.theme.presentation:
            self._settings.put(self._key("splitter"), self._splitter.sizes())

    @Slot()
    def _save_sections(self) -> None:
        if self._form is not None:
            self._settings.put(self._key("sections"), "|".join(self._form.folded()))

    @Slot()
    def _order_focus(self) -> None:
        set_tab_order(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible():
            self._fit_to_size()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit_to_size()

    def _fit_to_size(self) -> None:
        self._arrange()
        if self._form is None:
            # Until the controls come, the window is still finding its size; later the user's widths stay.
            self._widths()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.playback.pause()

    def close_down(self) -> None:
        """Stop everything that runs by a timer."""
        self.playback.pause()
        self.controller.close()


def _tight(widget: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    return layout
