"""Admittance: the conductance between two contacts at a frequency.

Charge accumulates on the sites while the field alternates. Let c_i be the capacity of site i: n_i,
or f_i (1 - f_i) with exclusion. Let u be the external potential, which falls linearly between the
contacts, and s = i omega or a real rate. Then [admittance 1]:

    (Lap + s c) phi = s c u        phi = 1, 0 at the contacts        psi = phi - u
    G(s) = sum over links of K abs(dphi)^2 + s sum over sites of c abs(psi)^2

All terms of both sums are positive, so no digit is lost, however far apart G(0) and G(inf) are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh, orth, qr, solve_triangular

from hopnet.checks import array_of, flag, instance_of, number, shown
from hopnet.elimination.reduced import RationalModel
from hopnet.elimination.scaling import scaled_conductance
from hopnet.elimination.symbolic import Elimination, analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.network import DRAIN, INNER, SOURCE, Network
from hopnet.records import Record, read_only
from hopnet.threads import one_blas_thread
from hopnet.transport.balance import net_flow
from hopnet.transport.current import Current, own_current
from hopnet.transport.thermopower import linear_profile

__all__ = ["AdmittanceModel", "admittance", "admittance_model"]

# Distance in decades between the first poles of the model, times ln(1 + 2 / tolerance). Measured
# errors fall as exp(-3.1 / distance), and twice the error is stated. Intervals whose error is too
# large are halved afterwards: a larger number takes more rounds of halving, a smaller one more
# poles than most spectra need.
STEP = 2.9
# Largest distance between the first poles, in decades, whatever the tolerance. A larger one can
# miss a part of the spectrum.
WIDEST_STEP = 1.0
# Stated error by rounding over the difference found at the two nearest poles.
ROUNDING_SAFETY = 4.0
# A solution of which the others hold all but this part is left out of the projection: the part is
# rounding. A larger number gives up accuracy below 1e-6, a smaller one takes rounding for physics.
SMALLEST_DIRECTION = 1e-10
# Rate of what the projection does not hold, over the largest pole. It changes G by one part in
# this number at the fast end.
BEYOND = 1e12
# ln of the strongest link over the conductance of the sample, up to which the drops of the model
# are differences of potentials. Beyond (1e12: n_s a_b^2 below 0.008), or where rounding shows,
# they are solved for, which takes half a factor more per pole. With a larger value the differences
# would be tried first where they have no digit.
LARGEST_CONTRAST = 27.6
# Number of links that are projected at one time. More take more memory, fewer more calls.
BLOCK = 20_000
# Largest number of poles of a model: 0.1 decades apart over ten decades. More poles do not reduce
# the error, because rounding dominates it; fewer would refuse wide ranges.
MOST_POLES = 100
# Tolerance below which the first poles are not set closer: rounding keeps the error above it.
SMALLEST_TOLERANCE = 1e-12
# Factor by which the poles extend beyond the range of rates. A smaller one makes the error larger
# at the ends of the range, a larger one takes more poles.
MARGIN = 4.0
# Relative slack with which the ends of the checked range are compared.
EDGE = 1e-9


def external_potential(network: Network, profile: ArrayLike | None) -> np.ndarray:
    """The external potential of each site: 1 on the source, 0 on the drain."""
    if profile is None:
        return linear_profile(network)
    found = array_of(
        "profile", profile, shape=(network.n_sites,), hint="give one external potential per site"
    )
    if np.any(found[network.source] != 1.0) or np.any(found[network.drain] != 0.0):
        raise ParameterError(
            "the external potential must be 1 on the whole source and 0 on the whole drain; "
            "correct the profile there."
        )
    return found


def complex_net_flow(network: Network, flow: np.ndarray) -> np.ndarray:
    """`net_flow` of real or complex flows."""
    if np.iscomplexobj(flow):
        return net_flow(network, flow.real) + 1j * net_flow(network, flow.imag)
    return net_flow(network, flow)


def fed_from_source(network: Network, conductance: np.ndarray) -> np.ndarray:
    """float64[n_sites]: current from a source at unit potential into each grounded site."""
    kind_i, kind_j = network.terminals[network.link_i], network.terminals[network.link_j]
    into_j = np.where((kind_i == SOURCE) & (kind_j == INNER), conductance, 0.0)
    into_i = np.where((kind_j == SOURCE) & (kind_i == INNER), conductance, 0.0)
    n = network.n_sites
    return np.bincount(network.link_j, into_j, n) + np.bincount(network.link_i, into_i, n)


def conductance_at(
    network: Network,
    symbolic: Elimination,
    rate: complex | float,
    u: np.ndarray,
    threads: int | None,
) -> complex | float:
    """G(s) at one real or complex rate s, from one factor."""
    conductance, scale = scaled_conductance(
        network.link_i, network.link_j, network.log_conductance, network.terminals
    )
    inner = network.terminals == INNER
    capacity = np.where(inner, np.exp(network.log_capacity), 0.0)
    excess = rate * np.exp(network.log_capacity) / np.exp(scale)
    factored = factor(symbolic, conductance, excess, threads=threads)
    fed = np.where(inner, excess * u, 0.0)
    drop = factored.link_drops(network.n_links, (1.0, 0.0), rhs=fed)
    kind_i, kind_j = network.terminals[network.link_i], network.terminals[network.link_j]
    drop = drop.astype(np.result_type(drop, excess))
    drop[(kind_i == SOURCE) & (kind_j == DRAIN)] = 1.0
    drop[(kind_i == DRAIN) & (kind_j == SOURCE)] = -1.0
    phi = factored.solve(fed + fed_from_source(network, conductance))
    # One pass of refinement: the net flow that remains at each site is fed in once more.
    psi = np.where(inner, phi - u, 0.0)
    left_over = -complex_net_flow(network, conductance * drop) - excess * psi
    left_over = np.where(inner, left_over, 0.0)
    drop = drop + factored.link_drops(network.n_links, (0.0, 0.0), rhs=left_over)
    psi = np.where(inner, psi + factored.solve(left_over), 0.0)
    in_links = float((conductance * np.abs(drop) ** 2).sum() * np.exp(scale))
    on_sites = float((capacity * np.abs(psi) ** 2).sum())
    return in_links + rate * on_sites


def check_contacts_and_rates(network: Network, name: str, rates: ArrayLike) -> np.ndarray:
    """Frequencies or rates as a float array; the network must have two contacts and a path."""
    instance_of("network", network, Network, "make it with hopnet.build_network")
    found = array_of(name, rates, low=0.0, hint="rates are in 1/tau_0")
    if network.sites.geometry == "torus":
        raise ParameterError(
            "the admittance needs two contacts, but a torus has no edges for them; use "
            "geometry='cylinder' for the bulk or 'open'."
        )
    network.check_percolation()
    return found


def admittance(
    network: Network,
    frequency: ArrayLike,
    *,
    real: bool = False,
    profile: ArrayLike | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Conductance G(s) between the contacts at each frequency, exactly.

    Equation [admittance 1], time factor exp(+i omega t), current by Ramo's theorem.

    Parameters
    ----------
    network : Network
        An open sample or a cylinder (for the bulk), with or without energies.
    frequency : array_like, in 1/tau_0
        omega >= 0.
    real : bool
        Whether the numbers are real rates s of a Laplace transform, not frequencies.
    profile : array_like[n_sites], optional
        External potential: 1 on the source, 0 on the drain. Default: linear between them, which
        is a uniform field without screening.
    threads : int, optional

    Returns
    -------
    complex128[n] (float64[n] if ``real``), in 1/rho_0
        G(0) is `Current.conductance`, G(inf) is sum K du^2. Re G rises with omega, Im G >= 0.

    Raises
    ------
    ParameterError
        If a frequency is negative or not finite, if the network is a torus, or if the profile
        does not fit.
    NotPercolatingError
        If no path joins the contacts.

    Notes
    -----
    Cost: one factor per frequency; for many frequencies use `admittance_model`. For real rates
    every term is accurate relative to itself. Complex factors have the accuracy of an ordinary
    solver.
    """
    rates = check_contacts_and_rates(network, "frequency", frequency)
    u = external_potential(network, profile)
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)
    real = flag("real", real)
    unit = 1.0 if real else 1j
    found = [conductance_at(network, symbolic, unit * s, u, threads) for s in rates.tolist()]
    return np.array(found, dtype=np.float64 if real else np.complex128)


