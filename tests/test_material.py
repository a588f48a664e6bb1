"""Material in SI and its spin conductivities; which relations the misprints of the letter break.

[hopping 1], [hopping 13], [hopping 14], [hopping 15], [hopping 16], [hopping 10], [hopping S28],
[hopping S29], [hopping S30], [hopping S33], [hopping S38], [hopping S39].
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import e, hbar, k, m_e

import hopnet as hn
from hopnet.cli.main import main
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.material import (
    Material,
    conductivities,
    high_density_polarisation,
)
from hopnet.spin.kinetics import solve_kinetics, solve_leading_order, spin_current

LETTER_FILE = Path(__file__).resolve().parents[1] / "runs" / "material_letter.toml"
LETTER = {
    "a_b": 10e-9,
    "J_0": 10e-3 * e,
    "tau_0": 10e-12,
    "tau_s": 100e-9,
    "m": 0.1 * m_e,
    "n": 1e14,
    "n_s": 2e15,
    "beta": 1e-12 * e * np.array([[0, 1.0], [1.0, 0]]),
    "rho_0": 50e3,
}


def letter(**changes):
    given = LETTER | changes
    return Material(**{name: value for name, value in given.items() if value is not None})


@pytest.fixture
def quiet():
    """The letter's own estimate exceeds three limits of the theory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        yield


def test_derived_numbers_of_the_letter():
    material = letter()
    assert material.angle == pytest.approx(1.31234212e-2, rel=1e-8)
    assert material.eta == pytest.approx(6.58211957e-3, rel=1e-8)
    assert material.density == pytest.approx(0.2)
    assert material.T == pytest.approx(0.465, abs=5e-4)
    assert material.tau_DP == pytest.approx(58e-9, rel=2e-3)
    assert letter(T=material.T, rho_0=None).rho_0 == pytest.approx(50e3, rel=1e-14)
    assert material.critical_length / material.a_b == pytest.approx(hn.critical_length(0.2))


@pytest.mark.usefixtures("quiet")
def test_digits_of_the_estimate():
    """f = 1, 1 kV/cm, l_c = 1.2 / sqrt(n_s) as the letter rounds it; and with 1.19847."""
    got = conductivities(letter(), 1.0, resistivity="letter")
    assert got.resistivity == pytest.approx(1.07062841e7, rel=1e-8)
    assert got.P == pytest.approx(4.21751490e89, rel=1e-8)
    np.testing.assert_allclose(got.cisp, 3.46910786e-10 * np.array([[0, 1], [1, 0]]), rtol=1e-8)
    assert 1e5 * got.cisp[1, 0] == pytest.approx(3.469e-5, rel=1e-3)
    at_half_kelvin = letter(T=0.5, rho_0=None)
    sge = conductivities(at_half_kelvin, 1.0, resistivity=got.resistivity / at_half_kelvin.rho_0)
    assert sge.sge[0, 1] == pytest.approx(9.57924058e-12, rel=1e-8)
    assert got.she[1, 0] == pytest.approx(-1.32172389e5, rel=1e-8)
    assert 1e5 * conductivities(letter(), 1.0).cisp[1, 0] == pytest.approx(3.493e-5, rel=1e-3)


@pytest.mark.usefixtures("quiet")
def test_one_per_cent_at_the_crossover():
    crossover = 1e5 * conductivities(letter(), 1.0, resistivity="crossover").cisp[1, 0]
    assert crossover == pytest.approx(7.4e-3, rel=5e-3)
    # [hopping S29] is [hopping 13] times 1 / (2 n_s a_b^2 f) at equal rho
    high = high_density_polarisation(letter(), 1e5)
    assert high == pytest.approx(1.86e-2, rel=3e-3)
    assert high == pytest.approx(crossover / (2 * 0.2), rel=1e-12)


