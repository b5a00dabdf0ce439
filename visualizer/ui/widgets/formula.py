"""A typeset formula: crisp at every device-pixel ratio, in the theme's text colour, fitted to the width."""

from __future__ import annotations

import time

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QColor, QFontMetricsF, QGuiApplication, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from visualizer.ui.theme import Theme
from visualizer.ui.widgets.formula_breaks import starts_with_relation
from visualizer.ui.widgets.help import tooltip
from visualizer.ui.widgets.typesetter import REFERENCE_SIZE, Typeset, Typesetter

#: Math type looks smaller than the sans serif around it.
_SIZE = 1.3
_SMALLEST = 0.7
#: Opacity of a formula that is shown until the one that is meant is typeset.
_STALE = 0.45
#: A formula that is a little too wide for one line is rather set smaller, down to this share, than broken.
_UNBROKEN = 0.8
#: A formula whose numbers change all the time is typeset at most this often.
_INTERVAL = 0.2


class FormulaView(QScrollArea):
    """Shows LaTeX. Until it is typeset the formula before stays, fainter; what is not valid is shown as its source.

    A formula that is too wide is scaled down to 80 % where that spares it a break, else broken before its relations,
    then scaled down to 70 %, then it scrolls.
    """

    def __init__(self, theme: Theme, parent: QWidget, typesetter: Typesetter | None = None) -> None:
        super().__init__(parent)
        self._typesetter = typesetter or Typesetter.shared()
        self._typesetter.finished.connect(self._on_finished)
        self._asker = self._typesetter.asker(self)
        self._latex = self._asked = ""
        self._asked_at = -_INTERVAL
        self._canvas = _Canvas(theme, self)
        self.setWidget(self._canvas)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        copy = QAction("Copy LaTeX", self)
        copy.triggered.connect(self._on_copy)
        self.addAction(copy)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._ask)
        self._fit()

    @property
    def shown(self) -> str:
        """The LaTeX of what is drawn now."""
        return self._canvas.latex

    @property
    def stale(self) -> bool:
        """Whether what is drawn is not yet the formula that was set; it is drawn fainter then."""
        return self._canvas.latex != self._latex

    @property
    def as_source(self) -> bool:
        """Whether the source is shown because it could not be typeset."""
        return bool(self._canvas.latex) and not self._canvas.pieces

    def set_latex(self, latex: str, description: str = "") -> None:
        """Show this formula, as soon as it is typeset; ``description`` is what a screen reader says."""
        name = description or latex
        if name != self.accessibleName():
            self.setAccessibleName(name)
            self._canvas.setAccessibleName(name)
            self._canvas.setToolTip(tooltip(description) if description else "")
        if latex == self._latex:
            return
        self._latex = latex
        known = self._typesetter.known(latex)
        if known is not None:
            self._later.stop()
            self._asked = latex
            self._show(known)
            return
        self._canvas.set_stale(True)
        wait = self._asked_at + _INTERVAL - time.monotonic()
        if wait <= 0:
            self._later.stop()
            self._ask()
        elif not self._later.isActive():
            self._later.start(round(wait * 1000) + 1)

    def clear(self) -> None:
        """Show nothing at once."""
        self._later.stop()
        self._latex = self._asked = ""
        self._show(Typeset("", ()))

    def set_theme(self, theme: Theme) -> None:
        self._canvas.set_theme(theme)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._canvas.height())

    @Slot()
    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        self._asked = self._latex
        known = self._typesetter.request(self._asker, self._latex)
        if known is not None:
            self._show(known)

    @Slot(object)
    def _on_finished(self, result: Typeset) -> None:
        # Also one that has become old meanwhile: where formulas change faster than they are typeset, none would ever
        # be shown.
        if self.stale and result.latex in (self._latex, self._asked):
            self._show(result)

    def _show(self, result: Typeset) -> None:
        self._canvas.show_formula(result)
        self._canvas.set_stale(result.latex != self._latex)
        self._fit()

    def _fit(self) -> None:
        size = self._canvas.arrange(max(1, self.width()))
        if size != self._canvas.size():
            self._canvas.resize(size)
        scrolls = size.width() > self.width()
        height = size.height() + (self.horizontalScrollBar().sizeHint().height() if scrolls else 0)
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._latex)


