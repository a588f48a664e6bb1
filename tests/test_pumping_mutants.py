"""Wrong codes that the conservation laws do not detect: each must fail a named test.

Every test here replaces one part of the code by a plausible wrong one (a mutant). It then calls a
test of another file: some must still pass, which shows that they cannot detect this error, and at
least one must fail, which shows that the suite as a whole does. When a test of another file is
changed so that it no longer detects its mutant, the test here fails.

Covers the checks of [pumping 5], [pumping 6], [pumping 8], [pumping 11], [pumping 14],
[pumping 25], [pumping 26], [pumping B6].
"""

import dataclasses

import numpy as np
import pytest

import test_pumping as spin
import test_pumping_conversion as charge
from hopnet.pumping import conversion, currents, diffusion, fields
from hopnet.pumping.conversion import ChargeResponse
from hopnet.pumping.currents import Pumping
from hopnet.pumping.diffusion import Modes
from hopnet.pumping.fields import Field
from hopnet.pumping.medium import Medium

pytestmark = pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")


def fails(check, *arguments):
    """Call a test that passes with the correct code; it must fail with the mutant."""
    with pytest.raises(AssertionError):
        check(*arguments)


def change_property(monkeypatch, owner, name, change):
    right = getattr(owner, name).fget
    monkeypatch.setattr(owner, name, property(lambda self: change(self, right(self))))


# the supercurrent -----------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1, 3])
def test_sign_of_the_supercurrent(monkeypatch, dimension):
    """Line 1 of [pumping 8] as printed has the opposite sign."""
    spin.test_supercurrent_is_that_of_the_helix_bands(dimension)
    change_property(monkeypatch, Medium, "exchange_stiffness", lambda m, k: -k)
    spin.test_laws_hold_for_named_textures(spin.a_spiral(), spin.RELAXING, "single")  # forgiving
    fails(spin.test_supercurrent_is_that_of_the_helix_bands, dimension)


@pytest.mark.parametrize("dimension", [1, 2])
def test_supercurrent_of_three_dimensions_in_fewer(monkeypatch, dimension):
    """The factor 1/12 holds in three dimensions only."""
    change_property(
        monkeypatch,
        Medium,
        "exchange_stiffness",
        lambda m, k: m.density_of_states * m.exchange**2 / (12 * m.mass * m.fermi_energy),
    )
    spin.test_laws_hold_for_named_textures(spin.a_spiral(), spin.RELAXING, "single")  # forgiving
    fails(spin.test_supercurrent_is_that_of_the_helix_bands, dimension)


def test_twice_the_supercurrent(monkeypatch):
    change_property(monkeypatch, Medium, "exchange_stiffness", lambda m, k: 2 * k)
    fails(spin.test_supercurrent_is_that_of_the_helix_bands, 3)
    fails(spin.test_reference_spiral_torques_and_supercurrent)


@pytest.mark.parametrize("dimension", [1, 2])
def test_diffusion_of_three_dimensions_in_fewer(monkeypatch, dimension):
    change_property(monkeypatch, Medium, "diffusion", lambda m, d: d * m.dimension / 3)
    spin.test_laws_hold_for_named_textures(spin.a_spiral(), spin.RELAXING, "single")  # forgiving
    fails(spin.test_coefficients, dimension)


# the torque -----------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [2.0, 0.5, -1.0])
def test_factor_of_the_torque(monkeypatch, factor):
    change_property(monkeypatch, Medium, "torque_coefficient", lambda m, g: factor * g)
    fails(spin.test_torque_is_the_exchange_torque)
    fails(spin.test_coefficients, 3)


def test_printed_vertex_taken_for_the_full_one(monkeypatch):
    """``S x dS/dt`` under the name "full" obeys every conservation law, but not the identity."""
    right = Pumping._source_hat
    monkeypatch.setattr(Pumping, "_source_hat", lambda self, vertex: right(self, "single"))
    spin.test_reference_spiral_torques_and_supercurrent()
    fails(spin.test_torque_is_the_exchange_torque)
    fails(spin.test_spiral_torque_in_the_limit_of_weak_exchange, "full", 1.0)


def test_sign_of_the_frequency_in_the_kernel(monkeypatch):
    """The propagator contains -iW, while d/dt remains +iW."""
    right = diffusion.fill_response

    def flipped(spin_hat, source, *rest):
        *_, out = rest
        right(spin_hat.conj(), source.conj(), *rest)
        np.conj(out, out=out)

    monkeypatch.setattr(diffusion, "fill_response", flipped)
    fails(spin.test_causality_of_the_propagator)
    fails(spin.test_laws_hold_for_named_textures, spin.a_spiral(), spin.RELAXING, "single")


# relaxation -----------------------------------------------------------------------------------


def test_relaxation_added_to_the_printed_density(monkeypatch):
    """``- chi tau D lap<S>`` with 1/tau_s relaxes to 0, not to chi S: [pumping 11]."""
    right = Pumping.density_hat

    def literal(self, number, order=None):
        m = self.medium
        modes, s = self.frame.vector[number], self.spin_hat[number]
        bent = -m.equilibrium_density * m.diffusion * modes.laplacian(s)
        first = modes.respond(s, None, bent, m.diffusion, m.relaxation, drive=1.0)
        return first if order == 1 else first + right(self, number, 2)

    monkeypatch.setattr(Pumping, "density_hat", literal)
    # For a texture without a mean the mutant is right as long as there is no relaxation.
    flat = spin.spiral((16,), (2 * np.pi,), frequency=0.4)
    spin.test_laws_hold_for_named_textures(flat, spin.MEDIUM, "single")
    assert spin.pump(flat, spin.RELAXING).residuals()["[pumping 14]"] > 0.02
    fails(spin.test_static_texture_is_in_equilibrium)
    fails(spin.test_laws_hold_for_named_textures, spin.a_spiral(), spin.RELAXING, "single")
    fails(spin.test_reference_spiral, "density", 1, True, "rigid")


