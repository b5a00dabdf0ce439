"""An experiment made of pages: a module a page, which says what is computed, drawn and explained, and with which code.

The modules are those of the package ``pages`` beside the experiment's own module, named as its views are. They need torch,
numpy and scipy, so none of them is imported before the window is painted. Nor is the module ``requests`` beside them, whose
function ``request_of`` makes the request of a state.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from visualizer.base.errors import UserError
from visualizer.base.experiment import Experiment, Q, Request, Result, S

if TYPE_CHECKING:
    from visualizer.base.explanation import Explanation
    from visualizer.figures.graph import AnyFigure


@dataclass(frozen=True, eq=False)
class PageResult(Result):
    """A result remembers its request, so that it is drawn and explained as what it was computed for."""

    request: Request

    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """All numeric results, for JSON."""


class Page(Protocol):
    """What the module of a page offers. Its requests are of the class ``<Page>Request``, with the page's name in lower case."""

    def run(self, request: Any) -> Iterator[PageResult | None]: ...

    def figures(self, result: Any, state: Any) -> tuple[AnyFigure, ...]: ...

    def explain(self, result: Any, state: Any) -> Explanation: ...

    def code(self, request: Any) -> str:
        """The code that reproduces the result.

        Raises:
            UserError: there is nothing to reproduce; its sentence says why.
        """


P = TypeVar("P", bound=PageResult)


class PagedExperiment(Experiment[S, Q, P]):
    """An experiment whose pages answer for it; a subclass declares, and no more."""

    #: The package that the experiment's modules are in: that of the class that declares it, for its subclasses, too.
    package: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.package = cls.package or cls.__module__.rpartition(".")[0]
        cls.modules = tuple(cls._beside(f"pages.{view.name}") for view in cls.views)

    @classmethod
    def _beside(cls, name: str) -> str:
        return f"{cls.package}.{name}"

    def request(self, state: S) -> Q:
        return cast("Q", import_module(self._beside("requests")).request_of(state))

    def page_of(self, request: Request) -> Page:
        """The page that answers this kind of request."""
        # Only the page that is asked for is imported: a defect in one page leaves the others alive, and each loads sooner.
        name = type(request).__name__.removesuffix("Request").lower()
        return cast("Page", import_module(self._beside(f"pages.{name}")))

    def run(self, request: Q) -> Iterator[P | None]:
        return cast("Iterator[P | None]", self.page_of(request).run(request))

    def figures(self, result: P, state: S) -> tuple[AnyFigure, ...]:
        return self.page_of(result.request).figures(result, state)

    def explain(self, result: P, state: S) -> Explanation:
        return self.page_of(result.request).explain(result, state)

    def code(self, state: S) -> str:
        request = self.request(state)
        try:
            return self.page_of(request).code(request)
        except UserError as error:  # there is nothing to reproduce, and the page says why
            return f"# {error.sentence}\n"

    def numbers(self, result: P, state: S) -> dict[str, Any]:
        return result.numbers()
