"""Magnetic field, frequency and time: the spin's response beyond the steady state.

To leading order in spin-orbit coupling all of them follow from one function of a complex rate,

    F(z) = c z y (K + z n)^-1 gamma        F(1/tau_s) = f

(its counterpart along the current with x in place of y). A field along or across the current makes
z = 1/tau_s + i omega, an alternating current z = 1/tau_s - i omega, and its poles are the
relaxation rates of the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hopnet.elimination.reduced import RationalModel, rational_model
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.network import Network
from hopnet.records import read_only
from hopnet.spin.coefficients import check_spin_orbit
from hopnet.spin.generation import spin_generation
from hopnet.transport.current import Current, net_flow, solve_current

MARGIN = 4.0  # poles reach so far beyond the rates asked for
POLES_PER_DECADE = (2, 4, 8)  # each set holds the one before
DENSE_SITES = 1000
ROUNDING = 1e-10


@dataclass(frozen=True, eq=False)
class SpinResponse:
    """F(z) of one sample as a sum of few relaxations.

    Attributes
    ----------
    network : Network
    f_drift : float
        F at infinite z.
    factor : float
        c of [hopping S42].
    across, along : RationalModel
        Of the moments across and along the current.
    along_drift : float
        F of the moment along the current at infinite z.
    local : bool
        Whether the moment across is taken by differences along links (the sample wraps).
    """

    network: Network
    f_drift: float
    factor: float
    across: RationalModel
    along: RationalModel
    along_drift: float
    local: bool

    def __call__(self, rate):
        """F at complex rates off the negative real axis."""
        rate = np.asarray(rate)
        if self.local:
            return self.f_drift - self.factor * self.across(rate)
        return self.factor * rate * self.across(rate)

    def perpendicular(self, rate):
        """F of the moment along the current: spin along the current, small in large samples."""
        rate = np.asarray(rate)
        return self.factor * rate * self.along(rate)

    def error(self, rate):
        """Estimated absolute error of F, with an allowance for the rounding of the projection."""
        rate = np.asarray(rate)
        weight = 1.0 if self.local else np.abs(rate)
        return abs(self.factor) * weight * self.across.error(rate) + ROUNDING * abs(self.f_drift)


def check_rates(rate):
    """Complex rates 1/tau_s + i omega as an array: finite, real part positive."""
    rate = np.atleast_1d(np.asarray(rate, dtype=np.complex128))
    if rate.size == 0 or not (np.all(np.isfinite(rate)) and np.all(rate.real > 0)):
        raise ParameterError(
            "rates 1/tau_s + i omega must be finite with a positive real part, smallest is "
            f"{rate.real.min(initial=np.inf)!r}; spins do not grow by relaxing."
        )
    return rate


def check_one_time(tau_s):
    """A finite tau_s > 0 as a float."""
    if not (np.ndim(tau_s) == 0 and np.isfinite(tau_s) and tau_s > 0):
        raise ParameterError(
            f"tau_s must be one positive finite time in tau_0, got {tau_s!r}; give a number."
        )
    return float(tau_s)


def check_axis(name, value, *, least=-np.inf):
    """A list of finite numbers, not below ``least``."""
    value = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if value.ndim != 1 or value.size == 0 or not np.all(np.isfinite(value) & (value >= least)):
        raise ParameterError(
            f"{name} must be one or more finite numbers (at least {least:g}), got "
            f"{np.array2string(value, threshold=5)}; mend them."
        )
    return value


def moments(network):
    """Sides c of F: across and along the current, and whether the first is local.

    n y about its mean with hard edges; q_i = sum_j (y_i - y_j) K_ij where the sample wraps.
    """
    n = network.occupation
    across = network.direction_across
    place = network.sites.position - network.sites.position.mean(axis=0)
    along = n * (place @ np.array([across[1], -across[0]]))
    if network.sites.geometry == "open":
        return n * (place @ across), along, False
    by_link = -(network.separation @ across) * network.conductance
    return net_flow(network, by_link), along, True


def response_at(network, rate, *, current=None, threads=None):
    """F at complex rates, one complex factor each: exact, the check of `spin_response`.

    Parameters
    ----------
    network : Network
    rate : array_like of complex, in 1/tau_0
        Real part > 0.
    current : Current, optional
    threads : int, optional

    Returns
    -------
    across, along : complex128[n_rates]
        F, and its counterpart of the moment along the current.
    """
    rate = check_rates(rate)
    current = solve_current(network, threads=threads) if current is None else current
    network.check_owns(current)
    generation = spin_generation(network, current)
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    conductance, n = network.conductance, network.occupation
    y, x, local = moments(network)
    out = np.empty((2, rate.size), np.complex128)
    for k, z in enumerate(rate):
        sigma = factor(symbolic, conductance, z * n, threads=threads).solve(generation.gamma)
        out[1, k] = generation.factor * z * (x @ sigma)
        out[0, k] = generation.factor * z * (y @ sigma)
        if local:
            out[0, k] = generation.f_drift - generation.factor * (y @ sigma)
    return out[0], out[1]


def spin_response(network, slowest, fastest, *, current=None, tolerance=1e-5, threads=None):
    """F(z) for all abs(z) between two rates, from few real factors.

    Parameters
    ----------
    network : Network
        Open or cylinder, any energies.
    slowest, fastest : float, in 1/tau_0
    current : Current, optional
    tolerance : float
        Poles are added until the estimated error on the imaginary axis is below ``tolerance``
        times f_drift.
    threads : int, optional

    Returns
    -------
    SpinResponse

    Raises
    ------
    ConvergenceError
        If eight poles a decade are not enough.
    """
    slowest, fastest = check_axis("the range of rates", [slowest, fastest], least=1e-300)
    if not tolerance > 0:
        raise ParameterError(f"tolerance must be positive, got {tolerance!r}; 1e-5 is customary.")
    current = solve_current(network, threads=threads) if current is None else current
    network.check_owns(current)
    generation = spin_generation(network, current)
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    conductance, n = network.conductance, network.occupation
    y, x, local = moments(network)
    low, high = np.log10(slowest / MARGIN), np.log10(max(fastest, slowest) * MARGIN)
    probes = np.logspace(np.log10(slowest), np.log10(max(fastest, slowest)), 25)
    probes = np.concatenate([probes, probes * np.exp(0.45j * np.pi)])
    sides = np.stack([generation.gamma, y, x], axis=1)
    coarse, finest = POLES_PER_DECADE[0], POLES_PER_DECADE[-1]
    n_steps = (int(np.ceil(coarse * (high - low))) + 1) * finest // coarse
    grid = np.logspace(low, high, n_steps + 1)
    solved = {}
    for density in POLES_PER_DECADE:
        places = range(0, grid.size, finest // density)
        for k in places:
            if k not in solved:
                factored = factor(symbolic, conductance, grid[k] * n, threads=threads)
                solved[k] = factored.solve(sides)
        poles, solution = grid[places], np.stack([solved[k] for k in places], axis=1)

        def model(which, poles=poles, solution=solution):
            return rational_model(
                symbolic,
                network.link_i,
                network.link_j,
                conductance,
                generation.gamma,
                sides[:, which],
                poles,
                occupation=n,
                solutions=solution[:, :, [0, which]],
            )

        response = SpinResponse(
            network,
            generation.f_drift,
            generation.factor,
            model(1),
            model(2),
            generation.factor * float(x / n @ generation.gamma),
            local,
        )
        error = response.error(probes).max()
        if error <= tolerance * abs(generation.f_drift):
            return response
    raise ConvergenceError(
        f"{poles.size} poles leave an estimated error of {error:.1e} in F (f_drift = "
        f"{generation.f_drift:.3g}); ask for a larger tolerance or a smaller range of rates.",
        estimate=response,
        residual=float(error),
        iterations=poles.size,
    )


@dataclass(frozen=True, eq=False)
class HanleCurve:
    """Induced spin across the current in a magnetic field, relative to that without.

    Attributes
    ----------
    field : float64[n], in 1/tau_0
        omega = g mu_B B / hbar.
    tau_s : float
    along : float64[n]
        Field along the current: Re [F / (1 + i omega tau_s)] / f, not a Lorentzian.
    across : float64[n]
        Field across the current, along the induced spin: Re F / f, which rises to f_drift / f.
    normal : float64[n]
        Field normal to the plane: the Lorentzian 1 / (1 + (omega tau_s)^2), and the rotation of
        spin along the current if ``spin_orbit`` was given.
    f, f_drift, f_perpendicular : float
        The last is F(1/tau_s) of the moment along the current.
    error : float64[n]
        Absolute, of ``along`` and ``across``.
    """

    field: np.ndarray
    tau_s: float
    along: np.ndarray
    across: np.ndarray
    normal: np.ndarray
    f: float
    f_drift: float
    f_perpendicular: float
    error: np.ndarray


def hanle_curve(
    network: Network,
    tau_s: float,
    field: ArrayLike,
    *,
    current: Current | None = None,
    spin_orbit: ArrayLike | None = None,
    method: str = "model",
    tolerance: float = 1e-5,
    threads: int | None = None,
) -> HanleCurve:
    """The three Hanle laws of current-induced spin.

    With z = 1/tau_s + i omega, s the spin across the current (leading order in spin-orbit
    coupling)::

        B along the current    s / s_0 = Re [F(z) / (1 + i omega tau_s)] / f
        B across it            s / s_0 = Re F(z) / f
        B normal to the plane  s / s_0 = (1 + omega tau_s s_x0 / s_0) / (1 + (omega tau_s)^2)

    Parameters
    ----------
    network : Network
        Open or cylinder, any energies.
    tau_s : float, in tau_0
    field : array_like, in 1/tau_0
        Precession frequencies, of either sign.
    current : Current, optional
    spin_orbit : array_like[2, 2], optional
        M with zero diagonal, in axes along and across the current: for the spin along the current,
        s_x0 / s_0 = -(M_yx f_perpendicular) / (M_xy f). By default it is left out, as it vanishes
        in large samples.
    method : {"model", "exact"}
        From the reduced model, or a complex factor for each field.
    tolerance : float
        Of the model, times f_drift.
    threads : int, optional

    Returns
    -------
    HanleCurve

    Notes
    -----
    Valid for tau_s much shorter than the Dyakonov-Perel time, and axes in which M has no diagonal
    (Rashba; Rashba and Dresselhaus in axes along <110>).

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(1000, density=0.05, seed=1))
    >>> curve = hn.hanle_curve(network, 100, [0, 0.1, 1])
    >>> bool(curve.across[2] > curve.across[1] > 1 > curve.along[1])
    True
    """
    tau_s = check_one_time(tau_s)
    field = check_axis("field", field)
    if method not in ("model", "exact"):
        raise ParameterError(f"method must be 'model' or 'exact', got {method!r}; choose one.")
    s = 1.0 / tau_s
    rate = np.append(s + 1j * field, s)
    if method == "exact":
        current = solve_current(network, threads=threads) if current is None else current
        F, perpendicular = response_at(network, rate, current=current, threads=threads)
        f_drift = spin_generation(network, current).f_drift
        error = np.full(rate.size, np.finfo(float).eps * abs(f_drift))
    else:
        response = spin_response(
            network, s, np.abs(rate).max(), current=current, tolerance=tolerance, threads=threads
        )
        F, perpendicular, error = response(rate), response.perpendicular(rate), response.error(rate)
        f_drift = response.f_drift
    f, f_perpendicular = float(F[-1].real), float(perpendicular[-1].real)
    turned = 0.0
    if spin_orbit is not None:
        matrix = check_spin_orbit(spin_orbit)
        if matrix[0, 0] or matrix[1, 1] or not (matrix[0, 1] and matrix[1, 0]):
            raise ParameterError(
                "the Hanle laws need spin_orbit with a zero diagonal and both other elements, "
                f"got {matrix.tolist()}; turn the axes, or use solve_kinetics(field=)."
            )
        M_yx, M_xy = matrix[1, 0], matrix[0, 1]
        if network.axis == "y":  # the same in axes turned with the current
            M_yx, M_xy = M_xy, M_yx
        turned = -(M_yx * f_perpendicular) / (M_xy * f)
    precession = field * tau_s
    return HanleCurve(
        field=read_only(field),
        tau_s=tau_s,
        along=read_only((F[:-1] / (1 + 1j * precession)).real / f),
        across=read_only(F[:-1].real / f),
        normal=read_only((1 + turned * precession) / (1 + precession**2)),
        f=f,
        f_drift=f_drift,
        f_perpendicular=f_perpendicular,
        error=read_only(error[:-1] / abs(f)),
    )


def ac_response(network, tau_s, frequency, *, current=None, tolerance=1e-5, threads=None):
    """Amplitude of the induced spin under an alternating current, relative to a steady one.

    s(omega) / s(0) = F(1/tau_s - i omega) / [f (1 - i omega tau_s)], time factor exp(-i omega t).

    Parameters
    ----------
    network : Network
    tau_s : float, in tau_0
    frequency : array_like >= 0, in 1/tau_0
        Below the rate at which Coulomb forces restore neutrality: the current is taken to follow
        at once. Without such forces charge follows no faster than spins hop, and the law holds
        for the slowest currents only.
    current : Current, optional
    tolerance : float
    threads : int, optional

    Returns
    -------
    complex128[n]
    """
    tau_s = check_one_time(tau_s)
    omega = check_axis("frequency", frequency, least=0.0)
    rate = np.append(1.0 / tau_s - 1j * omega, 1.0 / tau_s)
    F = spin_response(
        network,
        1.0 / tau_s,
        np.abs(rate).max(),
        current=current,
        tolerance=tolerance,
        threads=threads,
    )(rate)
    return F[:-1] / (F[-1].real * (1 - 1j * omega * tau_s))


def step_response(network, tau_s, time, *, current=None, tolerance=1e-5, threads=None):
    """Growth of the induced spin after the current is switched on, relative to its final value.

    The inverse Laplace transform of F(p + 1/tau_s) / [p (p + 1/tau_s)]; with hard edges each mode
    of rate r grows as 1 - exp(-(r + 1/tau_s) t). Not exponential: its spectrum is that of hopping.

    Parameters
    ----------
    network : Network
    tau_s : float, in tau_0
    time : array_like >= 0, in tau_0
    current : Current, optional
        It is taken to be steady at once.
    tolerance : float
    threads : int, optional

    Returns
    -------
    float64[n]
    """
    tau_s = check_one_time(tau_s)
    time = check_axis("time", time, least=0.0)
    s = 1.0 / tau_s
    shortest = min(time[time > 0].min(initial=np.inf), tau_s)
    response = spin_response(
        network, s, max(MARGIN / shortest, s), current=current, tolerance=tolerance, threads=threads
    )
    r, weight = response.across.rate, response.factor * response.across.weight
    total = r + s
    grown = -np.expm1(-np.multiply.outer(time, total))
    if not response.local:
        return (grown / total) @ weight / float(np.sum(weight / total))
    # modes of 1 / [p (p + s) (p + s + r)]; a mode without decay of its own has a limit
    slow = -np.expm1(-s * time)[:, None] / s
    small = np.where(r > 1e-9 * s, r, 1.0)
    part = np.where(
        r > 1e-9 * s,
        (slow - grown / total) / small,
        (slow - time[:, None] * np.exp(-s * time)[:, None]) / s,
    )
    final = response.f_drift / s - np.sum(weight / (s * total))
    return (response.f_drift * slow[:, 0] - part @ weight) / final


def relaxation(
    network, pattern, time, *, tau_s=np.inf, observable=None, poles_per_decade=4, threads=None
):
    """How a prepared pattern of z spins fades by hopping and relaxation.

    dS/dt = -K (S / n) - S / tau_s; returns sum_i o_i S_i(t).

    Parameters
    ----------
    network : Network
    pattern : float64[n_sites]
        S_i at t = 0.
    time : array_like >= 0, in tau_0
    tau_s : float
    observable : float64[n_sites], optional
        o_i; by default pattern / n, the overlap with the pattern.
    poles_per_decade : int
    threads : int, optional

    Returns
    -------
    float64[n]

    Notes
    -----
    Without precession: leading order in spin-orbit coupling.
    """
    time = check_axis("time", time, least=0.0)
    n = network.occupation
    pattern = np.asarray(pattern, dtype=np.float64)
    other = pattern if observable is None else np.asarray(observable, dtype=np.float64)
    for name, value in (("pattern", pattern), ("observable", other)):
        if value.shape != (network.n_sites,) or not np.all(np.isfinite(value)):
            raise ParameterError(
                f"{name} must hold one finite number for each of the {network.n_sites} sites, got "
                f"shape {value.shape}; mend the array."
            )
    if not tau_s > 0:
        raise ParameterError(f"tau_s must be positive (inf is allowed), got {tau_s!r}; mend it.")
    moment = pattern if observable is None else n * other
    positive = time[time > 0]
    low, high = (0.03 / positive.max(), 30.0 / positive.min()) if positive.size else (0.1, 10.0)
    poles = np.logspace(*np.log10([low, high]), int(poles_per_decade * np.log10(high / low)) + 2)
    model = rational_model(
        analyse(network.dissection, network.link_i, network.link_j),
        network.link_i,
        network.link_j,
        network.conductance,
        pattern,
        moment,
        poles,
        occupation=n,
        threads=threads,
    )
    return model.decay(time) * np.exp(-time / tau_s)
