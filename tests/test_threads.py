"""Threads: parts of a range, children made by fork, Python threads side by side."""

import os
import subprocess
import sys

import numpy as np
import pytest

from hopnet.threads import limit_threads, run_in_parts, thread_count

WORK = """
import numpy as np
import hopnet as hn
from hopnet.berry import PeriodicGrid, kane_mele, spin_hall

def work(seed):
    network = hn.build_network(hn.random_sites(20_000, density=0.02, seed=seed))
    spins = hn.solve_kinetics(network, [[0, 0.1], [-0.1, 0]], eta=0.01, tau_s=1e8)
    hall = spin_hall(kane_mele(), PeriodicGrid(96), mu=[0.0, 1.5]).lcc
    return network.n_links, float(spins.polarisation[1]), float(hall.sum())
"""

FORK = """
import multiprocessing
expected = [work(1), work(2)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(work, [1, 2]) == expected
print("done")
"""

SIDE_BY_SIDE = """
from concurrent.futures import ThreadPoolExecutor
expected = [work(seed) for seed in range(1, 4)]
with ThreadPoolExecutor(3) as pool:
    assert list(pool.map(work, range(1, 4))) == expected
print("done")
"""


def finish(source, **environment):
    """Run Python source in a process of its own, with two threads; it must end in time."""
    done = subprocess.run(
        [sys.executable, "-c", WORK + source],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "NUMBA_NUM_THREADS": "2", **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_made_by_fork_computes():
    """`multiprocessing.Pool` after the parent has computed; it waited for ever with GNU OpenMP."""
    finish(FORK)


@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_python_threads_compute_side_by_side(layer):
    """The same bits as one after another, whatever layer Numba would take for parallel loops."""
    finish(SIDE_BY_SIDE, NUMBA_THREADING_LAYER=layer)


@pytest.mark.parametrize("n", [0, 1, 10, 11, 95])
@pytest.mark.parametrize("threads", [1, 3])
def test_parts_cover_the_range_once(n, threads):
    count = np.zeros(n, int)

    def add(part):
        count[part] += 1

    run_in_parts(add, n, 10, threads)
    assert np.all(count == 1)


def test_limits_are_nested():
    with limit_threads(3) as outer:
        assert outer == thread_count() == 3
        with limit_threads(1) as inner:
            assert inner == thread_count() == 1
        assert thread_count() == 3
