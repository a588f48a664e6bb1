"""Current: Kirchhoff's laws on a network, exact to machine precision at any density."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from hopnet.checks import array_of, instance_of, number
from hopnet.elimination.dissection import SERIAL_SITES
from hopnet.elimination.potentials import MOST_LIMBS, Potentials, limbs_needed, without_edges
from hopnet.elimination.scaling import conductance_in_floats
from hopnet.elimination.symbolic import Elimination, analyse
from hopnet.elimination.symmetric import Factor, factor
from hopnet.elimination.wide import (
    Wide,
    factor_wide,
    log_of_wide,
    product_of_wide,
    ratio_of_wide,
    wide_from_log,
)
from hopnet.errors import ConvergenceError, DataError, ParameterError
from hopnet.network.network import INNER, LEFT_OUT, Network, check_digest
from hopnet.records import Record, load_arrays, read_only, save_arrays
from hopnet.threads import thread_count
from hopnet.transport.balance import (
    BALANCED,
    CORRECTIONS,
    SOUND,
    Balance,
    balance_at_sites,
    balance_of_sums,
    balanced_flows,
    site_potential,
    sites_on_paths,
)
from hopnet.transport.cutoff import OuterShell, outer_shell

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Current", "in_unit", "length_of_flow", "own_current", "solve_current"]

# Largest relative difference of source and drain current that is accepted. Machine precision
# gives about 1e-15. A larger bound could hide an error of the elimination.
BALANCE = 1e-9

# Number of corrections in a row that may leave as many sites unbalanced as before, until potentials
# get more limbs. A smaller number would add limbs without need, a larger one makes corrections
# that gain nothing.
PATIENCE = 3

# Number of sites around an unbalanced site whose potentials the second correction changes, and the
# factor by which it grows with each further one. Side loops that need more than one correction are
# small. Smaller numbers take more corrections, larger ones more time for each.
AROUND = 20
WIDER = 2

# Names of the stored fields: one value per link, one value per site, single numbers.
ON_LINKS = ("drop", "flow", "relative_flow")
ON_SITES = ("site_imbalance", "throughput")
NUMBERS = (
    "conductance",
    "log_conductance",
    "resistivity",
    "imbalance",
    "source_current",
    "drain_current",
)


@dataclass(frozen=True, eq=False)
class Current(Record):
    """The flow of charge at unit bias.

    At very low densities a value in 1/rho_0 may leave the range of floats; it is 0 (or inf) then.
    ``log_conductance``, ``log_resistivity`` and ``relative_flow`` are valid at any density.

    Attributes
    ----------
    network : Network
        The network whose current this is.
    drop : float64[n_links]
        V_i - V_j, accurate relative to the flows through the two sites.
    flow : float64[n_links], in 1/rho_0
        conductance * drop, positive from i to j: the paper's I_ji at unit bias.
    relative_flow : float64[n_links]
        ``flow`` over the total current.
    conductance : float, in 1/rho_0
        Total current at unit bias.
    log_conductance : float
        Logarithm of ``conductance``.
    resistivity : float, in rho_0
        Sheet resistivity (V / length) (width / I). The length is that of the whole sample, the
        strips of the contacts included, along which hardly any voltage drops. The resistivity of
        the bulk is larger by ``network.length_along_current / effective_length`` (7 % at 2000
        sites, 2 % at 2e4); `solve_torus` gives it without contacts.
    imbalance : float
        sum_i |net_i| / sum_i throughput_i over all sites outside the contacts.
    site_imbalance : float64[n_sites]
        |net_i| / throughput_i; 0 at contacts and where less than 1e-250 of the
        largest throughput flows. At most 1e-10.
    throughput : float64[n_sites], in 1/rho_0
        Half the sum of the moduli of the flows at each site.
    source_current, drain_current : float, in 1/rho_0
        The current that leaves the source and the current that enters the drain, each summed
        link by link.
    """

    table_row: ClassVar[str] = "link"
    table_columns: ClassVar[tuple[str, ...]] = ("drop", "flow", "relative_flow")

    network: Network
    drop: np.ndarray
    flow: np.ndarray
    relative_flow: np.ndarray
    conductance: float
    log_conductance: float
    resistivity: float
    imbalance: float
    site_imbalance: np.ndarray
    throughput: np.ndarray
    source_current: float
    drain_current: float

    def describe(self) -> str:
        """What the record holds, in one line."""
        return (
            f"ln(conductance) = {self.log_conductance:.6g}, resistivity {self.resistivity:.6g} "
            f"rho_0, imbalance {self.imbalance:.1e}, {self.network.n_links} links"
        )

    @property
    def potential(self) -> np.ndarray:
        """float64[n_sites]: V_i, 1 at the source and 0 at the drain; NaN without a path to both."""
        return site_potential(self.network, self.drop, 1.0)

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame of links: i, j, distance, log_conductance, drop, flow, relative_flow."""
        frame = self.network.to_frame()
        return frame.assign(drop=self.drop, flow=self.flow, relative_flow=self.relative_flow)

    @property
    def effective_length(self) -> float:
        """Length over which the current flows, in a_b: sum over links of flow R^x, over I.

        It leaves out the parts of the contact strips that carry no current.
        """
        return length_of_flow(self.network, self.relative_flow)

    @cached_property
    def outer_shell(self) -> OuterShell:
        """The share of the outermost links, from which the errors of the cutoff are estimated."""
        return outer_shell(self.network, self.relative_flow * self.drop)

    @property
    def outer_power(self) -> float:
        """Share of the power in the outermost links (`Network.outermost`); NaN on a lattice."""
        return self.outer_shell.power

    @property
    def cutoff_error(self) -> float:
        """Estimate of the relative error of the conductance by links beyond the cutoff.

        It covers cutoffs of at least l_c + 3 a_b.
        """
        return self.outer_shell.power_error()

    @property
    def log_resistivity(self) -> float:
        """Logarithm of the sheet resistivity over rho_0; in space over rho_0 a_b."""
        network = self.network
        shape = np.log(network.width_across_current / network.length_along_current)
        return float(shape - self.log_conductance)

    def save(self, path: str | Path) -> None:
        """Write the current to one .npz file, without the network."""
        stored = {name: getattr(self, name) for name in (*ON_LINKS, *ON_SITES, *NUMBERS)}
        save_arrays(path, "Current", stored | {"digest": self.network.digest})

    @classmethod
    def load(cls, path: str | Path, network: Network) -> Current:
        """Read what `save` wrote, for the network that the current belongs to.

        Raises
        ------
        DataError
            If the file does not hold a current.
        ParameterError
            If the current belongs to another network.
        """
        required = (*ON_LINKS, *ON_SITES, *NUMBERS, "digest")
        stored = load_arrays(path, "Current", required=required)
        check_digest(network, stored["digest"], "current")
        try:
            shapes = dict.fromkeys(ON_LINKS, network.n_links)
            shapes |= dict.fromkeys(ON_SITES, network.n_sites)
            fields: dict[str, Any] = {
                name: read_only(
                    array_of(name, stored[name], shape=(n,), infinite=True, empty=True), copy=False
                )
                for name, n in shapes.items()
            }
            numbers: dict[str, Any] = {
                name: number(name, stored[name], infinite=True) for name in NUMBERS
            }
        except ParameterError as failure:
            raise DataError(f"{str(path)!r} does not hold a valid current: {failure}") from None
        return cls(network=network, **fields, **numbers)


