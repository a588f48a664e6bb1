"""Curves over fields or voltages of one sample: one seam and one symbolic analysis for all."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, flag, instance_of
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning
from hopnet.network.build import CUTOFF_MARGIN
from hopnet.network.energies import Bath
from hopnet.network.network import Network
from hopnet.network.sites import critical_length
from hopnet.progress import track
from hopnet.transport.bias import (
    BetweenContacts,
    Bias,
    between_contacts,
    check_bias,
    crowd_between,
    crowded_bias,
    share_of_voltage,
    solve_bias,
)
from hopnet.transport.current import in_unit
from hopnet.transport.drift import (
    Drift,
    crowd_around,
    crowded_drift,
    diffusion_of,
    drift_of_seam,
    single_carrier,
)
from hopnet.transport.exclusion import filling_of
from hopnet.transport.seam import Seam, check_ring_axis, open_along

__all__ = ["field_curve", "field_margin", "share_of_long_links", "voltage_curve"]

# Links longer than LONG times the cutoff radius are the longest ones. Where they carry more than
# WARN of the current, links beyond the cutoff would carry current too. A larger WARN would hide an
# error of the velocity of the same size; a smaller one would warn in weak fields with a cutoff of
# 1.5 l_c, where nothing is wrong.
LONG = 0.9
WARN = 1e-3


def field_margin(density: float, field: float, dimension: int = 2) -> float:
    """How far links reach beyond l_c, in a_b, so that longer ones carry no current in a field.

    In a strong field a carrier leaves a dead end by one long hop along the field instead of going
    back. Links up to 2.5 l_c gave the same velocities as 3.5 l_c up to e F l_c = 100 kT.

    Parameters
    ----------
    density : float
    field : float, in kT/(e l_c)
        The largest field.
    dimension : {2, 3}
        Number of axes of the sample.

    Returns
    -------
    float
        At least the default of `hopnet.build_network`; 1.5 l_c from e F l_c = kT on, 0.5 l_c in a
        weak field.
    """
    l_c = critical_length(density, dimension)
    return max(CUTOFF_MARGIN, l_c * min(0.5 + field, 1.5))


def share_of_long_links(solved: Bias | Drift) -> float:
    """Share of the current that the links close to the cutoff carry.

    The sum of abs(flow R) over links longer than 0.9 cutoff radii, divided by that over all links;
    R is the length along the current.
    """
    network = solved.network
    axis = solved.axis if isinstance(solved, Drift) else network.axis
    carried = np.abs(solved.flow * network.separation[:, network.sites.axes.index(axis)])
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


class AtField(NamedTuple):
    """What a curve keeps of the solution at one field.

    Attributes
    ----------
    velocity, diffusion, mean_energy : float
        As in `Drift`; the velocity without its sign.
    n_carriers : float
    long_share, imbalance, residual : float
    steps : int
    """

    velocity: float
    diffusion: float
    mean_energy: float
    n_carriers: float
    long_share: float
    imbalance: float
    residual: float = 0.0
    steps: int = 0


def direct_share(
    network: Network, gross: tuple[np.ndarray, np.ndarray], along: np.ndarray, total: float
) -> float:
    """Share of the longest links in the current, from the differences of their gross flows.

    Long links are weak, so the difference of their two gross flows keeps enough digits.

    Parameters
    ----------
    network : Network
    gross : (p_i a_ij, p_j a_ji)
    along : float64[n_links]
        Component of each link along the current.
    total : float
        sum of flow times ``along`` over all links.
    """
    long = network.distance > LONG * network.cutoff_radius
    carried = np.abs((gross[0][long] - gross[1][long]) * along[long]).sum()
    return float(carried / abs(total)) if total else 0.0


def at_field(drift: Drift) -> AtField:
    """The numbers of a full solution."""
    return AtField(
        velocity=abs(drift.velocity),
        diffusion=drift.diffusion,
        mean_energy=drift.mean_energy,
        n_carriers=drift.n_carriers,
        long_share=share_of_long_links(drift),
        imbalance=drift.imbalance,
        residual=drift.residual,
        steps=drift.steps,
    )


def single_at_field(seam: Seam, field: float, bath: Bath | None, threads: int | None) -> AtField:
    """The numbers of one carrier, without its flows."""
    network = seam.network
    found = single_carrier(seam, field, bath=bath, threads=threads, with_flows=False)
    energy = network.sites.energy
    inside = seam.kept[network.link_i]
    gross = np.where(inside, found.gross[0], 0.0), np.where(inside, found.gross[1], 0.0)
    return AtField(
        velocity=abs(float(in_unit(found.velocity, found.scale))),
        diffusion=float(in_unit(diffusion_of(seam, found), found.scale)),
        mean_energy=0.0 if energy is None else float(found.occupation @ energy),
        n_carriers=1.0,
        long_share=direct_share(network, gross, seam.along, found.velocity),
        imbalance=np.nan,
    )


def drifts_over(
    seam: Seam,
    fields: Sequence[float],
    filling: tuple[float | None, float | None],
    *,
    bath: Bath | None,
    threads: int | None,
    flows: bool,
    progress: bool | None,
) -> list[AtField | None]:
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
    flows : bool
        Whether every flow is computed for few carriers too.
    progress : bool or None
        As in `field_curve`.
    """
    todo = track(fields, "fields", progress=progress)
    if filling == (None, None):
        if not flows:
            return [single_at_field(seam, F, bath, threads) for F in todo]
        return [at_field(drift_of_seam(seam, F, bath=bath, threads=threads)) for F in todo]
    crowd, y = crowd_around(seam, filling, bath=bath, threads=threads)
    found: list[AtField | None] = []
    start = y, 0.0
    for F in todo:
        try:
            drift = crowded_drift(seam, crowd, F, start)
        except ConvergenceError as failure:
            warn_of_stall(failure, "field")
            return found + [None] * (len(fields) - len(found))
        found.append(at_field(drift))
        start = np.asarray(drift.log_odds), F
    return found