def test_relaxation_of_charge(monkeypatch):
    """The propagator of charge contains 1/tau_s, although charge does not relax."""

    def density_hat(self):
        m = self.pumping.medium
        return [
            modes.respond(hat, None, hat, m.diffusion, m.relaxation, drive=-1.0, relaxed=False)
            for modes, hat in zip(self._modes, self._divergence_hat())
        ]

    monkeypatch.setattr(ChargeResponse, "density_hat", density_hat)
    charge.test_charge_is_conserved(charge.two_waves(), "single", charge.MEDIUM)
    fails(charge.test_charge_is_conserved, charge.two_waves(), "single", charge.RELAXING)


# local current --------------------------------------------------------------------------------


def test_local_current_added_to_the_pumped_one(monkeypatch):
    """[pumping 5] contains the local current; adding that of [pumping 31] counts it twice."""
    right = Pumping.current

    def twice(self, order=None):
        return currents.sum_of(right(self, order), self.local_current(order))

    monkeypatch.setattr(Pumping, "current", twice)
    fails(spin.test_laws_hold_for_named_textures, spin.a_spiral(), spin.RELAXING, "single")
    fails(spin.test_white_noise_keeps_spin_on_even_grids)


# charge ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [-1.0, 0.5, 2.0, 0.25])
def test_factor_of_the_rashba_conversion(monkeypatch, factor):
    """Line 1 of [pumping 24] gives a quarter; [pumping B6] holds for any factor."""
    change_property(monkeypatch, Medium, "rashba_factor", lambda m, a: factor * a)
    charge.test_charge_is_conserved(charge.two_waves(), "single", charge.RELAXING)  # forgiving
    fails(charge.test_rashba_factor_by_momentum_relaxation)
    fails(charge.test_reference_rashba_spiral)


def test_curl_form_under_a_coupling_that_varies(monkeypatch):
    """``g tau a_R.<curl N>`` as printed is not the charge of a coupling that varies in space."""
    right = conversion.rashba

    def curl_form(pumping, field=None):
        answer = right(pumping, field)
        if field is None or np.ndim(field) == 1:
            return answer
        medium, modes = pumping.medium, pumping.frame.vector[0]
        n = pumping.source_hat
        curl = [
            modes.gradient(n[2], 1),
            -modes.gradient(n[2], 0),
            modes.gradient(n[1], 0) - modes.gradient(n[0], 1),
        ]
        source = sum(
            medium.rashba_factor * a[..., None] * modes.backward(c) for a, c in zip(field, curl)
        )
        hat = modes.forward(source)
        density = modes.respond(
            hat, None, hat, medium.diffusion, 0.0, drive=medium.torque_coefficient, relaxed=False
        )
        return Printed(pumping, answer.local_hat, density)

    monkeypatch.setattr(charge, "rashba", curl_form)
    charge.test_charge_is_conserved(charge.two_waves(), "single", charge.RELAXING)  # uniform
    fails(charge.test_charge_is_conserved_under_a_coupling_that_varies)


@dataclasses.dataclass(frozen=True, eq=False)
class Printed(ChargeResponse):
    """A charge response whose density is given."""

    given: np.ndarray = None

    def density_hat(self):
        return [self.given]


def test_printed_charge_density_without_its_diffusion_constant(monkeypatch):
    """The factor 1/D of [pumping 27] is left out."""
    right = conversion.rashba_density_from_current

    def without(pumping):
        answer = right(pumping)
        rows = tuple(tuple(pumping.medium.diffusion * a for a in row) for row in answer.rows)
        return Field(answer.frame, rows, answer.vector, answer.single)

    monkeypatch.setattr(charge, "rashba_density_from_current", without)
    fails(charge.test_density_follows_from_the_spin_current_without_relaxation_only)


# numerics -------------------------------------------------------------------------------------


def test_aliased_products(monkeypatch):
    """Fields fill the band, and products are not truncated."""
    right = currents.build_frame
    monkeypatch.setattr(
        currents,
        "build_frame",
        lambda texture, dealias, threads: right(texture, dealias=False, threads=threads),
    )
    fails(spin.test_dealiased_products_are_exact)


def test_nyquist_modes_kept(monkeypatch):
    """k^2 keeps the Nyquist wave, which the gradient of a real field cannot have."""
    right = fields.build_modes

    def keep_all(shape, lengths, **options):
        modes = right(shape, lengths, **options)
        n = shape[0]
        slope = np.where(
            np.abs(modes.wave_number[0]) * lengths[0] == np.pi * n, 0.0, modes.wave_number[0]
        )
        return dataclasses.replace(modes, keep=None, wave_number=(slope,))

    monkeypatch.setattr(fields, "build_modes", keep_all)
    fails(spin.test_white_noise_keeps_spin_on_even_grids)


def test_zero_mode_left_to_rounding(monkeypatch):
    """If the pole is not found by its index, the mean of N is divided by a rounding error."""
    right = Modes.respond

    def unguarded(self, *arguments, **strength):
        out = right(self, *arguments, **strength)
        source, relaxation = arguments[2], arguments[4]
        if self.time is None and relaxation == 0 and self.omega[0] == 0:
            out[0, 0] = strength.get("drive", 0.0) * source[0, 0] / 1e-30
        return out

    monkeypatch.setattr(Modes, "respond", unguarded)
    fails(spin.test_the_growing_mean_is_left_out)
