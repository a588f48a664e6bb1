"""Hall mobility and Hall coefficient in SI units: signs, letter, limits. [hall 6]"""

import numpy as np
import pytest
from scipy.constants import e, hbar, m_e

import hopnet as hn
from hopnet.material import Material
from hopnet.material_hall import LARGEST_FLUX, hall_response


def letter(**changes):
    given = {
        "a_b": 10e-9,
        "J_0": 10e-3 * e,
        "tau_0": 10e-12,
        "tau_s": 100e-9,
        "m": 0.1 * m_e,
        "n": 1e14,
        "n_s": 2e15,
        "beta": 1e-12 * e * np.array([[0, 1], [1, 0]]),
        "rho_0": 50e3,
    }
    return Material(**given | changes)


def test_the_point_of_the_letter():
    """eta = 6.58e-3 and b = 0.152 per tesla, so tan(theta_H) = 1.23e-4 per tesla at t = 0.123."""
    material = letter()
    b_per_tesla = e * material.a_b**2 / hbar
    assert material.eta == pytest.approx(6.582e-3, rel=1e-4)
    assert b_per_tesla == pytest.approx(0.1519, rel=1e-3)
    hall = hall_response(material, 0.123)
    assert hall.mobility == pytest.approx(material.eta * b_per_tesla * 0.123, rel=1e-13)
    assert hall.mobility * 1e4 == pytest.approx(1.23, rel=1e-6)  # cm^2/Vs
    assert abs(hall.coefficient) == pytest.approx(hall.mobility * hall.resistivity, rel=1e-13)


def test_signs():
    """Bonding s states (J_0 < 0) give the sign of free carriers; J_0 > 0 reverses it."""
    sign = {
        (carrier, amplitude): np.sign(
            hall_response(letter(), 0.1, carrier=carrier, amplitude_sign=amplitude).coefficient
        )
        for carrier in ("electron", "hole")
        for amplitude in (-1, 1)
    }
    assert sign["electron", -1] == -1.0
    assert sign["hole", -1] == 1.0
    assert sign["electron", 1] == 1.0
    assert sign["hole", 1] == -1.0


def test_the_hall_field_of_a_network_in_si():
    """R_H from the tensors of a cylinder: E_y = rho_yx j_x, with rho_yx = - tan / sigma_yy."""
    sites = hn.random_sites(500, density=0.05, seed=1, geometry="cylinder")
    network = hn.build_network(sites, cutoff_radius=12.0)
    angle = hn.hall_angle(network)
    material = letter(n_s=0.05 / 1e-16)
    rho = 1 / angle.conductivity_yy
    found = hall_response(
        material, angle.tangent, resistivity=rho, carrier="hole", amplitude_sign=1
    )
    per_tesla = material.eta * e * material.a_b**2 / hbar
    assert found.coefficient == pytest.approx(
        angle.resistivity_yx * material.rho_0 * per_tesla, rel=1e-12
    )
    assert found.apparent_density == pytest.approx(1 / (e * abs(found.coefficient)), rel=1e-13)


def test_beyond_the_linear_order_is_refused():
    material = letter()
    area = np.sqrt(3) / 4 * material.critical_length**2
    largest = LARGEST_FLUX * hbar / (e * area)
    assert 0.1 < largest < 1.0  # tesla
    assert hall_response(material, 0.1, field=0.999 * largest).mobility > 0
    with pytest.raises(hn.ParameterError, match="linear Hall effect"):
        hall_response(material, 0.1, field=-1.001 * largest)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tangent": np.nan}, "tangent"),
        ({"tangent": 0.1, "carrier": "muon"}, "'electron', 'hole'"),
        ({"tangent": 0.1, "amplitude_sign": 0}, "-1 or 1"),
        ({"tangent": 0.1, "amplitude_sign": True}, "-1 or 1"),
        ({"tangent": 0.1, "field": np.inf}, "field"),
        ({"tangent": 0.1, "resistivity": -1.0}, "resistivity"),
    ],
)
def test_bad_input(options, words):
    with pytest.raises(hn.ParameterError, match=words):
        hall_response(letter(), **options)