def row_of_drifts(
    network: Network, field: float, solved: Sequence[AtField | None]
) -> dict[str, float]:
    """One row of `field_curve`, the mean over the signs of the field."""
    both = [one for one in solved if one is not None]
    if len(both) < len(solved):
        return {"field": field}
    area = network.sites.length * network.sites.width
    velocity = float(np.mean([one.velocity for one in both]))
    diffusion = float(np.mean([one.diffusion for one in both]))
    return {
        "field": field,
        "velocity": velocity,
        "inverse_velocity": float(np.mean([1.0 / one.velocity for one in both])),
        "log_velocity": float(np.log(velocity)),
        "mobility": velocity / field,
        "diffusion": diffusion,
        "diffusion_ratio": diffusion * field / velocity,
        "current_density": velocity * both[0].n_carriers / area,
        "mean_energy": float(np.mean([one.mean_energy for one in both])),
        "long_share": max(one.long_share for one in both),
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
    flows: bool = False,
    bath: Bath | None = None,
    threads: int | None = None,
    progress: bool | None = None,
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
    flows : bool
        Compute every net flow for few carriers too, which takes three times as long: for the
        imbalance, which is nan without them. With many carriers flows are always computed.
    bath, threads
        As in `solve_drift`.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

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
    flag("flows", flows)
    filling = filling_of(network, concentration, chemical_potential)
    seam = open_along(network, check_ring_axis(network, axis))
    signs = (1.0, -1.0) if both_signs else (1.0,)
    solved = [
        drifts_over(
            seam,
            (sign * fields).tolist(),
            filling,
            bath=bath,
            threads=threads,
            flows=flows,
            progress=progress,
        )
        for sign in signs
    ]
    curve = pd.DataFrame(
        [row_of_drifts(network, F, both) for F, *both in zip(fields.tolist(), *solved)]
    )
    if "long_share" in curve:
        share = curve["long_share"].fillna(0.0).to_numpy()
        warn_of_long_links(share, curve["field"].to_numpy(), "field")
    return curve


def row_of_bias(
    voltage: float, bias: Bias | BetweenContacts, share: float, scale: float = 0.0
) -> dict[str, float]:
    """One row of `voltage_curve`; currents in units of exp(scale)."""
    current, forward, backward = (
        float(in_unit(value, scale)) for value in (bias.current, bias.forward, bias.backward)
    )
    return {
        "voltage": voltage,
        "current": current,
        "conductance": current / voltage if voltage else np.nan,
        "forward": forward,
        "backward": backward,
        "noise": bias.noise if isinstance(bias, Bias) else forward + backward,
        "long_share": share if voltage else 0.0,
        "imbalance": bias.imbalance,
        "residual": bias.residual if isinstance(bias, Bias) else 0.0,
        "steps": float(bias.steps) if isinstance(bias, Bias) else 0.0,
    }


def singles_over(
    network: Network, voltages: Iterable[float], bath: Bath | None, threads: int | None
) -> list[dict[str, float]]:
    """Rows of `voltage_curve` of few carriers, without their flows: one analysis for all."""
    solve = between_contacts(network, bath=bath, threads=threads)
    along = network.separation[:, network.sites.axes.index(network.axis)]
    length = network.length_along_current
    rows = []
    for V in voltages:
        found = solve(V)
        share = direct_share(network, found.gross, along, found.current * length)
        rows.append(row_of_bias(V, found, share, found.scale))
    return rows


def biases_over(
    network: Network,
    voltages: Sequence[float],
    filling: tuple[float | None, float | None],
    bath: Bath | None,
    threads: int | None,
    progress: bool | None,
) -> list[dict[str, float]]:
    """Rows of `voltage_curve` with every flow; nan from where blocking does not converge."""
    if filling == (None, None):
        todo = track(voltages, "voltages", progress=progress)
        solved = [solve_bias(network, V, bath=bath, threads=threads) for V in todo]
        return [row_of_bias(V, b, share_of_long_links(b)) for V, b in zip(voltages, solved)]
    crowd, y = crowd_between(
        network, share_of_voltage(network), filling, bath=bath, threads=threads
    )
    rows: list[dict[str, float]] = []
    begin = 0.0
    for V in track(voltages, "voltages", progress=progress):
        try:
            bias = crowded_bias(crowd, check_bias(network, V), y, begin)
        except ConvergenceError as failure:
            warn_of_stall(failure, "voltage")
            return rows + [{"voltage": rest} for rest in voltages[len(rows) :]]
        rows.append(row_of_bias(V, bias, share_of_long_links(bias)))
        y, begin = np.asarray(bias.log_odds), V
    return rows


def voltage_curve(
    network: Network,
    voltage: ArrayLike,
    *,
    concentration: float | None = None,
    chemical_potential: float | None = None,
    flows: bool = False,
    bath: Bath | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Current between the contacts over voltages, one row for each voltage.

    Parameters
    ----------
    network : Network
        Open or cylinder.
    voltage : array_like, in kT/e
    concentration, chemical_potential : float, optional
        Many carriers that exclude each other, as in `solve_bias`. Each solution starts the next.
    flows : bool
        As in `field_curve`.
    bath, threads
        As in `solve_bias`.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

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
    flag("flows", flows)
    filling = filling_of(network, concentration, chemical_potential)
    values = np.atleast_1d(voltages).tolist()
    if filling == (None, None) and not flows:
        todo = track(values, "voltages", progress=progress)
        rows = singles_over(network, todo, bath, threads)
    else:
        rows = biases_over(network, values, filling, bath, threads, progress)
    curve = pd.DataFrame(rows)
    if "long_share" in curve:
        share = curve["long_share"].fillna(0.0).to_numpy()
        warn_of_long_links(share, curve["voltage"].to_numpy(), "voltage")
    return curve