def length_of_flow(network: Network, relative_flow: np.ndarray) -> float:
    """Sum over links of flow R^x, over the current: the length of flow, in a_b [f 1]."""
    along = network.separation[:, network.sites.axes.index(network.axis)]
    return float((relative_flow * along).sum())


class Flows(NamedTuple):
    """Drops, and flows in the unit exp(log_unit) / rho_0 (at unit bias), with their balance."""

    drop: np.ndarray
    flow: np.ndarray
    log_unit: float
    balance: Balance


def solve_current(network: Network, *, threads: int | None = None) -> Current:
    """Solve Kirchhoff's laws between the contacts.

    Equation [hopping 5a] without spin, steady::

        0 = sum_j G_ij (V_j - V_i)        V = 1 at the source, 0 at the drain

    The elimination is free of subtractions (see `hopnet.elimination.symmetric`). Potentials keep
    as many digits as the smallest drop needs (`hopnet.elimination.potentials`), so each drop is
    accurate relative to the flows nearby, whatever the spread of the conductances, and the drops
    around every loop add up to zero. The net flow that rounding leaves at each site is then fed
    into the same factor, again and again until every site is balanced relative to its own
    throughput (see `hopnet.transport.balance`; once is enough but at very low densities). This
    makes the flows of side loops accurate that carry far less than the links around them. Dead
    ends, and sites without a path to a contact, are left out: their flow is 0.

    Parameters
    ----------
    network : Network
        An open sample or a cylinder.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    Current

    Raises
    ------
    ParameterError
        If the network is a torus.
    NotPercolatingError
        If no path joins the contacts.
    ConvergenceError
        If source and drain current differ by more than 1e-9. No sample is known where this happens.

    Notes
    -----
    Conductances are floats in the unit of the largest one. Where they span more than exp(250),
    the unit is the critical conductance. Where the largest one exceeds that by exp(660), or where a
    drop underflows that is needed, wide numbers replace floats (`hopnet.elimination.wide`). The
    answer does not depend on a common factor of all conductances. On two threads or more the dead
    ends are found while the order of elimination is made.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if network.sites.geometry == "torus":
        raise ParameterError(
            "solve_current needs two contacts, a torus has no edge to put them on; use "
            "hopnet.solve_torus for its conductivity tensor, or geometry='cylinder' or 'open'."
        )
    network.check_percolation()
    terminal, scaled = prepare(network, threads)
    flows = None
    if not isinstance(scaled, float):
        flows = flows_by_floats(network, terminal, *scaled, threads)
    if flows is None:
        symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
        flows = flows_by_wide_numbers(network, symbolic)
    drop, flow, log_unit, (net, throughput, site_imbalance, imbalance) = flows
    source_current = float(net[network.source].sum())
    drain_current = float(-net[network.drain].sum())
    total = check_balance(source_current, drain_current, drop)
    with np.errstate(over="ignore", divide="ignore"):
        resistivity = np.float64(network.width_across_current) / in_unit(
            network.length_along_current * total, log_unit
        )
    relative_flow = read_only(flow / total, copy=False)
    return Current(
        network=network,
        drop=read_only(drop, copy=False),
        flow=read_only(in_unit(flow, log_unit), copy=False),
        relative_flow=relative_flow,
        conductance=float(in_unit(total, log_unit)),
        log_conductance=float(np.log(total) + log_unit),
        resistivity=float(resistivity),
        imbalance=imbalance,
        site_imbalance=read_only(site_imbalance),
        throughput=read_only(in_unit(throughput, log_unit)),
        source_current=float(in_unit(source_current, log_unit)),
        drain_current=float(in_unit(drain_current, log_unit)),
    )


def prepare(
    network: Network, threads: int | None
) -> tuple[np.ndarray, tuple[np.ndarray, float] | float]:
    """The kind of each site, dead ends left out, and what `conductance_in_floats` returns.

    The order of elimination is made at the same time, if there is a second thread.
    """

    def kinds_and_conductances() -> tuple[np.ndarray, tuple[np.ndarray, float] | float]:
        kind = network.terminals.copy()
        kind[(kind == INNER) & ~sites_on_paths(network)] = LEFT_OUT
        graph = network.link_i, network.link_j, network.log_conductance, network.terminals
        return kind, conductance_in_floats(*graph)

    if thread_count(threads) == 1 or network.n_sites <= SERIAL_SITES:
        return kinds_and_conductances()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(kinds_and_conductances)
        _ = network.dissection
        return found.result()


def flows_by_floats(
    network: Network,
    terminal: np.ndarray,
    conductance: np.ndarray,
    log_unit: float,
    threads: int | None,
) -> Flows | None:
    """Drops and flows by one factor in floats and corrections by the same factor.

    None where a number that is needed is less than the smallest float.
    """
    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    factored = without_edges(factor(symbolic, conductance, threads=threads))
    del symbolic
    mesh = factored.terminal_conductance
    n_limbs, n_first = limbs_needed(conductance, float(mesh[0, 1]) if mesh.size else 0.0)
    flows = corrected_flows(network, factored, conductance, log_unit, (n_limbs, n_first))
    if flows is None and n_limbs < MOST_LIMBS:
        flows = corrected_flows(network, factored, conductance, log_unit, (MOST_LIMBS, n_first))
    return flows


def corrected_flows(
    network: Network,
    factored: Factor,
    conductance: np.ndarray,
    log_unit: float,
    limbs: tuple[int, int],
) -> Flows | None:
    """Flows with every inner site balanced, or None where potentials have too few limbs.

    The first correction feeds the net flow of every site. Others follow only where a site stays
    unbalanced, as in `balanced_flows`, and change potentials only around such sites.
    """
    terminal = factored.elimination.terminal
    ends = network.link_i, network.link_j
    potentials = Potentials(factored, *limbs)
    flow = np.zeros(network.n_links)
    fewest, waited = network.n_sites + 1, 0
    for k in range(CORRECTIONS + 1):
        # Large arrays exist only while they are needed.
        drop = np.empty(network.n_links)
        at_site, change, largest = potentials.fill_flows(ends, conductance, drop, flow)
        balance = balance_of_sums(at_site, terminal)
        del at_site
        unbalanced = terminal == INNER
        if k > 0:
            unbalanced = balance.site_imbalance > BALANCED
            n_unbalanced = int(np.count_nonzero(unbalanced))
            if not change <= SOUND * largest:
                return None
            if n_unbalanced == 0:
                return Flows(drop, flow, log_unit, balance)
            # Sites that no correction balances need more limbs.
            waited = 0 if n_unbalanced < fewest else waited + 1
            fewest = min(fewest, n_unbalanced)
            if waited == PATIENCE:
                return None
        fed = np.where(unbalanced, -balance.net, 0.0)
        del drop, balance
        if not potentials.add(fed, AROUND * WIDER ** (k - 1) if k > 0 else None):
            return None
    return None


def flows_by_wide_numbers(network: Network, symbolic: Elimination) -> Flows:
    """The same in wide numbers; the unit of the flows is the largest of them."""
    n_links = network.n_links
    conductance = wide_from_log(network.log_conductance)
    factored = factor_wide(symbolic, conductance)
    wide_drop = factored.link_drops(n_links, (1.0, 0.0))
    wide_flow = product_of_wide(conductance, wide_drop)
    largest = int(np.argmax(log_of_wide(wide_flow)))
    unit = Wide(np.abs(wide_flow.mantissa[largest]), wide_flow.exponent[largest])
    one = Wide(np.ones(()), np.zeros((), np.int64))

    def add(drop, flow, fed):
        wide_fed = product_of_wide(Wide(fed, np.zeros(fed.shape, np.int64)), unit)
        change = factored.link_drops(n_links, (0.0, 0.0), rhs=wide_fed)
        flow_change = ratio_of_wide(product_of_wide(conductance, change), unit)
        return drop + ratio_of_wide(change, one), flow + flow_change

    def first():
        return ratio_of_wide(wide_drop, one), ratio_of_wide(wide_flow, unit)

    drop, flow, _ = balanced_flows(network, symbolic.terminal, first, add)
    balance = balance_at_sites(network, flow, symbolic.terminal)
    return Flows(drop, flow, float(log_of_wide(unit)), balance)


def check_balance(source_current, drain_current, drop):
    """The total current, or a ConvergenceError if the currents of the two contacts differ."""
    total = 0.5 * (source_current + drain_current)
    difference = abs(source_current - drain_current) / total if total > 0 else np.inf
    if not difference <= BALANCE:
        raise ConvergenceError(
            f"source and drain currents must agree to {BALANCE:g}, they differ by "
            f"{difference:.2e} ({source_current:.6e} and {drain_current:.6e}); please report "
            "this sample.",
            estimate=drop,
            residual=difference,
        )
    return total


def own_current(
    network: Network, current: Current | None = None, threads: int | None = None
) -> Current:
    """The current of a network: the given one, checked, or else a new solution.

    Parameters
    ----------
    network : Network
        The network whose current is needed.
    current : Current, optional
        A current that the caller has already. It must belong to ``network``.
    threads : int, optional
        Number of threads, if the current must be solved for.

    Returns
    -------
    Current

    Raises
    ------
    ParameterError
        If ``network`` is not a Network, or ``current`` is not a Current of this network.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if current is None:
        return solve_current(network, threads=threads)
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    network.check_owns(current)
    return current


def in_unit(value: Any, log_unit: float) -> Any:
    """``value * exp(log_unit)``: 0 or inf where a float cannot hold it, never nan."""
    if abs(log_unit) <= 700.0:
        return value * np.exp(log_unit)
    half = np.exp(0.5 * np.clip(log_unit, -1400.0, 1400.0))
    with np.errstate(over="ignore"):
        return np.multiply(value, half) * half
