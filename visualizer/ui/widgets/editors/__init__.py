"""The editors of the form: which widget edits which kind of parameter. To add one is one entry here."""

from __future__ import annotations

from typing import Any

from visualizer.base.parameters import Choice, Flag, Integer, Names, Parameter, Points, Real, Text
from visualizer.base.tensors import Tensor
from visualizer.ui.widgets.editors.base import Editor
from visualizer.ui.widgets.editors.choice import ChoiceEditor
from visualizer.ui.widgets.editors.flag import FlagEditor
from visualizer.ui.widgets.editors.names import NamesEditor
from visualizer.ui.widgets.editors.number import NumberEditor
from visualizer.ui.widgets.editors.points import PointsEditor
from visualizer.ui.widgets.editors.program import ProgramEditor, ProgramLineEditor
from visualizer.ui.widgets.editors.tensor import TensorEditor
from visualizer.ui.widgets.editors.text import TextEditor

EDITORS: dict[str, type[Editor]] = {
    Real.kind: NumberEditor,
    Integer.kind: NumberEditor,
    Flag.kind: FlagEditor,
    Choice.kind: ChoiceEditor,
    Names.kind: NamesEditor,
    Points.kind: PointsEditor,
    Text.kind: TextEditor,
    Tensor.kind: TensorEditor,
}


def editor_of(parameter: Parameter[Any]) -> type[Editor]:
    """The class of a parameter's editor."""
    if isinstance(parameter, Text) and parameter.program:
        return ProgramEditor if parameter.multiline else ProgramLineEditor
    return EDITORS[parameter.kind]
