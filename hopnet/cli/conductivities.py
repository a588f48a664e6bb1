"""``hopnet conductivities`` and ``hopnet kinetics``: SI numbers, and the full coupled equations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hopnet.errors import ParameterError

Json = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")]


def add_to(app):
    """Fasten ``conductivities`` and ``kinetics`` to ``app`` (a typer.Typer)."""
    app.command("conductivities")(conductivities)
    app.command("kinetics")(kinetics)


def conductivities(
    material_file: Annotated[Path, typer.Argument(help="TOML file with a table named material.")],
    f: Annotated[float | None, typer.Option("--f", help="f(n_s, tau_s), if you know it.")] = None,
    field: Annotated[float, typer.Option("--field-kV-cm", help="Electric field, kV/cm.")] = 1.0,
    signs: Annotated[
        str, typer.Option(help="consistent, or printed: (14) and (15) as they stand.")
    ] = "consistent",
    sites: Annotated[int, typer.Option(help="Sites of the sample that gives f.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of that sample.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for a table and a figure of s(n_s).")
    ] = None,
    as_json: Json = False,
):
    """Spin conductivities of a material in SI units, and the polarisation at a field.

    Example: hopnet conductivities runs/material_letter.toml --sites 5000
    """
    import numpy as np

    from hopnet.material import Material, high_density_polarisation, warn_of_limits
    from hopnet.material import conductivities as tensors
    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.spin.curve import f_curve

    material = Material.from_toml(material_file)
    volts = field * 1e5
    warn_of_limits(material, volts)
    tau_s = material.tau_s / material.tau_0
    with _limits_told_once():
        network = build_network(
            random_sites(sites, density=material.density, seed=seed, geometry="cylinder")
        )
        curve = f_curve(network, tau_s=tau_s)
        f_here = float(curve.f[0]) if f is None else f
        rows = []
        for name, value, rho, note in (
            ("letter", 1.0, "letter", "f = 1, l_c = 1.2 / sqrt(n_s) as the letter rounds it"),
            ("letter, its f", f_here, "letter", "the same with the f that belongs there"),
            ("percolation", f_here, "percolation", "rho_0 exp(2 l_c / a_b), l_c sqrt(n_s) = 1.198"),
            ("sample", f_here, curve.resistivity, "resistivity of the sample itself: use this"),
            ("crossover", f_here, "crossover", "rho = rho_0"),
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
        "sites": sites,
        "estimates": rows,
        "high_density_s": high_density_polarisation(material, volts),
    }
    if out is not None:
        report["written"] = _write_density_scan(material, out, volts, sites, seed)
    if as_json:
        print(json.dumps(report, indent=1))
        return
    _print_conductivities(report)


def _limits_told_once():
    """The material's own warnings have been given; its sample need not repeat them."""
    import warnings

    from hopnet.errors import ValidityWarning

    return warnings.catch_warnings(action="ignore", category=ValidityWarning)


def _write_density_scan(material, out, volts, sites, seed):
    """s against n_s as CSV and PNG; names of the files."""
    import numpy as np

    from hopnet.plots.frame import save_figure
    from hopnet.plots.kinetics import plot_cisp_density
    from hopnet.spin.kinetics.scan import cisp_against_density

    density = np.round(np.geomspace(0.005, 0.2, 9), 5)
    with _limits_told_once():
        table = cisp_against_density(material, density, n_sites=sites, seed=seed, field=volts)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "cisp_density.csv", index=False)
    title = (
        f"Current-induced polarisation, {sites} sites (cylinder), "
        rf"$\tau_s$ = {material.tau_s / material.tau_0:.3g} $\tau_0$"
    )
    figure = plot_cisp_density(table, field=volts, title=title)
    save_figure(figure, out / "cisp_density.png")
    return [str(out / "cisp_density.csv"), str(out / "cisp_density.png")]


