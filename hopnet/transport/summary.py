"""Linear transport coefficients of the solved network of one sample, as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hopnet.checks import instance_of
from hopnet.network.network import Network
from hopnet.transport.current import Current, own_current
from hopnet.transport.hall import cylinder_angle
from hopnet.transport.response import (
    activation_energy,
    activation_terms,
    effective_number,
    link_power,
    log_noise,
    shrinkage,
    shrinkage_terms,
    strain_response,
)
from hopnet.transport.thermopower import peltier_terms

__all__ = ["transport_table"]


def transport_table(
    network: Network, *, current: Current | None = None, threads: int | None = None
) -> pd.DataFrame:
    """Linear transport coefficients of one sample, with errors and effective numbers of links.

    Parameters
    ----------
    network : Network
        An open sample or a cylinder. Coefficients that need energies, a chemical potential or a
        cylinder are left out where there are none.
    current : Current, optional
        The current of this network. Default: it is solved for.
    threads : int, optional

    Returns
    -------
    DataFrame
        One row per quantity: ``quantity``, ``value``, ``unit``, ``cutoff_error`` and
        ``n_effective``.
        ``cutoff_error`` is the estimated change by links beyond the cutoff, NaN where it is not
        known (lattices and given links). ``n_effective`` is the effective number of
        links (of triads for the Hall angle) that carry the result; where it is below about 30,
        another sample gives a very different value.

    Notes
    -----
    The links beyond the cutoff would carry about the share eps = `Current.cutoff_error` of the
    power. A sum over links then changes by their own terms, and by a fraction eps of the terms of
    all other links. Their own terms are taken as eps times the ratio of terms to power in the
    outermost links of the sample. The estimate is twice the sum of both moduli, because the flow
    through the other links changes as well. Cost: O(n_links) in addition to the current, and one
    more factor for the Hall angle.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    current = own_current(network, current, threads)
    rows: list[dict[str, Any]] = []

    def add(quantity: str, value: float, unit: str, cutoff_error: float, n: float) -> None:
        rows.append(
            {
                "quantity": quantity,
                "value": value,
                "unit": unit,
                "cutoff_error": cutoff_error,
                "n_effective": n,
            }
        )

    power = link_power(current)
    effective = effective_number(power)
    eps = current.cutoff_error
    add("ln resistivity", current.log_resistivity, "ln(rho_0)", eps, effective)
    for quantity, terms, value, unit in weighted_means(network, current):
        error = error_of_sum(current, terms)
        add(quantity, value, unit, error, effective_number(terms))
    for theta, name in ((0.0, "noise"), (1.0, "noise, theta 1")):
        value = log_noise(current, theta=theta)
        fourth = log_noise(current, theta=theta, moment=4)
        add(f"ln {name}", value, "1", 4.0 * eps, float(np.exp(2.0 * value - fourth)))
    if network.sites.geometry == "cylinder":
        hall = cylinder_angle(network, current, threads=threads)
        add("Hall angle", hall.tangent, "eta b", hall.cutoff_error, hall.n_effective)
    return pd.DataFrame(rows)


def weighted_means(network: Network, current: Current) -> list[tuple[str, np.ndarray, float, str]]:
    """Quantity, terms of the links, value and unit of each sum over links that is defined."""
    power = link_power(current)
    along = network.sites.axes.index(network.axis)
    hop = power * network.distance
    strain = strain_response(current)
    found = [
        ("mean hop", hop, float(hop.sum()), "a_b"),
        ("shrinkage", shrinkage_terms(current), shrinkage(current), "(a_b/lambda)^-4"),
        ("gauge factor", strain_terms(current, along), -float(strain[along, along]), "1"),
    ]
    if network.kT is None or network.sites.energy is None:
        return found
    if isinstance(network.bath, str):
        terms = activation_terms(current)
        level = activation_energy(current)
        electrons = activation_energy(current, fixed="electrons")
        found += [
            ("activation energy, level fixed", terms, level, "kT"),
            ("activation energy, electrons fixed", terms - power * (level - electrons), electrons,
             "kT"),
        ]  # fmt: skip
    if network.chemical_potential is not None:
        terms = peltier_terms(current) / network.kT
        found.append(("Seebeck coefficient", terms, float(terms.sum()), "k_B/q"))
    return found


def strain_terms(current: Current, along: int) -> np.ndarray:
    """Contribution of each link to the gauge factor along one axis [response 4]."""
    network = current.network
    length = np.where(network.distance > 0, network.distance, 1.0)
    cosine = network.separation[:, along] / length
    return 2.0 * link_power(current) * network.effective_distance * cosine**2


def error_of_sum(current: Current, terms: np.ndarray) -> float:
    """Estimated error of a sum over links by links beyond the cutoff, see `transport_table`."""
    outer = current.network.outermost
    size = np.abs(terms)
    share = float(link_power(current)[outer].sum())
    there = float(size[outer].sum()) / share if share > 0 else 0.0
    return 2.0 * current.cutoff_error * (there + float(size.sum()))
