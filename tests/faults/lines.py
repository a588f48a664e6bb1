"""Random command lines: options of every command with values that no physicist would give.

The lines run in a process of their own, one after the other, so that a crash of the interpreter or
a loop without end is noticed. Time is computing time: other work on the machine does not count.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import typer

from hopnet.cli.main import add_topics, app

RUNS = Path(__file__).resolve().parents[2] / "runs"

# A line of every command that ends within a second or two; random options are added to it.
BASES = [
    "run small.toml --no-figures",
    "estimate small.toml",
    "status done",
    "collect done",
    "plot done --sample 0",
    "bench nothing",
    "bench solve --set n_sites=200 --set repeats=1",
    "material material.toml --seed 1 --n-sites 200 --samples 1 --f 1",
    "kinetics --seed 1 --n-sites 100 --angles 0.013 --tau-s 100",
    "hanle --seed 1 --n-sites 100",
    "step --seed 1 --n-sites 100",
    "temperature --seed 1 --n-sites 200 --samples 1 --temperatures 0.1,0.05,0.03",
    "walk --seed 1 --n-sites 50 --carriers 20 --longest 100",
    "percolation sample --seed 1 --n-sites 200",
    "percolation threshold --seed 1 --sizes 50,100 --samples 3",
    "percolation exponents --seed 1 --sizes 50,100,200 --samples 3",
    "percolation resistivity --seed 1 --n-sites 100 --samples 2 --densities 0.1,0.05",
    "berry forms qwz --points 16",
    "berry chern haldane --points 16",
    "berry pieces qwz --points 16 --mu 0.9 --kT 0.15",
    "berry well --material GaAs",
    "boltzmann response",
    "boltzmann rashba",
    "boltzmann insb",
    "pumping run pumping.toml",
    "pumping crossover",
    "pumping efficiency pumping.toml",
    "pumping orders",
]

NUMBERS = [
    *("0", "-1", "1", "2", "3", "7", "0.5", "1e-3", "10", "-0.1", "1e10", "1e-10", "1e60", "1e300"),
    *("-1e300", "1e-300", "1e308", "nan", "inf", "-inf", "9" * 25, "1e400", "0x10", "1_0", "٣"),
]
TEXTS = ["", "abc", "é🙂", "-", "--", "a b", "[", "{}", "None", "true", ",", ":", "\n", "x" * 5000]
LISTS = [
    "1,2,3",
    "0.1,0.05",
    "1:10:3",
    "1:1:1",
    "0:1:3",
    "1:10:1e9",
    "10:1:3",
    "1,,2",
    "nan,1",
    "1:2",
]
PLACES = ["out", "done", "small.toml", "absent/below", "small.toml/below", "/proc/none", ".", ""]
WORDS = ["open", "torus", "cylinder", "printed", "uniform", "coulomb_gap", "delta", "yukawa", "2a"]
# Options left out: a run elsewhere waits for it, and many workers are many processes.
SKIPPED = {"--help", "-h", "--version", "--scheduler", "--workers"}


def prepare(directory, run_text):
    """The files that the lines name."""
    directory = Path(directory)
    (directory / "small.toml").write_text(run_text)
    for name, source in (("material", "material_letter"), ("pumping", "pumping_junction")):
        (directory / f"{name}.toml").write_text((RUNS / f"{source}.toml").read_text())


def options():
    """The options of every command, by its words: (names, number of values, whether a flag)."""
    add_topics()
    found = {}

    def visit(command, words):
        below = getattr(command, "commands", None)
        if below is None:
            found[words] = [
                (param.opts[0], 0 if getattr(param, "is_flag", False) else param.nargs)
                for param in command.params
                if param.opts[0].startswith("-") and not set(param.opts) & SKIPPED
            ]
        for name, one in (below or {}).items():
            visit(one, (*words, name))

    visit(typer.main.get_command(app), ())
    return found


def random_line(generator, known):
    """A base line with one to four random options, or with its words damaged."""
    words = generator.choice(BASES).split()
    command = next(c for c in known if tuple(words[: len(c)]) == c)
    for _ in range(generator.randint(1, 4)):
        kind = generator.random()
        if kind < 0.8 and known[command]:
            name, n_values = generator.choice(known[command])
            pools = [NUMBERS, NUMBERS, NUMBERS, LISTS, TEXTS, WORDS, PLACES]
            pool = PLACES if name == "--out" else generator.choice(pools)
            words += [name, *(generator.choice(pool) for _ in range(n_values))]
        elif kind < 0.9:
            words.insert(
                generator.randrange(len(words) + 1), generator.choice([*NUMBERS, *TEXTS, *PLACES])
            )
        else:
            del words[generator.randrange(len(words))]
    return words


SERVER = """
import contextlib, io, json, os, resource, sys, traceback
resource.setrlimit(resource.RLIMIT_AS, (12 * 10**9, 12 * 10**9))
os.environ["MPLBACKEND"] = "Agg"
answers = os.fdopen(os.dup(1), "w")
from hopnet.cli.main import main
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(json.loads(line))
            except SystemExit as end:
                code = end.code
            except KeyboardInterrupt:
                code = 130
            except BaseException:
                code = "traceback"
                err.write(traceback.format_exc())
        answers.write(json.dumps([code, out.getvalue(), err.getvalue()[-4000:]]) + "\\n")
        answers.flush()
    except KeyboardInterrupt:
        answers.write(json.dumps([130, "", ""]) + "\\n")
        answers.flush()
"""


class Lines:
    """A process that runs command lines one after the other.

    Attributes
    ----------
    n_starts : int
        How often it has been started.
    """

    PATIENCE = 10.0  # s of computing time after which a line is interrupted, and then ended

    def __init__(self, directory):
        self.directory, self.process, self.n_starts = directory, None, 0

    def start(self):
        """Start the process."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.directory,
            env=os.environ | {"COLUMNS": "250", "NUMBA_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self.answers = queue.Queue()
        reader = threading.Thread(target=self._read, args=(self.process, self.answers), daemon=True)
        reader.start()
        self.n_starts += 1

    @staticmethod
    def _read(process, answers):
        for line in process.stdout:
            answers.put(json.loads(line))
        answers.put(None)

    def run(self, words):
        """(exit code, output, errors) of a line; the code is a text for what must not happen."""
        if self.process is None:
            self.start()
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer = self._answer(self.PATIENCE)
        if answer == "late":
            os.kill(self.process.pid, signal.SIGINT)
            answer = self._answer(self.PATIENCE)
            if isinstance(answer, list):
                answer[0] = "interrupted" if answer[0] == 130 else answer[0]
        if isinstance(answer, list):
            return tuple(answer)
        code = "hangs" if answer == "late" else f"crash {self.process.wait()}"
        self.stop()
        return code, "", ""

    def _answer(self, patience):
        """An answer, None at the end of the process, "late" after so much computing time."""
        clock = psutil.Process(self.process.pid)
        with contextlib.suppress(psutil.Error):
            begun, wall = sum(clock.cpu_times()[:2]), time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                return self.answers.get(timeout=0.2)
            with contextlib.suppress(psutil.Error):
                spent = sum(clock.cpu_times()[:2]) - begun
                if spent > patience or time.monotonic() - wall > 20 * patience:
                    return "late"

    def stop(self):
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None
