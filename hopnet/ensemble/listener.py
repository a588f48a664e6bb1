"""Listeners: objects that receive the events of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from hopnet.ensemble.tasks import Report
from hopnet.errors import ParameterError
from hopnet.progress import bar_of, wants_bar

__all__ = ["BarListener", "Listener", "listener_for"]


class Listener:
    """Ignores every event of a run; a subclass overrides the methods it is interested in.

    `hopnet.cli.run.Reporter` prints them.
    """

    def note(self, text: str) -> None:
        """A note for the user."""

    def set_aside(self, reason: str) -> None:
        """A file that cannot be believed has been set aside."""

    def start(self, n_tasks: int, n_finished: int) -> None:
        """Computing begins: the number of tasks, and of samples that were finished before."""

    def report(self, report: Report, progress: dict[str, Any]) -> None:
        """A task has ended; ``progress`` is that of `hopnet.ensemble.plan.Progress.facts`."""

    def target(self, label: str, target: float, reached: float, n: int) -> None:
        """The wanted relative error of a point and the error reached."""

    def collected(
        self, directory: Path, statistics: pd.DataFrame | None, n_tasks: int, n_missing: int
    ) -> None:
        """The tables are written; ``statistics`` is None if nothing is finished yet."""


class BarListener(Listener):
    """Shows the progress of a run as a bar, and its notes above the bar."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.task: Any = None

    def note(self, text: str) -> None:
        """Print a note."""
        if self.bar is not None:
            self.bar.console.print(text, highlight=False, markup=False)

    def start(self, n_tasks: int, n_finished: int) -> None:
        """Start the bar."""
        self.stop()
        self.bar = bar_of()
        self.bar.start()
        if n_finished:
            self.note(f"{n_finished} samples that were finished before are kept")
        self.task = self.bar.add_task("samples", total=n_tasks)

    def report(self, report: Report, progress: dict[str, Any]) -> None:
        """Move the bar."""
        if self.bar is not None:
            self.bar.update(self.task, completed=progress["n_ended"])
        if report.status != "done":
            self.note(f"{report.task.label}: {report.status} {report.reason}")

    def collected(
        self, directory: Path, statistics: pd.DataFrame | None, n_tasks: int, n_missing: int
    ) -> None:
        """Stop the bar, and say what is missing and where the tables are."""
        if n_missing:
            self.note(f"{n_missing} of {n_tasks} samples are missing")
        if statistics is not None:
            self.note(f"wrote {directory / 'statistics.csv'}")
        self.stop()

    def stop(self) -> None:
        """Stop the bar, if there is one."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def listener_for(listener: Listener | None, progress: bool | None) -> Listener:
    """The listener that was given, or else a bar if ``progress`` or a notebook asks for one."""
    if listener is None:
        return BarListener() if wants_bar(progress) else Listener()
    if not isinstance(listener, Listener):
        raise ParameterError(
            f"listener must be a hopnet.ensemble.Listener, got {type(listener).__name__}; derive "
            "a class from it."
        )
    return listener
