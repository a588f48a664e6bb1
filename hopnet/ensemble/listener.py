"""Listeners: objects that receive the events of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from hopnet.ensemble.tasks import Report

__all__ = ["Listener"]


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
