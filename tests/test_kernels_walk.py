"""Carriers against their twin, draw by draw. [hopping 5b]"""

import numpy as np
import pytest
from hopnet.kernels import walk as kernels

from twins import walk as twin

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("n", [1, 2, 15])
def test_walk_carriers(n, plain):
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
    start_of = np.concatenate([[0], np.cumsum([len(row) for row in neighbours])])
    flat = [entry for row in neighbours for entry in row]
    sites = np.array([e[0] for e in flat], dtype=np.int64)
    running = [np.cumsum([e[1] for e in row]) for row in neighbours]
    running = np.concatenate(running) if flat else np.empty(0)
    step = np.array([e[2] for e in flat]).reshape(-1, 2)
    turn = np.array([e[3] for e in flat]).reshape(-1, 4)
    time, start = np.array([0.0, 0.5, 2.0, 2.0, 9.0]), np.arange(6) % n
    first = np.array([0.0, 0.6, 0.8])
    kernel = kernels.walk_carriers
    kernel = getattr(kernel, "py_func", kernel) if plain else kernel
    site = np.full((6, 5), -1)
    displacement, spin = np.full((6, 5, 2), np.nan), np.full((6, 5, 3), np.nan)
    kernel(
        start_of,
        sites,
        running,
        step,
        turn,
        time,
        start,
        first,
        np.random.Generator(np.random.Philox(9)),
        site,
        displacement,
        spin,
    )
    expected = twin.walk_carriers(
        neighbours, time, start, first, np.random.Generator(np.random.Philox(9))
    )
    for c, told in enumerate(expected):
        assert list(site[c]) == [i for i, _, _ in told]
        np.testing.assert_allclose(displacement[c], [p for _, p, _ in told], atol=1e-12)
        np.testing.assert_allclose(spin[c], [s for _, _, s in told], atol=1e-12)
    if n > 1:
        assert len(np.unique(site)) > 1
        np.testing.assert_allclose(np.linalg.norm(spin, axis=2), 1, rtol=1e-12)
