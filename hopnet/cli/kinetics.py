"""``hopnet kinetics``: the full coupled equations of spins in one sample, of every order."""

import json
from typing import Annotated

import typer

from hopnet.cli.options import Density, Json, NSites, Out, Seed, numbers
from hopnet.cli.output import is_watched, print_table, save_figures, save_table
from hopnet.errors import ParameterError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register ``kinetics`` with ``app`` (a typer.Typer)."""
    app.command()(kinetics)


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
        network,
        form,
        eta=eta,
        angles=numbers(angles, "angles"),
        tau_s=numbers(times, "tau-s"),
        progress=is_watched(),
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
