"""Current-induced spin and f in frozen nuclear fields, as means over two copies of the fields.

Derived in docs/nuclear_fields.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, number
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.spin.coefficients import check_spin_orbit, spin_orbit_determinant
from hopnet.spin.curve import f_curve
from hopnet.spin.generation import ratio_to_letter
from hopnet.spin.hyperfine import turned_copy
from hopnet.spin.kinetics.checks import check_field
from hopnet.spin.kinetics.coupling import Coupling, find_coupling
from hopnet.spin.kinetics.leading import ORDER, WEAK
from hopnet.spin.kinetics.observables import induced_direction
from hopnet.spin.kinetics.resolvent import Resolvent, spin_model
from hopnet.spin.kinetics.solve import Kinetics, solve_kinetics
from hopnet.spin.kinetics.unit import count_electrons, find_rates
from hopnet.spin.site_rates import SiteRates
from hopnet.threads import one_blas_thread
from hopnet.transport.current import Current, own_current

__all__ = ["NuclearAverage", "NuclearF", "nuclear_average", "nuclear_f", "nuclear_fields"]


@dataclass(frozen=True, eq=False)
class NuclearAverage(Record):
    """Current-induced spin, averaged over two copies of the nuclear fields [nuclei 6].

    Attributes
    ----------
    copies : tuple of two Kinetics
        The solutions in the given fields and in the fields turned by half a turn about z.
    polarisation : float64[3]
        Mean of both copies.
    leakage : float64[3]
        Half the difference of both copies: spin of second order in the spin-orbit coupling, turned
        into the plane by the fields of this one configuration. Its size is about
        1 / (angle sqrt(N)) times the mean, with angle the half-angle per hop; its sign is random.
    tau_f : float, in tau_0
        The time that replaces tau_s f in [hopping 13], from the mean, in the normalisation of f.
    tau_f_of_copies : float64[2], in tau_0
        The same from each copy alone. The leakage hides f in it.
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
    normalisation: str = "bulk",
    threads: int | None = None,
) -> NuclearAverage:
    """Current-induced spin of all orders in frozen nuclear fields, the mean of two copies.

    Equation [nuclei 6]. The z spin that triads generate is of second order in the spin-orbit
    coupling, and the current-induced spin is of third order. Frozen fields turn the z spin into the
    plane. In one configuration this leakage hides the current-induced spin, even with 1e5 sites. In
    the copy (-Omega_x, -Omega_y, Omega_z) of the fields, which is equally probable, the leakage has
    exactly the opposite sign.

    Parameters
    ----------
    network : Network
        Open or cylinder.
    spin_orbit : array_like[2, 2]
        M = m a_b beta / hbar^2.
    eta : float
        hbar / (J_0 tau_0).
    tau_s : float or array_like[n_sites], in tau_0
        Spin relaxation time by all processes but the nuclei.
    field : float64[n_sites, 3], in 1/tau_0
        Nuclear fields, as `hopnet.overhauser_fields` makes them.
    external : array_like[3], in 1/tau_0
        External field, the same in both copies. A field in the plane turns some of the z spin into
        the plane in every configuration (Hanle effect). Average over several configurations then.
    current : Current, optional
        The current of this network; solved for if it is not given.
    normalisation : {"bulk", "letter"}
        That of ``tau_f``, as in `hopnet.f_curve`.
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
    direction = direction * ratio_to_letter(network, current.effective_length, normalisation)
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


@dataclass(frozen=True, eq=False)
class NuclearF(Record):
    """f in frozen nuclear fields, to leading order in the spin-orbit coupling [nuclei 15].

    Attributes
    ----------
    network : Network
    tau_s : float, in tau_0
        Relaxation time by all processes but the nuclei.
    tau_f : float, in tau_0
        The time that replaces tau_s f in [hopping 13], in the normalisation of f.
    tau_eff : float, in tau_0
        g(1/tau_s): the spin memory time for a uniform polarisation along the induced spin. An
        experiment with a pump or a Hanle curve would measure it as the spin relaxation time.
    f : float
        tau_f / tau_eff.
    f_of_one_time : float
        f of the same sample at the one relaxation time tau_eff and without fields.
    ratio : float
        f / f_of_one_time: 1 where one relaxation time describes the nuclei.
    leakage : float, in tau_0
        The contribution of z spin to tau_f in this one configuration, for half-angles of 1 per a_b;
        divide it by the half-angle. It is not part of ``tau_f``, because it has the opposite sign
        in the turned copy.
    """

    network: Network
    tau_s: float
    tau_f: float
    tau_eff: float
    f: float
    f_of_one_time: float
    ratio: float
    leakage: float


@one_blas_thread()  # sums have the same bits on any number of cores
def nuclear_f(
    network: Network,
    *,
    tau_s: float,
    field: ArrayLike | None = None,
    rates: SiteRates | None = None,
    form: ArrayLike = ((0.0, 1.0), (-1.0, 0.0)),
    current: Current | None = None,
    normalisation: str = "bulk",
    threads: int | None = None,
) -> NuclearF:
    """f in frozen nuclear fields, or with the relaxation rates of the sites in place of them.

    Equation [nuclei 15], with y = (A^T + n/tau_s)^-1 (n e) and x = (A + n/tau_s)^-1 T_z::

        N_e s = y . T_xy + sum_ij y_i . K_ij 2 d_ij x x_j        tau_f = s / (s at tau_s f = 1)

    T is the torque of the current on the spins, of third order in the plane and of second order
    along z. Leaving out y_z T_z gives exactly the mean over the two copies of the fields.

    Parameters
    ----------
    network : Network
        Open or cylinder, with any energies.
    tau_s : float, in tau_0
        Relaxation time by all processes but the nuclei.
    field : float64[n_sites, 3], in 1/tau_0, optional
        Nuclear fields, as `hopnet.overhauser_fields` makes them.
    rates : SiteRates, optional
        Rates of the sites (`hopnet.spin.site_rates`) in place of the fields: a fast approximation.
    form : array_like[2, 2]
        Form of the spin-orbit coupling, of any strength; default: Rashba.
    current : Current, optional
        The current of this network; solved for if it is not given.
    normalisation : {"bulk", "letter"}
        That of both f and of ``tau_f``, as in `hopnet.f_curve`.
    threads : int, optional

    Returns
    -------
    NuclearF

    Raises
    ------
    ParameterError
        If not exactly one of ``field`` and ``rates`` is given, or det ``form`` is 0.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(500, density=0.1, seed=1, geometry="cylinder"))
    >>> field = hn.overhauser_fields(network, 0.1, seed=2)
    >>> hn.nuclear_f(network, tau_s=1e6, field=field).ratio < 0.9
    True
    """
    current = own_current(network, current, threads)
    network.check_plane("a function for spins")
    network.check_dilute()
    tau_s = number("tau_s", tau_s, low=1e-100, high=1e100, unit="in tau_0")
    matrix = check_spin_orbit(form)
    if spin_orbit_determinant(matrix) == 0.0:
        raise ParameterError(
            "form must have a determinant that is not zero, or there is no f, got "
            f"{matrix.tolist()}; [[0, 1], [-1, 0]] is Rashba."
        )
    if (field is None) == (rates is None):
        raise ParameterError(
            "nuclear_f takes nuclear fields or rates of sites, got both or neither; give field or "
            "rates."
        )
    matrix = matrix / np.abs(matrix).max()
    coupling = find_coupling(network, WEAK * matrix, 1.0, threads)
    torque = coupling.torque(current.drop)[0] * (1.0 / WEAK) ** ORDER
    unit = spin_at_unit_time(network, matrix, 1.0, 1.0, current)
    axis = unit / np.linalg.norm(unit)
    if rates is not None:
        parts = parts_of_rates(coupling, rates, tau_s, matrix, axis, torque, threads)
    else:
        assert field is not None
        nuclei = nuclear_fields(network, field)
        parts = parts_of_fields(coupling, nuclei, tau_s, matrix, axis, torque, threads)
    generated, turned, leaked, remembered = parts / count_electrons(network, coupling.rates)
    # The polarisation counts the contact strips, as f does in the letter's normalisation.
    ratio = ratio_to_letter(network, current.effective_length, normalisation)
    size = float(np.linalg.norm(unit)) / ratio
    tau_f, tau_eff = (generated + turned) / size, float(remembered)
    curve = f_curve(network, tau_eff, current=current, normalisation=normalisation, threads=threads)
    f_of_one_time = float(curve.f[0])
    return NuclearF(
        network=network,
        tau_s=tau_s,
        tau_f=float(tau_f),
        tau_eff=tau_eff,
        f=float(tau_f / tau_eff),
        f_of_one_time=f_of_one_time,
        ratio=float(tau_f / tau_eff / f_of_one_time),
        leakage=float(leaked / size),
    )


def turned_part(
    coupling: Coupling,
    matrix: np.ndarray,
    y_i: np.ndarray,
    y_step: np.ndarray,
    x_i: np.ndarray,
    x_step: np.ndarray,
) -> float:
    """Sum over links of K 2 d . (x_j x y_i - x_i x y_j), from values at i and steps to j.

    On strong links the two products almost cancel. Written with steps, the difference keeps its
    digits.
    """
    separation = coupling.network.separation
    d = np.column_stack([-(separation @ matrix.T), np.zeros(separation.shape[0])])
    both = np.cross(x_step, y_i) - np.cross(x_i, y_step)
    return float(2.0 * (coupling.rates.conductance * (d * both).sum(axis=1)).sum())


def parts_of_fields(
    coupling: Coupling,
    field: np.ndarray,
    tau_s: float,
    matrix: np.ndarray,
    axis: np.ndarray,
    torque: np.ndarray,
    threads: int | None,
) -> np.ndarray:
    """float64[4]: spin generated in the plane, turned into the plane, leakage, and memory."""
    network, i, j = coupling.network, coupling.network.link_i, coupling.network.link_j
    model = spin_model(network, field, None, None, 1 / tau_s, threads)
    resolvent = Resolvent(model, 1 / tau_s, 1e-12)
    along_z = torque * np.array([0.0, 0.0, 1.0])
    y = model.frames.to_laboratory(resolvent.solve_transposed(model.source(axis)))
    x = model.frames.to_laboratory(resolvent.solve(model.frames.to_local(along_z)))
    turned = turned_part(coupling, matrix, y[i], y[j] - y[i], x[i], x[j] - x[i])
    remembered = (model.occupation[:, None] * axis * y).sum()
    generated = (y[:, :2] * torque[:, :2]).sum()
    return np.array([generated, turned, y[:, 2] @ torque[:, 2], remembered])


def parts_of_rates(
    coupling: Coupling,
    rates: SiteRates,
    tau_s: float,
    matrix: np.ndarray,
    axis: np.ndarray,
    torque: np.ndarray,
    threads: int | None,
) -> np.ndarray:
    """`parts_of_fields` with a relaxation rate at every site instead: two scalar problems."""
    network, occupation = coupling.network, coupling.rates.occupation
    excess = occupation * (1 / tau_s + rates.rate)
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    factored = factor(symbolic, coupling.rates.conductance, excess, threads=threads)
    y, x = factored.solve(occupation), factored.solve(torque[:, 2])
    y_step = -factored.link_drops(network.n_links, rhs=occupation)
    x_step = -factored.link_drops(network.n_links, rhs=torque[:, 2])
    i, z = network.link_i, np.array([0.0, 0.0, 1.0])
    turned = turned_part(
        coupling,
        matrix,
        y[i, None] * axis,
        y_step[:, None] * axis,
        x[i, None] * z,
        x_step[:, None] * z,
    )
    generated = y @ (torque[:, :2] @ axis[:2])
    return np.array([generated, turned, 0.0, y @ occupation])