# Elements are 0 or at least 1e-9, so that determinants stay far above the smallest float.
ELEMENT = st.floats(-2, 2).map(lambda value: round(value, 9))
MATRIX = st.lists(ELEMENT, min_size=4, max_size=4).map(
    lambda v: 1e-12 * e * np.array(v).reshape(2, 2)
)


def onsager_error(material, got):
    """[hopping S39] with the transpose: relative distance of j/s from its reciprocal."""
    expected = got.cisp.T * 4 * k * material.T * material.n / material.tau_s
    return np.abs(got.sge - expected).max() / (np.abs(got.sge).max() + 1e-300)


def precession_error(material, got):
    """[hopping 10]: s must be - (2 tau_s m / (n hbar^2)) z x (beta J)."""
    z_cross = np.array([[0, -1], [1, 0]])
    factor = -2 * material.tau_s * material.m / (material.n * hbar**2)
    made = factor * z_cross @ material.beta @ got.she
    return np.abs(made - got.cisp).max() / (np.abs(got.cisp).max() + 1e-300)


@pytest.mark.usefixtures("quiet")
@settings(deadline=None, derandomize=True, max_examples=60)
@given(MATRIX, st.floats(0.05, 2))
def test_consistent_signs_obey_onsager_and_precession(beta, f):
    material = letter(beta=beta)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        got = conductivities(material, f)
    assert onsager_error(material, got) < 1e-12
    assert precession_error(material, got) < 1e-12


ANISOTROPIC = 1e-12 * e * np.array([[0, 1.4], [0.8, 0]])


