"""Commands of the main job: run, estimate, status, collect, plot."""

from __future__ import annotations


def add_to(app):
    """Fasten the commands of this file to ``app`` (a typer.Typer)."""
