"""``hopnet hanle``, ``step``, ``temperature``, ``walk``: field, time, energies, single carriers."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hopnet.cli.options import (
    KT,
    Density,
    DensityOfStates,
    Dimension,
    Geometry,
    Json,
    NSites,
    Out,
    Seed,
    TauS,
    numbers,
)
from hopnet.cli.output import errors_console, print_answer, save_figures, working
from hopnet.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["add_to"]

Largest = Annotated[float, typer.Option("--largest", help="Largest field, as omega tau_s.")]
Full = Annotated[
    bool, typer.Option("--full", help="Also solve the full coupled equations at five fields.")
]
Temperatures = Annotated[
    str,
    typer.Option(
        "--temperatures",
        help="kT divided by the width of the band: a list with commas, or start:stop:n.",
    ),
]
Power = Annotated[
    float | None,
    typer.Option(
        "--power", help="Power p of the line against kT^-p (default: Mott's 1/(dimension + 1))."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the four commands with ``app`` (a typer.Typer)."""
    for command in (hanle, step, temperature, walk):
        app.command()(command)


def hanle(
    seed: Seed,
    n_sites: NSites = 2000,
    density: Density = 0.02,
    tau_s: TauS = 1000.0,
    geometry: Geometry = "open",
    largest: Largest = 10.0,
    full: Full = False,
    out: Out = None,
    as_json: Json = False,
):
    """The three Hanle laws of current-induced spin in one sample.

    Example: hopnet hanle --n-sites 1000 --seed 7 --out results/hanle
    """
    import numpy as np

    from hopnet.checks import number
    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.spin.hanle import hanle_curve
    from hopnet.transport.current import solve_current

    number("--largest", largest, low=0.0, high=1e100, above=True)
    number("--tau-s", tau_s, low=0.0, high=1e100, above=True, unit="tau_0")
    network = build_network(random_sites(n_sites, density=density, seed=seed, geometry=geometry))
    current = solve_current(network)
    field = np.linspace(0.0, largest, 101) / tau_s
    points, form = {}, 1e-4 * np.array([[0.0, 0.7], [0.4, 0.0]])
    with working("solving for the curve ..."):
        curve = hanle_curve(network, tau_s, field, current=current, spin_orbit=form)
    if full:
        with working("solving the full equations at five fields ..."):
            points = full_hanle(network, current, tau_s, field[[3, 10, 30, 60, 100]], form)
    answer = {
        "n_sites": n_sites,
        "density": density,
        "seed": seed,
        "tau_s": tau_s,
        "f": curve.f,
        "f_drift": curve.f_drift,
        "f_numerical_error": float(curve.numerical_error.max()),
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
    print_answer(answer, as_json)
    draw(
        out,
        "hanle",
        "plot_hanle",
        as_json,
        curve,
        full=points,
        title=f"{n_sites} sites, $n_sa_b^2$ = {density:g}, "
        rf"$\tau_s$ = {tau_s:g} $\tau_0$, one sample",
    )


def full_hanle(network, current, tau_s, field, form):
    """Ratio of the induced spins of the full equations with and without a field, on three axes."""
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
    """Growth of the induced spin after the current is switched on, which is not exponential.

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
    with working("solving for the response in time ..."):
        response = step_response(network, tau_s, time).value
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
    print_answer(answer, as_json)
    draw(
        out,
        "step",
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
    dimension: Dimension = 2,
    samples: Annotated[int, typer.Option("--samples", help="Number of samples.")] = 2,
    temperatures: Temperatures = "1e-3:3e-2:7",
    density_of_states: DensityOfStates = "uniform",
    power: Power = None,
    out: Out = None,
    as_json: Json = False,
):
    """Resistivity against temperature, with the Fermi level in mid-band, and a fit of Mott's law.

    Example: hopnet temperature --n-sites 5000 --seed 7 --out results/temperature
    """
    import numpy as np

    from hopnet.checks import number, whole
    from hopnet.network.sites import check_dimension, random_sites
    from hopnet.transport.variable_range import fit_mott_law

    samples = whole("--samples", samples, low=1)
    mott = 1 / (check_dimension(dimension) + 1)
    power = mott if power is None else number("--power", power, low=0.05, high=5.0)
    kT = temperatures_of(temperatures)
    make_sites = partial(random_sites, n_sites, density=density, dimension=dimension)
    table = temperature_curves(make_sites, seed, samples, density_of_states, kT)
    logs = np.array([t.log_resistivity for t in table])
    mean = logs.mean(axis=0)
    error = logs.std(axis=0, ddof=1) / np.sqrt(samples) if samples > 1 else None
    xi = np.mean([t.xi_c for t in table], axis=0)
    law = fit_mott_law(kT, mean, power=power)
    error_of_law = law.error if samples == 1 else error_over_samples(kT, logs, power)
    answer = {
        "n_sites": n_sites,
        "density": density,
        "samples": samples,
        "seed": seed,
        "kT": kT.tolist(),
        "log_resistivity": mean.tolist(),
        "xi_c": xi.tolist(),
        "kT_0": law.kT_0,
        "kT_0_standard_error": error_of_law,
        "residual": law.residual,
        f"kT_0_g_a_b{dimension}": law.kT_0 * density,
    }
    print_answer(answer, as_json)
    draw(
        out,
        "temperature",
        "plot_mott_law",
        as_json,
        kT,
        mean,
        law,
        exponent=xi,
        error=error,
        title=f"{samples} samples of {n_sites} sites, $n_sa_b^{dimension}$ = {density:g}, "
        f"{density_of_states.replace('_', ' ')} density of states",
    )


def temperatures_of(text: str) -> "np.ndarray":
    """The values of ``--temperatures``, or a ParameterError."""
    import numpy as np

    kT = np.array(numbers(text, "temperatures"))
    if kT.size < 3 or not np.all(kT > 0):
        raise ParameterError(
            f"--temperatures takes three or more positive numbers, got {text!r}; write "
            "1e-3:3e-2:7 for example."
        )
    return kT


def error_over_samples(kT: "np.ndarray", logs: "np.ndarray", power: float) -> float:
    """Standard error of kT_0 from fits of the single samples.

    All temperatures of a sample share its sites. The scatter about one line would therefore be too
    small an error.
    """
    import numpy as np

    from hopnet.transport.variable_range import fit_mott_law

    each = [fit_mott_law(kT, one, power=power).kT_0 for one in logs]
    return float(np.std(each, ddof=1) / np.sqrt(len(each)))


def temperature_curves(make_sites, seed, samples, density_of_states, kT):
    """The table of each sample, with a progress bar; ``make_sites(seed=...)`` makes its sites."""
    import numpy as np
    from rich.progress import track

    from hopnet.network.energies import with_energies
    from hopnet.seeds import check_seed
    from hopnet.spin.temperature import temperature_curve

    tables = []
    console = errors_console()
    for k in track(range(samples), description="samples", console=console, transient=True):
        stream = np.random.SeedSequence(check_seed(seed), spawn_key=(k,)).spawn(2)
        sites = with_energies(
            make_sites(seed=stream[0]), density_of_states, width=1.0, seed=stream[1]
        )
        tables.append(temperature_curve(sites, kT, chemical_potential=0.0))
    return tables


def walk(
    seed: Seed,
    n_sites: NSites = 150,
    density: Density = 0.1,
    carriers: Annotated[int, typer.Option("--carriers", help="Number of carriers.")] = 10_000,
    longest: Annotated[float, typer.Option("--longest", help="Longest time, in tau_0.")] = 3e4,
    kT: KT = 1.0,
    tau_s: TauS = 3000.0,
    out: Out = None,
    as_json: Json = False,
):
    """Monte Carlo walks of carriers with spin on a torus, compared with the master equation.

    Example: hopnet walk --carriers 2000 --longest 3000 --seed 7 --out results/walk
    """
    import numpy as np

    from hopnet.checks import number
    from hopnet.network.build import build_network
    from hopnet.network.energies import with_energies
    from hopnet.network.sites import random_sites
    from hopnet.spin.monte_carlo import expected_walk
    from hopnet.spin.monte_carlo import walk as monte_carlo
    from hopnet.transport.diffusion import diffusion_tensor

    number("--longest", longest, low=0.0, high=1e100, above=True, unit="tau_0")
    sites = random_sites(n_sites, density=density, seed=seed, geometry="torus", min_distance=2.0)
    network = build_network(with_energies(sites, width=1.0, seed=seed + 1), kT=kT)
    time = longest * np.logspace(-3, 0, 10)
    given: dict[str, Any] = {
        "spin_orbit": [[0.0, 0.06], [-0.04, 0.0]],
        "spin": (0.0, 0.6, 0.8),
        "tau_s": tau_s,
    }
    with working(f"walking {carriers} carriers ..."):
        found = monte_carlo(network, time, n_carriers=carriers, seed=seed, **given)
        square, spin = expected_walk(network, time, **given)
    D = float(np.trace(diffusion_tensor(network)) / 2)
    value, error = found.diffusion(-3, -1)
    answer = {
        "n_sites": n_sites,
        "carriers": carriers,
        "seed": seed,
        "D_walk": value,
        "D_walk_standard_error": error,
        "D_linear_response": D,
        "sqrt_D_tau_s": float(np.sqrt(D * tau_s)),
        "length": sites.length,
        "mean_square_over_expected": (found.mean_square().sum(axis=1) / square).tolist(),
    }
    print_answer(answer, as_json)
    draw(out, "walk", "plot_walk", as_json, found, square, diffusion=D, exact_spin=spin)


def draw(out: Any, name: str, function: str, quiet: bool, *own: Any, **options: Any) -> None:
    """Draw one figure into the folder ``out``, if one is given."""
    if out is not None:
        from hopnet.plots import dynamics as plots

        save_figures(out, {name: getattr(plots, function)(*own, **options)}, quiet)
