"""Kernels of the meshes of traps against their twins. [nuclei 12]"""

import numpy as np
import pytest
from hopnet.kernels import blocking as kernels

from hopnet.spin import blocking
from twins import blocking as twin

pytestmark = pytest.mark.kernel


def random_surroundings(n, density=0.5, turning=True):
    """Sites with random links, of random kinds, and the dense K."""
    rng = np.random.default_rng(17)
    i, j = np.triu_indices(n, 1)
    some = rng.random(i.size) < density
    i, j = i[some], j[some]
    value = np.exp(-5 * rng.random(i.size))
    K = np.zeros((n, n))
    K[i, j] = K[j, i] = value
    kind = rng.choice([0, 0, 0, 1, 2], n)
    kind[: min(n, 2)] = [1, 0][: min(n, 2)]
    rate = np.where((kind[:, None] == 1) | (kind[None] == 1), 0.5 * K, K)
    link = np.zeros((n, n), int)
    link[i, j] = link[j, i] = np.arange(i.size)
    rows = [np.flatnonzero(K[s]) for s in range(n)]
    around = kernels.Surroundings(
        row_start=np.concatenate([[0], np.cumsum([r.size for r in rows])]).astype(np.int64),
        row_neighbour=np.concatenate(rows).astype(np.int64),
        row_link=np.concatenate([link[s, r] for s, r in enumerate(rows)]).astype(np.int64),
        conductance=value,
        kind=kind.astype(np.int64),
        total=rate.sum(axis=1),
        field=rng.standard_normal((n, 3)) * (1.0 if turning else 0.0),
    )
    return around, K


def meshes(kernel, around, trap, reach):
    count = np.empty(trap.size, np.int64)
    kernels.count_partners(around, trap, reach.keep, count)
    start = np.concatenate([[0], np.cumsum(count * (count + 1) // 2)])
    first, second = np.full(start[-1], -1), np.full(start[-1], -1)
    out = np.full(start[-1], np.nan)
    kernel(around, trap, reach, start, first, second, out)
    return start, first, second, out


@pytest.mark.parametrize("n", [2, 5, 14])
def test_count_partners(n, kernel_version):
    around, K = random_surroundings(n)
    trap, out = np.flatnonzero(around.kind == 1), None
    for keep in (0.0, 0.1):
        out = np.empty(trap.size, np.int64)
        kernel_version(kernels.count_partners)(around, trap, keep, out)
        expected = twin.count_partners(K, around.kind, around.total, trap, keep)
        assert np.array_equal(out, expected)


@pytest.mark.parametrize("turning", [False, True])
@pytest.mark.parametrize(("shells", "keep"), [(1, 0.0), (2, 0.02), (9, 0.0)])
@pytest.mark.parametrize("n", [2, 5, 14])
def test_fill_meshes(n, shells, keep, turning, kernel_version):
    around, K = random_surroundings(n, turning=turning)
    trap = np.flatnonzero(around.kind == 1)
    reach = kernels.Reach(shells, keep, 0.01, 1e-14)
    start, first, second, out = meshes(kernel_version(kernels.fill_meshes), around, trap, reach)
    for t, l in enumerate(trap):
        partners, Y = twin.fill_meshes(K, around.kind, around.total, around.field, l, reach)
        Y, own, m = 0.5 * (Y + Y.T), slice(start[t], start[t + 1]), len(partners)
        a, b = np.triu_indices(m, 1)
        assert list(first[own]) == [partners[x] for x in a] + partners
        assert list(second[own]) == [partners[x] for x in b] + [l] * m
        np.testing.assert_allclose(
            out[own], np.append(-Y[a, b], Y.sum(axis=1)), atol=1e-12 * np.abs(Y).max(initial=1.0)
        )
    if not turning:
        assert out.min(initial=0.0) > -1e-14


def test_no_traps(kernel_version):
    around, _ = random_surroundings(4)
    none = np.empty(0, np.int64)
    reach = kernels.Reach(2, 0.0, 0.0, 1e-14)
    _, _, _, out = meshes(kernel_version(kernels.fill_meshes), around, none, reach)
    assert out.size == 0


def test_kinds_have_one_number():
    for name in ("MOBILE", "TRAP", "HELD"):
        assert getattr(kernels, name) == getattr(blocking, name)
