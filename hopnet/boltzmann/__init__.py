"""Quantum Boltzmann linear response and kinetics of the spin density matrix.

Quantum Boltzmann equation (labels ``[qbe n]``), for weak spin-orbit coupling and any disorder
vertices:

- `collisions`: the collision integrals as matrices on spin and angular harmonics
- `electrons`, `response`, `approximation`: the band and its rates, coefficients, the exact 3x3
  response, its weak limit
- `kinetic`, `thermal`, `profile`: all harmonics in fields, at frequencies and wave vectors;
  finite temperature; the spin across a strip
- `microscopic`: the sample in SI, the renormalised alpha, the InSb estimate
- `conventions`: formulas as in the paper or as derived, one switch per place

Rashba gas (labels ``[rashba n]``), for any splitting and any scattering rate:

- `gas`, `potentials`: the band with its spin-orbit disorder, and the scattering potentials
- `rashba`, `chain`, `depths`: spin current by source, S_y and J_x from chains of momenta
- `texture`, `limits`: spin by momentum; closed forms

The two papers define alpha differently. `Electrons.rashba` is the velocity alpha of ``alpha
(sigma_x p_y - sigma_y p_x)``. `RashbaGas.splitting` is the coefficient alpha of ``(alpha/2)(sigma_x
p_y - sigma_y p_x)``, twice as large for the same band.
"""

from hopnet.boltzmann.approximation import ApproximateResponse, approximate_response
from hopnet.boltzmann.collisions import (
    Disorder,
    born_kernel,
    collision_integral,
    weight_harmonics,
)
from hopnet.boltzmann.conventions import CONSISTENT, PRINTED, Convention
from hopnet.boltzmann.electrons import Electrons, RelaxationRates, relaxation_rates
from hopnet.boltzmann.gas import UNIVERSAL, RashbaGas
from hopnet.boltzmann.kinetic import KineticResponse, generator, hanle_formula, kinetic_response
from hopnet.boltzmann.limits import (
    DensityMatrix,
    ShortRangeLimit,
    short_range_limit,
    smooth_skew_current,
    smooth_solution,
)
from hopnet.boltzmann.microscopic import (
    InsbEstimate,
    ReducedSample,
    Sample,
    cutoff_integral,
    estimate_insb,
    rashba_renormalisation,
    reduce_sample,
    vertex_element,
)
from hopnet.boltzmann.potentials import (
    Potential,
    angular_potential,
    delta_potential,
    gaussian_potential,
    user_potential,
    yukawa_potential,
)
from hopnet.boltzmann.profile import SpinProfile, spin_profile
from hopnet.boltzmann.rashba import RashbaResponse, solve_rashba
from hopnet.boltzmann.response import (
    Ansatz,
    Coefficients,
    Response,
    ansatz_parameters,
    coefficients,
    coefficients_from_ratios,
    linear_response,
)
from hopnet.boltzmann.texture import SpinTexture, spin_texture
from hopnet.boltzmann.thermal import ThermalResponse, mechanism_ratio, thermal_response

__all__ = [
    "CONSISTENT",
    "PRINTED",
    "UNIVERSAL",
    "Ansatz",
    "ApproximateResponse",
    "Coefficients",
    "Convention",
    "DensityMatrix",
    "Disorder",
    "Electrons",
    "InsbEstimate",
    "KineticResponse",
    "Potential",
    "RashbaGas",
    "RashbaResponse",
    "ReducedSample",
    "RelaxationRates",
    "Response",
    "Sample",
    "ShortRangeLimit",
    "SpinProfile",
    "SpinTexture",
    "ThermalResponse",
    "angular_potential",
    "ansatz_parameters",
    "approximate_response",
    "born_kernel",
    "coefficients",
    "coefficients_from_ratios",
    "collision_integral",
    "cutoff_integral",
    "delta_potential",
    "estimate_insb",
    "gaussian_potential",
    "generator",
    "hanle_formula",
    "kinetic_response",
    "linear_response",
    "mechanism_ratio",
    "rashba_renormalisation",
    "reduce_sample",
    "relaxation_rates",
    "short_range_limit",
    "smooth_skew_current",
    "smooth_solution",
    "solve_rashba",
    "spin_profile",
    "spin_texture",
    "thermal_response",
    "user_potential",
    "vertex_element",
    "weight_harmonics",
    "yukawa_potential",
]
