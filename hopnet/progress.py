"""Progress bars in Python: in notebooks without being asked, elsewhere on request."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from hopnet.checks import flag

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["bar_of", "in_notebook", "track", "wants_bar"]

T = TypeVar("T")


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def wants_bar(progress: bool | None) -> bool:
    """Whether a bar is to be shown: as ``progress`` says, and by default in notebooks only."""
    return in_notebook() if progress is None else flag("progress", progress)


def bar_of() -> Progress:
    """A progress bar that leaves nothing behind, on standard error or in the notebook."""
    from rich.console import Console
    from rich.progress import Progress

    return Progress(console=Console(stderr=not in_notebook()), transient=True)


def track(
    items: Iterable[T], text: str, *, total: int | None = None, progress: bool | None = None
) -> Iterator[T]:
    """The items, one after the other, with a progress bar on standard error.

    Parameters
    ----------
    items : iterable
    text : str
        What the items are, for example "samples".
    total : int, optional
        Their number; by default the length of ``items``.
    progress : bool, optional
        Show the bar. By default it is shown in notebooks only.

    Yields
    ------
    The items.
    """
    if not wants_bar(progress):
        yield from items
        return
    with bar_of() as bar:
        yield from bar.track(items, total=total, description=text)
