"""``hopnet boltzmann response|rashba|insb``: the light companions of delocalised electrons."""

import json
from typing import Annotated, Any

import typer

from hopnet.cli.options import Json, Out
from hopnet.cli.output import check_finite, save_figures, short
from hopnet.errors import ParameterError

__all__ = ["add_to"]

RANGE = 0.5  # default of --range; any other value is refused for a potential without range
NO_FIELD = (0.0, 0.0, 0.0)  # default of --larmor

RashbaVertex = Annotated[float, typer.Option(help="Rashba vertex of the disorder.")]
MottVertex = Annotated[float, typer.Option(help="Mott vertex of the disorder.")]
Strength = Annotated[float, typer.Option(help="Potential v_0 N_0, which sets skew scattering.")]
Coupling = Annotated[float, typer.Option(help="Coupling alpha in alpha (s_x p_y - s_y p_x).")]
Mass = Annotated[float, typer.Option(help="Mass m.")]
Harmonics = Annotated[
    int | None,
    typer.Option(help="Highest angular harmonic (default: enough for an error of 1e-9)."),
]
Larmor = Annotated[tuple[float, float, float], typer.Option(help="Larmor frequency, x y z.")]
StripWidth = Annotated[
    float | None, typer.Option(help="Also compute the spin across a strip of this width.")
]

