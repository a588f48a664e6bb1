"""Shows the progress of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from hopnet.cli.output import duration, say
from hopnet.ensemble.listener import Listener
from hopnet.ensemble.observables import OBSERVABLES
from hopnet.ensemble.tasks import Report

__all__ = ["Reporter"]

EVERY = 5.0  # s between two lines of progress when there is no terminal
UNKNOWN = "time left: not known yet"


class Reporter(Listener):
    """Prints the messages of a run; use it as a context manager."""

    def __init__(self) -> None:
        self.console = Console()
        self.bar: Progress | None = None
        self.bar_task: Any = None
        self.last_line = 0.0
        self.warned: set[str] = set()

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close_bar()

    def close_bar(self) -> None:
        """Stop the bar; it stays on the screen."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def log(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if self.bar is not None:
            self.bar.console.print(text, highlight=False, markup=False)
        else:
            say(text)

    def note(self, text: str) -> None:
        """Print a note."""
        self.log(text)

    def set_aside(self, reason: str) -> None:
        """Print why a file was set aside."""
        self.log(f"set aside: {reason}")

    def start(self, n_tasks: int, n_finished: int) -> None:
        """Print the number of samples to compute, and start the bar on a terminal."""
        known = f", {n_finished} finished before are kept" if n_finished else ""
        self.log(f"{n_tasks} samples to compute{known}")
        self.close_bar()
        if self.console.is_terminal:
            self.bar = Progress(
                TextColumn("samples"),
                MofNCompleteColumn(),
                BarColumn(),
                TextColumn("{task.fields[left]}"),
                console=self.console,
            )
            self.bar.start()
            self.bar_task = self.bar.add_task("", total=n_tasks, left=UNKNOWN)

    def report(self, report: Report, progress: dict[str, Any]) -> None:
        """Print the failure of a sample, if there is one, and the progress of the run."""
        left = progress["seconds_left"]
        words = UNKNOWN if left is None else f"{duration(left)} left"
        for text in report.warnings:
            if text not in self.warned:
                self.warned.add(text)
                print(f"warning: {text}", file=sys.stderr)
        if report.status != "done":
            self.log(f"{report.task.label}: {failure_words(report)} {report.reason}")
        if self.bar is not None:
            self.bar.update(self.bar_task, completed=progress["n_ended"], left=words)
            return
        ended, total = progress["n_ended"], progress["n_tasks"]
        if ended == total or time.monotonic() - self.last_line > EVERY:
            self.last_line = time.monotonic()
            say(f"{ended}/{total} samples, {progress['elapsed']:.0f} s, {words}")

    def target(self, label: str, target: float, reached: float, n: int) -> None:
        """Print the wanted error and the error reached."""
        word = "reached" if reached <= target else "not reached"
        self.log(
            f"target_error {target:g} {word}{f' at {label}' * bool(label)}: "
            f"{reached:.2g} with {n} samples"
        )

    def collected(
        self, directory: Path, statistics: pd.DataFrame | None, n_tasks: int, n_missing: int
    ) -> None:
        """Print the table of means and where the files are."""
        self.close_bar()
        if statistics is None:
            say("nothing finished yet")
            return
        if n_missing:
            say(f"{n_missing} of {n_tasks} samples are missing")
        self.console.print(means(statistics))
        say(f"wrote {directory / 'summary.csv'} (every sample) and statistics.csv (means)")


# Rows of one point that are printed: the ends, the middle and the quarters of its curve.
MOST_TIMES = 5


def failure_words(report: Report) -> str:
    """The failures of a task, ``MemoryError`` or ``NotPercolatingError: 3 of 500``."""
    total = sum(report.counts.values())
    if total == 1:
        return report.status
    bad = {name: count for name, count in report.counts.items() if name != "done"}
    return ", ".join(f"{name}: {count} of {total}" for name, count in bad.items())


def means(statistics: pd.DataFrame) -> Table:
    """f at the ends and in the middle of each curve; ln rho for charge alone; observables."""
    keys = list(statistics.columns[: statistics.columns.get_loc("tau_s")])
    shown = shown_columns(statistics)
    table = Table(box=None, pad_edge=False)
    for name in (*(k.partition(".")[2] for k in keys), "tau_s", "samples", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in shown.values():
        table.add_column(name, justify="right", no_wrap=True)
    groups = list(statistics.groupby(keys, sort=False)) if keys else [((), statistics)]
    longest = max((len(rows) for _, rows in groups), default=0)
    if longest > MOST_TIMES:
        table.caption = f"{MOST_TIMES} of {longest} times tau_s; statistics.csv has all."
        table.caption_justify = "left"
    for coordinates, rows in groups:
        last = len(rows) - 1
        picked = sorted({0, len(rows) // 4, len(rows) // 2, 3 * len(rows) // 4, last})
        for _, row in rows.iloc[picked].iterrows():
            numbers = [row.get(name, math.nan) for name in shown]
            table.add_row(
                *(f"{c:g}" if isinstance(c, float) else str(c) for c in coordinates),
                f"{row['tau_s']:.3g}",
                str(row["n_done"]),
                str(row["n_failed"]),
                *("" if math.isnan(x) else f"{x:.4g}" for x in numbers),
            )
    return table


def shown_columns(statistics: pd.DataFrame) -> dict[str, str]:
    """The columns of the printed table and their titles."""
    shown = {"f": "f", "f_standard_error": "standard error", "f_deviation": "standard deviation"}
    if "f" not in statistics or statistics["f"].isna().all():
        shown = {}
        if "log_resistivity" in statistics:
            title = "standard error"
            shown = {"log_resistivity": "ln rho", "log_resistivity_standard_error": title}
    for observable in OBSERVABLES.values():
        name = next(iter(observable.units))
        if name in statistics:
            title = name.replace("_", " ")
            shown |= {name: title, f"{name}_standard_error": "standard error"}
            shown |= {f"{name}_q50": "median"}
    return shown or {"f": "f"}
