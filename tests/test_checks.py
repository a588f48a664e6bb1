"""The ground: checks of arguments, records that own their arrays, files, seeds, wrong types."""

import json
import os
import pickle
import threading
import zipfile

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet import checks
from hopnet.files import atomic_write
from hopnet.material import conductivities, high_density_polarisation, warn_of_limits
from hopnet.network.neighbours import find_links
from hopnet.network.network import join_sites
from hopnet.records import is_owned, load_arrays, read_only, save_arrays

SITES = hn.random_sites(200, density=0.02, seed=31)


# -- checks


@pytest.mark.parametrize(
    "value", ["1", None, True, np.True_, pd.NA, [1.0], 1j, np.nan, np.inf, 10**400, object(), {}]
)
def test_what_is_no_number(value):
    with pytest.raises(hn.ParameterError, match=r"^mass must be a finite number above 0"):
        checks.number("mass", value, low=0, above=True)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2), np.array(2.0)])
def test_what_is_a_number(value):
    assert checks.number("mass", value) == 2.0
    assert checks.whole("count", value) == 2


@pytest.mark.parametrize("value", [1.5, "1", None, True, np.nan, pd.NA, -1, [2]])
def test_what_is_no_count(value):
    with pytest.raises(hn.ParameterError, match="whole number of at least 0"):
        checks.whole("count", value, low=0)


@pytest.mark.parametrize(
    "value",
    [
        np.ma.masked_array([1.0, 2.0], [True, False]),
        ["a", "b"],
        [True, False],
        [1.0, None],
        pd.array([1.0, pd.NA]),
        [1.0, np.nan],
        [[1.0], [2.0, 3.0]],
        [],
        "12",
        {"a": 1},
    ],
)
def test_what_is_no_array(value):
    with pytest.raises(hn.ParameterError, match=r"^energy must"):
        checks.array_of("energy", value)


# -- records


def test_read_only_copies_what_somebody_else_holds():
    given = np.arange(4.0)
    kept = read_only(given)
    given[0] = 7.0
    assert kept[0] == 0.0
    view = given.view()
    view.flags.writeable = False
    assert not np.shares_memory(read_only(view), given), "the owner can still write to it"
    assert read_only(kept) is kept
    assert is_owned(kept)
    assert not is_owned(view)
    with pytest.raises(ValueError, match="WRITEABLE"):
        kept.flags.writeable = True


def test_sites_and_networks_own_their_arrays():
    """Three samples from one buffer are three samples; a network does not change afterwards."""
    buffer, energy = SITES.position.copy(), np.zeros(200)
    sites = [
        hn.Sites(buffer, SITES.length, SITES.width, energy=energy),
        hn.sites_from_positions(buffer, length=SITES.length, width=SITES.width, energy=energy),
        hn.with_energies(SITES, energy),
    ]
    i, j, log_conductance = np.array([0, 1]), np.array([1, 2]), np.array([-1.0, -2.0])
    contacts = np.array([0]), np.array([2])
    network = join_sites(SITES, i, j, log_conductance, contacts=contacts, log_occupation=energy)
    for array in (buffer, energy, i, j, log_conductance, *contacts):
        array[:] = 1
    for one in sites:
        assert np.array_equal(one.position, SITES.position)
        assert not one.energy.any()
    assert network.link_j.tolist() == [1, 2]
    assert network.log_conductance.tolist() == [-1.0, -2.0]
    assert not network.log_occupation.any()
    assert (network.source.tolist(), network.drain.tolist()) == ([0], [2])


def test_records_stay_frozen_when_they_travel():
    network = pickle.loads(pickle.dumps(hn.build_network(SITES, cutoff=1.5)))
    for array in (network.sites.position, network.link_i, network.log_conductance, network.source):
        assert not array.flags.writeable


# -- files


