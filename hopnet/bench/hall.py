"""The Hall angle beside Kirchhoff's laws and one sum over the triads; the torus beside both."""

from __future__ import annotations

import warnings
from typing import Any

from hopnet.bench import paired, row
from hopnet.errors import ValidityWarning
from hopnet.network.build import build_network
from hopnet.network.network import Network
from hopnet.network.sites import random_sites
from hopnet.spin.generation import spin_generation
from hopnet.transport.current import solve_current
from hopnet.transport.hall import cylinder_angle, hall_angle
from hopnet.transport.ring import solve_ring, solve_torus

__all__ = ["measure"]


def measure(
    n_sites: int = 500_000,
    density: float = 0.01,
    cutoff_radius: float | None = None,
    repeats: int = 3,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the bench table.

    Parameters
    ----------
    n_sites, density : int, float
        Size and density of the cylinder and of the torus.
    cutoff_radius : float, in a_b, optional
        Longest link.
    repeats : int
    threads : int, optional

    Returns
    -------
    list of dict
        The order of elimination and the current are computed before, not timed. The Hall angle is
        compared with 1.5 solutions of Kirchhoff's laws and one sum over the triads (that of
        `spin_generation`), the torus with 2.5 solutions. The aim is a ratio below 1.
        On a machine that others use, the ratio of the minima is the safer one.
    """
    warnings.simplefilter("ignore", ValidityWarning)

    def network_of(geometry: str) -> Network:
        sites = random_sites(n_sites, density=density, seed=1, geometry=geometry)
        network = build_network(sites, cutoff_radius=cutoff_radius)
        network.dissection  # noqa: B018  (made here: its time is not part of any row)
        return network

    cylinder, torus = network_of("cylinder"), network_of("torus")
    current = solve_current(cylinder, threads=threads)
    found: dict[str, Any] = {}

    def keep(name: str, value: Any) -> None:
        found[name] = value

    seconds = paired(
        {
            "current": lambda: solve_current(cylinder, threads=threads),
            "triads": lambda: spin_generation(cylinder, current),
            "hall": lambda: keep("hall", cylinder_angle(cylinder, current, threads=threads)),
            "ring": lambda: solve_ring(cylinder, threads=threads),
            "torus": lambda: keep("torus", solve_torus(torus, threads=threads)),
        },
        repeats=repeats,
    )
    aim = [1.5 * a + b for a, b in zip(seconds["current"], seconds["triads"])]
    size = f"N={n_sites} density={density:g}"
    angle = hall_angle(torus, torus=found["torus"], threads=threads)

    def of_minima(name: str, reference: float) -> dict[str, float]:
        return {"ratio_of_minima": min(seconds[name]) / reference}

    least = {name: min(times) for name, times in seconds.items()}
    return [
        row(f"Kirchhoff's laws {size}", seconds["current"]),
        row("one sum over the triads (spins)", seconds["triads"], n_triads=angle.n_triads),
        row("ring field", seconds["ring"], "Kirchhoff's laws", seconds["current"]),
        row(
            "Hall angle of the cylinder, current known",
            seconds["hall"],
            "1.5 Kirchhoff + triads",
            aim,
            **of_minima("hall", 1.5 * least["current"] + least["triads"]),
            tangent=found["hall"].tangent,
        ),
        row(
            "conductivity tensor of the torus",
            seconds["torus"],
            "2.5 Kirchhoff",
            [2.5 * s for s in seconds["current"]],
            **of_minima("torus", 2.5 * least["current"]),
            imbalance=found["torus"].imbalance,
            tangent=angle.tangent,
        ),
    ]
