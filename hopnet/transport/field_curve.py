"""Curves over fields or voltages of one sample: one seam and one symbolic analysis for all."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, flag, instance_of
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning
from hopnet.network.build import CUTOFF_MARGIN
from hopnet.network.energies import Bath
from hopnet.network.network import Network
from hopnet.network.sites import critical_length
from hopnet.transport.bias import Bias, solve_bias
from hopnet.transport.drift import Drift, crowd_around, crowded_drift, drift_of_seam
from hopnet.transport.exclusion import filling_of
from hopnet.transport.seam import Seam, check_ring_axis, open_along

__all__ = ["field_curve", "field_margin", "share_of_long_links", "voltage_curve"]

# Links longer than LONG times the cutoff radius are the longest ones. Where they carry more than
# WARN of the current, links beyond the cutoff would carry current too. A larger WARN would hide an
# error of the velocity of the same size; a smaller one would warn in weak fields with a cutoff of
# 1.5 l_c, where nothing is wrong.
LONG = 0.9
WARN = 1e-3


def field_margin(density: float, field: float) -> float:
    """How far links reach beyond l_c, in a_b, so that longer ones carry no current in a field.

    In a strong field a carrier leaves a dead end by one long hop along the field instead of going
    back. Links up to 2.5 l_c gave the same velocities as 3.5 l_c up to e F l_c = 100 kT.

    Parameters
    ----------
    density : float
    field : float, in kT/(e l_c)
        The largest field.

    Returns
    -------
    float
        At least the default of `hopnet.build_network`; 1.5 l_c from e F l_c = kT on, 0.5 l_c in a
        weak field.
    """
    return max(CUTOFF_MARGIN, critical_length(density) * min(0.5 + field, 1.5))


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


def warn_of_stall(failure: ConvergenceError, name: str) -> None:
    """Warn where a curve ends because blocking does not converge."""
    warnings.warn(
        f"the curve ends: {str(failure).rstrip('.')}; rows from this {name} on hold nan.",
        ValidityWarning,
        stacklevel=4,
    )


def drifts_over(
    seam: Seam,
    fields: Sequence[float],
    filling: tuple[float | None, float | None],
    *,
    bath: Bath | None,
    threads: int | None,
) -> list[Drift | None]:
    """The drift at each field; None from where blocking does not converge.

    Parameters
    ----------
    seam : Seam
    fields : sequence of float
        All of one sign, in the order of size: each solution starts the next.
    filling : (concentration, shift)
        From `hopnet.transport.exclusion.filling_of`.
    bath, threads
        As in `solve_drift`.
    """
    if filling == (None, None):
        return [drift_of_seam(seam, F, bath=bath, threads=threads) for F in fields]
    crowd, y = crowd_around(seam, filling, bath=bath, threads=threads)
    found: list[Drift | None] = []
    start = y, 0.0
    for F in fields:
        try:
            drift = crowded_drift(seam, crowd, F, start)
        except ConvergenceError as failure:
            warn_of_stall(failure, "field")
            return found + [None] * (len(fields) - len(found))
        found.append(drift)
        start = np.asarray(drift.log_odds), F
    return found


def row_of_drifts(field: float, solved: Sequence[Drift | None]) -> dict[str, float]:
    """One row of `field_curve`, the mean over the signs of the field."""
    both = [one for one in solved if one is not None]
    if len(both) < len(solved):
        return {"field": field}
    network = both[0].network
    area = network.sites.length * network.sites.width
    velocity = float(np.mean([abs(one.velocity) for one in both]))
    diffusion = float(np.mean([one.diffusion for one in both]))
    return {
        "field": field,
        "velocity": velocity,
        "inverse_velocity": float(np.mean([1.0 / abs(one.velocity) for one in both])),
        "log_velocity": float(np.log(velocity)),
        "mobility": velocity / field,
        "diffusion": diffusion,
        "diffusion_ratio": diffusion * field / velocity,
        "current_density": velocity * both[0].n_carriers / area,
        "mean_energy": float(np.mean([one.mean_energy for one in both])),
        "long_share": max(share_of_long_links(one) for one in both),
        "imbalance": max(one.imbalance for one in both),
        "residual": max(one.residual for one in both),
        "steps": float(sum(one.steps for one in both)),
    }


def field_curve(
    network: Network,
    field: ArrayLike,
    *,
    concentration: float | None = None,
    chemical_potential: float | None = None,
    axis: str | None = None,
    both_signs: bool = True,
    bath: Bath | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Drift of carriers over fields, one row for each field.

    Parameters
    ----------
    network : Network
        A torus or a cylinder.
    field : array_like, in kT/(e a_b)
        Positive fields, from small to large.
    concentration, chemical_potential : float, optional
        Many carriers that exclude each other, as in `solve_drift`. Each solution starts the next.
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
        (D / (mobility kT), 1 in Ohm's law), current_density (number of carriers that cross a unit
        length per time; of one carrier in the sample where carriers are few), mean_energy,
        long_share (share of the longest links in the current), imbalance, residual and steps of
        Newton's method. ``inverse_velocity`` is the mean time per length: average it over samples,
        since times add along a path. Where blocking does not converge, a row holds nan.

    Warns
    -----
    ValidityWarning
        If links close to the cutoff carry more than 1e-3 of the current: then longer links, which
        the network does not hold, would carry current too. Also if blocking does not converge.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    fields = np.atleast_1d(array_of("field", field, low=0.0))
    if np.any(fields == 0.0):
        raise ParameterError("fields of a curve must be positive, got 0; take 1e-9 for Ohm's law.")
    if np.any(np.diff(fields) <= 0.0):
        raise ParameterError("fields of a curve must increase from one to the next; sort them.")
    flag("both_signs", both_signs)
    filling = filling_of(network, concentration, chemical_potential)
    seam = open_along(network, check_ring_axis(network, axis))
    signs = (1.0, -1.0) if both_signs else (1.0,)
    solved = [
        drifts_over(seam, (sign * fields).tolist(), filling, bath=bath, threads=threads)
        for sign in signs
    ]
    curve = pd.DataFrame([row_of_drifts(F, both) for F, *both in zip(fields.tolist(), *solved)])
    if "long_share" in curve:
        share = curve["long_share"].fillna(0.0).to_numpy()
        warn_of_long_links(share, curve["field"].to_numpy(), "field")
    return curve


def voltage_curve(
    network: Network,
    voltage: ArrayLike,
    *,
    concentration: float | None = None,
    chemical_potential: float | None = None,
    bath: Bath | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Current between the contacts over voltages, one row for each voltage.

    Parameters
    ----------
    network : Network
        Open or cylinder.
    voltage : array_like, in kT/e
    concentration, chemical_potential : float, optional
        Many carriers that exclude each other, as in `solve_bias`. Each solution starts the next.
    bath, threads
        As in `solve_bias`.

    Returns
    -------
    pandas.DataFrame
        voltage, current, conductance (current / voltage), forward, backward, noise (over 2 e),
        long_share, imbalance, residual and steps of Newton's method. Where blocking does not
        converge, a row holds nan.

    Warns
    -----
    ValidityWarning
        As in `field_curve`.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    voltages = array_of("voltage", voltage)
    crowded = filling_of(network, concentration, chemical_potential) != (None, None)
    rows: list[dict[str, float]] = []
    start, stalled = None, False
    for V in np.atleast_1d(voltages).tolist():
        try:
            bias = (
                None
                if stalled
                else solve_bias(
                    network,
                    V,
                    concentration=concentration,
                    chemical_potential=chemical_potential,
                    start=start,
                    bath=bath,
                    threads=threads,
                )
            )
        except ConvergenceError as failure:
            warn_of_stall(failure, "voltage")
            bias, stalled = None, True
        if bias is None:
            rows.append({"voltage": V})
            continue
        start = bias if crowded else None
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
                "residual": bias.residual,
                "steps": float(bias.steps),
            }
        )
    curve = pd.DataFrame(rows)
    if "long_share" in curve:
        share = curve["long_share"].fillna(0.0).to_numpy()
        warn_of_long_links(share, curve["voltage"].to_numpy(), "voltage")
    return curve
