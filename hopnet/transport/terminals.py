"""More than two terminals: the conductance matrix, four-point resistances, floating potentials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number, shown, site_numbers, whole
from hopnet.elimination.scaling import scaled_conductance
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import Factor, factor
from hopnet.errors import ParameterError
from hopnet.network.network import INNER, LEFT_OUT, Network
from hopnet.records import Record, read_only
from hopnet.transport.balance import net_flow

__all__ = ["Terminals", "reduce_mesh", "solve_terminals"]


@dataclass(frozen=True, eq=False)
class Terminals(Record):
    """A network reduced to its terminals.

    Attributes
    ----------
    network : Network
    sites : tuple of int64 arrays
        The sites of each terminal.
    terminal : int64[n_sites]
        Number of the terminal of each site; INNER for other sites, LEFT_OUT for sites without a
        path to any terminal.
    mesh : float64[n_terminals, n_terminals], in exp(log_scale)/rho_0
        Conductance of the resistor between each two terminals of the equivalent mesh; zero on
        the diagonal. Links that join two terminals directly are included.
    log_scale : float
        Logarithm of the unit of ``mesh``.
    factored : Factor
        The elimination of all inner sites; it can be used with any potentials.
    """

    table_row: ClassVar[str] = "site"
    table_columns: ClassVar[tuple[str, ...]] = ("terminal",)

    network: Network
    sites: tuple[np.ndarray, ...]
    terminal: np.ndarray
    mesh: np.ndarray
    log_scale: float
    factored: Factor

    @property
    def n_terminals(self) -> int:
        """Number of terminals."""
        return len(self.sites)

    @property
    def conductance(self) -> np.ndarray:
        """float64[n_terminals, n_terminals], 1/rho_0: G of I_a = sum_b G_ab V_b, I flows in."""
        matrix = np.diag(self.mesh.sum(axis=1)) - self.mesh
        return matrix * np.exp(self.log_scale)

    def potentials(self, held: dict[int, float]) -> np.ndarray:
        """Potentials of all terminals when some are held and no current flows into the others.

        Parameters
        ----------
        held : dict of int to float
            Potential of each held terminal.

        Returns
        -------
        float64[n_terminals]

        Raises
        ------
        ParameterError
            If a floating terminal has no path to a held one.
        """
        instance_of("held", held, dict, "give the potential of each held terminal")
        values = {self.check_terminal("held", t): number("held", v) for t, v in held.items()}
        floating = [t for t in range(self.n_terminals) if t not in values]
        _, weights = reduce_mesh(self.mesh, floating)
        out = np.zeros(self.n_terminals)
        for t, value in values.items():
            out[t] = value
        # Back-substitution: the terminal that was eliminated last depends on held ones only.
        for t, weight in zip(reversed(floating), reversed(weights)):
            total = weight.sum()
            if not total > 0:
                raise ParameterError(
                    f"terminal {t} floats without a path to a held terminal, so its potential is "
                    "undefined; hold it too or leave it out."
                )
            out[t] = float(weight @ out) / total
        return out

    def drops(self, values: ArrayLike) -> np.ndarray:
        """Drops of all links at given potentials of the terminals.

        Parameters
        ----------
        values : array_like[n_terminals]

        Returns
        -------
        float64[n_links]
            V_i - V_j, computed as differences from the start.
        """
        values = array_of("values", values, shape=(self.n_terminals,))
        network = self.network
        drop = self.factored.link_drops(network.n_links, values)
        kind_i, kind_j = self.terminal[network.link_i], self.terminal[network.link_j]
        direct = (kind_i >= 0) & (kind_j >= 0)
        drop[direct] = values[kind_i[direct]] - values[kind_j[direct]]
        conductance = np.exp(np.maximum(network.log_conductance - self.log_scale, -700.0))
        left_over = np.where(self.terminal == INNER, -net_flow(network, conductance * drop), 0.0)
        drop += self.factored.link_drops(network.n_links, np.zeros_like(values), rhs=left_over)
        return drop

    def injected(self, current: tuple[int, int]) -> np.ndarray:
        """Potentials of all terminals per unit current from the first to the second terminal.

        Parameters
        ----------
        current : (int, int)
            The current enters at the first terminal and leaves at the second; the others float.

        Returns
        -------
        float64[n_terminals], in rho_0
            The second terminal is at zero.
        """
        a, b = self.check_pair("current", current)
        pair, _ = reduce_mesh(self.mesh, [t for t in range(self.n_terminals) if t not in (a, b)])
        if not pair[a, b] > 0:
            raise ParameterError(
                f"no path joins the terminals {a} and {b}; pass current between terminals of one "
                "cluster."
            )
        clusters = connected_terminals(self.mesh, a)
        apart = [t for t in range(self.n_terminals) if t not in clusters]
        held = {a: 1.0, b: 0.0} | dict.fromkeys(apart, 0.0)  # no current reaches the others
        return self.potentials(held) / pair[a, b] / np.exp(self.log_scale)

    def resistance(self, current: tuple[int, int], voltage: tuple[int, int]) -> float:
        """Four-point resistance R_ab,cd = (V_c - V_d) / I, in rho_0.

        Parameters
        ----------
        current : (a, b)
            The current enters at a and leaves at b.
        voltage : (c, d)
            The voltage is measured from c to d. They may be the same as a and b.

        Notes
        -----
        R_ab,cd = R_cd,ab. All other terminals are eliminated by the star-mesh transform. V_c - V_d
        is then the difference of two products of the remaining conductances, not of two
        potentials.
        """
        a, b = self.check_pair("current", current)
        c, d = self.check_pair("voltage", voltage)
        others = [t for t in range(self.n_terminals) if t not in {a, b, c, d}]
        g, _ = reduce_mesh(self.mesh, others)
        free = sorted({c, d} - {a, b})
        pair, _ = reduce_mesh(g, free)
        if not pair[a, b] > 0:
            raise ParameterError(
                f"no path joins the terminals {a} and {b} of the current; pass current between "
                "terminals of one cluster."
            )
        held = {a: 1.0, b: 0.0}
        if len(free) == 2:
            p, q = g[c, a] + g[c, b], g[d, a] + g[d, b]
            determinant = p * q + g[c, d] * (p + q)
            if not determinant > 0:
                raise ParameterError(
                    f"the voltage terminals {c} and {d} have no path to the current, so their "
                    "voltage is undefined; choose terminals of the same cluster."
                )
            difference = (g[c, a] * g[d, b] - g[c, b] * g[d, a]) / determinant
        else:
            for t in free:
                total = g[t, a] + g[t, b]
                if not total > 0:
                    raise ParameterError(
                        f"the voltage terminal {t} has no path to the current, so its voltage is "
                        "undefined; choose a terminal of the same cluster."
                    )
                held[t] = g[t, a] / total
            difference = held[c] - held[d]
        return float(difference / pair[a, b] / np.exp(self.log_scale))

    def van_der_pauw(self) -> float:
        """Sheet resistance by van der Pauw's formula from four terminals in cyclic order.

        Returns
        -------
        float, in rho_0
            R with exp(-pi R_01,32 / R) + exp(-pi R_12,03 / R) = 1.
        """
        from scipy.optimize import brentq

        if self.n_terminals != 4:
            raise ParameterError(
                f"van der Pauw's formula needs four terminals in cyclic order, got "
                f"{self.n_terminals}; solve for four."
            )
        first = self.resistance((0, 1), (3, 2))
        second = self.resistance((1, 2), (0, 3))
        if not (first > 0 and second > 0):
            raise ParameterError(
                f"the two resistances must be positive, got {first:.4g} and {second:.4g} rho_0; "
                "put the terminals at the edge, in cyclic order."
            )
        unit = first + second

        def excess(ratio: float) -> float:
            return (
                np.exp(-np.pi * first / unit / ratio) + np.exp(-np.pi * second / unit / ratio) - 1
            )

        return float(unit * brentq(excess, 1e-3, 1e3, xtol=1e-15, rtol=1e-14))

    def check_terminal(self, name: str, terminal: int) -> int:
        """The number of a terminal, checked."""
        return whole(name, terminal, low=0, high=self.n_terminals - 1)

    def check_pair(self, name: str, pair: tuple[int, int]) -> tuple[int, int]:
        """The numbers of two different terminals, checked."""
        listed = isinstance(pair, Sequence) or (isinstance(pair, np.ndarray) and pair.ndim == 1)
        if not listed or len(pair) != 2:
            raise ParameterError(
                f"{name} must be two terminals, got {shown(pair)}; give (first, second)."
            )
        a, b = (self.check_terminal(name, t) for t in pair)
        if a == b:
            raise ParameterError(f"{name} must be two different terminals, got {a} twice.")
        return a, b


def connected_terminals(mesh: np.ndarray, start: int) -> set[int]:
    """The terminals that have a path to the terminal ``start``, and this terminal."""
    found, waiting = {start}, [start]
    while waiting:
        row = mesh[waiting.pop()]
        new = set(np.flatnonzero(row > 0).tolist()) - found
        found |= new
        waiting += sorted(new)
    return found


def reduce_mesh(mesh: np.ndarray, eliminated: Sequence[int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Eliminate nodes of a small dense mesh by the star-mesh transform, without a subtraction.

    Parameters
    ----------
    mesh : float64[n, n]
        Conductances, symmetric, zero on the diagonal.
    eliminated : sequence of int
        Nodes, in the order of elimination.

    Returns
    -------
    reduced : float64[n, n]
        The mesh between the other nodes; zero in the rows of the eliminated ones.
    weights : list of float64[n]
        Conductances from each eliminated node to the nodes that remained at that moment.
    """
    g = mesh.copy()
    weights = []
    for k in eliminated:
        row = g[k].copy()
        weights.append(row)
        g[k] = g[:, k] = 0.0
        total = row.sum()
        if total > 0:
            g += np.outer(row, row / total)
            np.fill_diagonal(g, 0.0)
    return g, weights