@pytest.mark.usefixtures("quiet")
def test_printed_signs_break_them():
    """Deliberate errors: no transpose in (14), the sign of (15), Tr beta^2 for -2 det beta."""
    material = letter(beta=ANISOTROPIC)
    printed = conductivities(material, 1.0, signs="printed")
    assert onsager_error(material, printed) > 0.3
    assert precession_error(material, printed) == pytest.approx(2, rel=1e-12)
    consistent = conductivities(material, 1.0)
    np.testing.assert_allclose(printed.she, -consistent.she, rtol=1e-12)
    np.testing.assert_allclose(printed.cisp, consistent.cisp, rtol=1e-12)
    traced = letter(beta=1e-12 * e * np.array([[1.0, 1.2], [0.5, 0.6]]))
    a, b = (conductivities(traced, 1.0, signs=signs).cisp for signs in ("consistent", "printed"))
    assert np.abs(a - b).max() > 0.5 * np.abs(a).max()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    "matrix",
    [[[0, 1.0], [0.6, 0]], [[0.5, 0.7], [-0.3, 0.4]]],
    ids=["traceless", "traced"],
)
def test_tensors_against_the_kinetic_equations(matrix):
    """s, j and J of one sample, direct, against the three conductivities with its own f and rho.

    The f of the perpendicular direction, zero on average, is what a single sample adds: the
    components that f governs are compared.
    """
    material = letter(n_s=5e14, n=2.5e13, beta=1e-14 * e * np.array(matrix), tau_s=1e-9)
    network = hn.build_network(hn.random_sites(3000, density=material.density, seed=12), cutoff=1.5)
    current = hn.solve_current(network)
    tau_s = material.tau_s / material.tau_0
    options = {"eta": material.eta, "tau_s": tau_s, "current": current, "tolerance": 1e-14}
    leading = solve_leading_order(
        network,
        material.spin_orbit,
        eta=material.eta,
        tau_s=tau_s,
        current=current,
        normalisation="letter",  # the mean spin of the sample counts the sites of the strips
    )
    got = conductivities(material, leading.f, resistivity=current.resistivity)
    printed = conductivities(material, leading.f, resistivity=current.resistivity, signs="printed")
    # X = e V / kT = 1 between the contacts; n_i = 1 in the code is n a_b^2 / density in the sample
    voltage = k * material.T / e
    field = voltage / (network.length_along_current * material.a_b)
    filling = material.n / material.n_s
    s = leading.polarisation_from_f
    np.testing.assert_allclose(got.cisp[:, 0] * field, s[:2], rtol=1e-9, atol=1e-9 * abs(s).max())

    full = solve_kinetics(network, material.spin_orbit, **options)
    area = network.length_along_current * network.width_across_current * material.a_b**2
    J = spin_current(full).total * material.a_b / material.tau_0 * filling / area
    assert got.she[1, 0] * field == pytest.approx(J[1], rel=1e-4)
    assert printed.she[1, 0] * field == pytest.approx(-J[1], rel=1e-4)

    u = s[:2] / np.linalg.norm(s[:2])
    galvanic = solve_kinetics(
        network, material.spin_orbit, bias=0.0, generation=(*(u / tau_s), 0.0), **options
    )
    particles = (
        galvanic.current / material.tau_0 * filling / (network.width_across_current * material.a_b)
    )
    # the force on the carriers was along +x: j and E in the same convention
    direct = e * particles
    along_u = leading.polarisation_drift + leading.polarisation_diffusion
    share = (along_u[:2] @ u) / (s[:2] @ u)  # the perpendicular f has a part along u
    assert (got.sge @ u)[0] * share == pytest.approx(direct, rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"T": 0.5}, "exactly one of T and rho_0"),
        ({"rho_0": None}, "exactly one of T and rho_0"),
        ({"a_b": -1e-9}, "a_b must be a finite number"),
        ({"tau_s": np.nan}, "tau_s must be a finite number"),
        ({"n": "many"}, "n must be a finite number"),
        ({"beta": np.ones(2)}, "2x2 matrix"),
        ({"beta": np.array([[0, np.nan], [1, 0]])}, "2x2 matrix"),
        ({"beta": "Rashba"}, "2x2 matrix"),
    ],
)
def test_bad_material(changes, words):
    with pytest.raises(ParameterError, match=words):
        letter(**changes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"f": np.nan}, "f must be"),
        ({"f": [1, 2]}, "f must be"),
        ({"f": 1.0, "signs": "right"}, "signs must be"),
        ({"f": 1.0, "resistivity": "hall"}, "resistivity must be one of"),
        ({"f": 1.0, "resistivity": -1.0}, "resistivity must be a finite number above 0"),
    ],
)
@pytest.mark.usefixtures("quiet")
def test_bad_request(arguments, words):
    with pytest.raises(ParameterError, match=words):
        conductivities(letter(), **arguments)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({}, None, "neighbouring states overlap"),
        ({"n": 1e15}, None, "assumes that occupations are small"),
        ({}, None, "tau_DP"),
        ({}, 1e5, "not linear"),
    ],
)
def test_warnings_of_validity(changes, field, words):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        conductivities(letter(**changes), 1.0, field=field)
    assert any(words in str(w.message) for w in caught)
    assert all(w.category is ValidityWarning for w in caught)


def test_no_warning_inside_the_limits():
    good = letter(n_s=2e14, n=1e13, tau_s=1e-9)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        conductivities(good, 1.0, field=1.0)
    assert caught == []


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, ParameterError, "no material file"),
        ("[material", ParameterError, "not valid TOML"),
        ("[matter]", ParameterError, r"must hold the table \[material\]"),
        ("[material]\na_b = 10", ParameterError, "did you mean 'a_b_nm'"),
        ("[material]\na_b_nm = 'ten'", ParameterError, "material.a_b_nm must be a number"),
        ("[material]\na_b_nm = 10", ParameterError, "m_m_e is missing"),
        (LETTER_FILE.read_text() + "T_K = 0.5\n", ParameterError, "exactly one of T and rho_0"),
        ("[material]\na_b_nm = true", ParameterError, "a_b_nm must be a number"),
        ("[material]\na_b_nm = inf", ParameterError, "a_b_nm must be"),
        (
            LETTER_FILE.read_text().replace("a_b_nm = 10\n", "a_b_nm = 1e300\n"),
            ParameterError,
            "a_b",
        ),
    ],
)
def test_bad_files(tmp_path, text, error, words):
    path = tmp_path / "material.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=words):
        Material.from_toml(path)


