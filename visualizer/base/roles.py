"""What a colour means. The same thing has the same role, so the same colour, in every tab."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The part an element plays in a figure; palettes give each a colour for light and for dark."""

    DATA = "data"            #: sample, measured values: filled bars, the dots of a run
    THEORY = "theory"        #: what a formula predicts: always a line
    CURVE = "curve"          #: the function that is descended, the loss
    GRADIENT = "gradient"    #: gradients, tangents
    STEP = "step"            #: a step that is taken, a trajectory
    KEPT = "kept"            #: points that are used
    REMOVED = "removed"      #: points left out
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    MUTED = "muted"          #: background, context, the faint full picture
    TEXT = "text"            #: annotations in the foreground colour
    # Categories, for comparing several runs; assigned in this order.
    C1 = "c1"
    C2 = "c2"
    C3 = "c3"
    C4 = "c4"
    C5 = "c5"
    C6 = "c6"
    C7 = "c7"
    C8 = "c8"


CATEGORIES: tuple[Role, ...] = (Role.C1, Role.C2, Role.C3, Role.C4, Role.C5, Role.C6, Role.C7, Role.C8)
