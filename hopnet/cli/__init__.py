"""hopnet.cli: one file per topic.

The files of commands do not postpone their annotations (``from __future__ import annotations``):
typer would compile each annotation from its text, a tenth of the time that every start takes.
"""