def test_file_is_the_letter():
    read, written = vars(Material.from_toml(LETTER_FILE)), vars(letter())
    for name, value in written.items():
        if value is None or isinstance(value, str):
            assert read[name] == value
            continue
        np.testing.assert_allclose(read[name], value, rtol=1e-12)


@pytest.mark.usefixtures("quiet")
def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main replaces it
    arguments = ["material", str(LETTER_FILE), "--n-sites", "1500", "--samples", "1", "--seed", "3"]
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    rows = {row["estimate"]: row for row in report["estimates"]}
    assert rows["letter"]["s"] == pytest.approx(3.469e-5, rel=1e-3)
    assert rows["letter"]["f"] == 1.0
    assert rows["crossover"]["s"] == pytest.approx(7.4e-3 * rows["crossover"]["f"], rel=0.01)
    assert 0.5 < rows["sample"]["f"] < 0.8  # 0.26 with the cutoff of the letter
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "0.003469" in printed
    assert printed.index("sheet resistance") < printed.index("other estimates")
    broken = tmp_path / "broken.toml"
    broken.write_text(LETTER_FILE.read_text() + "T_K = 0.5\n")
    assert main(["material", str(broken), "--seed", "1"]) == 2
    assert "exactly one of T and rho_0" in capsys.readouterr().err


GRAPHENE_OXIDE = LETTER_FILE.with_name("material_graphene_oxide.toml")


def material_file(path, **changes):
    """A file like the letter's, with other keys; None leaves a key out."""
    keys = {
        "a_b_nm": 10,
        "J_0_meV": 10,
        "tau_0_ps": 10,
        "tau_s_ns": 100,
        "m_m_e": 0.1,
        "n_per_cm2": 1e9,
        "n_s_per_cm2": 5e10,
        "beta_meV_A": [[0, 10], [10, 0]],
        "T_K": 1.0,
    } | changes
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items() if value is not None]
    path.write_text("\n".join(["[material]", *lines]))
    return path


def test_measured_resistance_takes_the_place_of_tau_0(tmp_path):
    """The samples give back the resistance that the file holds, and J_0 is the binding energy."""
    changes = {"tau_0_ps": None, "J_0_meV": None, "resistance_kOhm": 2e4}
    path = material_file(tmp_path / "measured.toml", **changes)
    material = hn.read_material(path, seed=3, n_sites=500, samples=2)
    found = hn.laboratory_numbers(material, 1e3, seed=3, n_sites=500, samples=2)
    assert found.resistance == pytest.approx(2e7, rel=1e-9)
    assert material.J_0 == pytest.approx(hbar**2 / (2 * 0.1 * m_e * (10e-9) ** 2))
    # tau_0 and the resistance are proportional.
    double = material_file(tmp_path / "double.toml", **changes | {"resistance_kOhm": 4e4})
    twice = hn.read_material(double, seed=3, n_sites=500, samples=2)
    assert twice.tau_0 == pytest.approx(2 * material.tau_0, rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tau_0_ps": None}, "one measured sheet resistance"),
        ({"resistance_kOhm": 1.0}, "takes the place of tau_0_ps"),
        ({"beta_meV_A": None}, "spins need both"),
        ({"disorder_width_meV": 1.0, "states_per_meV_cm2": 1e9}, "say the same"),
        ({"states_per_meV_cm2": 1e9, "density_of_states": "gaussian"}, "belongs to"),
        ({"density_of_states": "round", "disorder_width_meV": 1.0}, "density_of_states must be"),
    ],
)
def test_files_that_contradict_themselves(tmp_path, changes, words):
    with pytest.raises(ParameterError, match=words):
        Material.from_toml(material_file(tmp_path / "wrong.toml", **changes))


