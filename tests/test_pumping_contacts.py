"""Textures in one dimension between contacts.

[pumping 8], [pumping 9], [pumping 10], [pumping 14], [pumping 25], [pumping 26].
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopnet.errors import ParameterError
from hopnet.pumping.contacts import INSULATING, RESERVOIR, solve_junction
from hopnet.pumping.currents import pump
from hopnet.pumping.medium import Medium
from hopnet.pumping.named_textures import interface, moving_wall
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, grid_points

pytestmark = pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
FREE = Medium(
    exchange=0.3, tau=0.7, density_of_states=1.3, fermi_energy=2.0, rashba=(0.1, 0.2, 0.5)
)
RELAXING = replace(FREE, tau_s=3.0)


def uniform(n):
    return RigidTexture(np.ones(n), np.zeros(n), (4.0,), 0.4)


def test_reference_slab_between_reservoirs():
    """The error against the closed form of mu(L/2) and j(L) is of second order in the cell."""
    mu, flow = -0.07442622041421512 - 0.1615788943767517j, -0.06134318788 - 0.19110721812j
    error = []
    for n in (128, 256):
        junction = solve_junction(uniform(n), RELAXING, left=RESERVOIR, right=RESERVOIR)
        middle = junction.first[0][n // 2 - 1 : n // 2 + 1].mean()
        error.append([abs(middle - mu), abs(junction.pumped_current_parts(1)[0][-1] - flow)])
    np.testing.assert_allclose(np.divide(*error), 4, rtol=0.05)
    assert max(error[1]) < 5e-6


def test_reference_slab_with_an_interface():
    """An insulating wall on the left and an interface with G = 1.7 on the right."""
    junction = solve_junction(uniform(512), RELAXING, left=INSULATING, right=1.7)
    assert abs(junction.first[0][0] - (-0.19458874972 - 0.19621884241j)) < 2e-6
    outward = junction.pumped_current_parts(1)[0]
    assert outward[0] == 0
    at_wall = junction.first[0][-1] - outward[-1] * (4 / 512) / 2
    assert abs(outward[-1] - 1.7 * at_wall) < 1e-14


def test_reference_texture_with_a_slope_at_the_wall():
    """Density at an insulating wall for S_+ = x/L, where the printed form with <lap S> gives 0.

    ``- (chi/(L kappa)) tanh(kappa L/2)`` with ``kappa^2 = iW/D``.
    """
    x = grid_points((512,), (4.0,), cell_centred=True)[0]
    junction = solve_junction(RigidTexture(x / 4, 0 * x, (4.0,), 0.4), FREE)
    rho = junction.density_parts(1)[0]
    at_wall = 1.5 * rho[0] - 0.5 * rho[1]
    kappa = np.sqrt(0.4j / FREE.diffusion)
    exact = -FREE.equilibrium_density / (4 * kappa) * np.tanh(2 * kappa)
    assert abs(exact - (-0.14343193 + 0.07566852j)) < 1e-8
    assert abs(at_wall - exact) < 2e-6


def test_far_contacts_give_the_periodic_answer():
    n, width = 4000, 1.0
    box = interface((n,), (80.0,), edges=(20.0, 60.0), width=width, frequency=0.4)
    wall = interface(
        (n,), (80.0,), edges=(20.0, 60.0), width=width, frequency=0.4, cell_centred=True
    )
    periodic = pump(box, RELAXING)
    junction = solve_junction(wall, RELAXING, left=RESERVOIR, right=INSULATING)
    at = n * 3 // 4
    for order in (1, 2):
        ours = junction.pumped_current(order, time=0.7)[:, at]
        theirs = periodic.pumped_current(order).at(0.7)[0, :, at]
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    np.testing.assert_allclose(
        junction.density(time=0.7)[:, at - 1 : at + 1].mean(axis=1),
        periodic.density().at(0.7)[:, at],
        atol=1e-5,
    )


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    left=st.sampled_from([0.0, 0.3, math.inf]),
    right=st.sampled_from([0.0, 5.0, math.inf]),
    tau_s=st.sampled_from([math.inf, 3.0]),
    vertex=st.sampled_from(["single", "full"]),
    width=st.floats(0.2, 3.0),
    cone=st.floats(0.1, 3.0),
)
def test_spin_is_balanced(left, right, tau_s, vertex, width, cone):
    """The spin of the torque leaves through contacts, relaxes, or grows at the secular rate."""
    texture = interface(
        (60,), (10.0,), edges=4.0, width=width, frequency=0.4, cone_angle=cone, cell_centred=True
    )
    medium = replace(FREE, tau_s=tau_s)
    junction = solve_junction(texture, medium, left=left, right=right, vertex=vertex)
    assert junction.balance() < 1e-10
    closed = left == right == 0 and tau_s == math.inf
    assert (junction.secular_rate[2] != 0) == closed


@pytest.mark.parametrize("n_times", [5, 8])
@pytest.mark.parametrize("vertex", ["single", "full"])
def test_sampled_precession_agrees_with_the_rigid_one(vertex, n_times):
    rigid = interface(
        (50,), (10.0,), edges=4.0, width=0.7, frequency=0.5, cone_angle=1.0, cell_centred=True
    )
    period = 4 * np.pi
    turned = rigid.plus[:, None] * np.exp(2j * np.pi * np.arange(n_times) / n_times)
    spin = np.stack([turned.real, turned.imag, rigid.z[:, None] + 0 * turned.real])
    one = solve_junction(rigid, RELAXING, right=2.0, vertex=vertex)
    two = solve_junction(PeriodicTexture(spin, (10.0,), period), RELAXING, right=2.0, vertex=vertex)
    t = 2 * period / n_times
    for name in ("potential", "density", "pumped_current", "supercurrent", "dynamic_torque"):
        ours, other = (getattr(j, name)(time=t) for j in (one, two))
        np.testing.assert_allclose(ours, other, atol=1e-13, err_msg=name)
    for ours, other in zip(one.rashba(time=t), two.rashba(time=t)):
        np.testing.assert_allclose(ours, other, atol=1e-13)
    assert two.balance() < 1e-10


def test_rashba_charge_between_walls():
    """No charge passes the walls. The constant part obeys ``D rho_c' = (a x T)_x``."""
    texture = interface(
        (400,), (10.0,), edges=4.0, width=0.7, frequency=0.4, cone_angle=1.0, cell_centred=True
    )
    junction = solve_junction(texture, RELAXING, right=RESERVOIR)
    density, current = junction.rashba(time=0.3)
    assert abs(density.sum()) < 1e-12 * np.abs(density).sum()
    np.testing.assert_array_equal(current[0, [0, -1]], 0)
    a = RELAXING.rashba_conversion
    static = replace(RELAXING, rashba=(0, 0.2, 0))  # a_y T_z: constant in time
    rho, flow = solve_junction(texture, static, right=RESERVOIR).rashba()
    local = a[1] * junction.dynamic_torque()[2]
    slope = np.diff(rho) / junction.face[1] * RELAXING.diffusion
    np.testing.assert_allclose(slope, 0.5 * (local[1:] + local[:-1]), atol=1e-12)
    assert np.abs(flow[0]).max() < 1e-12


@pytest.mark.parametrize(
    ("texture", "options", "words"),
    [
        (RigidTexture(np.ones((3, 3)), np.ones((3, 3)), (1.0, 1.0), 1.0), {}, "one axis"),
        (moving_wall((8,), (4.0,), width=1.0, velocity=1.0), {}, "stand still"),
        (uniform(1), {}, "2 cells"),
        (uniform(4), {"left": -1.0}, "left conductance"),
        (uniform(4), {"right": math.nan}, "right conductance"),
        (uniform(4), {"vertex": "both"}, "vertex"),
    ],
)
def test_bad_input(texture, options, words):
    with pytest.raises(ParameterError, match=words):
        solve_junction(texture, RELAXING, **options)


def test_bad_questions():
    junction = solve_junction(uniform(4), RELAXING)
    with pytest.raises(ParameterError, match="order"):
        junction.potential(order=3)
    frames = np.zeros((3, 4, 5))
    frames[0] = np.cos(2 * np.pi * np.arange(5) / 5)
    sampled = solve_junction(PeriodicTexture(frames, (4.0,), 1.0), RELAXING)
    with pytest.raises(ParameterError, match="samples"):
        sampled.potential(time=0.1)
