"""``hopnet memory``: spin memory and spin noise of a sample in nuclear fields."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hopnet.cli.options import Json, Out, Threads
from hopnet.cli.output import print_answer, save_figures, save_table

if TYPE_CHECKING:
    import pandas as pd

    from hopnet.spin.memory_file import MemoryFile, MemoryReport

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the command with ``app`` (a typer.Typer)."""
    app.command()(memory)


def memory(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The run file.")],
    out: Out = None,
    threads: Threads = None,
    as_json: Json = False,
):
    """Spin memory P(t) and spin noise of one sample with frozen nuclear fields.

    Example: hopnet memory runs/spin_memory.toml --out results/spin_memory
    """
    from hopnet.spin.memory_file import read_memory_file, run_memory

    asked = read_memory_file(file)
    found = run_memory(asked, threads=threads)
    print_answer(answer_of(asked, found), as_json)
    if out is None:
        return
    for name, table in tables_of(found).items():
        written = save_table(table, out / f"{name}.csv")
        if not as_json:
            print(f"wrote {written}")
    save_figures(out, figures_of(asked, found), as_json)


def answer_of(asked: "MemoryFile", found: "MemoryReport") -> dict[str, object]:
    """Names and values that the command prints."""
    answer: dict[str, object] = {
        "n_sites": asked.sample.n_sites,
        "density": asked.sample.density,
        "strength": asked.nuclei.strength,
        "external": asked.nuclei.external,
    }
    if found.relaxation is not None:
        decay = found.relaxation
        answer |= {
            "order": decay.order,
            "time": decay.time.tolist(),
            "remaining": decay.remaining.tolist(),
            "numerical_error": float(decay.numerical_error.max()),
        }
    if found.noise is not None:
        noise = found.noise
        answer |= {
            "resolution": noise.resolution,
            "frequency": noise.frequency.tolist(),
            "power": noise.power.tolist(),
            "power_numerical_error": float(noise.numerical_error.max()),
        }
    return answer


def tables_of(found: "MemoryReport") -> "dict[str, pd.DataFrame]":
    """The tables ``memory`` and ``noise``, if the run file asks for them."""
    import pandas as pd

    tables = {}
    if found.relaxation is not None:
        decay = found.relaxation
        columns = {
            "time": decay.time,
            "remaining": decay.remaining,
            "numerical_error": decay.numerical_error,
        }
        if found.site is not None:
            columns["one_site"] = found.site
        if found.tail is not None:
            columns["tail_law"] = found.tail
        tables["memory"] = pd.DataFrame(columns)
    if found.noise is not None:
        noise = found.noise
        columns = {
            "frequency": noise.frequency,
            "power": noise.power,
            "numerical_error": noise.numerical_error,
        }
        tables["noise"] = pd.DataFrame(columns)
    return tables


def figures_of(asked: "MemoryFile", found: "MemoryReport") -> dict[str, Any]:
    """The figures of the same two results."""
    from hopnet.plots import memory as plots

    sample = asked.sample
    title = (
        f"{sample.n_sites} sites, $n_sa_b^2$ = {sample.density:g}, "
        rf"$\sigma\tau_0$ = {asked.nuclei.strength:g}"
    )
    figures = {}
    if found.relaxation is not None:
        figures["memory"] = plots.plot_memory(
            found.relaxation.time,
            {"sample": found.relaxation.remaining},
            site=found.site,
            tail=found.tail,
            order=found.relaxation.order,
            title=title,
        )
    if found.noise is not None and asked.nuclei.strength > 0:
        figures["noise"] = plots.plot_spin_noise(
            found.noise.frequency,
            {"sample": found.noise.power},
            strength=asked.nuclei.strength,
            title=title,
        )
    return figures
