"""Current-induced spin in frozen nuclear fields: the mean over a copy, and f in these fields.

Derived in docs/nuclear_fields.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.records import read_only
from hopnet.spin.coefficients import check_spin_orbit, spin_orbit_determinant
from hopnet.spin.hyperfine import turned_copy
from hopnet.spin.kinetics.checks import check_field
from hopnet.spin.kinetics.observables import induced_direction
from hopnet.spin.kinetics.solve import Kinetics, solve_kinetics
from hopnet.spin.kinetics.unit import count_electrons, find_rates
from hopnet.transport.current import Current, own_current

__all__ = ["NuclearAverage", "nuclear_average", "nuclear_fields"]


@dataclass(frozen=True, eq=False)
class NuclearAverage:
    """Current-induced spin, averaged over two copies of the nuclear fields [nuclei 6].

    Attributes
    ----------
    copies : tuple of two Kinetics
        The solutions in the given fields and in the fields turned by half a turn about z.
    polarisation : float64[3]
        Mean of both copies.
    leakage : float64[3]
        Half the difference of both copies: spin of second order in the spin-orbit coupling, turned
        into the plane by the fields of this one configuration. It is 1 / (angle sqrt(N)) times the
        mean, and of either sign.
    tau_f : float, in tau_0
        What stands for tau_s f in [hopping 13], from the mean.
    tau_f_of_copies : float64[2], in tau_0
        The same from each copy alone. It does not show f.
    """

    copies: tuple[Kinetics, Kinetics]
    polarisation: np.ndarray
    leakage: np.ndarray
    tau_f: float
    tau_f_of_copies: np.ndarray


def nuclear_average(
    network: Network,
    spin_orbit: ArrayLike,
    *,
    eta: float,
    tau_s: ArrayLike,
    field: ArrayLike,
    external: ArrayLike = (0.0, 0.0, 0.0),
    current: Current | None = None,
    threads: int | None = None,
) -> NuclearAverage:
    """Current-induced spin of all orders in frozen nuclear fields, the mean of two copies.

    Equation [nuclei 6]. The z spin that triads generate is of second order in the spin-orbit
    coupling, and the current-induced spin is of third order. Frozen fields turn the z spin into the
    plane. In one configuration this covers what is looked for, even with 1e5 sites. In the copy
    (-Omega_x, -Omega_y, Omega_z), which is as probable, it has the opposite sign, exactly.

    Parameters
    ----------
    network : Network
        Open or cylinder.
    spin_orbit : array_like[2, 2]
        M = m a_b beta / hbar^2.
    eta : float
        hbar / (J_0 tau_0).
    tau_s : float or array_like[n_sites], in tau_0
        Spin relaxation time by everything but the nuclei.
    field : float64[n_sites, 3], in 1/tau_0
        Nuclear fields, as `hopnet.overhauser_fields` makes them.
    external : array_like[3], in 1/tau_0
        External field, the same in both copies. If it lies in the plane, part of the leakage is
        real (Hanle): average over several configurations then.
    current : Current, optional
        The current of this network; solved for if it is not given.
    threads : int, optional

    Returns
    -------
    NuclearAverage

    Raises
    ------
    ParameterError
        If an argument is not of the kind described.

    Notes
    -----
    Cost: two solutions of `hopnet.solve_kinetics`. Terms of fourth order (relative size: the
    half-angle per hop, squared) remain in the mean.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(500, density=0.1, seed=1, geometry="cylinder"))
    >>> field = hn.overhauser_fields(network, 1e-3, seed=2)
    >>> rashba = [[0, 0.01], [-0.01, 0]]
    >>> mean = hn.nuclear_average(network, rashba, eta=0.01, tau_s=1e4, field=field)
    >>> bool(abs(mean.leakage[1]) > 0.01 * abs(mean.polarisation[1]))
    True
    """
    current = own_current(network, current, threads)
    nuclei = nuclear_fields(network, field)
    external = array_of("external", external, shape=(3,), hint="give three components, in 1/tau_0")
    matrix = check_spin_orbit(spin_orbit)
    one, two = (
        solve_kinetics(
            network,
            matrix,
            eta=eta,
            tau_s=tau_s,
            field=copy + external,
            current=current,
            threads=threads,
        )
        for copy in (nuclei, turned_copy(nuclei))
    )
    unit = spin_at_unit_time(network, matrix, one.eta, one.relative_current, current)
    direction = unit / (unit @ unit) if np.any(unit) else unit
    both = np.stack([one.polarisation, two.polarisation])
    return NuclearAverage(
        copies=(one, two),
        polarisation=read_only(both.mean(axis=0)),
        leakage=read_only(0.5 * (both[0] - both[1])),
        tau_f=float(both.mean(axis=0) @ direction),
        tau_f_of_copies=read_only(both @ direction),
    )


def nuclear_fields(network: Network, field: ArrayLike) -> np.ndarray:
    """float64[n_sites, 3]: nuclear fields, one vector per site; a ParameterError for one vector."""
    found = check_field(network, field)
    if found.ndim == 1:
        raise ParameterError(
            f"field must hold the nuclear field of each of the {network.n_sites} sites, got one "
            "vector; make it with hn.overhauser_fields, or give an external field as 'external'."
        )
    return found


def spin_at_unit_time(
    network: Network,
    spin_orbit: np.ndarray,
    eta: float,
    relative_current: float,
    current: Current,
) -> np.ndarray:
    """float64[3]: the polarisation at tau_s f = 1, T eta (N / N_e) (I / L) z x (M y') [hopping 13].

    Parameters
    ----------
    network : Network
    spin_orbit : float64[2, 2]
    eta : float
    relative_current : float
        Current over the conductance of the network.
    current : Current
    """
    rates = find_rates(network)
    flow = relative_current * np.exp(current.log_conductance - rates.log_scale)
    T = -2.0 * spin_orbit_determinant(spin_orbit)
    size = T * eta * network.n_sites / count_electrons(network, rates) * flow
    return size / network.width_across_current * induced_direction(network, spin_orbit)