def check_off_axis(rate: ArrayLike) -> np.ndarray:
    """Rates of a model as finite numbers off the negative real axis, where G(s) has its poles."""
    try:
        found = np.asarray(rate)
        finite = np.isfinite(found)
    except (TypeError, ValueError):
        finite = np.zeros(1, np.bool_)
    if not np.all(finite):
        raise ParameterError(
            f"rates must be finite real or complex numbers, got {shown(rate)}; correct them."
        )
    if np.any((found.real < 0) & (found.imag == 0)):
        raise ParameterError(
            f"rates must lie off the negative real axis, where G(s) has poles, got {shown(rate)}; "
            "take s = 1j * omega for a frequency."
        )
    return found


@dataclass(frozen=True, eq=False)
class AdmittanceModel(Record):
    """G(s) of one sample between two rates, from a few real factors.

    Attributes
    ----------
    network : Network
    static : float, in 1/rho_0
        G(0).
    high : float, in 1/rho_0
        G(inf) = sum K du^2.
    model : RationalModel
        F of G(s) = G(0) + s unit F(s), a sum of relaxations.
    unit : float, in 1/rho_0
        Conductance of the strongest link, the unit of F.
    slowest, fastest : float, in 1/tau_0
        Range of abs(s) for which the error was checked.
    rounding : float64[n_poles]
        Difference between F and the value that was solved for at each pole, where both would be
        equal without rounding.
    """

    network: Network
    static: float
    high: float
    model: RationalModel
    unit: float
    slowest: float
    fastest: float
    rounding: np.ndarray

    def __call__(self, rate: ArrayLike) -> np.ndarray:
        """G(s) at any rates s off the negative real axis; s = 1j * omega for a frequency."""
        rate = check_off_axis(rate)
        return self.static + rate * self.unit * self.model(rate)

    def numerical_error(self, rate: ArrayLike) -> np.ndarray:
        """Estimated absolute error of G(s); outside the checked range it is G(inf) - G(0)."""
        rate = check_off_axis(rate)
        size = np.abs(rate)
        inside = (size == 0) | (
            (size >= (1 - EDGE) * self.slowest) & (size <= (1 + EDGE) * self.fastest)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.where(size == 0, 0.0, size * self.unit * self.model.sharp_error(rate))
        error = error + 1e-12 * np.abs(self(rate)) + self.rounding_error(rate)
        return np.where(inside, error, np.maximum(error, self.high - self.static))

    def rounding_error(self, rate: ArrayLike) -> np.ndarray:
        """The part of `numerical_error` that comes from rounding: that of the two nearest poles."""
        size = np.abs(check_off_axis(rate))
        pole = self.model.pole
        above = np.clip(np.searchsorted(pole, size), 1, pole.size - 1)
        nearest = np.maximum(self.rounding[above - 1], self.rounding[above])
        return ROUNDING_SAFETY * size * self.unit * nearest


class Solved(NamedTuple):
    """What is known at one pole of the model.

    Attributes
    ----------
    solution : float64[n_sites]
        x = (Lap + s c)^-1 c w.
    drop : float64[n_links] or None
        x_i - x_j where it was solved for.
    value : float
        F(s) = sum of c w (w - s x), which is sum of c (w - s x)^2 + s sum of K drop^2. The second
        form is taken where the drops are known: its terms are positive.
    """

    solution: np.ndarray
    drop: np.ndarray | None
    value: float


class ModelEquation(NamedTuple):
    """(Lap + s c) x = c w in units of ``unit``.

    Attributes
    ----------
    symbolic : Elimination
    link_i, link_j : int64[n_links]
    conductance : float64[n_links]
    capacity : float64[n_sites]
        The capacity c of each site; 0 outside of the inner sites.
    away : float64[n_sites]
        w = X - u with the static potential X; 0 outside of the inner sites.
    excess : float64[n_sites]
        The capacity of every site.
    unit : float, in 1/rho_0
    """

    symbolic: Elimination
    link_i: np.ndarray
    link_j: np.ndarray
    conductance: np.ndarray
    capacity: np.ndarray
    away: np.ndarray
    excess: np.ndarray
    unit: float

    def solve(self, rate: float, solve_drops: bool, threads: int | None) -> Solved:
        """The solution at one real rate, its drops (solved for, or differences), and F there."""
        factored = factor(self.symbolic, self.conductance, rate * self.excess, threads=threads)
        fed = self.capacity * self.away
        solution = factored.solve(fed)
        left = self.away - rate * solution
        if not solve_drops:
            return Solved(solution, None, float((fed * left).sum()))
        drop = factored.link_drops(self.conductance.size, (0.0, 0.0), rhs=fed)
        on_sites = float((self.capacity * left**2).sum())
        in_links = float((self.conductance * drop**2).sum())
        return Solved(solution, drop, on_sites + rate * in_links)


def model_equation(network: Network, current: Current, u: np.ndarray) -> ModelEquation:
    """The equation of `admittance_model`, with w = X - u from the static potential X."""
    inner = network.terminals == INNER
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)
    conductance, scale = scaled_conductance(
        network.link_i, network.link_j, network.log_conductance, network.terminals
    )
    excess = np.exp(network.log_capacity) / np.exp(scale)
    away = np.where(inner, np.nan_to_num(current.potential, nan=0.0) - u, 0.0)
    capacity = np.where(inner, excess, 0.0)
    links = network.link_i, network.link_j
    return ModelEquation(
        symbolic, *links, conductance, capacity, away, excess, float(np.exp(scale))
    )


