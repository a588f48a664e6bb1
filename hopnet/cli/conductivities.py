"""``hopnet conductivities`` and ``hopnet kinetics``: SI numbers, and the full coupled equations."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hopnet.cli.options import Density, Json, NSites, Out, Seed, numbers
from hopnet.cli.output import check_finite, print_table, save_figures, save_table
from hopnet.errors import ParameterError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register ``conductivities`` and ``kinetics`` with ``app`` (a typer.Typer)."""
    app.command("conductivities")(conductivities)
    app.command("kinetics")(kinetics)


def conductivities(
    material_file: Annotated[
        Path, typer.Argument(help="TOML file with a table named material.", show_default=False)
    ],
    seed: Seed,
    f: Annotated[
        float | None,
        typer.Option("--f", help="Value of f (default: that of the sample)."),
    ] = None,
    field: Annotated[float, typer.Option("--field-kV-cm", help="Electric field, kV/cm.")] = 1.0,
    signs: Annotated[
        str,
        typer.Option(
            "--signs", help="consistent, or printed (the signs of the paper in (14), (15))."
        ),
    ] = "consistent",
    n_sites: NSites = 20_000,
    out: Out = None,
    as_json: Json = False,
):
    """Spin conductivities of a material and its polarisation in an electric field, in SI units.

    Example: hopnet conductivities runs/material_letter.toml --n-sites 5000 --seed 1
    """
    from hopnet.checks import number
    from hopnet.material import Material, high_density_polarisation, warn_of_limits
    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.spin.curve import f_curve

    material = Material.from_toml(material_file)
    volts = number("--field-kV-cm", field, low=0.0, high=1e6, above=True) * 1e5
    if f is not None:
        f = number("--f", f, low=-1e3, high=1e3)
    warn_of_limits(material, volts)
    tau_s = material.tau_s / material.tau_0
    with without_validity_warnings():
        network = build_network(
            random_sites(n_sites, density=material.density, seed=seed, geometry="cylinder")
        )
        curve = f_curve(network, tau_s=tau_s)
        f_here = float(curve.f[0]) if f is None else f
        rows = polarisations(material, f_here, curve.resistivity, signs, volts)
    report = {
        "material": str(material_file),
        "density": material.density,
        "T_K": material.T,
        "rho_0_Ohm": material.rho_0,
        "tau_s": tau_s,
        "eta": material.eta,
        "angle": material.angle,
        "tau_DP_s": material.tau_DP,
        "field_V_per_m": volts,
        "signs": signs,
        "f_sample": float(curve.f[0]),
        "f_drift_sample": curve.f_drift,
        "n_sites": n_sites,
        "estimates": rows,
        "high_density_s": high_density_polarisation(material, volts),
    }
    if out is not None:
        report["written"] = write_density_scan(material, out, volts, n_sites, seed)
    check_finite(report)
    if as_json:
        print(json.dumps(report, indent=1))
        return
    print_conductivities(report)


def polarisations(material, f, resistivity, signs, volts):
    """One row per estimate of the polarisation, with its assumption and its value."""
    import numpy as np

    from hopnet.material import conductivities as tensors

    rows = []
    for name, value, rho, note in (
        ("letter", 1.0, "letter", "f = 1, l_c = 1.2 / sqrt(n_s) as the letter rounds it"),
        ("letter, its f", f, "letter", "the same with the f that belongs there"),
        ("percolation", f, "percolation", "rho_0 exp(2 l_c / a_b), l_c sqrt(n_s) = 1.198"),
        ("sample", f, resistivity, "resistivity of the sample itself: use this"),
        ("crossover", f, "crossover", "rho = rho_0"),
        ("crossover, f = 1", 1.0, "crossover", "the letter's 'about 1 %'"),
    ):
        got = tensors(material, value, resistivity=rho, signs=signs)
        rows.append(
            {
                "estimate": name,
                "f": value,
                "resistivity_Ohm": got.resistivity,
                "s": float(np.linalg.norm(got.cisp, 2)) * volts,
                "cisp_m_per_V": got.cisp.tolist(),
                "sge_A_per_m": got.sge.tolist(),
                "she_per_V_s": got.she.tolist(),
                "note": note,
            }
        )
    return rows


def without_validity_warnings():
    """A context without warnings of validity: those of the material were given already."""
    import warnings

    from hopnet.errors import ValidityWarning

    return warnings.catch_warnings(action="ignore", category=ValidityWarning)


def write_density_scan(material, out, volts, n_sites, seed):
    """s against n_s as CSV and PNG; names of the files."""
    import numpy as np

    from hopnet.plots.kinetics import plot_cisp_density
    from hopnet.spin.kinetics.scan import cisp_against_density

    density = np.round(np.geomspace(0.005, 0.2, 9), 5)
    with without_validity_warnings():
        table = cisp_against_density(material, density, n_sites=n_sites, seed=seed, field=volts)
    save_table(table, out / "cisp_density.csv")
    title = (
        f"Current-induced polarisation, {n_sites} sites (cylinder), "
        rf"$\tau_s$ = {material.tau_s / material.tau_0:.3g} $\tau_0$"
    )
    figure = plot_cisp_density(table, field=volts, title=title)
    save_figures(out, {"cisp_density": figure}, quiet=True)
    return [str(out / "cisp_density.csv"), str(out / "cisp_density.png")]


