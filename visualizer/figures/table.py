"""A figure's data as one tidy table, for CSV and the clipboard.

Layout: a header, then one row for each element of each layer, layers in drawing order. Columns:

``layer``
    the layer's key; ``label`` its label in the legend (may be empty); ``kind`` line, segments, markers, bars, band,
    heat, rule, span or note.
``index``
    counts the elements of the layer from 0; for a heat map the cells, row by row from the lower y end.
``x``, ``y``
    line and markers: the point; segments: the start; bars: the left edge and the height; band: x and the lower
    limit; heat: the centre of the cell; a vertical rule or span fills only x, a horizontal one only y.
``x2``, ``y2``
    segments: the end; bars: the right edge and the base; band: y2 is the upper limit; span: the end.
``value``
    heat: the cell's value.
``text``
    a marker's name, the text of a rule, span or note.

A graph (:class:`~visualizer.figures.graph.GraphFigure`) has a table of its own: a row for each box, group and edge. Columns:

``kind``
    node, group or edge; ``id`` the number that a gesture has for a box or group, for an edge its row.
``title``, ``shape``, ``value``, ``parameters``, ``times``
    as the boxes show them.
``from``, ``to``
    the ids of the boxes that the gradient of an edge goes from and to.
``x``, ``y``, ``width``, ``height``
    the rectangle of a box or group.

A column that no layer fills is left out (``layer``, ``label``, ``kind``, ``index``, ``x``, ``y`` always stay).
Numbers have full precision: reading them back gives the same float64. What is not a number is ``nan``, ``inf``,
``-inf``; an empty cell means that the layer has no such thing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from visualizer.figures.graph import AnyFigure, GraphFigure
from visualizer.figures.model import (
    Axis,
    Band,
    Bars,
    Heat,
    Layer,
    Line,
    Markers,
    Note,
    Rule,
    Segments,
    Span,
)

COLUMNS = ("layer", "label", "kind", "index", "x", "y", "x2", "y2", "value", "text")
_ALWAYS = 6
#: Columns with texts that may come from a file of someone else.
_TEXTUAL = ("layer", "label", "text", "title", "shape", "value", "parameters")

#: x, y, x2, y2, value, text of one element.
Cells = tuple[float | None, float | None, float | None, float | None, float | None, str]


GRAPH_COLUMNS = ("kind", "id", "title", "shape", "value", "parameters", "times", "from", "to", "x", "y", "width", "height")


def figure_rows(figure: AnyFigure) -> tuple[list[str], list[list[str]]]:
    """The header, and the rows as strings."""
    if isinstance(figure, GraphFigure):
        return [*GRAPH_COLUMNS], [*_graph_rows(figure)]
    rows: list[list[str]] = []
    for layer in figure.layers:
        head = [layer.key, layer.label, type(layer).__name__.lower()]
        for index, (*numbers, text) in enumerate(_cells(layer)):
            cells = ["" if number is None else repr(number) for number in numbers if not isinstance(number, str)]
            rows.append([*head, str(index), *cells, str(text)])
    used = [
        column for column in range(len(COLUMNS))
        if column < _ALWAYS or any(row[column] for row in rows)
    ]
    return [COLUMNS[column] for column in used], [[row[column] for column in used] for row in rows]


def figure_csv(figure: AnyFigure) -> str:
    """CSV text (RFC 4180 quoting, lines end with LF). Texts that a spreadsheet would run as a formula are prefixed
    with an apostrophe."""
    return _written(figure, ",")


def figure_tsv(figure: AnyFigure) -> str:
    """The same table separated by tabs, as spreadsheets expect it on the clipboard."""
    return _written(figure, "\t")


def axis_title(axis: Axis) -> str:
    """The axis' label with its unit in brackets."""
    return f"{axis.label} [{axis.unit}]" if axis.unit else axis.label


def _written(figure: AnyFigure, delimiter: str) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    header, rows = figure_rows(figure)
    writer.writerow(header)
    textual = [index for index, name in enumerate(header) if name in _TEXTUAL]
    for row in rows:
        for index in textual:
            row[index] = _harmless(row[index])
        writer.writerow(row)
    return stream.getvalue()


def _harmless(text: str) -> str:
    """Point names may come from a file of someone else: a leading = or @ is a formula to a spreadsheet."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _graph_rows(figure: GraphFigure) -> Iterator[list[str]]:
    """Boxes, groups and edges."""
    boxes, frames, edges = figure.drawing.boxes, figure.drawing.frames, figure.drawing.edges
    idents = boxes.ident.tolist()
    areas = zip(boxes.left.tolist(), boxes.top.tolist(), boxes.width.tolist(), boxes.height.tolist(), strict=True)
    for row, area in enumerate(areas):
        yield ["node", str(idents[row]), boxes.titles[row], boxes.shapes[row], boxes.values[row], " ".join(boxes.badges[row]),
               str(int(boxes.times[row])), "", "", *map(repr, area)]
    areas = zip(frames.left.tolist(), frames.top.tolist(), frames.width.tolist(), frames.height.tolist(), strict=True)
    for ident, title, area in zip(frames.ident.tolist(), frames.titles, areas, strict=True):
        yield ["group", str(ident), title, "", "", "", "", "", "", *map(repr, area)]
    for row, (source, target) in enumerate(zip(edges.source.tolist(), edges.target.tolist(), strict=True)):
        label = edges.labels[row] if edges.labels else ""
        yield ["edge", str(row), label, "", "", "", "", str(idents[source]), str(idents[target]), "", "", "", ""]


def _cells(layer: Layer) -> Iterator[Cells]:
    match layer:
        case Line():
            for x, y in zip(layer.x.tolist(), layer.y.tolist(), strict=True):
                yield x, y, None, None, None, ""
        case Segments():
            ends = (layer.x0.tolist(), layer.y0.tolist(), layer.x1.tolist(), layer.y1.tolist())
            for x0, y0, x1, y1 in zip(*ends, strict=True):
                yield x0, y0, x1, y1, None, ""
        case Markers():
            for index, (x, y) in enumerate(zip(layer.x.tolist(), layer.y.tolist(), strict=True)):
                yield x, y, None, None, None, layer.texts[index] if index < len(layer.texts) else ""
        case Bars():
            sides = (layer.left.tolist(), layer.right.tolist(), layer.height.tolist())
            for left, right, height in zip(*sides, strict=True):
                yield left, height, right, float(layer.base), None, ""
        case Band():
            for x, low, high in zip(layer.x.tolist(), layer.lower.tolist(), layer.upper.tolist(), strict=True):
                yield x, low, None, high, None, ""
        case Heat():
            yield from _heat_cells(layer)
        case Rule():
            position = float(layer.position)
            yield (position, None, None, None, None, layer.text) if layer.vertical else (
                None, position, None, None, None, layer.text)
        case Span():
            start, end = float(layer.start), float(layer.end)
            yield (start, None, end, None, None, layer.text) if layer.vertical else (
                None, start, None, end, None, layer.text)
        case Note():
            yield float(layer.x), float(layer.y), None, None, None, layer.text


def _heat_cells(layer: Heat) -> Iterator[Cells]:
    rows, columns = layer.values.shape
    (x0, x1), (y0, y1) = layer.x_range, layer.y_range
    for row, values in enumerate(layer.values.tolist()):
        y = y0 + (row + 0.5) * (y1 - y0) / rows
        for column, value in enumerate(values):
            yield x0 + (column + 0.5) * (x1 - x0) / columns, y, None, None, value, ""
