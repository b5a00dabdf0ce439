"""While a forward pass is recorded, ``torch.compile`` leaves code as it is: a compiled function does not call torch's functions one
by one, and the compiler would try to compile what records them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch


class Uncompiled:
    """From :meth:`start` to :meth:`end` compiled functions run as they were written.

    The compiler takes more than a second to import, so it is told only if it is there already, or once the code that is recorded
    asks for it.

    Attributes:
        used: whether something was to be compiled.
    """

    def __init__(self) -> None:
        self.used = False
        self._stance: Any = None
        self._compile: Callable[..., Any] = torch.compile

    def start(self) -> None:
        self._compile = torch.compile
        if "torch._dynamo" in sys.modules:
            self._hold()
        torch.compile = self._asked

    def end(self) -> None:
        torch.compile = self._compile
        if self._stance is not None:
            self._stance.__exit__(None, None, None)
            self._stance = None

    def _asked(self, *arguments: Any, **named: Any) -> Any:
        self.used = True
        made = self._compile(*arguments, **named)
        self._hold()
        return made

    def _hold(self) -> None:
        if self._stance is None:
            # torch warns that hooks on all modules run for the compiled wrapper, too: that is a call as any other.
            warnings.filterwarnings("ignore", message="Using `torch.compile\\(module\\)` when there are global hooks")
            self._stance = torch.compiler.set_stance("force_eager")
            self._stance.__enter__()
