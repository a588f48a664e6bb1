"""Side-by-side measurements: one file per topic, each with ``measure(**options) -> list of rows``.

A row is a dict of plain numbers and texts with at least ``what``, ``seconds_min``,
``seconds_median`` and, where it is compared, ``reference`` and ``ratio`` (this / reference,
both timed in the same run, in turn, after a warm-up). `paired` does the timing.
"""

from __future__ import annotations

import datetime
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from hopnet.machine import describe_machine, peak_memory

__all__ = ["page", "paired", "peak_apart", "print_peak", "report", "row"]


def paired(candidates, *, repeats=5, warm_up=1):
    """Time several callables in turn: A B C A B C ..., so that a slow machine slows all alike.

    Parameters
    ----------
    candidates : dict of str to callable
        Called without arguments.
    repeats, warm_up : int
        Counted and uncounted rounds.

    Returns
    -------
    dict of str to list of float, s
        The counted times of each candidate.
    """
    seconds = {name: [] for name in candidates}
    for round_number in range(warm_up + repeats):
        for name, call in candidates.items():
            start = time.perf_counter()
            call()
            if round_number >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def row(what, seconds, reference=None, reference_seconds=None, **more):
    """One line of a bench table; the ratio is the median of the pairwise ratios."""
    line = {
        "what": what,
        "seconds_min": min(seconds),
        "seconds_median": statistics.median(seconds),
    }
    if reference is not None:
        ratios = [a / b for a, b in zip(seconds, reference_seconds)]
        line |= {"reference": reference, "ratio": statistics.median(ratios)}
    return line | more


def report(topic, rows):
    """The text of a stored table: topic, day, machine with versions, rows."""
    day = datetime.date.today().isoformat()
    stored = {"topic": topic, "date": day, "machine": describe_machine(), "rows": rows}
    return json.dumps(stored, indent=1) + "\n"


MORE = {
    "imbalance": "imbalance",
    "iterations": "iterations",
    "row_residual": "row residual",
    "peak_MB": "peak MB",
    "reference_peak_MB": "its reference's",
}


def page(directory):
    """One Markdown page that summarises the stored tables of a directory, topic by topic.

    Rows without a ratio or an imbalance (stages) stay in the files. A ``note`` in a file follows
    its description of the machine.
    """
    lines = [
        "# Side by side",
        "",
        "`hopnet bench all` writes this page and the files beside it. A ratio is the time of the "
        "row over the time of its reference, both warm, in turn, in one run. The imbalance is "
        "the current that gets lost: the sum over sites of |net flow| over that of the flow.",
    ]
    for path in sorted(directory.glob("*.json")):
        stored = json.loads(path.read_text())
        where = stored["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
        lines += [
            "",
            f"## {stored['topic']}",
            "",
            f"{stored.get('date', '')}: {where['processor']}, {where['cores']} cores, "
            f"{where['system']}; {versions}.{stored.get('note', '')}",
            "",
            "| what | seconds | ratio | to | and |",
            "|---|---|---|---|---|",
        ]
        for line in stored["rows"]:
            if "failed" in line:
                lines.append(f"| {line['what']} | failed: {line['failed']} | | | |")
            elif "ratio" in line or "imbalance" in line:
                seconds, ratio = (
                    f"{line[name]:.3g}" if line.get(name) is not None else ""
                    for name in ("seconds_min", "ratio")
                )
                more = "; ".join(
                    f"{text} {line[name]:{'.0f' if line[name] >= 1 else '.3g'}}"
                    for name, text in MORE.items()
                    if line.get(name) is not None
                )
                lines.append(
                    f"| {line['what']} | {seconds} | {ratio} | {line.get('reference') or ''} | "
                    f"{more} |"
                )
    return "\n".join(lines) + "\n"


def print_peak(call):
    """Run a call and print the peak resident memory of this process during it, in MB.

    Only Linux can reset the peak; elsewhere it is the peak since the process began.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        call()
        print(peak_memory() / 1e6)
        return
    call()
    print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000)


def peak_apart(module, function, *arguments):
    """The number that a function of a bench prints in a process of its own; None if it fails."""
    words = ", ".join(map(repr, arguments))
    code = f"from hopnet.bench.{module} import {function}; {function}({words})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None
