"""``hopnet hanle``, ``step``, ``temperature``, ``walk``: field, time, energies, single carriers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hopnet.errors import ParameterError

NSites = Annotated[int, typer.Option("--n-sites", help="Sites of the sample.")]
Density = Annotated[float, typer.Option(help="n_s a_b^2.")]
Seed = Annotated[int, typer.Option(help="Seed; there is no default.")]
TauS = Annotated[float, typer.Option("--tau-s", help="Spin relaxation time, in tau_0.")]
Geometry = Annotated[str, typer.Option(help="open or cylinder.")]
Out = Annotated[Path | None, typer.Option(help="Directory for the figure.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app):
    """Fasten the four commands to ``app`` (a typer.Typer)."""
    for command in (hanle, step, temperature, walk):
        app.command()(command)


def hanle(
    seed: Seed,
    n_sites: NSites = 2000,
    density: Density = 0.02,
    tau_s: TauS = 1000.0,
    geometry: Geometry = "open",
    largest: Annotated[float, typer.Option(help="Largest omega tau_s.")] = 10.0,
    full: Annotated[
        bool, typer.Option(help="Also the full coupled equations at a few fields.")
    ] = False,
    out: Out = None,
    as_json: Json = False,
):
    """The three Hanle laws of current-induced spin in one sample.

    Example: hopnet hanle --n-sites 1000 --seed 7 --out results/hanle
    """
    import numpy as np

    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.spin.hanle import hanle_curve
    from hopnet.transport.current import solve_current

    check_positive("largest", largest)
    network = build_network(random_sites(n_sites, density=density, seed=seed, geometry=geometry))
    current = solve_current(network)
    field = np.linspace(0.0, largest, 101) / tau_s
    points, form = {}, 1e-4 * np.array([[0.0, 0.7], [0.4, 0.0]])
    curve = hanle_curve(network, tau_s, field, current=current, spin_orbit=form)
    if full:
        points = full_hanle(network, current, tau_s, field[[3, 10, 30, 60, 100]], form)
    answer = {
        "n_sites": n_sites,
        "density": density,
        "seed": seed,
        "tau_s": tau_s,
        "f": curve.f,
        "f_drift": curve.f_drift,
        "error": float(curve.numerical_error.max()),
        "omega_tau_s": [1.0, largest],
        **{
            name: np.interp([1.0, largest], field * tau_s, getattr(curve, f"field_{name}")).tolist()
            for name in ("along", "across", "normal")
        },
    }
    if full:
        answer["full_equations_differ_by"] = max(
            float(np.abs(value - np.interp(at, field, getattr(curve, f"field_{name}"))).max())
            for name, (at, value) in points.items()
        )
    report(answer, as_json)
    draw(
        out,
        "hanle.png",
        "plot_hanle",
        as_json,
        curve,
        full=points,
        title=f"{n_sites} sites, $n_sa_b^2$ = {density:g}, "
        rf"$\tau_s$ = {tau_s:g} $\tau_0$, one sample",
    )


def full_hanle(network, current, tau_s, field, form):
    """The induced spin of the full equations over that without a field, for three axes."""
    import numpy as np

    from hopnet.spin.kinetics import solve_kinetics

    def spin(vector):
        return solve_kinetics(
            network, form, eta=1e-3, tau_s=tau_s, current=current, field=vector, feedback=False
        ).polarisation[1]

    alone = spin(np.zeros(3))
    return {
        name: (field, np.array([spin(omega * np.eye(3)[axis]) / alone for omega in field]))
        for axis, name in enumerate(("along", "across", "normal"))
    }


def step(
    seed: Seed,
    n_sites: NSites = 5000,
    density: Density = 0.02,
    tau_s: TauS = 1000.0,
    geometry: Geometry = "open",
    out: Out = None,
    as_json: Json = False,
):
    """Growth of the induced spin after the current is switched on: not an exponential.

    Example: hopnet step --n-sites 2000 --seed 7 --out results/step
    """
    import numpy as np

    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.spin.response import check_one_time
    from hopnet.spin.time_response import step_response

    tau_s = check_one_time(tau_s)
    network = build_network(random_sites(n_sites, density=density, seed=seed, geometry=geometry))
    time = np.logspace(-3, 1, 81) * tau_s
    response = step_response(network, tau_s, time)
    half = float(np.exp(np.interp(0.5, response, np.log(time)))) / tau_s
    answer = {
        "n_sites": n_sites,
        "density": density,
        "seed": seed,
        "tau_s": tau_s,
        "half_time_over_tau_s": half,
        "of_an_exponential": float(np.log(2)),
        "at_tau_s": float(np.interp(tau_s, time, response)),
    }
    report(answer, as_json)
    draw(
        out,
        "step.png",
        "plot_step",
        as_json,
        time,
        {f"{n_sites} sites, $n_sa_b^2$ = {density:g}": response},
        tau_s,
    )


def temperature(
    seed: Seed,
    n_sites: NSites = 20_000,
    density: Density = 0.02,
    samples: Annotated[int, typer.Option(help="Samples to average over.")] = 2,
    lowest: Annotated[float, typer.Option(help="Lowest kT / width of the band.")] = 1e-3,
    highest: Annotated[float, typer.Option(help="Highest kT / width.")] = 3e-2,
    n_points: Annotated[int, typer.Option("--n-points", help="Temperatures.")] = 7,
    density_of_states: Annotated[
        str, typer.Option("--density-of-states", help="uniform, gaussian or coulomb_gap.")
    ] = "uniform",
    power: Annotated[float, typer.Option(help="Of 1/T in the straight line.")] = 1 / 3,
    out: Out = None,
    as_json: Json = False,
):
    """Resistivity against temperature with the Fermi level in mid-band: Mott's law.

    Example: hopnet temperature --n-sites 5000 --seed 7 --out results/temperature
    """
    import numpy as np

    from hopnet.network.energies import with_energies
    from hopnet.network.sites import random_sites
    from hopnet.seeds import check_seed
    from hopnet.spin.temperature import temperature_curve
    from hopnet.transport.variable_range import fit_mott_law

    if samples < 1 or n_points < 3 or not 0 < lowest < highest or not power > 0:
        raise ParameterError(
            f"samples must be at least 1, n-points at least 3, 0 < lowest < highest and power > 0, "
            f"got {samples}, {n_points}, {lowest:g} to {highest:g}, {power:g}; mend them."
        )
    kT = np.logspace(np.log10(lowest), np.log10(highest), n_points)
    table = []
    for k in range(samples):
        stream = np.random.SeedSequence(check_seed(seed), spawn_key=(k,)).spawn(2)
        sites = random_sites(n_sites, density=density, seed=stream[0])
        sites = with_energies(sites, density_of_states, width=1.0, seed=stream[1])
        table.append(temperature_curve(sites, kT, chemical_potential=0.0))
    logs = np.array([t.log_resistivity for t in table])
    mean = logs.mean(axis=0)
    error = logs.std(axis=0, ddof=1) / np.sqrt(samples) if samples > 1 else None
    xi = np.mean([t.xi_c for t in table], axis=0)
    law = fit_mott_law(kT, mean, power=power)
    error_of_law = law.error  # from sample to sample, if there are several: they share their sites
    if samples > 1:
        each = [fit_mott_law(kT, one, power=power).kT_0 for one in logs]
        error_of_law = float(np.std(each, ddof=1) / np.sqrt(samples))
    answer = {
        "n_sites": n_sites,
        "density": density,
        "samples": samples,
        "seed": seed,
        "kT": kT.tolist(),
        "log_resistivity": mean.tolist(),
        "xi_c": xi.tolist(),
        "kT_0": law.kT_0,
        "kT_0_error": error_of_law,
        "residual": law.residual,
        "kT_0_g_a_b2": law.kT_0 * density,
    }
    report(answer, as_json)
    draw(
        out,
        "temperature.png",
        "plot_mott_law",
        as_json,
        kT,
        mean,
        law,
        exponent=xi,
        error=error,
        title=f"{samples} samples of {n_sites} sites, $n_sa_b^2$ = {density:g}, "
        f"{density_of_states.replace('_', ' ')} density of states",
    )


def walk(
    seed: Seed,
    n_sites: NSites = 150,
    density: Density = 0.1,
    carriers: Annotated[int, typer.Option(help="How many.")] = 10_000,
    longest: Annotated[float, typer.Option(help="Time in tau_0.")] = 3e4,
    kT: Annotated[float, typer.Option("--kt", help="kT / width of the band.")] = 1.0,
    tau_s: TauS = 3000.0,
    out: Out = None,
    as_json: Json = False,
):
    """Carriers with spin, hop by hop, on a torus, against the master equation.

    Example: hopnet walk --carriers 2000 --longest 3000 --seed 7 --out results/walk
    """
    import numpy as np

    from hopnet.network.build import build_network
    from hopnet.network.energies import with_energies
    from hopnet.network.sites import random_sites
    from hopnet.spin.monte_carlo import expected_walk
    from hopnet.spin.monte_carlo import walk as let_walk
    from hopnet.transport.diffusion import diffusion_tensor

    check_positive("longest", longest)
    sites = random_sites(n_sites, density=density, seed=seed, geometry="torus", min_distance=2.0)
    network = build_network(with_energies(sites, width=1.0, seed=seed + 1), kT=kT)
    time = longest * np.logspace(-3, 0, 10)
    given = {"spin_orbit": [[0.0, 0.06], [-0.04, 0.0]], "spin": (0.0, 0.6, 0.8), "tau_s": tau_s}
    found = let_walk(network, time, n_carriers=carriers, seed=seed, **given)
    square, spin = expected_walk(network, time, **given)
    D = float(np.trace(diffusion_tensor(network)) / 2)
    value, error = found.diffusion(-3, -1)
    answer = {
        "n_sites": n_sites,
        "carriers": carriers,
        "seed": seed,
        "D_walk": value,
        "D_walk_error": error,
        "D_linear_response": D,
        "sqrt_D_tau_s": float(np.sqrt(D * tau_s)),
        "length": sites.length,
        "mean_square_over_expected": (found.mean_square().sum(axis=1) / square).tolist(),
    }
    report(answer, as_json)
    draw(out, "walk.png", "plot_walk", as_json, found, square, diffusion=D, exact_spin=spin)


def check_positive(name, value):
    """Raise unless a number is finite and positive."""
    if not 0 < value < float("inf"):
        raise ParameterError(f"{name} must be a positive number, got {value!r}; mend it.")


def report(answer, as_json):
    """Print what was found, as lines or as JSON."""
    if as_json:
        print(json.dumps(answer))
        return
    for name, value in answer.items():
        if isinstance(value, list):
            value = " ".join(f"{one:.6g}" for one in value)
        elif isinstance(value, float):
            value = f"{value:.6g}"
        print(f"{name:28s} {value}")


def draw(out, name, function, quiet, *arguments, **options):
    """Write one figure into ``out``, if asked for."""
    if out is None:
        return
    from hopnet.plots import dynamics as plots
    from hopnet.plots.frame import save_figure

    out.mkdir(parents=True, exist_ok=True)
    save_figure(getattr(plots, function)(*arguments, **options), out / name)
    if not quiet:
        print(f"wrote {out / name}")
