"""Makes faults at random: flipped bits, changed texts, killed processes.

``HOPNET_FAULTS`` says how many times more faults are tried than in the suite; `make faults` sets
it to 50. Every fault is drawn from a literal seed, so that a failure can be repeated.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

SCALE = int(os.environ.get("HOPNET_FAULTS", "1"))


def flip(path, generator):
    """Flip one bit of a file; the number of the byte."""
    data = bytearray(Path(path).read_bytes())
    place = generator.randrange(len(data))
    data[place] ^= 1 << generator.randrange(8)
    Path(path).write_bytes(data)
    return place


# Pieces that mutated texts are made of: what parsers and number conversions stumble over.
PIECES = [
    *("[", "]", "{", "}", "=", '"', "'", "\n", ".", "#", "\0", "é", "🙂", "true", "nan", "inf"),
    *("-1", "0", "1e400", "1e-400", "1e308", "9" * 25, "9" * 4400, "0x10", "1979-05-27", "[" * 600),
    *("[sites]", "[spin]", "[scan]", "[cluster]", "tau_s", "func", "function-x", "mode = 'list'"),
    *('"sites.density" = [', '"network.cutoff" = [1.5]', "a.b.c.d = 1", "{start = 1", "n = 3}"),
]


def mutated(text, generator):
    """A text with one to four random changes."""
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(len(text) + 1)
        other = min(len(text), place + generator.randrange(12))
        kind = generator.randrange(4)
        if kind == 0:
            text = text[:place] + text[other:]
        elif kind == 1:
            text = text[:place] + generator.choice(PIECES) + text[other:]
        elif kind == 2:
            text = text[:place] + generator.choice(PIECES) + text[place:]
        else:
            lines = text.split("\n")
            i, j = generator.randrange(len(lines)), generator.randrange(len(lines))
            lines[i], lines[j] = lines[j], lines[i]
            text = "\n".join(lines)
    return text


def start_run(path, directory, n_workers, *more):
    """``hopnet run`` in a process of its own."""
    words = ["run", path, "--out", directory, "--workers", n_workers, "--no-figures", *more]
    command = [sys.executable, "-m", "hopnet.cli.main", *map(str, words)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def disturb(process, generator):
    """Send a random signal to a driver or one of its workers, at a random moment."""
    time.sleep(generator.uniform(0.5, 6.0))
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        victim = generator.choice(family)
        kind = generator.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
        victim.send_signal(kind)
        if kind == signal.SIGSTOP:
            time.sleep(1.0)
            victim.send_signal(signal.SIGCONT)
    except psutil.Error:
        pass  # it has ended already


def seeds(n, word):
    """Generators for n trials in the suite, and as many more in the long form."""
    return [random.Random(f"{word} {k}") for k in range(n * SCALE)]