def test_a_write_leaves_the_umask_alone(tmp_path, monkeypatch):
    """The system applies the umask itself; to read it means to set it, which other threads see."""
    before = os.umask(0o027)
    try:
        monkeypatch.setattr("os.umask", None)  # a call would fail
        monkeypatch.setattr("os.fsync", lambda handle: None)

        def write(name):
            for _ in range(300):
                with atomic_write(tmp_path / name) as file:
                    file.write(b"x")

        threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        monkeypatch.undo()
        assert os.umask(before) == 0o027
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    if os.name == "posix":
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_small_file_that_claims_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.npz"
    header = np.lib.format.header_data_from_array_1_0(np.zeros(1)) | {"shape": (3 * 10**8,)}
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("position.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(300):
            member.write(bytes(8 * 10**5))
    with pytest.raises(hn.DataError, match="claim to hold"):
        load_arrays(path, "Sites")


def test_a_header_that_disagrees_with_its_member_is_refused(tmp_path):
    path = tmp_path / "false.npz"
    header = np.lib.format.header_data_from_array_1_0(np.zeros(1)) | {"shape": (10**15,)}
    with zipfile.ZipFile(path, "w") as archive, archive.open("kind.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, header)
        member.write(bytes(80))
    with pytest.raises(hn.DataError, match="does not have the size"):
        load_arrays(path, "Sites")


def test_every_damaged_file_is_a_data_error(tmp_path):
    """A byte is changed, or the end is cut off, in 300 files of a network."""
    path = tmp_path / "network.npz"
    network = hn.build_network(SITES, cutoff=1.5)
    network.save(path)
    whole, random, messages = path.read_bytes(), np.random.default_rng(8), []
    for _ in range(300):
        data = bytearray(whole)
        if random.random() < 0.2:
            data = data[: random.integers(len(data))]
        else:
            data[random.integers(len(data))] = random.integers(256)
        path.write_bytes(bytes(data))
        try:
            loaded = hn.Network.load(path)
        except hn.DataError as failure:
            messages.append(str(failure))
        else:
            assert loaded.digest == network.digest, "a changed byte that means nothing"
    assert len(messages) > 200
    assert not [text for text in messages if "\n" in text]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"link_j": lambda a: a + 10**6}, "link_j must"),
        ({"link_i": lambda a: -a}, "link_i must"),
        ({"link_i": lambda a: a[:-1]}, "one length"),
        ({"link_i": lambda a: a[::-1].copy()}, "must"),
        ({"log_conductance": lambda a: a + np.nan}, "log_conductance must"),
        ({"log_conductance": lambda a: a[:, None]}, "log_conductance must"),
        ({"log_occupation": lambda a: a[:-1]}, "log_occupation must"),
        ({"source": lambda a: a + 200}, "source contact"),
        ({"axis": lambda a: np.array("z")}, "axis must"),
        ({"geometry": lambda a: np.array("ball")}, "geometry must"),
        ({"position": lambda a: a * 100}, "positions must lie"),
        ({"length": lambda a: np.array([1.0, 2.0])}, "length must"),
        ({"exclusion": lambda a: np.array("yes")}, "exclusion must"),
        ({"link_i": lambda a: a.astype("U9")}, "link_i must"),
        ({"drain": None}, "lacks drain"),
        ({"more": lambda a: np.zeros(2)}, "also holds more"),
    ],
)
def test_a_file_of_a_network_is_checked_before_use(tmp_path, change, words):
    path = tmp_path / "network.npz"
    hn.build_network(SITES, cutoff=1.5).save(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    for name, call in change.items():
        if call is None:
            del arrays[name]
        else:
            arrays[name] = call(arrays.get(name))
    np.savez(path, **arrays)
    with pytest.raises(hn.DataError, match=words):
        hn.Network.load(path)


def test_a_record_of_another_kind_is_refused(tmp_path):
    save_arrays(tmp_path / "a.npz", "Spin", {"spin": np.zeros(3)})
    with pytest.raises(hn.DataError, match="holds a Spin"):
        hn.Sites.load(tmp_path / "a.npz")


# -- wrong types at the public names of the ground and of the network


def odd_values():
    """What no argument expects, and some values that many arguments take."""
    return [
        None,
        True,
        "x",
        "100",
        "",
        -1,
        0,
        1,
        3,
        200,
        0.5,
        10**10,
        10**400,
        1e300,
        -1e300,
        1e-300,
        np.nan,
        np.inf,
        1j,
        pd.NA,
        pd.NaT,
        b"x",
        [],
        [1.0, None],
        [[1, 2], [3]],
        {},
        {"a": 1},
        {1, 2},
        object(),
        len,
        np.zeros(3),
        np.zeros((3, 2)),
        np.zeros((0, 2)),
        np.array("x"),
        np.array([pd.NA, 1.0], dtype=object),
        np.ma.masked_array(np.zeros((200, 2)), True),
        pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, "z"]}),
        pd.Series([1.0, 2.0, 3.0]),
        SITES,
        SITES.position,
        ([0], [1]),
        np.random.default_rng(4),
    ]