def admittance_model(
    network: Network,
    slowest: float,
    fastest: float,
    *,
    current: Current | None = None,
    profile: ArrayLike | None = None,
    tolerance: float = 1e-2,
    threads: int | None = None,
) -> AdmittanceModel:
    """A model of the whole spectrum between two rates, from a few real factors.

    Let X be the static potential, w = X - u and x = (Lap + s c)^-1 c w. Only positive terms are
    added in

        G(s) = G(0) + s sum over sites of c (w - s x)^2 + s^2 sum over links of K (x_i - x_j)^2

    The network is projected on the x of a few real s. In dilute samples drops along links are
    solved for and not taken as differences, so strong links lose no digit.

    Parameters
    ----------
    network : Network
    slowest, fastest : float, in 1/tau_0
        The smallest and the largest omega, or real rate, of interest.
    current : Current, optional
        The current of this network. Default: it is solved for.
    profile : array_like[n_sites], optional
        As in `admittance`.
    tolerance : float
        Poles are added where they are needed until the estimated error is below
        ``tolerance * abs(G)`` at 101 real and 101 imaginary rates.
    threads : int, optional

    Returns
    -------
    AdmittanceModel

    Raises
    ------
    ConvergenceError
        If a hundred poles are not enough, or rounding is larger than the tolerance.

    Notes
    -----
    Cost: one real factor and one solution per pole, two poles per decade for a tolerance of 1e-2;
    memory: one number per link and pole.
    """
    slowest = number("slowest", slowest, low=0.0, above=True, unit="1/tau_0")
    slowest = number("slowest", slowest, low=1e-250, unit="1/tau_0")
    fastest = number("fastest", fastest, low=slowest, unit="1/tau_0")
    fastest = number("fastest", fastest, high=1e250, unit="1/tau_0")
    tolerance = number("tolerance", tolerance, low=0.0, above=True)
    check_contacts_and_rates(network, "slowest", [slowest])
    current = own_current(network, current, threads)
    u = external_potential(network, profile)
    high = float((network.conductance * (u[network.link_i] - u[network.link_j]) ** 2).sum())
    equation = model_equation(network, current, u)
    ends = np.log10(slowest / MARGIN), np.log10(fastest * MARGIN)
    wanted = float(np.clip(tolerance, SMALLEST_TOLERANCE, 1.0))
    step = min(WIDEST_STEP, STEP / np.log(1.0 + 2.0 / wanted))
    n_poles = int(np.ceil((ends[1] - ends[0]) / step)) + 1
    poles = np.logspace(*ends, min(n_poles, MOST_POLES))
    probes = np.geomspace(slowest, fastest, 101)
    solved: dict[float, Solved] = {}
    contrast = float(network.log_conductance.max()) - current.log_conductance
    solve_drops = contrast > LARGEST_CONTRAST
    while True:
        for pole in poles.tolist():
            if pole not in solved:
                solved[pole] = equation.solve(pole, solve_drops, threads)
        model, rounding = projected_model(equation, solved)
        static = current.conductance
        found = AdmittanceModel(
            network, static, high, model, equation.unit, slowest, fastest, rounding
        )
        size = np.minimum(*(np.abs(found(s)) for s in (probes, 1j * probes)))
        error = np.maximum(*(found.numerical_error(s) for s in (probes, 1j * probes))) / size
        if error.max() <= tolerance:
            return found
        by_rounding = float((found.rounding_error(probes) / size).max())
        if by_rounding > tolerance and not solve_drops:
            solve_drops, solved = True, {}
            continue
        if by_rounding > tolerance:
            raise ConvergenceError(
                f"the model of the spectrum must have a relative error below {tolerance:g}, "
                f"rounding alone makes {by_rounding:.1e}; use hopnet.admittance, which is exact, "
                "or raise the tolerance.",
                estimate=found,
                residual=by_rounding,
            )
        # Halve every interval between poles in which the error is too large.
        wrong = np.unique(np.searchsorted(poles, probes[error > tolerance]))
        poles = np.sort(np.concatenate([poles, np.sqrt(poles[wrong - 1] * poles[wrong])]))
        if poles.size > MOST_POLES:
            break
    raise ConvergenceError(
        f"the model of the spectrum must have a relative error below {tolerance:g}, it has "
        f"{error.max():.1e} with {model.pole.size} poles; narrow the range or raise the tolerance.",
        estimate=found,
        residual=float(error.max()),
    )