class _Canvas(QWidget):
    """The pieces of one formula, placed on lines with a common baseline."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.latex = ""
        self.pieces: list[tuple[str, QSvgRenderer]] = []
        self._sources: tuple[tuple[str, bytes], ...] = ()
        self._places: list[QRectF] = []
        self._broken = False
        self._stale = False
        self._theme = theme

    def show_formula(self, formula: Typeset) -> None:
        self.latex = formula.latex
        self._sources = formula.pieces
        self._load()

    def set_stale(self, stale: bool) -> None:
        """Draw fainter what is not the formula that is meant."""
        if stale != self._stale:
            self._stale = stale
            self.update()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._load()

    def _load(self) -> None:
        """Read the pictures in the theme's text colour."""
        colour = b'"' + self._theme.palette.text.encode() + b'"'
        # Without a parent, which would keep every picture there ever was.
        self.pieces = [
            (piece, QSvgRenderer(QByteArray(svg.replace(b'"black"', colour))))
            for piece, svg in self._sources
        ]
        self.update()

    def arrange(self, width: int) -> QSize:
        """Place the pieces for a width; the size that is needed, wider only when 70 % is still too wide."""
        if not self.pieces:
            metrics = QFontMetricsF(self._theme.font("code"))
            self._places = []
            if not self.latex:
                return QSize(width, self._theme.px(24))
            return QSize(max(width, round(metrics.horizontalAdvance(self.latex)) + 2), round(metrics.height()) + 4)
        full = self._theme.font("body").pixelSize() * _SIZE / REFERENCE_SIZE
        scale = full * max(_UNBROKEN, min(1.0, self._unbroken(width, full)))
        needed = self._place(width, scale)
        if needed.width() > width or self._broken:
            scale = full
            needed = self._place(width, scale)
        if needed.width() > width:
            scale = max(full * width / needed.width(), full * _SMALLEST)
            needed = self._place(width, scale)
        return QSize(max(width, int(needed.width() + 0.999)), int(needed.height() + 0.999))

    def _unbroken(self, width: float, scale: float) -> float:
        """The share of the scale at which no formula, from one wide space to the next, is wider than the width."""
        widest = run = 0.0
        for piece, renderer in self.pieces:
            narrow = 0.05 * REFERENCE_SIZE * scale
            run = (run + narrow if starts_with_relation(piece) else 0.0) + renderer.viewBoxF().width() * scale
            widest = max(widest, run)
        # A thousandth less, so that rounding breaks nothing.
        return 0.999 * width / widest if widest else 1.0

    def _place(self, width: float, scale: float) -> QRectF:
        """Fill lines from the left, pieces on one baseline; lines that go on from a relation are indented.

        A formula after a wide space that does not fit into the rest of its line begins a new one, whole.
        """
        unit = REFERENCE_SIZE * scale
        indent, wide, narrow, leading = 1.4 * unit, 1.6 * unit, 0.05 * unit, 0.35 * unit
        goes_on = [starts_with_relation(piece) for piece, _ in self.pieces]
        whole = [0.0] * len(self.pieces)
        for index in reversed(range(len(self.pieces))):
            whole[index] = self.pieces[index][1].viewBoxF().width() * scale
            if index + 1 < len(self.pieces) and goes_on[index + 1]:
                whole[index] += narrow + whole[index + 1]
        self._broken = False
        lines: list[list[tuple[QRectF, float]]] = [[]]
        x = 0.0
        for index, (_, renderer) in enumerate(self.pieces):
            box = renderer.viewBoxF()
            gap = (narrow if goes_on[index] else wide) if lines[-1] else 0.0
            if lines[-1] and x + gap + (box.width() * scale if goes_on[index] else whole[index]) > width:
                lines.append([])
                self._broken = self._broken or goes_on[index]
                x, gap = (indent if goes_on[index] else 0.0), 0.0
            lines[-1].append((box, x + gap))
            x += gap + box.width() * scale
        self._places = []
        y = right = 0.0
        for line in lines:
            above = max(-box.top() for box, _ in line) * scale
            below = max(box.bottom() for box, _ in line) * scale
            for box, left in line:
                self._places.append(
                    QRectF(left, y + above + box.top() * scale, box.width() * scale, box.height() * scale)
                )
                right = max(right, left + box.width() * scale)
            y += above + below + leading
        return QRectF(0, 0, right, y - leading)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(_STALE if self._stale else 1.0)
        if self.pieces:
            for (_, renderer), place in zip(self.pieces, self._places, strict=True):
                renderer.render(painter, place)
        elif self.latex:
            painter.setFont(self._theme.font("code"))
            painter.setPen(QColor(self._theme.palette.secondary_text))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.latex)
        painter.end()
