"""Curves over fields or voltages of one sample: one seam and one symbolic analysis for all."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, flag, instance_of
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.network.energies import Bath
from hopnet.network.network import Network
from hopnet.transport.bias import Bias, solve_bias
from hopnet.transport.drift import Drift, drift_of_seam
from hopnet.transport.seam import check_ring_axis, open_along

__all__ = ["field_curve", "share_of_long_links", "voltage_curve"]

# Links longer than LONG times the cutoff radius are the longest ones. Where they carry more than
# WARN of the current, links beyond the cutoff would carry current too. A larger WARN would hide an
# error of the velocity of the same size; a smaller one would warn in weak fields with a cutoff of
# 1.5 l_c, where nothing is wrong.
LONG = 0.9
WARN = 1e-3


def share_of_long_links(solved: Bias | Drift) -> float:
    """Share of the current that the links close to the cutoff carry.

    The sum of abs(flow R) over links longer than 0.9 cutoff radii, divided by that over all links;
    R is the length along the current.
    """
    network = solved.network
    axis = solved.axis if isinstance(solved, Drift) else network.axis
    carried = np.abs(solved.flow * network.separation[:, "xy".index(axis)])
    total = carried.sum()
    long = network.distance > LONG * network.cutoff_radius
    return float(carried[long].sum() / total) if total > 0 else 0.0


def warn_of_long_links(share: np.ndarray, value: np.ndarray, name: str) -> None:
    """Warn where the cutoff is too small for the field."""
    if np.any(share > WARN):
        first = value[int(np.argmax(share > WARN))]
        warnings.warn(
            f"from {name} {first:.3g} on, links close to the cutoff carry up to "
            f"{share.max():.1%} of the current, and longer ones are missing; build the network "
            "with a larger cutoff.",
            ValidityWarning,
            stacklevel=3,
        )


def field_curve(
    network: Network,
    field: ArrayLike,
    *,
    axis: str | None = None,
    both_signs: bool = True,
    bath: Bath | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Drift of single carriers over fields, one row for each field.

    Parameters
    ----------
    network : Network
        A torus or a cylinder.
    field : array_like, in kT/(e a_b)
        Positive fields.
    axis : {"x", "y"}, optional
        As in `solve_drift`.
    both_signs : bool
        Average velocity and diffusion constant over +F and -F. This takes out the term linear in F
        that is due to the asymmetry of the single sample.
    bath, threads
        As in `solve_drift`.

    Returns
    -------
    pandas.DataFrame
        field, velocity, inverse_velocity, log_velocity, mobility, diffusion, diffusion_ratio
        (D / (mobility kT), 1 in Ohm's law), mean_energy, long_share (share of the longest links in
        the current) and imbalance. ``inverse_velocity`` is the mean time per length: average it
        over samples, since times add along a path.

    Warns
    -----
    ValidityWarning
        If links close to the cutoff carry more than 1e-3 of the current: then longer links, which
        the network does not hold, would carry current too.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    fields = array_of("field", field, low=0.0)
    if np.any(fields == 0.0):
        raise ParameterError("fields of a curve must be positive, got 0; take 1e-9 for Ohm's law.")
    flag("both_signs", both_signs)
    if network.exclusion:
        raise ParameterError(
            "field_curve is for few carriers, this network was built with chemical_potential=; "
            "leave that out."
        )
    seam = open_along(network, check_ring_axis(network, axis))
    rows = []
    for F in np.atleast_1d(fields).tolist():
        signs = (1.0, -1.0) if both_signs else (1.0,)
        solved = [drift_of_seam(seam, sign * F, bath=bath, threads=threads) for sign in signs]
        velocity = float(np.mean([abs(one.velocity) for one in solved]))
        diffusion = float(np.mean([one.diffusion for one in solved]))
        rows.append(
            {
                "field": F,
                "velocity": velocity,
                "inverse_velocity": float(np.mean([1.0 / abs(one.velocity) for one in solved])),
                "log_velocity": float(np.log(velocity)),
                "mobility": velocity / F,
                "diffusion": diffusion,
                "diffusion_ratio": diffusion * F / velocity,
                "mean_energy": float(np.mean([one.mean_energy for one in solved])),
                "long_share": max(share_of_long_links(one) for one in solved),
                "imbalance": max(one.imbalance for one in solved),
            }
        )
    curve = pd.DataFrame(rows)
    warn_of_long_links(curve["long_share"].to_numpy(), curve["field"].to_numpy(), "field")
    return curve


def voltage_curve(
    network: Network,
    voltage: ArrayLike,
    *,
    bath: Bath | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Current of few carriers between the contacts over voltages, one row for each voltage.

    Parameters
    ----------
    network : Network
        Open or cylinder.
    voltage : array_like, in kT/e
    bath, threads
        As in `solve_bias`.

    Returns
    -------
    pandas.DataFrame
        voltage, current, conductance (current / voltage), forward, backward, noise (over 2 e),
        long_share and imbalance.

    Warns
    -----
    ValidityWarning
        As in `field_curve`.
    """
    voltages = array_of("voltage", voltage)
    rows = []
    for V in np.atleast_1d(voltages).tolist():
        bias = solve_bias(network, V, bath=bath, threads=threads)
        rows.append(
            {
                "voltage": V,
                "current": bias.current,
                "conductance": bias.current / V if V else np.nan,
                "forward": bias.forward,
                "backward": bias.backward,
                "noise": bias.noise,
                "long_share": share_of_long_links(bias) if V else 0.0,
                "imbalance": bias.imbalance,
            }
        )
    curve = pd.DataFrame(rows)
    warn_of_long_links(curve["long_share"].to_numpy(), curve["voltage"].to_numpy(), "voltage")
    return curve