def print_conductivities(report):
    print(
        f"n_s a_b^2 = {report['density']:.4g}   tau_s = {report['tau_s']:.4g} tau_0   "
        f"eta = {report['eta']:.4g}   phi = {report['angle']:.4g}\n"
        f"T = {report['T_K']:.4g} K   rho_0 = {report['rho_0_Ohm']:.4g} Ohm   "
        f"tau_DP = tau_0 / phi^2 = {report['tau_DP_s']:.3g} s"
    )
    print(
        f"f of a sample of {report['n_sites']} sites (cylinder): {report['f_sample']:.4f}, "
        f"drift alone {report['f_drift_sample']:.4f}\n"
    )
    print_table(
        [
            {
                "estimate": row["estimate"],
                "f": row["f"],
                "rho (Ohm)": row["resistivity_Ohm"],
                "s": row["s"],
                "meaning": row["note"],
            }
            for row in report["estimates"]
        ],
        title=f"polarisation s at {report['field_V_per_m'] * 1e-5:g} kV/cm",
        digits=4,
    )
    high = report["high_density_s"]
    print(f"at high density, (S29) with rho = rho_0: s = {high:.3e}")
    sample = next(row for row in report["estimates"] if row["estimate"] == "sample")
    print(f"\nconductivities of the sample, {report['signs']} signs:")
    for name, key, unit in (
        ("CISP", "cisp_m_per_V", "m/V"),
        ("SGE", "sge_A_per_m", "A/m"),
        ("SHE", "she_per_V_s", "1/(V s)"),
    ):
        (a, b), (c, d) = sample[key]
        print(f"  sigma_{name:<5} [[{a: .4e}, {b: .4e}], [{c: .4e}, {d: .4e}]] {unit}")
    for name in report.get("written", ()):
        print(f"wrote {name}")


def kinetics(
    seed: Seed,
    n_sites: NSites = 1000,
    density: Density = 0.03,
    angles: Annotated[
        str,
        typer.Option(
            "--angles", help="Half-angles of rotation per a_b of a hop: a list, or start:stop:n."
        ),
    ] = "0.003,0.013,0.1",
    times: Annotated[
        str, typer.Option("--tau-s", help="tau_s / tau_0: a list with commas, or start:stop:n.")
    ] = "1,1e2,1e3,1e4,1e5,1e6",
    anisotropy: Annotated[
        float, typer.Option("--anisotropy", help="beta_yx / beta_xy; 0 is the persistent helix.")
    ] = 0.6,
    eta: Annotated[float, typer.Option("--eta", help="hbar / (J_0 tau_0).")] = 6.58e-3,
    out: Out = None,
    as_json: Json = False,
):
    """Spin of one sample from the full equations, beside the leading order in spin-orbit coupling.

    Example: hopnet kinetics --n-sites 1000 --seed 1 --angles 0.013,0.1 --tau-s 100,1e4
    """
    from hopnet.checks import number
    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.spin.kinetics.scan import full_over_leading

    anisotropy = number("--anisotropy", anisotropy, low=-1e3, high=1e3)
    eta = number("--eta", eta, low=0.0, high=1e3, above=True, hint="the letter has 0.00658")
    if anisotropy == 0.0:
        raise ParameterError(
            "anisotropy must not be 0 (beta_yx = 0 is the persistent helix, where every effect "
            "vanishes and there is no ratio to show); take 0.6."
        )
    network = build_network(random_sites(n_sites, density=density, seed=seed))
    form = [[0.0, 1.0], [anisotropy, 0.0]]
    table = full_over_leading(
        network, form, eta=eta, angles=numbers(angles, "angles"), tau_s=numbers(times, "tau-s")
    )
    rows = table.to_dict("records")
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        print_table(rows, title="full equations beside the leading order")
    if out is not None:
        save_table(table, out / "ratio.csv")
        if not as_json:
            print(f"wrote {out / 'ratio.csv'}")
        save_figures(out, draw_kinetics(network, form, table, eta), as_json)


def draw_kinetics(network, form, table, eta):
    """Figures: the ratio, and spins injected at the source that turn as they spread."""
    import numpy as np

    from hopnet.plots.kinetics import plot_full_over_leading, plot_spin_map
    from hopnet.spin.kinetics import solve_kinetics

    about = rf"$N$ = {network.n_sites}, $n_s a_b^2$ = {network.sites.density:.3g}"
    ratio = plot_full_over_leading(table, title=f"Full equations and leading order: {about}")
    # Spins turn by about 2 pi over the length of the sample.
    matrix = np.array(form) * np.pi / network.sites.length
    generation = np.zeros((network.n_sites, 3))
    generation[network.source, 2] = 1.0
    tau_s = float(np.exp(-network.log_conductance).max())
    spins = solve_kinetics(network, matrix, eta=eta, tau_s=tau_s, bias=0.0, generation=generation)
    title = (
        f"Spin along z given to the sites of the left contact: it turns as it hops away\n{about}, "
        rf"$\tau_s$ = {tau_s:.2g} $\tau_0$, half-angle {matrix.max():.3g} per hop of $a_b$"
    )
    return {"ratio": ratio, "precession": plot_spin_map(spins, title=title)}