def _print_conductivities(report):
    print(
        f"n_s a_b^2 = {report['density']:.4g}   tau_s = {report['tau_s']:.4g} tau_0   "
        f"eta = {report['eta']:.4g}   phi = {report['angle']:.4g}\n"
        f"T = {report['T_K']:.4g} K   rho_0 = {report['rho_0_Ohm']:.4g} Ohm   "
        f"tau_DP = tau_0 / phi^2 = {report['tau_DP_s']:.3g} s"
    )
    print(
        f"f of a sample of {report['sites']} sites (cylinder): {report['f_sample']:.4f}, "
        f"drift alone {report['f_drift_sample']:.4f}\n"
    )
    print(f"polarisation s at {report['field_V_per_m'] * 1e-5:g} kV/cm:")
    for row in report["estimates"]:
        print(
            f"  {row['estimate']:<16} f = {row['f']:.4f}  rho = {row['resistivity_Ohm']:.4g} Ohm  "
            f"s = {row['s']:.3e}   {row['note']}"
        )
    high = report["high_density_s"]
    print(f"  {'high density':<16} (S29), rho = rho_0                s = {high:.3e}")
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
        print(f"written: {name}")


def kinetics(
    sites: Annotated[int, typer.Option(help="Number of sites.")] = 1000,
    density: Annotated[float, typer.Option(help="n_s a_b^2.")] = 0.03,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 1,
    angle: Annotated[
        list[float] | None, typer.Option(help="Half-angle of a hop of a_b; may be repeated.")
    ] = None,
    tau_s: Annotated[
        list[float] | None, typer.Option("--tau-s", help="tau_s / tau_0; may be repeated.")
    ] = None,
    anisotropy: Annotated[float, typer.Option(help="beta_yx / beta_xy; 0 is the helix.")] = 0.6,
    eta: Annotated[float, typer.Option(help="hbar / (J_0 tau_0).")] = 6.58e-3,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for ratio.csv, ratio.png, precession.png.")
    ] = None,
    as_json: Json = False,
):
    """The full coupled equations of one sample beside the leading order in spin-orbit coupling.

    Example: hopnet kinetics --sites 1000 --angle 0.013 --angle 0.1 --tau-s 100 --tau-s 1e4
    """
    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.spin.kinetics.scan import full_over_leading

    angles = angle or [0.003, 0.013, 0.1]
    times = tau_s or [1.0, 1e2, 1e3, 1e4, 1e5, 1e6]
    if anisotropy == 0.0:
        raise ParameterError(
            "anisotropy must not be 0 (beta_yx = 0 is the persistent helix, where every effect "
            "vanishes and there is no ratio to show); take 0.6."
        )
    if not 0.0 < eta < float("inf"):
        raise ParameterError(
            f"eta = hbar / (J_0 tau_0) must be a positive number, got {eta:g}; the letter's "
            "material has 0.00658."
        )
    network = build_network(random_sites(sites, density=density, seed=seed))
    form = [[0.0, 1.0], [anisotropy, 0.0]]
    table = full_over_leading(network, form, eta=eta, angles=angles, tau_s=times)
    if as_json:
        print(json.dumps(table.to_dict("records"), indent=1))
    else:
        print(table.to_string(index=False, float_format=lambda v: f"{v:.6g}"))
    if out is not None:
        written = _draw_kinetics(network, form, table, eta, out)
        if not as_json:
            print(f"written to {out}: {', '.join(written)}")


def _draw_kinetics(network, form, table, eta, out):
    """The ratio, and spins injected at the source contact that turn on their way."""
    import numpy as np

    from hopnet.plots.frame import save_figure
    from hopnet.plots.kinetics import plot_full_over_leading, plot_spin_map
    from hopnet.spin.kinetics import solve_kinetics

    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "ratio.csv", index=False)
    about = rf"$N$ = {network.n_sites}, $n_s a_b^2$ = {network.sites.density:.3g}"
    figure = plot_full_over_leading(table, title=f"Full equations and leading order: {about}")
    save_figure(figure, out / "ratio.png")
    # a turn of about 2 pi over the sample's length
    matrix = np.array(form) * np.pi / network.sites.length
    generation = np.zeros((network.n_sites, 3))
    generation[network.source, 2] = 1.0
    tau_s = float(np.exp(-network.log_conductance).max())
    spins = solve_kinetics(network, matrix, eta=eta, tau_s=tau_s, bias=0.0, generation=generation)
    title = (
        f"Spin along z given to the sites of the left contact: it turns as it hops away\n{about}, "
        rf"$\tau_s$ = {tau_s:.2g} $\tau_0$, half-angle {matrix.max():.3g} a hop of $a_b$"
    )
    save_figure(plot_spin_map(spins, title=title), out / "precession.png")
    return ["ratio.csv", "ratio.png", "precession.png"]
