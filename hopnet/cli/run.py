"""Commands of the main job: run, estimate, status, collect, plot."""

import contextlib
import json
import math
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hopnet.cli.options import Json
from hopnet.cli.output import duration, say
from hopnet.errors import ParameterError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    for command in (run, estimate, status, collect, plot, view):
        app.command()(command)


# Rows of a table up to which `hopnet run` draws its figures. They need the whole table in memory:
# about 400 bytes per row.
MOST_DRAWN = 300_000

File = Annotated[Path, typer.Argument(metavar="FILE.toml", help="The run file.")]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="A result directory.")]
Workers = Annotated[int, typer.Option(help="Number of processes, each with one thread.")]


def run(
    file: File,
    out: Annotated[
        Path | None, typer.Option(help="Result directory (default results/NAME).")
    ] = None,
    workers: Workers = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler, tls://HOST:PORT. Anyone who can reach the port of a "
            "tcp:// scheduler can run code in your name."
        ),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Compute only every N-th batch, from I on.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Number of threads, if there is one worker.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run even if the memory seems too small.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Compute failed samples again.")] = False,
    figures: Annotated[bool, typer.Option(help="Draw the figures at the end.")] = True,
) -> None:
    """Compute the samples of a run file that are still missing, and write the tables.

    Example: hopnet run runs/f_curve.toml --out results/f_curve --workers 2
    """
    from hopnet.cli.reporter import Reporter
    from hopnet.ensemble.run import check_options, complete_run, load_run

    loaded = load_run(file)
    out = Path("results") / loaded.name if out is None else out
    check_options(loaded.config, workers, scheduler, shard, threads)
    compile_kernels()
    with ended_by_signals(), Reporter() as reporter:
        gathered = complete_run(
            loaded,
            out,
            workers,
            scheduler=scheduler,
            shard=shard,
            threads=threads,
            force=force,
            retry=retry,
            listener=reporter,
        )
    if gathered is None:
        say(f"shard {shard} is done; `hopnet collect {out}` makes the tables when all shards are")
        return
    if gathered.n_missing:
        say("not complete yet: run again for the missing samples")
        return
    if gathered.n_rows > MOST_DRAWN:
        say(f"no figures: the table has {gathered.n_rows} rows; `hopnet plot {out}` draws it")
        return
    if figures:
        draw_figures(out)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """A context in which SIGTERM and SIGHUP end the process in order, as Ctrl-C does.

    Workers are ended and temporary folders removed.
    """

    def end(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        with contextlib.suppress(ValueError):  # not in the main thread
            # A signal that is ignored on purpose (nohup) stays ignored.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def estimate(
    file: File,
    workers: Workers = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Estimate even if the memory seems too small.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a run file; estimate its time, memory and disk space from a short measurement.

    Example: hopnet estimate runs/fig4.toml --workers 2
    """
    from hopnet.ensemble.plan import estimate_run
    from hopnet.ensemble.run import check_fit, check_options, load_run

    config = load_run(file).config
    check_options(config, 1 if config.cluster is not None else workers)
    check_fit(config, workers, force=force)
    if not as_json:
        compile_kernels()
    facts = estimate_run(config, workers)
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    say(f"{file}: {facts['question'] or 'no question'}")
    say(f"  points              {facts['n_points']}")
    say(f"  samples             {facts['n_tasks']}{facts['up_to']}")
    say(f"  one sample          {duration(facts['seconds_per_task'])} on one core (the largest)")
    say(
        f"  all                 {duration(facts['seconds_total'])} on {facts['workers']} "
        f"worker{'s' * (facts['workers'] > 1)}, within a factor of about 1.5"
    )
    say(
        f"  memory per worker   {facts['memory_per_worker'] / 1e9:.2g} GB of "
        f"{facts['machine_memory'] / 1e9:.3g} GB"
    )
    say(f"  disk                {facts['disk'] / 1e6:.2g} MB")


def status(directory: Directory, as_json: Json = False) -> None:
    """Print how many samples of a run are done, running, failed and missing.

    Example: hopnet status results/f_curve
    """
    from hopnet.ensemble.results import run_status

    facts = run_status(directory)
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    say(f"{facts['directory']}: {facts['question'] or 'no question'}")
    say(f"  done     {facts['n_done']} of {facts['n_tasks']} ({facts['n_points']} points)")
    say(f"  running  {facts['n_running']}")
    reasons = ", ".join(f"{name}: {count}" for name, count in facts["failures"].items())
    say(f"  failed   {facts['n_failed']}{f' ({reasons})' * bool(reasons)}")
    for name in facts["failed"]:
        say(f"           {name}")
    if facts["n_failed"]:
        say("           `hopnet run ... --retry` computes them again")
    say(f"  missing  {facts['n_missing']}")
    if facts["n_damaged"]:
        say(f"  damaged  {facts['n_damaged']} files; the next run sets them aside")
    if facts["n_aside"]:
        say(
            f"  aside    {facts['n_aside']} files; `hopnet collect DIR --restore` puts back those "
            "that are good"
        )
    for fault in facts["tables"]:
        say(f"  {fault}")
    for process in facts["processes"]:
        word = "at work" if process["alive"] else "has died"
        say(
            f"  pid {process['pid']} on {process['host']}, shard {process['shard'][0]}/"
            f"{process['shard'][1]}: {word}"
        )
    if facts["tasks_per_hour"]:
        left = facts["seconds_left"]
        say(
            f"  {facts['tasks_per_hour']:.3g} samples per hour, "
            f"{duration(left) if left is not None else 'an unknown time'} left"
        )


def collect(
    directory: Directory,
    restore: Annotated[
        bool,
        typer.Option("--restore", help="First restore files that were set aside but are intact."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write summary and statistics of the finished samples, even if some are missing.

    Example: hopnet collect results/f_curve
    """
    from hopnet.ensemble import results

    if as_json:
        found = results.gather_directory(directory, restore=restore)
        print(json.dumps({"rows": found.n_rows, "n_missing": found.n_missing}))
        return
    from hopnet.cli.reporter import Reporter

    with Reporter() as reporter:
        results.gather_directory(directory, listener=reporter, restore=restore)


def plot(
    directory: Directory,
    sample: Annotated[
        int | None, typer.Option(help="Draw the sample with this number instead.")
    ] = None,
    point: Annotated[
        int, typer.Option(help="Number of the scan point, from 0 (with --sample).")
    ] = 0,
    tau_s: Annotated[
        float | None, typer.Option(help="Spin relaxation time, in tau_0 (with --sample).")
    ] = None,
    ending: Annotated[
        str, typer.Option("--format", help="Format of the files: png, pdf or svg.")
    ] = "png",
    style: Annotated[
        str, typer.Option(help="screen, or paper: as wide as a column of a journal.")
    ] = "screen",
    times: Annotated[
        str,
        typer.Option("--x", help="Axis of relaxation: rate (tau_0/tau_s) or tau_s (tau_s/tau_0)."),
    ] = "rate",
) -> None:
    """Draw the figures of a run into DIR/figures, or the sites, flow and spin of one sample.

    Example: hopnet plot results/f_curve --format pdf --style paper --x tau_s
    """
    from hopnet.checks import one_of  # loaded here, so that --help starts without NumPy
    from hopnet.plots.frame import FORMATS, looking

    one_of("format", ending, FORMATS)
    with looking(style, times):
        draw_run(directory, sample, point, tau_s, ending)


def draw_run(
    directory: Path, sample: int | None, point: int, tau_s: float | None, ending: str
) -> None:
    """Draw the figures of a run, or one of its samples, as files with an ending."""
    if sample is None:
        if point or tau_s is not None:
            raise ParameterError(
                "--point and --tau-s choose what of one sample is drawn, got no --sample; add "
                "--sample 0 for example."
            )
        draw_figures(directory, ending)
        return
    from hopnet.plots.network import plot_sample

    records = chosen_sample(directory, sample, point, tau_s)
    draw(plot_sample(*records), directory, f"sample_{point:02d}_{sample:04d}.{ending}")


def chosen_sample(
    directory: Path, sample: int, point: int, tau_s: float | None
) -> tuple[Any, Any, Any]:
    """Network, current and spin of one sample of a run, computed again."""
    from hopnet.ensemble.results import directory_config
    from hopnet.ensemble.sample import sample_records

    ledger, config = directory_config(directory)
    points = config.points()
    if not 0 <= point < len(points):
        raise ParameterError(
            f"--point must lie in 0 .. {len(points) - 1} for this run, got {point}; correct it."
        )
    chosen = points[point]
    largest = largest_number(ledger, chosen)
    if not 0 <= sample <= largest:
        raise ParameterError(
            f"--sample must lie in 0 .. {largest} for this point, got {sample}; correct it."
        )
    times = [t for t in chosen.tau_s if 0 < t < math.inf] or [1.0]
    return sample_records(chosen, sample, times[len(times) // 2] if tau_s is None else tau_s)


def view(
    directory: Directory,
    sample: Annotated[int, typer.Option(help="Number of the sample.")] = 0,
    point: Annotated[int, typer.Option(help="Number of the scan point, from 0.")] = 0,
    tau_s: Annotated[float | None, typer.Option(help="Spin relaxation time, in tau_0.")] = None,
) -> None:
    """Write one sample of a run as a page for a browser: pan, zoom, hover, growing clusters.

    The page is DIR/figures/sample_POINT_NUMBER.html and needs no network connection.

    Example: hopnet view results/f_curve --sample 0
    """
    from hopnet.plots.view import write_view

    network, current, spin = chosen_sample(directory, sample, point, tau_s)
    path = Path(directory) / "figures" / f"sample_{point:02d}_{sample:04d}.html"
    path.parent.mkdir(exist_ok=True)
    say(f"wrote {write_view(path, network, current, spin)}")


def largest_number(ledger: Any, point: Any) -> int:
    """The largest sample number of a scan point, among those planned and those stored."""
    contents = ledger.examine().contents.values()
    there = [int(c.numbers[-1]) for c in contents if c.batch.point == point.name]
    return max([point.n_samples - 1, *there])


def compile_kernels() -> None:
    """Compile the kernels of a run (later runs load them); print a line if that takes time."""
    from hopnet.ensemble.plan import kernels_are_cached, warm_up

    if kernels_are_cached():
        return
    say("compiling, once (about a minute; later runs load the result) ...")
    start = time.perf_counter()
    warm_up()
    say(f"compiled in {time.perf_counter() - start:.0f} s")


def draw_figures(directory: Path, ending: str = "png") -> None:
    """Draw all figures of a collected run, as files with an ending."""
    from hopnet.ensemble.results import read_results
    from hopnet.plots.ensemble import run_figures

    table = read_results(directory)
    statistics = read_results(directory, what="statistics")
    if not statistics["n_done"].any():
        say("no figures: no sample has succeeded")
    words = sample_words(directory, table.attrs["scanned"])
    for name, figure in run_figures(table, statistics, table.attrs["scanned"]):
        figure.supxlabel(words, fontsize=7, x=0.99, ha="right", color="#777777")
        draw(figure, directory, f"{name}.{ending}")


def sample_words(directory: Path, scanned: Sequence[str]) -> str:
    """Properties that all samples of a run share, for its figures."""
    from hopnet.ensemble.results import directory_config

    sites = directory_config(directory)[1].sites
    known = {
        "sites.n_sites": f"N = {sites.n_sites}",
        "sites.density": rf"$n_s a_b^{sites.dimension}$ = {sites.density:g}",
        "sites.geometry": sites.geometry,
    }
    return ", ".join(text for key, text in known.items() if key not in scanned)


def draw(figure: Any, directory: Path, name: str) -> None:
    """Write ``DIR/figures/NAME``."""
    from hopnet.plots.frame import save_figure

    path = Path(directory) / "figures" / name
    try:
        path.parent.mkdir(exist_ok=True)
        save_figure(figure, path)
    except OSError as failure:
        raise ParameterError(
            f"cannot write {str(path)!r} ({failure.strerror}); make room there, or copy the "
            "directory to where you may write."
        ) from None
    say(f"wrote {path}")