commands = typer.Typer(
    name="boltzmann",
    help="Spin and charge of delocalised electrons: quantum Boltzmann and Rashba kinetics.",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Register the command group ``boltzmann`` with ``app`` (a typer.Typer)."""
    app.add_typer(commands)


@commands.command()
def response(
    lambda_xy: RashbaVertex = 0.05,
    lambda_z: MottVertex = 0.1,
    strength: Strength = 0.2,
    rashba: Coupling = 0.005,
    mass: Mass = 1.0,
    momentum: Annotated[float, typer.Option(help="Fermi momentum p_F.")] = 1.0,
    time: Annotated[float, typer.Option(help="Drude time tau_D.")] = 20.0,
    harmonics: Harmonics = None,
    star: Annotated[bool, typer.Option(help="Include the star diagram.")] = True,
    larmor: Larmor = NO_FIELD,
    frequency: Annotated[float, typer.Option(help="omega of exp(+i omega t).")] = 0.0,
    temperature: Annotated[float, typer.Option(help="Thermal energy kT.")] = 0.0,
    width: StripWidth = None,
    convention: Annotated[str, typer.Option(help="consistent or printed.")] = "consistent",
    as_json: Json = False,
    out: Out = None,
):
    """Charge current, spin current and magnetisation in a field along x (hbar = e = E = 1).

    Example: hopnet boltzmann response --lambda-xy 0.05 --lambda-z 0.1 --rashba 0.005 --json
    """
    from hopnet.boltzmann.approximation import approximate_response
    from hopnet.boltzmann.collisions import Disorder
    from hopnet.boltzmann.kinetic import kinetic_response
    from hopnet.boltzmann.response import (
        Electrons,
        coefficients,
        linear_response,
        relaxation_rates,
    )
    from hopnet.boltzmann.thermal import thermal_response

    if width is not None and out is None:
        raise ParameterError("--width draws a figure, got no folder for it; give --out DIR too.")
    electrons = Electrons(mass, rashba, momentum, time)
    disorder = Disorder(lambda_xy, lambda_z, strength)
    projected = coefficients(electrons, disorder, convention)
    exact = linear_response(projected, frequency=frequency)
    rough = approximate_response(projected, convention)
    full = kinetic_response(
        electrons,
        disorder,
        harmonics,
        star=star,
        larmor=larmor,
        frequency=frequency,
        convention=convention,
    )
    rates = relaxation_rates(electrons, disorder, convention)
    table = response_table(projected, rates, exact, rough, full)
    if temperature:
        warm = thermal_response(electrons, disorder, temperature, convention=convention)
        table["thermal_3x3"] = thermal_table(warm)
    print_nested(table, as_json)
    if out is not None:
        save_figures(out, response_figures(electrons, disorder, harmonics, width), as_json)


def thermal_table(warm) -> dict[str, float]:
    """The part of the answer of ``response`` at a temperature."""
    return {
        "J_x": warm.charge_current,
        "J^z_y": warm.spin_current,
        "m_y": warm.spin_density,
        "chemical_potential": warm.chemical_potential,
    }


def response_table(projected, rates, exact, rough, full) -> dict[str, Any]:
    """The answer of ``response`` as nested names and numbers."""
    return {
        "sigma_D": plain(projected.drude_conductivity),
        "spin_hall_angle": plain(projected.spin_hall_angle),
        "relaxation_rate_EY_xyz": [plain(r) for r in rates.elliott_yafet],
        "relaxation_rate_DP_xyz": [plain(r) for r in rates.dyakonov_perel],
        "exact_3x3": {
            "J_x": plain(exact.charge_current),
            "J^z_y": plain(exact.spin_current),
            "M_y": plain(exact.magnetisation),
        },
        "weak_conversion": {
            "sigma_sH": plain(rough.spin_hall),
            "sigma_ind": plain(rough.indirect),
            "sigma_DMC": plain(rough.direct),
            "sigma_EE": plain(rough.edelstein),
            "relative_error_J_K_M": [plain(e) for e in rough.error],
        },
        "harmonics": {
            "J": [plain(v) for v in full.charge_current],
            "J^z": [plain(v) for v in full.spin_current[2]],
            "M_xyz": [plain(v) for v in full.magnetisation],
            "highest": full.harmonic.shape[-2] // 2,
            "residual": full.residual,
            "truncation_error": full.truncation_error,
        },
    }


def response_figures(electrons, disorder, harmonics, width) -> dict[str, Any]:
    """Figures of conversion, Hanle effect, mechanisms and, for a given width, of the strip."""
    from hopnet.boltzmann.profile import spin_profile
    from hopnet.plots import boltzmann as plots

    drawn = {
        "conversion": plots.conversion_figure(electrons, disorder),
        "hanle": plots.hanle_figure(electrons, disorder, harmonics=harmonics),
    }
    if electrons.rashba:
        drawn["mechanisms"] = plots.mechanism_figure(electrons, disorder)
    if width is not None:
        drawn["strip"] = plots.profile_figure(spin_profile(electrons, disorder, width))
    return drawn


@commands.command()
def rashba(
    alpha: Annotated[
        float, typer.Option(help="Splitting alpha of (alpha/2)(s_x p_y - s_y p_x).")
    ] = 0.4,
    time: Annotated[float, typer.Option(help="Lifetime tau_0 = 1/(m u_0).")] = 10.0,
    potential: Annotated[
        str, typer.Option(help="delta, gaussian (range R), yukawa (range 1/k) or angular.")
    ] = "delta",
    range_: Annotated[
        float,
        typer.Option(
            "--range", help="Range of the potential; for angular, the weight of its cosine."
        ),
    ] = RANGE,
    fermi_energy: Annotated[float, typer.Option(help="Fermi energy E_F, positive.")] = 0.5,
    mass: Mass = 1.0,
    skew: Annotated[float, typer.Option(help="Strength kappa of the skew kernel.")] = 0.0,
    lambda_xy: RashbaVertex = 0.0,
    lambda_z: MottVertex = 0.0,
    interband: Annotated[
        bool, typer.Option(help="Scattering between the bands; smooth disorder has none.")
    ] = True,
    tolerance: Annotated[float, typer.Option(help="Largest relative error of S_y and J_x.")] = 1e-9,
    as_json: Json = False,
    out: Out = None,
):
    """Spin current q_yz, spin density S_y and current J_x of the Rashba gas, for each source.

    Example: hopnet boltzmann rashba --alpha 0.4 --time 10 --potential gaussian --range 0.5
    """
    from hopnet.boltzmann.rashba import UNIVERSAL, RashbaGas, solve_rashba

    gas = RashbaGas(alpha, fermi_energy, mass, lambda_xy, lambda_z, skew, interband)
    scatterer = choose_potential(potential, time, range_, mass)
    answer = solve_rashba(gas, scatterer, tolerance=tolerance)
    unit = gas.edelstein(time)
    table = {
        "potential": scatterer.name,
        "p_F_plus_minus": list(gas.fermi_momenta),
        "q_yz": {
            "acceleration": answer.spin_current[0],
            "coherence": answer.spin_current[1],
            "sum": answer.q_yz,
            "sum_in_e_over_8pi": answer.q_yz / UNIVERSAL,
        },
        "S_y": {
            "acceleration": answer.spin_density[0],
            "coherence": answer.spin_density[1],
            "sum": answer.s_y,
            "sum_in_N0_alpha_tau_over_2": answer.s_y / unit if unit else None,
        },
        "J_x": {
            "acceleration": answer.charge_current[0],
            "coherence": answer.charge_current[1],
            "sum": answer.j_x,
        },
        "chain_momenta": answer.n_points,
        "chains": answer.n_chains,
        "numerical_error": answer.error,
        "residual": answer.residual,
        "growing": list(answer.growing),
    }
    print_nested(table, as_json)
    if out is not None:
        save_figures(out, rashba_figures(gas, scatterer), as_json)


def rashba_figures(gas, scatterer) -> dict[str, Any]:
    """Figures: bands with the chain, cancellation, S_y by splitting, spin by momentum."""
    from hopnet.plots import boltzmann as plots

    if not gas.splitting > 0:
        raise ParameterError(
            f"the figures need --alpha above 0, got {gas.splitting!r}; the other sign "
            "only reverses S_y, so leave it out."
        )
    energy = gas.fermi_energy
    return {
        "bands": plots.bands_figure(gas),
        "cancellation": plots.cancellation_figure(gas.splitting, fermi_energy=energy),
        "spin_density": plots.spin_density_figure(gas.splitting, fermi_energy=energy),
        "texture": plots.texture_figure(gas, scatterer),
    }


def choose_potential(kind, time, width, mass):
    """The potential with this name."""
    from hopnet.boltzmann import potentials
    from hopnet.boltzmann.checks import positive

    if kind == "delta":
        if width != RANGE:
            raise ParameterError(
                f"--range belongs to the other potentials, delta has none; got {width:g}, leave it "
                "out."
            )
        return potentials.delta_potential(time, mass=mass)
    if kind == "gaussian":
        return potentials.gaussian_potential(time, width, mass=mass)
    if kind == "yukawa":
        positive("range", width)
        return potentials.yukawa_potential(time, 1 / width, mass=mass)
    if kind == "angular":
        return potentials.angular_potential(time, (1.0, width), mass=mass)
    raise ParameterError(f"potential must be delta, gaussian, yukawa or angular, got {kind!r}.")


@commands.command()
def insb(as_json: Json = False):
    """Recompute the paper's numbers for an InSb inversion layer; name those that do not follow.

    Example: hopnet boltzmann insb
    """
    from hopnet.boltzmann.microscopic import estimate_insb

    cases: dict[str, dict[str, Any]] = {
        "printed formulas, n and lambda_par chosen to fit, tau_D = 32 fs": {
            "convention": "printed"
        },
        "printed formulas, tau_D = 200 ps as printed": {"convention": "printed", "time": 200e-12},
        "printed formulas, n = 1e12 cm^-2, bulk lambda_par": {
            "convention": "printed",
            "density": 1e16,
            "lambda_parallel_squared": 4 * 523e-20,
        },
        "consistent formulas, tau_D = 32 fs": {"convention": "consistent"},
    }
    table = {name: estimate_insb(**options)._asdict() for name, options in cases.items()}
    print_nested(table, as_json)
    if not as_json:
        print(
            "The paper quotes 1/(alpha_asp tau_D) ~ 1e4, tau_EY/tau_D ~ 1e3, theta_sH ~ 1 and\n"
            "sigma_DMC/sigma_EE ~ 1e-3 for tau_D ~ 200 ps. It prints neither the density nor\n"
            "lambda_par: the first two fix them. theta_sH ~ 1 needs about 32 fs, not 200 ps; then\n"
            "alpha_R tau_D is 0.5 and rate_ratio 2e-4, so 1e-3 does not follow from these inputs.\n"
            "small = tau_EY/tau_DP is far above 1: use the exact solution there."
        )


def plain(value):
    """A float, or [real, imaginary] for a complex number."""
    value = complex(value)
    return [value.real, value.imag] if value.imag else value.real


def print_nested(table: dict[str, Any], as_json: bool) -> None:
    """Print nested names and numbers, as JSON or as indented lines of twelve digits."""
    check_finite(table)
    if as_json:
        print(json.dumps(table))
        return
    for name, value in table.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for inner, number in value.items():
                print(f"  {inner:<28}{short(number, 12)}")
        else:
            print(f"{name:<30}{short(value, 12)}")