def solve_terminals(
    network: Network, sites: Sequence[ArrayLike], *, threads: int | None = None
) -> Terminals:
    """Eliminate all sites except those of the terminals.

    Parameters
    ----------
    network : Network
        A network of any geometry. Its own contacts are not used.
    sites : sequence of array_like
        The sites of each terminal; a single number is a terminal of one site. A terminal is held
        at one potential.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    Terminals

    Raises
    ------
    ParameterError
        If there are fewer than two terminals, if a terminal is empty, or if two share a site.

    Notes
    -----
    One factor is enough for any number of terminals and any potentials. Each further set of
    potentials costs O(n_sites). Every conductance of the mesh is accurate relative to itself.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(400, density=0.05, seed=3))
    >>> terminals = hn.solve_terminals(network, [network.source, network.drain])
    >>> current = hn.solve_current(network)
    >>> bool(abs(terminals.resistance((0, 1), (0, 1)) * current.conductance - 1) < 1e-12)
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    groups = check_groups(network, sites)
    terminal = np.full(network.n_sites, INNER)
    reached = np.zeros(network.cluster.max() + 1, np.bool_)
    for place, group in enumerate(groups):
        terminal[group] = place
        reached[network.cluster[group]] = True
    terminal[~reached[network.cluster]] = LEFT_OUT
    conductance, scale = scaled_conductance(
        network.link_i, network.link_j, network.log_conductance, terminal
    )
    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    factored = factor(symbolic, conductance, threads=threads)
    mesh = np.array(factored.terminal_conductance, dtype=np.float64)
    kind_i, kind_j = terminal[network.link_i], terminal[network.link_j]
    direct = (kind_i >= 0) & (kind_j >= 0) & (kind_i != kind_j)
    np.add.at(mesh, (kind_i[direct], kind_j[direct]), conductance[direct])
    np.add.at(mesh, (kind_j[direct], kind_i[direct]), conductance[direct])
    return Terminals(
        network, groups, read_only(terminal, np.int64), read_only(mesh), scale, factored
    )


def check_groups(network: Network, sites: Sequence[ArrayLike]) -> tuple[np.ndarray, ...]:
    """The sites of each terminal, checked: two terminals or more, which share no site."""
    listed = isinstance(sites, Sequence | np.ndarray) and not isinstance(sites, str | bytes)
    if not listed or np.ndim(np.asarray(sites, dtype=object)) == 0 or len(sites) < 2:
        raise ParameterError(
            f"terminals must be a list of two or more groups of sites, got {shown(sites)}; give "
            "[[0, 1], [5]] for example."
        )
    groups = []
    for place, group in enumerate(sites):
        found = np.unique(site_numbers(f"terminal {place}", group, network.n_sites))
        if found.size == 0:
            raise ParameterError(f"terminal {place} is empty; give it a site.")
        groups.append(read_only(found, np.int64))
    count = np.bincount(np.concatenate(groups), minlength=network.n_sites)
    if count.max() > 1:
        raise ParameterError(
            f"terminals must not share sites, site {int(count.argmax())} belongs to several; give "
            "it to one."
        )
    return tuple(groups)
