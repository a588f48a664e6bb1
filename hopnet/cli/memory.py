"""``hopnet memory``: how long a sample in nuclear fields remembers a spin, and its spin noise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hopnet.cli.options import Json, Out, Threads
from hopnet.cli.output import print_answer, save_figures, save_table

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
    """Memory P(t) and spin noise of one sample with frozen nuclear fields.

    Example: hopnet memory runs/spin_memory.toml --out results/spin_memory
    """
    import pandas as pd

    from hopnet.spin.memory_file import read_memory_file, run_memory

    asked = read_memory_file(file)
    found = run_memory(asked, threads=threads)
    answer: dict[str, object] = {
        "n_sites": asked.sample.n_sites,
        "density": asked.sample.density,
        "strength": asked.nuclei.strength,
        "external": asked.nuclei.external,
    }
    tables = {}
    if found.relaxation is not None:
        decay = found.relaxation
        answer |= {
            "order": decay.order,
            "time": decay.time.tolist(),
            "remaining": decay.remaining.tolist(),
            "numerical_error": float(decay.numerical_error.max()),
        }
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
        answer |= {
            "resolution": noise.resolution,
            "frequency": noise.frequency.tolist(),
            "power": noise.power.tolist(),
            "power_numerical_error": float(noise.numerical_error.max()),
        }
        tables["noise"] = pd.DataFrame(
            {
                "frequency": noise.frequency,
                "power": noise.power,
                "numerical_error": noise.numerical_error,
            }
        )
    print_answer(answer, as_json)
    if out is None:
        return
    from hopnet.plots import memory as plots

    for name, table in tables.items():
        written = save_table(table, out / f"{name}.csv")
        if not as_json:
            print(f"wrote {written}")
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
    save_figures(out, figures, as_json)
