"""Names, tooltips and dynamic style properties of controls, in one place so that no control goes without."""

from __future__ import annotations

from html import escape

from PySide6.QtWidgets import QWidget


def describe(widget: QWidget, name: str, help: str, object_name: str = "") -> None:
    """Give a control its accessible name and description, its tooltip, and its object name."""
    widget.setAccessibleName(name)
    widget.setAccessibleDescription(help)
    widget.setToolTip(tooltip(help or name))
    if object_name:
        widget.setObjectName(object_name)


def tooltip(text: str) -> str:
    """Tooltip text that Qt wraps (it leaves plain text on one endless line)."""
    return "<qt>" + escape(text).replace("\n", "<br>") + "</qt>"


def set_property(widget: QWidget, name: str, value: bool) -> None:
    """Set a dynamic property that the style sheet asks for, and restyle the widget if it changed."""
    if bool(widget.property(name)) == value:
        return
    widget.setProperty(name, value)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()
