"""``hopnet bench TOPIC``: side-by-side measurements anyone can repeat."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from typing import Annotated

import typer

from hopnet.errors import ParameterError


def add_to(app):
    """Fasten ``bench`` to ``app`` (a typer.Typer)."""
    app.command("bench")(bench)


def bench(
    topic: Annotated[str, typer.Argument(help="solve, percolation, berry ... or all")],
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the table to this file.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="With all: the directory of the tables, one file a topic.")
    ] = Path("runs/benchmarks"),
    option: Annotated[
        list[str] | None, typer.Option("--set", help="Option of the bench, NAME=VALUE (JSON).")
    ] = None,
):
    """Time a topic against its peers, in one run, warm, in turn; or all topics, one after another.

    Example: hopnet bench solve --json solve.json
    """
    import hopnet.bench

    topics = sorted(m.name for m in pkgutil.iter_modules(hopnet.bench.__path__))
    if topic == "all":
        if option or json_file is not None:
            raise ParameterError(
                "--set and --json belong to one topic, got them with all; leave them out, or "
                f"choose one of {', '.join(topics)}."
            )
        return bench_all(topics, out)
    if topic not in topics:
        raise ParameterError(
            f"bench topic must be all or one of {', '.join(topics)}, got {topic!r}; "
            "choose one of them."
        )
    measure = importlib.import_module(f"hopnet.bench.{topic}").measure
    rows = measure(**checked(parse_options(option or []), measure))
    print_table(topic, rows)
    if json_file is not None:
        json_file.write_text(hopnet.bench.report(topic, rows))


def bench_all(topics, out):
    """Every topic, each written as soon as it is there; then one page over all of them."""
    import hopnet.bench

    out.mkdir(parents=True, exist_ok=True)
    for topic in topics:
        module = importlib.import_module(f"hopnet.bench.{topic}")
        try:
            rows = module.measure(**getattr(module, "WHOLE", {}))
        except Exception as failure:  # one topic must not cost the others
            rows = [{"what": topic, "failed": f"{type(failure).__name__}: {failure}"}]
        print_table(topic, rows)
        (out / f"{topic}.json").write_text(hopnet.bench.report(topic, rows))
        (out / "README.md").write_text(hopnet.bench.page(out))


def parse_options(words):
    """``["n_sites=1000"]`` -> ``{"n_sites": 1000}``; a value that is not JSON stays a text."""
    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ParameterError(f"--set takes NAME=VALUE, got {word!r}; write --set name=value.")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options


def checked(options, measure):
    """The options, if the bench has them and each is of the kind of its default."""
    known = {name: p.default for name, p in inspect.signature(measure).parameters.items()}
    for name, value in options.items():
        if name not in known:
            raise ParameterError(
                f"this bench has the options {', '.join(known)}, got {name!r}; choose one of them."
            )
        if isinstance(known[name], tuple) and not isinstance(value, list):
            raise ParameterError(
                f"{name} must be a list such as {list(known[name])}, got {value!r}; write it so."
            )
        whole = isinstance(known[name], int) and not isinstance(known[name], bool)
        least = 0 if name in MAY_BE_ZERO else 1
        if whole and not (isinstance(value, int | float) and value >= least):
            raise ParameterError(
                f"{name} must be a whole number of at least {least}, got {value!r}; the default is "
                f"{known[name]}."
            )
    return options


MAY_BE_ZERO = ("seed", "matrix_sites", "networkx_sites")  # the latter two: leave a peer out
MAIN = ("what", "seconds_min", "seconds_median", "ratio", "reference")


def print_table(title, rows):
    """Name, times and ratio of each row as a table; what else it has in a last column."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{title}: seconds, and ratio to the reference timed beside it")
    for heading, side in zip(("", "min", "median", "ratio", "to"), "lrrrl"):
        table.add_column(heading, justify={"l": "left", "r": "right"}[side])
    table.add_column("and", overflow="fold")
    for row in rows:
        more = ", ".join(
            f"{key} {cell(value)}" for key, value in row.items() if key not in MAIN and cell(value)
        )
        table.add_row(*(cell(row.get(column)) for column in MAIN), more)
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(table)


def cell(value):
    """A table cell: four digits for floats, nothing for what is missing."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
