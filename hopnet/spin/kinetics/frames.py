"""Local frames of the spins, in which the strongest links do not rotate a spin.

The spin rows hold hops with rotation, K_ij (sigma_i - R_ij sigma_j): a connection Laplacian. In
frames Q_i that follow the strongest links (the maximum spanning forest of K), these links do not
rotate. The rotation that remains on the other links is the holonomy of loops, about 8 det M times
their area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hopnet.elimination.scaling import ScaledRates
from hopnet.kernels import kinetics as kernels
from hopnet.network.network import Network
from hopnet.records import Record
from hopnet.spin.coefficients import hop_table
from hopnet.spin.kinetics.incomplete import SCALAR_CUT
from hopnet.spin.kinetics.unit import find_rates

__all__ = ["Frames", "find_frames", "hop_rotations", "rotation_matrices"]


@dataclass(frozen=True, eq=False)
class Frames(Record):
    """Spin rotations of a network in local frames.

    Attributes
    ----------
    network : Network
    rates : ScaledRates
        K_ij and n_i in their common unit.
    transport : float64[n_links, 4]
        Quaternion of the hop j -> i, i < j, a turn by 2 d_ij, between local frames.
    frame : float64[n_sites, 4]
        Quaternion of the frame Q_i of every site: sigma_i = Q_i sigma'_i.
    dephasing : float64[n_sites]
        (1/3) tr sum_j K_ij (1 - R'_ij): the rate at which loops dephase a spin, times n_i.
    """

    table_row: ClassVar[str] = "site"
    table_columns: ClassVar[tuple[str, ...]] = ("frame", "dephasing")

    network: Network
    rates: ScaledRates
    transport: np.ndarray
    frame: np.ndarray
    dephasing: np.ndarray

    @property
    def conductance(self) -> np.ndarray:
        """float64[n_links]: K_ij in the unit of the rates."""
        return self.rates.conductance

    def to_local(self, vector: np.ndarray) -> np.ndarray:
        """float64[n_sites, 3]: Q_i^T v_i, a vector of every site in its local frame."""
        return self._turned(-1.0, vector)

    def to_laboratory(self, vector: np.ndarray) -> np.ndarray:
        """float64[n_sites, 3]: Q_i v_i, a vector of every site in the laboratory frame."""
        return self._turned(1.0, vector)

    def _turned(self, sign, vector):
        out = np.empty((self.network.n_sites, 3))
        kernels.turn_vectors(self.frame, sign, np.ascontiguousarray(vector), out)
        return out


def hop_rotations(network: Network, spin_orbit: np.ndarray) -> np.ndarray:
    """float64[n_links, 4]: quaternions (cos |d|, d sin |d| / |d|) of the hops j -> i, i < j.

    The half-angles d are those of [hopping 4].
    """
    d_x, d_y, cosine, sinc = hop_table(network, spin_orbit).T[:4]  # of R_j - R_i
    return np.stack([cosine, -sinc * d_x, -sinc * d_y, np.zeros_like(d_x)], axis=1)


def rotation_matrices(q: np.ndarray) -> np.ndarray:
    """float64[n, 3, 3]: rotation matrices of unit quaternions float64[n, 4]."""
    s, x, y, z = q.T
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - s * z), 2 * (x * z + s * y)], -1),
            np.stack([2 * (x * y + s * z), 1 - 2 * (x * x + z * z), 2 * (y * z - s * x)], -1),
            np.stack([2 * (x * z - s * y), 2 * (y * z + s * x), 1 - 2 * (x * x + y * y)], -1),
        ],
        axis=-2,
    )


def find_frames(
    network: Network,
    hops: np.ndarray,
    slowest: float = 0.0,
    rates: ScaledRates | None = None,
) -> Frames:
    """Frames in which the links of the maximum spanning forest of K do not rotate.

    Parameters
    ----------
    network : Network
    hops : float64[n_links, 6]
        The table from `hopnet.spin.coefficients.hop_table`.
    slowest : float
        Smallest relaxation rate n_i / tau_s. Links so much weaker that the preconditioners leave
        them out are not considered for the forest.
    rates : ScaledRates, optional
        K_ij and n_i in their common unit; made if they are not given.

    Returns
    -------
    Frames

    Notes
    -----
    Conductances are sorted as whole numbers of 16 bits, which is fast. Links whose logarithms
    differ by less than the spread / 65535 are therefore taken in the order of their numbers. Any
    forest of strong links is good enough.
    """
    n = network.n_sites
    rates = find_rates(network) if rates is None else rates
    conductance = rates.conductance
    strong = np.flatnonzero(conductance > SCALAR_CUT * slowest)
    weakness = network.log_conductance.max(initial=-np.inf) - network.log_conductance[strong]
    step = max(weakness.max(initial=0.0), 1e-300) / 65535
    order = strong[np.argsort((weakness / step).astype(np.uint16), kind="stable")]
    forest = np.empty(network.n_links, np.bool_)
    kernels.mark_forest(order, network.link_i, network.link_j, n, forest)
    frame = np.empty((n, 4))
    kernels.fill_frames(
        network.row_start, network.row_neighbour, network.row_link, hops, forest, frame
    )
    transport, dephasing = np.empty((network.n_links, 4)), np.empty(n)
    kernels.fill_transport(
        network.link_i, network.link_j, conductance, hops, forest, frame, transport, dephasing
    )
    return Frames(network, rates, transport, frame, dephasing)
