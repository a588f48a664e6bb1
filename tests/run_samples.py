"""A small run file and what its directory holds, shared by the tests of ensembles and engines."""

from pathlib import Path

from hopnet.ensemble.listener import Listener

TABLES = ("summary.parquet", "summary.csv", "statistics.parquet", "statistics.csv")


def run_file(n_sites=600, samples=6, **tables):
    out = {
        "sites": {"n_sites": n_sites, "density": 0.1, "seed": 40487},
        "spin": {"tau_s": [0.0, 10.0, 1e4]},
        "ensemble": {"samples": samples},
        "scan": {"sites.density": [0.1, 0.05]},
    }
    for name, entries in tables.items():
        out[name] = {**out.get(name, {}), **entries}
    return out


def tables_of(directory):
    return {name: (Path(directory) / name).read_bytes() for name in TABLES}


def files_of(directory):
    return {p.name: p.read_bytes() for p in Path(directory, "samples").glob("*.parquet")}


class Recorder(Listener):
    """Keeps what a run says; ``on_report`` is called after each report."""

    def __init__(self, on_report=None):
        self.notes, self.reasons, self.reports, self.ends = [], [], [], []
        self.on_report = on_report

    def note(self, text):
        self.notes.append(text)

    def set_aside(self, reason):
        self.reasons.append(reason)

    def report(self, report, progress):
        self.reports.append(report)
        if self.on_report is not None:
            self.on_report(self)

    def collected(self, directory, statistics, n_tasks, n_missing):
        self.ends.append({"n_tasks": n_tasks, "n_missing": n_missing})
