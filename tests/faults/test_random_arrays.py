"""Damaged .npz files: refused in one sentence, or the same numbers; never a crash."""

import numpy as np
import pytest

import hopnet as hn
from faults.injector import seeds
from hopnet import pumping
from hopnet.errors import HopnetError

# What arrays of a file are replaced by: other types, shapes and ranges.
ODD = [
    *(np.zeros(0), np.zeros(3), np.array(np.nan), np.array(1e300), np.array(-1), np.array("x")),
    *(np.array(b"x"), np.zeros((2, 2)), np.array([2**63 - 1]), np.array(True), np.array(1j)),
]
CHANGES = [
    lambda a, g: a + 1,
    lambda a, g: -a,
    lambda a, g: a * 1e300,
    lambda a, g: a[:-1],
    lambda a, g: a[::-1].copy(),
    lambda a, g: a.astype(complex),
    lambda a, g: a.astype("U9"),
    lambda a, g: a.astype(np.float32),
    lambda a, g: a[..., None],
    lambda a, g: np.concatenate([a, a]),
    lambda a, g: np.where(np.arange(a.size).reshape(a.shape) == g.randrange(a.size), 10**8, a),
    lambda a, g: np.where(np.arange(a.size).reshape(a.shape) == g.randrange(a.size), np.nan, a),
    lambda a, g: ODD[g.randrange(len(ODD))],
]


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Files of every kind, and how each is read and used."""
    folder = tmp_path_factory.mktemp("arrays")
    network = hn.build_network(hn.random_sites(60, density=0.1, seed=3))
    current = hn.solve_current(network)
    spin = hn.solve_spin(network, tau_s=10.0, current=current)
    other = hn.build_network(hn.random_sites(60, density=0.1, seed=4))
    texture = pumping.spiral((8,), (6.0,), frequency=0.4)
    records = {"sites": network.sites, "network": network, "current": current, "spin": spin}
    for name, record in records.items():
        record.save(folder / f"{name}.npz")
    pumping.save_texture(folder / "texture.npz", texture)
    gas = pumping.Medium(0.01, 0.1, 1.0, 2.0, tau_s=5.0)
    return folder, {
        "sites": lambda path: hn.build_network(hn.Sites.load(path)),
        "network": lambda path: hn.solve_spin(hn.Network.load(path), tau_s=10.0).f,
        "current": lambda path: (
            hn.solve_spin(network, tau_s=10.0, current=hn.Current.load(path, network)).f
        ),
        "spin": lambda path: hn.Spin.load(path, network).f,
        "spin of another network": lambda path: hn.Spin.load(path, other).f,
        "texture": lambda path: pumping.pump(pumping.load_texture(path), gas).density().at(),
    }


def damage(source, target, generator):
    """Write a damaged copy of a file: its bytes, or its arrays."""
    if generator.random() < 0.5:
        data = bytearray(source.read_bytes())
        if generator.random() < 0.2:
            data = data[: generator.randrange(len(data))]
        for _ in range(generator.randint(0, 3)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        target.write_bytes(data)
        return
    with np.load(source) as stored:
        arrays = dict(stored)
    for _ in range(generator.randint(1, 2)):
        name = generator.choice(sorted(arrays))
        kind = generator.random()
        if kind < 0.15:
            del arrays[name]
        elif kind < 0.25:
            arrays["more"] = arrays[name]
        else:
            try:
                arrays[name] = generator.choice(CHANGES)(arrays[name], generator)
            except (TypeError, ValueError, IndexError):
                arrays[name] = ODD[generator.randrange(len(ODD))]
        if not arrays:
            break
    np.savez(target, **arrays)


@pytest.mark.filterwarnings("ignore::hopnet.ValidityWarning")
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the changes themselves
def test_damaged_arrays_are_refused_in_one_sentence(originals, tmp_path):
    folder, readers = originals
    path, messages, used = tmp_path / "x.npz", [], 0
    for trial, generator in enumerate(seeds(60, "arrays")):
        kind = list(readers)[trial % len(readers)]
        damage(folder / f"{kind.split()[0]}.npz", path, generator)
        try:
            readers[kind](path)
            used += 1
            assert kind != "spin of another network"
        except HopnetError as failure:
            messages.append(str(failure))
    assert len(messages) > used
    assert not [text for text in messages if "\n" in text or len(text) > 2000]