def test_states_per_energy_are_a_width(tmp_path):
    path = material_file(tmp_path / "states.toml", states_per_meV_cm2=2.5e10)
    assert Material.from_toml(path).disorder_width == pytest.approx(2e-3 * e)


@pytest.mark.usefixtures("quiet")
def test_disorder_that_is_small_against_kT_changes_nothing():
    """Electrons that exclude each other in a narrow band: 1 / (1 - n/n_s) times the resistance."""
    given = {"T": 100.0, "rho_0": None, "n": 2e14, "n_s": 5e14}
    flat, narrow = letter(**given), letter(**given, disorder_width=1e-6 * e)
    both = [
        hn.laboratory_numbers(one, 1e3, seed=5, n_sites=2000, samples=1) for one in (flat, narrow)
    ]
    ratio = both[1].resistance / both[0].resistance
    assert ratio == pytest.approx(1 / (1 - 0.4), rel=0.03)  # the contact strips differ by a little
    assert both[1].f == pytest.approx(both[0].f, rel=1e-3)
    assert both[1].regime == "nearest-neighbour"
    assert both[0].critical_length == pytest.approx(1.198 / np.sqrt(5e14), rel=1e-3)


@pytest.mark.usefixtures("quiet")
def test_table_of_temperatures():
    """Without disorder rho is proportional to T; with it, rho grows towards low temperature."""
    flat = hn.laboratory_table(letter(), [1, 2, 4], seed=5, n_sites=500, samples=2)
    np.testing.assert_allclose(flat["w"], -1.0, atol=1e-12)
    np.testing.assert_allclose(flat["polarisation"] * flat["T_K"], flat["polarisation"][0])
    cold = letter(n_s=5e14, n=2.5e14, disorder_width=5e-3 * e)
    table = hn.laboratory_table(cold, [0.2, 0.5, 20, 50], seed=5, n_sites=1000, samples=1)
    assert table["regime"].tolist() == ["variable range"] * 2 + ["nearest-neighbour"] * 2
    assert table["w"][0] > 1 > table["w"][3]
    with pytest.raises(ParameterError, match="ascending"):
        hn.laboratory_table(cold, [2, 1], seed=5)


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_graphene_oxide_follows_the_law_of_the_gap():
    """ln rho grows as T^(-1/2), two to three times as steep as measured."""
    material = hn.read_material(GRAPHENE_OXIDE, seed=1, samples=3)
    assert material.a_b * 4225 * 3.45 == pytest.approx(
        2.8 * e**2 / (4 * np.pi * 8.8541878e-12 * k), rel=3e-3
    )
    table = hn.laboratory_table(material, np.geomspace(10, 40, 6), seed=1, samples=3)
    slope = np.polyfit(table["T_K"] ** -0.5, np.log(table["resistance_Ohm"]), 1)[0]
    assert 1.8 < slope**2 / 4225 < 3.2
    power = np.polyfit(np.log(table["T_K"]), np.log(table["w"]), 1)[0]
    assert -0.55 < power < -0.3


@pytest.mark.usefixtures("quiet")
def test_report_page(tmp_path, capsys):
    path = material_file(tmp_path / "mine.toml", g_factor=2.0, disorder_width_meV=0.5)
    arguments = ["material", str(path), "--seed", "2", "--n-sites", "300", "--samples", "2"]
    folder = tmp_path / "report"
    assert main([*arguments, "--temperatures", "0.5,1,2", "--report", str(folder)]) == 0
    assert "against temperature" in capsys.readouterr().out
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    for word in ("sheet resistance", "Hall mobility", "Warnings", "Hanle"):
        assert word in page
    assert "http" not in page  # nothing is loaded from elsewhere
    assert len((folder / "temperatures.csv").read_text().splitlines()) == 4
