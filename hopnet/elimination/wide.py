"""Wide factors: Kirchhoff's laws where conductances span more than floats do.

The same elimination as in `hopnet.elimination.symmetric`, with numbers that carry an exponent of
their own (`hopnet.kernels.wide`). Nothing underflows, so there is no threshold and no limit of
the span. It is slower than the elimination in floats and serves only networks that need it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hopnet.elimination.symbolic import Elimination
from hopnet.errors import ParameterError
from hopnet.kernels import elimination as elimination_kernels
from hopnet.kernels import wide as wide_kernels
from hopnet.kernels.wide import RADIX, Wide
from hopnet.records import Record

__all__ = [
    "Wide",
    "WideFactor",
    "factor_wide",
    "log_of_wide",
    "product_of_wide",
    "ratio_of_wide",
    "wide_from_log",
]

# ln(RADIX) in two parts: a multiple of 2**-20, so that its products with exponents are exact, and
# the rest. With one part alone, exp(-758) would lose two digits.
LOG_RADIX = 512 * np.log(2.0)
LOG_RADIX_HIGH = 372130559 / 2**20
LOG_RADIX_LOW = -2.1508685172127154e-08


@dataclass(frozen=True, eq=False)
class WideFactor(Record):
    """The weights and pivots of one elimination as wide numbers, made by `factor_wide`.

    Attributes
    ----------
    elimination : Elimination
        The symbolic analysis that was filled.
    weight : Wide[n_entries]
        The weights w_kj of all fronts.
    pivot : Wide[n_eliminated]
        The pivots d_k.
    """

    elimination: Elimination
    weight: Wide
    pivot: Wide

    def link_drops(
        self, n_links: int, terminal_value: npt.ArrayLike, rhs: Wide | None = None
    ) -> Wide:
        """Differences x_i - x_j along the links, as `Factor.link_drops`.

        Parameters
        ----------
        n_links : int
            Number of links of the graph.
        terminal_value : array[n_terminals]
            Potentials of the terminals.
        rhs : Wide[n_nodes], optional
            Currents that are fed into the nodes.

        Returns
        -------
        Wide[n_links]
        """
        e = self.elimination
        n = e.node.shape[0]
        source = empty_wide(n)
        if rhs is not None:
            b = empty_wide(n + e.n_terminals + 1)
            b.mantissa[:n], b.exponent[:n] = rhs.mantissa[e.node], rhs.exponent[e.node]
            wide_kernels.forward_wide(e.fronts, self.weight, b)
            source = ratio(Wide(b.mantissa[:n], b.exponent[:n]), self.pivot)
        table = empty_wide(e.table_size)
        value = np.append(np.asarray(terminal_value, dtype=np.float64), 0.0)
        elimination_kernels.fill_root_table(e.fronts, value, e.table_start, table.mantissa)
        edge_drop = empty_wide(e.edge_link.shape[0])
        wide_kernels.drop_wide(e.fronts, self.weight, source, e.table_start, table, edge_drop)
        out = empty_wide(n_links)
        out.mantissa[e.edge_link] = edge_drop.mantissa * e.edge_sign
        out.exponent[e.edge_link] = edge_drop.exponent
        ends = e.terminal_ends
        out.mantissa[e.terminal_link] = value[ends[:, 0]] - value[ends[:, 1]]
        return out


def factor_wide(elimination: Elimination, conductance: Wide) -> WideFactor:
    """Factor Lap(conductance) in wide numbers, without a subtraction.

    Parameters
    ----------
    elimination : Elimination
        The symbolic analysis, with terminals.
    conductance : Wide[n_links]
        Conductance of each link, see `wide_from_log`.

    Returns
    -------
    WideFactor
    """
    e = elimination
    edges = Wide(conductance.mantissa[e.edge_link], conductance.exponent[e.edge_link])
    weight, pivot = empty_wide(e.n_entries), empty_wide(e.node.shape[0])
    contribution = empty_wide(e.contribution_size)
    wide_kernels.factor_wide(e.fronts, edges, e.contribution_start, contribution, weight, pivot)
    return WideFactor(e, weight, pivot)


def empty_wide(n):
    """``n`` wide zeros."""
    return Wide(np.zeros(n), np.zeros(n, np.int64))


def wide_from_log(logarithm: npt.ArrayLike) -> Wide:
    """Wide numbers from their natural logarithms."""
    logarithm = np.asarray(logarithm, dtype=np.float64)
    if not np.all(np.abs(logarithm) < 1e9):
        raise ParameterError(
            "logarithms of conductances must lie between -1e9 and 1e9, got "
            f"{logarithm[~(np.abs(logarithm) < 1e9)][0]!r}; check the lengths and the energies."
        )
    exponent = np.rint(logarithm / LOG_RADIX)
    rest = (logarithm - exponent * LOG_RADIX_HIGH) - exponent * LOG_RADIX_LOW
    return Wide(np.exp(rest), exponent.astype(np.int64))


def log_of_wide(number: Wide) -> np.ndarray:
    """Natural logarithm of the modulus of wide numbers; -inf for zeros."""
    with np.errstate(divide="ignore"):
        return np.log(np.abs(number.mantissa)) + number.exponent * LOG_RADIX


def product_of_wide(a: Wide, b: Wide) -> Wide:
    """Products of wide numbers."""
    return normal(a.mantissa * b.mantissa, a.exponent + b.exponent)


def ratio(a, b):
    """Quotients of wide numbers; 0 where the divisor is 0."""
    value = np.divide(a.mantissa, b.mantissa, out=np.zeros_like(a.mantissa), where=b.mantissa != 0)
    return normal(value, a.exponent - b.exponent)


def normal(mantissa, exponent):
    """The same numbers with every mantissa within its range."""
    size = np.abs(mantissa)
    step = (size >= wide_kernels.HIGH).astype(np.int64)
    step -= (size < wide_kernels.LOW) & (size > 0)
    return Wide(mantissa * RADIX ** (-step.astype(np.float64)), exponent + step)


def ratio_of_wide(a: Wide, b: Wide) -> np.ndarray:
    """Quotients of wide numbers as floats: 0 below the smallest float, inf above the largest."""
    value = ratio(a, b)
    power = np.clip(value.exponent, -3, 3)
    with np.errstate(over="ignore", under="ignore"):
        half = RADIX ** (0.5 * power)
        return value.mantissa * half * half
