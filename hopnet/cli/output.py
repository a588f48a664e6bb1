"""Output of all commands: one form for answers, tables and figures."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hopnet.errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "check_finite",
    "duration",
    "errors_console",
    "is_watched",
    "print_answer",
    "print_table",
    "save_figures",
    "save_table",
    "say",
    "short",
    "working",
]

WIDTH = 160  # columns of a table that is not printed to a terminal, so that no row is broken


def short(value: Any, digits: int = 6) -> str:
    """A value as a short text: six digits for floats, each element of a list, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {short(one, digits)}" for key, one in value.items())
    if isinstance(value, Iterable):
        return ", ".join(short(one, digits) for one in value)
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def check_finite(answer: Any, name: str = "the answer") -> None:
    """Raise a ParameterError if a number of an answer is not finite, however deep."""
    if isinstance(answer, Mapping):
        for key, value in answer.items():
            check_finite(value, str(key))
    elif isinstance(answer, list | tuple):
        for value in answer:
            check_finite(value, name)
    elif isinstance(answer, float) and not math.isfinite(answer):
        raise ParameterError(
            f"{name} comes out as {answer!r}: an input lies too far outside what numbers can hold; "
            "choose less extreme input."
        )


def say(text: str) -> None:
    """Print a line without delay; characters unknown to the terminal become question marks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def duration(seconds: float) -> str:
    """A time as a short text with a suitable unit."""
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"


def print_answer(answer: Mapping[str, Any], as_json: bool, *, title: str = "") -> None:
    """Print an answer as JSON, or as lines of name and value.

    Parameters
    ----------
    answer : dict
        An entry "rows", a list of dicts, is printed as a table after the lines.
    as_json : bool
    title : str
        Title of the table.
    """
    if as_json:
        print(json.dumps(answer, indent=1))
        return
    rows = answer.get("rows", [])
    lines = {name: value for name, value in answer.items() if name != "rows"}
    width = max((len(name) for name in lines), default=0)
    for name, value in lines.items():
        print(f"{name:{width}s}  {short(value)}")
    if rows:
        print_table(rows, title=title)


def errors_console() -> Console:
    """A console on standard error, for progress bars that must not mix with the answer."""
    from rich.console import Console

    return Console(stderr=True)


def is_watched() -> bool:
    """Whether standard error is a terminal, where progress bars help."""
    return sys.stderr.isatty()


@contextlib.contextmanager
def working(text: str) -> Iterator[None]:
    """A line with a spinner while a command works, on a terminal only."""
    if not is_watched():
        yield
        return
    with errors_console().status(text):
        yield


def print_table(
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str = "",
    columns: Sequence[str] | None = None,
    digits: int = 6,
) -> None:
    """Print rows as a table, numbers to the right.

    Parameters
    ----------
    rows : list of dict
    title : str
    columns : list of str, optional
        Names in order; default: all names in the order in which they first occur.
    digits : int
        Digits of a float.
    """
    from rich.console import Console
    from rich.table import Table

    names = list(columns or dict.fromkeys(name for row in rows for name in row))
    table = Table(title=title or None)
    for name in names:
        values = [row.get(name) for row in rows if row.get(name) is not None]
        text = any(isinstance(value, str | list | dict) for value in values)
        table.add_column(
            name.replace("_", " "), justify="left" if text else "right", overflow="fold"
        )
    for row in rows:
        table.add_row(*(short(row.get(name), digits) for name in names))
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)


def save_table(table: Any, path: Path) -> Path:
    """Write a DataFrame to a CSV file, whole or not at all; returns the path."""
    from hopnet.files import atomic_write

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(table.to_csv(index=False).encode())
    return path


def save_figures(out: Path | None, figures: Mapping[str, Any], quiet: bool) -> list[Path]:
    """Write figures as PNG into a folder and print their names.

    Parameters
    ----------
    out : path or None
        The folder; None writes nothing.
    figures : dict of str to Figure
        Names without their ending.
    quiet : bool
        Print nothing.

    Returns
    -------
    list of path
    """
    if out is None:
        return []
    from hopnet.plots.frame import save_figure

    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures.items():
        written.append(out / f"{name}.png")
        save_figure(figure, written[-1])
        if not quiet:
            print(f"wrote {written[-1]}")
    return written
