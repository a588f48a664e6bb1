"""``hopnet bench TOPIC``: side-by-side measurements anyone can repeat."""

import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from typing import Annotated

import typer

from hopnet.cli.options import Json
from hopnet.cli.output import print_table, short
from hopnet.errors import ParameterError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register ``bench`` with ``app`` (a typer.Typer)."""
    app.command("bench")(bench)


def bench(
    topic: Annotated[str, typer.Argument(help="solve, percolation, berry ..., or all")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for one JSON file per topic (for all: runs/benchmarks).",
        ),
    ] = None,
    as_json: Json = False,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="Set an option of the bench: NAME=VALUE, the value in JSON."),
    ] = None,
):
    """Time hopnet and its peers in turn, each after one call that compiles its code.

    Example: hopnet bench solve --out results/bench
    """
    import hopnet.bench

    topics = sorted(m.name for m in pkgutil.iter_modules(hopnet.bench.__path__))
    if topic == "all":
        if option or as_json:
            raise ParameterError(
                "--set and --json belong to one topic, got them with all; leave them out, or "
                f"name one of {', '.join(topics)}."
            )
        return bench_all(topics, out or Path("runs/benchmarks"))
    if topic not in topics:
        raise ParameterError(
            f"bench topic must be all or one of {', '.join(topics)}, got {topic!r}; "
            "name one of them."
        )
    measure = importlib.import_module(f"hopnet.bench.{topic}").measure
    rows = measure(**checked(parse_options(option or []), measure))
    text = hopnet.bench.report(topic, rows)
    if as_json:
        print(text, end="")
    else:
        print_rows(topic, rows)
    if out is not None:
        write_bench(out, topic, text)
        if not as_json:
            print(f"wrote {out / f'{topic}.json'}")


def write_bench(out, topic, text):
    """Write the stored table of one topic; an interrupted write leaves the old one."""
    from hopnet.files import atomic_write  # loaded here, so that --help starts fast

    out.mkdir(parents=True, exist_ok=True)
    with atomic_write(out / f"{topic}.json") as file:
        file.write(text.encode())


def bench_all(topics, out):
    """Measure every topic; write each table as soon as it is ready, then one page of all."""
    import hopnet.bench

    out.mkdir(parents=True, exist_ok=True)
    for topic in topics:
        module = importlib.import_module(f"hopnet.bench.{topic}")
        try:
            rows = module.measure(**getattr(module, "WHOLE", {}))
        except Exception as failure:  # an error in one topic does not stop the others
            rows = [{"what": topic, "failed": f"{type(failure).__name__}: {failure}"}]
        print_rows(topic, rows)
        write_bench(out, topic, hopnet.bench.report(topic, rows))
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
        except (ValueError, RecursionError):  # too many digits, too many brackets
            options[name] = value
    return options


def checked(options, measure):
    """The options, checked: the bench has each of them, of the type of its default."""
    known = {name: p.default for name, p in inspect.signature(measure).parameters.items()}
    for name, value in options.items():
        if name not in known:
            raise ParameterError(
                f"this bench has the options {', '.join(known)}, got {name!r}; correct it."
            )
        options[name] = like_default(name, value, known[name])
    return options


def like_default(name, value, default):
    """The value of an option, checked to be of the type of its default."""
    from hopnet import checks

    hint = f"the default is {default}"
    if isinstance(default, bool):
        return checks.flag(name, value)
    if isinstance(default, int) or (default is None and name == "threads"):
        least = 0 if name in MAY_BE_ZERO else 1
        return checks.whole(name, value, low=least, high=LARGEST, hint=hint)
    if isinstance(default, float) or default is None:
        return checks.number(name, value, low=-LARGEST, high=LARGEST, hint=hint)
    if not isinstance(value, list):
        raise ParameterError(
            f"{name} must be a list such as [100, 1000], got {checks.shown(value)}; {hint}."
        )
    return [checks.number(name, one, low=0, high=LARGEST, hint=hint) for one in value]


# All but the seed leave a part of a bench out.
MAY_BE_ZERO = ("seed", "matrix_sites", "networkx_sites", "memory_sites", "trap_sites", "lattices")
LARGEST = 1e12  # of an option; larger numbers are mistakes of typing
MAIN = ("what", "seconds_min", "seconds_median", "ratio", "reference")


def print_rows(topic, rows):
    """Print the rows of a topic: times, ratios to the reference, and the other columns."""
    shown = [
        {"": row.get("what"), "min": row.get("seconds_min"), "median": row.get("seconds_median")}
        | {"ratio": row.get("ratio"), "to": row.get("reference") or ""}
        | {"and": short({k: v for k, v in row.items() if k not in MAIN and v is not None}, 4)}
        for row in rows
    ]
    print_table(
        shown, title=f"{topic}: seconds, and ratio to the reference timed beside it", digits=4
    )