def projected_model(
    equation: ModelEquation, solved: dict[float, Solved]
) -> tuple[RationalModel, np.ndarray]:
    """F as a sum of relaxations, and its difference from the value solved for at each pole.

    The network is projected on the solutions x at the poles. With the modes k of the projection,
    which are orthonormal with the weight c, their rates r and b = sum of c w mode,

        F(s) = rest + sum over modes of b^2 r / (r + s)      rest = sum of c (w - sum of b mode)^2

    All terms are positive. What the modes do not hold of w relaxes faster than any rate of the
    range; it stands in the model as one more mode, `BEYOND` times as fast as the largest pole.
    """
    pole = np.array(sorted(solved))
    root = np.sqrt(equation.capacity)
    weighted = root[:, None] * np.stack([solved[s].solution for s in pole.tolist()], axis=1)
    size = np.linalg.norm(weighted, axis=0)
    with one_blas_thread():
        # Solutions that the others hold to rounding are left out, with their poles.
        all_together, parts = qr(weighted / size, mode="economic")
        strength, order = qr(parts, mode="r", pivoting=True)
        new = np.abs(np.diagonal(strength)) > SMALLEST_DIRECTION
        used = np.sort(order[: new.size][new])
        pole, size = pole[used], size[used]
        rotation, triangle = qr(parts[:, used], mode="economic")
        basis = all_together @ rotation
        # The solutions times ``combine`` are the basis; so are their drops.
        combine = solve_triangular(triangle, np.eye(pole.size)) / size[:, None]
        laplacian = projected_energy(equation, [solved[s] for s in pole.tolist()], combine)
        amplitude = basis.T @ (root * equation.away)
        rest = float(((root * equation.away - basis @ amplitude) ** 2).sum())

    def project(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        within = orth(triangle[:, chosen])
        rate, mode = eigh(within.T @ laplacian @ within)
        inside = within.T @ amplitude
        outside = rest + float(((amplitude - within @ inside) ** 2).sum())
        rate = np.append(np.maximum(rate, 0.0), BEYOND * pole[-1])
        return rate, rate * np.append((mode.T @ inside) ** 2, outside)

    place = np.arange(pole.size)
    rate, weight = project(place >= 0)
    others = tuple(project(place != k) for k in range(pole.size))
    model = RationalModel(read_only(pole), read_only(rate), read_only(weight), others)
    exact = np.array([solved[s].value for s in pole.tolist()])
    return model, np.abs(model(pole) - exact)


def projected_energy(
    equation: ModelEquation, solved: list[Solved], combine: np.ndarray
) -> np.ndarray:
    """sum over links of K d d^T with the drops d of the basis, a block of links at a time."""
    total = np.zeros((combine.shape[1], combine.shape[1]))
    basis = np.stack([one.solution for one in solved], axis=1) @ combine
    drops = [one.drop for one in solved if one.drop is not None]
    for first in range(0, equation.conductance.size, BLOCK):
        block = slice(first, first + BLOCK)
        if drops:
            step = np.stack([drop[block] for drop in drops], axis=1) @ combine
        else:
            step = basis[equation.link_i[block]] - basis[equation.link_j[block]]
        total += step.T @ (equation.conductance[block, None] * step)
    return total
