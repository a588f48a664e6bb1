"""The walk of carriers against its twin, with the same random numbers. [hopping 5b], [nuclei 1]"""

import numpy as np
import pytest
from hopnet.kernels import walk as kernels

from twins import walk as twin

pytestmark = pytest.mark.kernel

TIME = np.array([0.0, 0.5, 2.0, 2.0, 9.0])
FIRST_SPIN = np.array([0.0, 0.6, 0.8])
N_CARRIERS = 6


def random_hops(n, turning=False):
    """Hops between all pairs of n sites, in the form of the twin and in that of the kernel."""
    rng = np.random.default_rng(31)
    rates = np.exp(-3 * rng.uniform(size=(n, n)))
    neighbours = []
    for i in range(n):
        row = []
        for j in range(n):
            if j != i and n > 1:
                q = rng.normal(size=4)
                row.append((j, rates[i, j], rng.normal(size=2), q / np.linalg.norm(q)))
        neighbours.append(row)
    flat = [entry for row in neighbours for entry in row]
    running = [np.cumsum([e[1] for e in row]) for row in neighbours]
    hops = kernels.Hops(
        row_start=np.concatenate([[0], np.cumsum([len(row) for row in neighbours])]),
        row_neighbour=np.array([e[0] for e in flat], dtype=np.int64),
        running_rate=np.concatenate(running) if flat else np.empty(0),
        step=np.array([e[2] for e in flat]).reshape(-1, 2),
        turn=np.array([e[3] for e in flat]).reshape(-1, 4),
        field=rng.normal(size=(n if turning else 0, 3)),
    )
    return neighbours, hops


def run(kernel, hops, most_hops):
    """Call the kernel until all carriers are done; returns the results and the hops per call."""
    found = kernels.Found(
        np.full((N_CARRIERS, TIME.size), -1),
        np.full((N_CARRIERS, TIME.size, 2), np.nan),
        np.full((N_CARRIERS, TIME.size, 3), np.nan),
    )
    start = np.arange(N_CARRIERS) % (hops.row_start.size - 1)
    generator = np.random.Generator(np.random.Philox(9))
    progress, carrier, made = np.array([0, -1, 0]), np.zeros(6), []
    while progress[0] < N_CARRIERS:
        made.append(
            kernel(hops, TIME, start, FIRST_SPIN, generator, most_hops, progress, carrier, found)
        )
    return found, made


@pytest.mark.parametrize("turning", [False, True])
@pytest.mark.parametrize("n", [1, 2, 15])
def test_walk_carriers(n, turning, kernel_version):
    neighbours, hops = random_hops(n, turning)
    found, made = run(kernel_version(kernels.walk_carriers), hops, 10**9)
    assert len(made) == 1
    expected = twin.walk_carriers(
        neighbours,
        hops.field if turning else np.zeros((n, 3)),
        TIME,
        np.arange(N_CARRIERS) % n,
        FIRST_SPIN,
        np.random.Generator(np.random.Philox(9)),
    )
    for c, seen in enumerate(expected):
        assert list(found.site[c]) == [i for i, _, _ in seen]
        np.testing.assert_allclose(found.displacement[c], [p for _, p, _ in seen], atol=1e-12)
        np.testing.assert_allclose(found.spin[c], [s for _, _, s in seen], atol=1e-12)
    if n > 1:
        assert len(np.unique(found.site)) > 1
        np.testing.assert_allclose(np.linalg.norm(found.spin, axis=2), 1, rtol=1e-12)


@pytest.mark.parametrize("most_hops", [1, 3, 10])
def test_a_walk_in_pieces_is_the_same_walk(most_hops, kernel_version):
    _, hops = random_hops(15, turning=True)
    kernel = kernel_version(kernels.walk_carriers)
    whole, (n_hops,) = run(kernel, hops, 10**9)
    pieces, made = run(kernel, hops, most_hops)
    assert max(made) == most_hops
    assert sum(made) == n_hops
    for one, other in zip(whole, pieces):
        assert np.array_equal(one, other)
