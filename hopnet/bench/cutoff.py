"""The default margin of the links beside the letter's cutoff: time, number of links, and f."""

from __future__ import annotations

import warnings
from typing import Any

from hopnet.bench import paired, row
from hopnet.errors import ValidityWarning
from hopnet.network.build import CUTOFF_MARGIN, build_network
from hopnet.network.network import Network
from hopnet.network.sites import Sites, random_sites
from hopnet.spin.curve import FCurve, f_curve

__all__ = ["measure"]

LETTER = 1.5  # cutoff of the letter, in l_c


def measure(
    n_sites: int = 100_000,
    densities: tuple[float, ...] = (0.001, 0.01, 0.05),
    margin: float = CUTOFF_MARGIN,
    tau_s: float = 1e4,
    repeats: int = 3,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the bench table: a whole sample, from its sites to f(0) and f(tau_s).

    Parameters
    ----------
    n_sites : int
    densities : sequence of float
        Values of n_s a_b^2, one pair of rows each.
    margin : float, in a_b
        Margin of the links beyond l_c; it is timed in turns with the letter's cutoff of 1.5 l_c.
    tau_s : float, in tau_0
    repeats : int
    threads : int, optional

    Returns
    -------
    list of dict
        Links per site, f at 0 and at ``tau_s``, and the stated error of the cutoff.
    """
    warnings.simplefilter("ignore", ValidityWarning)
    rows = []
    for density in densities:
        sites = random_sites(n_sites, density=density, seed=1, geometry="cylinder")
        found: dict[str, tuple[Network, FCurve]] = {}

        def sample(name: str, sites: Sites = sites, found: Any = found, **cutoff: Any) -> None:
            network = build_network(sites, **cutoff)
            found[name] = network, f_curve(network, [0.0, tau_s], threads=threads)

        seconds = paired(
            {
                "letter": lambda sample=sample: sample("letter", cutoff=LETTER),
                "margin": lambda sample=sample: sample("margin", cutoff_margin=margin),
            },
            repeats=repeats,
        )

        def numbers(name: str, found: Any = found) -> dict[str, float]:
            network, curve = found[name]
            return {
                "links_per_site": network.n_links / n_sites,
                "f_of_0": float(curve.f[0]),
                f"f_of_{tau_s:g}": float(curve.f[1]),
                "cutoff_error": curve.cutoff_error,
            }

        ratio = min(seconds["margin"]) / min(seconds["letter"])
        size = f"N={n_sites} density={density:g}"
        rows += [
            row(f"links up to {LETTER:g} l_c, {size}", seconds["letter"], **numbers("letter")),
            row(
                f"links up to l_c + {margin:g} a_b, {size}",
                seconds["margin"],
                f"links up to {LETTER:g} l_c",
                seconds["letter"],
                ratio_of_minima=ratio,
                **numbers("margin"),
            ),
        ]
    return rows
