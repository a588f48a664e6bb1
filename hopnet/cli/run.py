"""Commands of the main job: run, estimate, status, collect, plot."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from hopnet.errors import ParameterError


def add_to(app):
    """Fasten the commands of this file to ``app`` (a typer.Typer)."""
    for command in (run, estimate, status, collect, plot):
        app.command()(command)


File = Annotated[Path, typer.Argument(metavar="FILE.toml", help="The run file.")]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="A result directory.")]


def run(
    file: File,
    out: Annotated[Path | None, typer.Option(help="Directory (default results/NAME).")] = None,
    workers: Annotated[int, typer.Option(help="Processes, of one thread each.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="tcp://... of a Dask scheduler.")] = None,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="Every N-th task only.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the one worker.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Even if memory seems short.")] = False,
    figures: Annotated[bool, typer.Option(help="Draw the figures at the end.")] = True,
):
    """Compute the samples of a run file, or those still missing, and collect the table.

    Example: hopnet run runs/f_curve.toml --out results/f_curve --workers 2
    """
    from hopnet.ensemble.run import check_options, load_run, missing_samples, run_ensemble

    config, _, name = load_run(file)
    out = Path("results") / name if out is None else out
    check_options(config, workers, scheduler, parse_shard(shard), threads)
    compile_kernels()
    with Reporter() as reporter:
        run_ensemble(
            file,
            out,
            workers,
            scheduler=scheduler,
            shard=parse_shard(shard),
            threads=threads,
            force=force,
            listener=reporter,
        )
    if missing_samples(out):
        say("not complete yet: other shards are missing; `hopnet collect` gathers what there is")
        return
    if figures:
        draw_figures(out)


def estimate(
    file: File,
    workers: Annotated[int, typer.Option(help="Processes, of one thread each.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Do not refuse for memory.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
):
    """Check a run file; tell its time, memory and disk from a short measured probe.

    Example: hopnet estimate runs/fig4.toml --workers 2
    """
    from hopnet.ensemble.config import read_config
    from hopnet.ensemble.plan import estimate_run
    from hopnet.ensemble.run import check_fit, check_options

    config = read_config(file)
    check_options(config, workers)
    check_fit(config, workers, force=force)
    if not json_:
        compile_kernels()
    facts = estimate_run(config, workers)
    if json_:
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


def status(
    directory: Directory,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
):
    """Tell how far a run is: done, running, failed, missing; from any machine that sees it.

    Example: hopnet status results/f_curve
    """
    from hopnet.ensemble.run import run_status

    facts = run_status(directory)
    if json_:
        print(json.dumps(facts, indent=1))
        return
    say(f"{facts['directory']}: {facts['question'] or 'no question'}")
    say(f"  done     {facts['n_done']} of {facts['n_tasks']} ({facts['n_points']} points)")
    say(f"  running  {facts['n_running']}")
    reasons = ", ".join(f"{name}: {count}" for name, count in facts["failures"].items())
    say(f"  failed   {facts['n_failed']}{f' ({reasons})' * bool(reasons)}")
    say(f"  missing  {facts['n_missing']}")
    for process in facts["processes"]:
        word = "at work" if process["alive"] else "gone, without saying so"
        say(
            f"  pid {process['pid']} on {process['host']}, shard {process['shard'][0]}/"
            f"{process['shard'][1]}: {word}"
        )
    if facts["tasks_per_hour"]:
        left = facts["seconds_left"]
        say(
            f"  {facts['tasks_per_hour']:.3g} samples an hour, "
            f"{duration(left) if left is not None else 'an unknown time'} left"
        )


def collect(
    directory: Directory,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
):
    """Gather the finished samples into summary and statistics, complete or not.

    Example: hopnet collect results/f_curve
    """
    from hopnet.ensemble import run as ensemble

    if json_:
        frame = ensemble.collect(directory)
        missing = ensemble.missing_samples(directory)
        print(json.dumps({"rows": len(frame), "n_missing": len(missing)}))
        return
    with Reporter() as reporter:
        ensemble.collect(directory, listener=reporter)


def plot(
    directory: Directory,
    sample: Annotated[int | None, typer.Option(help="Draw this sample instead.")] = None,
    point: Annotated[int, typer.Option(help="Which scan point, from 0 (with --sample).")] = 0,
    tau_s: Annotated[float | None, typer.Option(help="In tau_0 (with --sample).")] = None,
):
    """Draw the figures of a run into DIR/figures, or one sample: sites, flow, spin.

    Example: hopnet plot results/f_curve --sample 0
    """
    if sample is None:
        if point or tau_s is not None:
            raise ParameterError(
                "--point and --tau-s choose what of one sample is drawn, got no --sample; add "
                "--sample 0 for example."
            )
        draw_figures(directory)
        return
    from hopnet.ensemble.run import directory_config
    from hopnet.ensemble.sample import sample_records
    from hopnet.plots.network import plot_sample

    points = directory_config(directory).points()
    if sample < 0 or not 0 <= point < len(points):
        raise ParameterError(
            f"this run has points 0 .. {len(points) - 1} and samples from 0, got point "
            f"{point}, sample {sample}; choose among them."
        )
    chosen = points[point]
    times = [t for t in chosen.tau_s if 0 < t < math.inf] or [1.0]
    records = sample_records(chosen, sample, times[len(times) // 2] if tau_s is None else tau_s)
    draw(plot_sample(*records), directory, f"sample_{point:02d}_{sample:04d}")


def parse_shard(text):
    """``"2/8"`` -> (2, 8); None stays None."""
    if text is None:
        return None
    left, _, right = text.partition("/")
    try:
        return int(left), int(right)
    except ValueError:
        raise ParameterError(f"--shard takes I/N, 0/4 for example, got {text!r}.") from None


def compile_kernels():
    """Compile what a run needs, once and for all runs, saying so if it takes time."""
    from hopnet.ensemble.plan import kernels_are_cached, warm_up

    if kernels_are_cached():
        return
    say("compiling, once (about a minute; later runs load the result) ...")
    start = time.perf_counter()
    warm_up()
    say(f"compiled in {time.perf_counter() - start:.0f} s")


def draw_figures(directory):
    """All figures of a collected run, as PNG."""
    from hopnet.ensemble.run import read_results
    from hopnet.plots.ensemble import run_figures

    table = read_results(directory)
    statistics = read_results(directory, what="statistics")
    if not statistics["n_done"].any():
        say("no figures: not one sample has succeeded")
    for name, figure in run_figures(table, statistics, table.attrs["scanned"]):
        draw(figure, directory, name)


def draw(figure, directory, name):
    """Write ``DIR/figures/NAME.png``."""
    from hopnet.plots.frame import save_figure

    path = Path(directory) / "figures" / f"{name}.png"
    try:
        path.parent.mkdir(exist_ok=True)
        save_figure(figure, path)
    except OSError as failure:
        raise ParameterError(
            f"cannot write {str(path)!r} ({failure.strerror}); make room there, or copy the "
            "directory to where you may write."
        ) from None
    say(f"wrote {path}")


def say(text):
    """One line on standard output, at once."""
    print(text, flush=True)


def duration(seconds):
    """A time as a person says it."""
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"


class Reporter:
    """Shows a run: a bar on a terminal, plain lines when piped."""

    def __init__(self):
        from rich.console import Console

        self.console = Console()
        self.bar = None
        self.task = None
        self.last = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close_bar()

    def close_bar(self):
        """Leave the bar where it is."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def __call__(self, event, **facts):
        getattr(self, f"on_{event}")(**facts)

    def log(self, text):
        """A line above the bar, or just a line."""
        if self.bar is not None:
            self.bar.console.print(text, highlight=False, markup=False)
        else:
            say(text)

    def on_note(self, text):
        """Something to know."""
        self.log(text)

    def on_set_aside(self, reason):
        """A file that is not believed."""
        self.log(f"set aside: {reason}")

    def on_start(self, n_tasks, n_finished):
        """Jobs are about to be computed."""
        known = f", {n_finished} finished before are kept" if n_finished else ""
        self.log(f"{n_tasks} samples to compute{known}")
        self.close_bar()
        if self.console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self.bar = Progress(
                TextColumn("samples"),
                MofNCompleteColumn(),
                BarColumn(),
                TextColumn("{task.fields[left]}"),
                console=self.console,
            )
            self.bar.start()
            self.task = self.bar.add_task("", total=n_tasks, left="time left: not known yet")

    def on_report(self, report, progress):
        """One task has ended."""
        left = progress["seconds_left"]
        words = "time left: not known yet" if left is None else f"{duration(left)} left"
        for text in report.warnings:
            self.warn(text)
        if report.status != "done":
            self.log(
                f"{report.task.point.label() or 'sample'} #{report.task.number}: "
                f"{report.status} {report.reason}"
            )
        if self.bar is not None:
            self.bar.update(self.task, completed=progress["n_ended"], left=words)
            return
        ended, total = progress["n_ended"], progress["n_tasks"]
        if ended == total or time.monotonic() - self.last > 5.0:
            self.last = time.monotonic()
            say(f"{ended}/{total} samples, {progress['elapsed']:.0f} s, {words}")

    def warn(self, text):
        """A validity warning, once a run."""
        seen = self.__dict__.setdefault("warned", set())
        if text not in seen:
            seen.add(text)
            print(f"warning: {text}", file=sys.stderr)

    def on_target(self, label, target, reached, n):
        """How the wanted error compares with the one reached."""
        word = "reached" if reached <= target else "not reached"
        self.log(
            f"target_error {target:g} {word}{f' at {label}' * bool(label)}: "
            f"{reached:.2g} with {n} samples"
        )

    def on_collected(self, directory, statistics, n_tasks, n_missing):
        """The tables are written."""
        self.close_bar()
        if statistics is None:
            say("nothing finished yet")
            return
        if n_missing:
            say(f"{n_missing} of {n_tasks} samples are missing")
        self.table(statistics)
        say(f"wrote {directory / 'summary.csv'} (every sample) and statistics.csv (means)")

    def table(self, statistics):
        """f at the ends and in the middle of each curve; ln rho where there is charge alone."""
        keys = list(statistics.columns[: statistics.columns.get_loc("tau_s")])
        shown = {"f": "f", "f_standard_error": "standard error", "f_deviation": "deviation"}
        if "log_resistivity" in statistics and statistics["f"].isna().all():
            shown = {
                "log_resistivity": "ln rho",
                "log_resistivity_standard_error": "standard error",
            }
        lines = [
            [*(k.partition(".")[2] for k in keys), "tau_s", "samples", "failed", *shown.values()]
        ]
        groups = statistics.groupby(keys, sort=False) if keys else [((), statistics)]
        for coordinates, rows in groups:
            picked = sorted({0, len(rows) // 4, len(rows) // 2, 3 * len(rows) // 4, len(rows) - 1})
            for _, row in rows.iloc[picked].iterrows():
                numbers = [row.get(name, math.nan) for name in shown]
                lines.append(
                    [
                        *(f"{c:g}" if isinstance(c, float) else str(c) for c in coordinates),
                        f"{row['tau_s']:.3g}",
                        str(row["n_done"]),
                        str(row["n_failed"]),
                        *("" if math.isnan(x) else f"{x:.4g}" for x in numbers),
                    ]
                )
        width = [max(len(line[c]) for line in lines) for c in range(len(lines[0]))]
        for line in lines:
            say("  ".join(word.rjust(w) for word, w in zip(line, width)))