NETWORK = hn.build_network(SITES, cutoff=1.5)
MATERIAL = hn.Material(
    a_b=1e-8, J_0=1e-21, tau_0=1e-11, tau_s=1e-9, m=1e-31, n=1e13, n_s=2e14, beta=np.eye(2), T=1.0
)
CALLS = {
    "random_sites": (
        hn.random_sites,
        ["n_sites"],
        ["density", "seed", "aspect", "geometry", "min_distance"],
    ),
    "lattice_sites": (hn.lattice_sites, ["kind", "n_x", "n_y"], ["spacing", "geometry"]),
    "sites_from_positions": (
        hn.sites_from_positions,
        ["position"],
        ["length", "width", "geometry", "energy"],
    ),
    "Sites": (hn.Sites, ["position", "length", "width", "geometry", "energy"], []),
    "critical_length": (hn.critical_length, ["density"], []),
    "with_energies": (hn.with_energies, ["sites", "density_of_states"], ["width", "seed"]),
    "build_network": (
        hn.build_network,
        ["sites", "cutoff", "cutoff_radius", "contacts", "kT"],
        ["axis", "bath", "chemical_potential"],
    ),
    "find_links": (find_links, ["sites", "radius"], []),
    "join_sites": (
        join_sites,
        ["sites", "link_i", "link_j", "log_conductance"],
        ["contacts", "axis", "log_occupation", "cutoff_radius", "kT", "bath"],
    ),
    "from_networkx": (
        hn.Network.from_networkx,
        ["graph"],
        ["length", "width", "geometry", "contacts", "axis"],
    ),
    "check_owns": (NETWORK.check_owns, ["record"], []),
    "find_triads": (hn.find_triads, ["network"], []),
    "Triads": (hn.Triads, ["network", "site", "link"], []),
    "sample_seed": (hn.sample_seed, ["seed", "physical", "sample"], ["common_random"]),
    "Material": (hn.Material, [], list(vars(MATERIAL))),
    "conductivities": (conductivities, ["material", "f"], ["resistivity", "signs", "field"]),
    "high_density": (high_density_polarisation, ["material", "field"], ["resistivity"]),
    "warn_of_limits": (warn_of_limits, ["material", "field"], []),
}
# Values with which a call succeeds; the test replaces one or two of them.
GOOD = {
    "n_sites": 200,
    "density": 0.02,
    "seed": 5,
    "aspect": 1.0,
    "geometry": "open",
    "min_distance": 0.0,
    "kind": "square",
    "n_x": 6,
    "n_y": 6,
    "spacing": 4.0,
    "position": SITES.position,
    "length": SITES.length,
    "width": SITES.width,
    "energy": None,
    "sites": SITES,
    "density_of_states": "uniform",
    "cutoff": 1.5,
    "cutoff_radius": None,
    "contacts": ([0], [199]),
    "kT": None,
    "axis": "x",
    "bath": "ohmic",
    "chemical_potential": None,
    "radius": 9.0,
    "link_i": [0, 1],
    "link_j": [1, 2],
    "log_conductance": [-1.0, -2.0],
    "log_occupation": None,
    "graph": NETWORK.to_networkx(),
    "record": NETWORK,
    "network": NETWORK,
    "site": np.empty((0, 3), int),
    "link": np.empty((0, 3), int),
    "physical": {},
    "sample": 1,
    "common_random": False,
    "material": MATERIAL,
    "f": 1.0,
    "resistivity": "percolation",
    "signs": "consistent",
    "field": 1.0,
    **{name: value for name, value in vars(MATERIAL).items() if name != "rho_0"},
    "rho_0": None,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_wrong_types_give_one_sentence(name):
    """200 calls each: a HopnetError of one line or success, never another exception."""
    call, positional, keywords = CALLS[name]
    good = GOOD | ({"width": 1.0} if name == "with_energies" else {})
    random, messages = np.random.default_rng(77), []
    odd = odd_values()
    for _ in range(200):
        given = {key: good[key] for key in positional + keywords}
        for key in random.choice(list(given), size=min(len(given), random.integers(1, 3))):
            given[key] = odd[random.integers(len(odd))]
        try:
            call(*(given[key] for key in positional), **{key: given[key] for key in keywords})
        except hn.HopnetError as failure:
            messages.append(str(failure))
    assert not [text for text in messages if "\n" in text or len(text) > 600]


def test_sizes_are_refused_before_they_are_allocated():
    for call in (
        lambda: hn.random_sites(10**10, density=0.01, seed=5),
        lambda: hn.random_sites(10**400, density=0.01, seed=5),
        lambda: hn.lattice_sites("square", 10**6, 10**6, spacing=4.0),
        lambda: hn.build_network(
            hn.random_sites(10**6, density=0.01, seed=5), cutoff_radius=1e9, contact_width=1e9
        ),
    ):
        with pytest.raises(hn.ParameterError, match="must fit into"):
            call()
    for change in ({"density": 1e300}, {"aspect": 1e300}, {"min_distance": 1e300}):
        with pytest.raises(hn.ParameterError, match=next(iter(change))):
            hn.random_sites(**{"n_sites": 100, "density": 0.01, "seed": 5} | change)


def test_a_seed_does_not_depend_on_the_order_of_keys():
    one, other = {"a": 1, "b": 2.5}, {"b": 2.5, "a": 1}
    assert json.dumps(one) != json.dumps(other)
    a, b = (hn.sample_seed(5, keys, 3).generate_state(2) for keys in (one, other))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("value", [[[1.0, 2.0], [3.0]], [1.0], [], [[1.0]], "a", None, [None]])
@pytest.mark.parametrize("shape", [(), (None,), (2, 2), None])
def test_ragged_lists_and_single_numbers(value, shape):
    """Only [1.0] is one axis of one number; all else is one sentence, for every shape."""
    if value == [1.0] and shape in ((None,), None):
        assert checks.array_of("x", value, shape=shape).tolist() == [1.0]
        return
    with pytest.raises(hn.ParameterError, match=r"^x must .*\.$"):
        checks.array_of("x", value, shape=shape)


@pytest.mark.parametrize("value", [None, 3, b"a", "", "a\0b", ["a"], object()])
def test_names_of_files(value, tmp_path):
    with pytest.raises(hn.ParameterError, match="must be the name of a file"):
        checks.path_of("path", value)
    assert checks.path_of("path", str(tmp_path)) == tmp_path
