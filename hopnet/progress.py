"""Progress bars in Python: in notebooks without being asked, elsewhere on request."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from hopnet.checks import flag

__all__ = ["in_notebook", "track"]

T = TypeVar("T")


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


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
    show = in_notebook() if progress is None else flag("progress", progress)
    if not show:
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as bar

    console = Console(stderr=not in_notebook())
    yield from bar(items, description=text, total=total, console=console, transient=True)
