"""One dimension between two contacts: finite volumes, one tridiagonal solve a harmonic."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.linalg import solve_banded

from hopnet.errors import ParameterError
from hopnet.pumping.conversion import LEVI_CIVITA
from hopnet.pumping.diffusion import Frame
from hopnet.pumping.medium import Medium
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, grid_points

INSULATING, RESERVOIR = 0.0, math.inf


@dataclass(frozen=True, eq=False, repr=False)
class Junction:
    """Pumped spin between two contacts, see `solve_junction`.

    Components are those of the frame: (``A_+``, ``A_z``) of a rigid texture, else x, y, z with time
    last. First axis of each array: cells (n) or faces (n + 1, the walls included).

    Attributes
    ----------
    texture, medium, vertex
        As given.
    left, right : float, 1/length
        Conductance of the contacts.
    frame : Frame
    position, face : float64[n], float64[n + 1]
        Centres of the cells, and their faces from one wall to the other.
    first, second : tuple of arrays
        Components of the potential, first and second order, in the cells.
    source : tuple of arrays
        Components of N.
    secular_rate : float64[3]
        Growth of the mean spin when nothing lets it out: no relaxation, two insulating walls.
    """

    texture: object
    medium: Medium
    vertex: str
    left: float
    right: float
    frame: Frame
    position: np.ndarray
    face: np.ndarray
    first: tuple
    second: tuple
    source: tuple
    secular_rate: np.ndarray

    def potential(self, order=None, time=0.0):
        """The spin potential [pumping 10] in the cells, float64[3, n]."""
        return self._vector(self._potential(order), time)

    def density(self, order=None, time=0.0):
        """The spin density ``mu/D + chi S`` [pumping 14] in the cells, float64[3, n]."""
        return self._vector(self.density_parts(order), time)

    def density_parts(self, order=None):
        """Components of the spin density."""
        rho = [p / self.medium.diffusion for p in self._potential(order)]
        if order != 2:
            chi = self.medium.equilibrium_density
            rho = [r + chi * s for r, s in zip(rho, _components(self.texture))]
        return tuple(rho)

    def pumped_current(self, order=None, time=0.0):
        """The pumped current ``- d_x mu`` [pumping 9] through the faces, float64[3, n + 1].

        At the walls it is what the contacts take: ``-G mu`` on the left, ``G mu`` on the right.
        """
        return self._vector(self.pumped_current_parts(order), time)

    def pumped_current_parts(self, order=None):
        """Components of the pumped current."""
        step = self.position[1] - self.position[0]
        out, into = _wall_conductance(self.left, step), _wall_conductance(self.right, step)
        rows = []
        for mu in self._potential(order):
            inner = -np.diff(mu, axis=0) / step
            rows.append(np.concatenate([-out * mu[:1], inner, into * mu[-1:]]))
        return tuple(rows)

    def supercurrent(self, time=0.0):
        """The equilibrium current [pumping 8] through the inner faces, float64[3, n - 1]."""
        step = self.position[1] - self.position[0]
        spin = _components(self.texture)
        middle = tuple(0.5 * (s[1:] + s[:-1]) for s in spin)
        slope = tuple(np.diff(s, axis=0) / step for s in spin)
        product = self.frame.cross(middle, slope)
        return self._vector([-self.medium.exchange_stiffness * p for p in product], time)

    def dynamic_torque(self, time=0.0):
        """The dynamic torque [pumping 26] in the cells, float64[3, n]."""
        return self._vector([self.medium.torque_coefficient * n for n in self.source], time)

    def balance(self, order=None):
        """Relative error of the spin balance of the whole junction, constant in time.

        What the torque gives in a period must leave through the contacts or relax:
        ``g int N_z - (rho_z - chi S_z)/tau_s dx = j_z(right) - j_z(left)`` for the z component.
        """
        step = self.position[1] - self.position[0]
        current = self._mean_z(self.pumped_current_parts(order))
        given = growing = 0.0
        if order != 1:
            given = self.medium.torque_coefficient * self._mean_z(self.source).sum() * step
            growing = self.secular_rate[2] * self.face[-1]
        lost = self.medium.relaxation / self.medium.diffusion
        lost *= self._mean_z(self._potential(order)).sum() * step
        scale = max(abs(given), abs(current[-1]), abs(current[0]), abs(lost))
        error = abs(given - growing - lost - current[-1] + current[0])
        return float(error / scale) if scale > 0 else 0.0

    def rashba(self, field=None, time=0.0):
        """Rashba charge between walls that carry no charge current [pumping 25], [pumping 26].

        ``i W rho_c + d_x (j_loc - D d_x rho_c) = 0``, nothing flowing through either wall.

        Parameters
        ----------
        field : three floats, optional
            E_so in place of that of the medium.
        time : float

        Returns
        -------
        float64[n], float64[3, n + 1]
            Charge density, and current through the faces: along x the whole current, along y and z
            the local one (in the cells' mean at a face).
        """
        medium = self.medium
        field = np.asarray(medium.rashba if field is None else field, dtype=float)
        medium.warn_rashba(float(np.linalg.norm(field)))
        a = medium.rashba_factor * field
        torque = [medium.torque_coefficient * n for n in self.source]
        step = self.position[1] - self.position[0]
        local = []
        for i in range(3):
            weight = [LEVI_CIVITA[i, :, alpha] @ a for alpha in range(3)]
            parts = self.frame.contract([float(w) for w in weight], torque)
            edges = [np.concatenate([p[:1], 0.5 * (p[1:] + p[:-1]), p[-1:]]) for p in parts]
            local.append(edges)
        density, flow = [], []
        for part, omega, j in zip(range(len(local[0])), self._omegas(scalar=True), local[0]):
            j = j.copy()
            j[0] = j[-1] = 0.0  # the walls carry nothing
            divergence = np.diff(j, axis=0) / step
            rho, _ = _solve_part(
                -divergence, omega, self.frame, step, medium.diffusion, 0.0, 0.0, 0.0, part
            )
            spread = np.zeros_like(j)
            spread[1:-1] = -medium.diffusion * np.diff(rho, axis=0) / step
            density.append(rho)
            flow.append(j + spread)
        current = [self._scalar(flow, time)] + [self._scalar(j, time) for j in local[1:]]
        return self._scalar(density, time), np.stack(current)

    def _potential(self, order):
        if order not in (1, 2, None):
            raise ParameterError(f"order must be 1, 2 or None, got {order!r}; choose one of them.")
        if order is None:
            return tuple(a + b for a, b in zip(self.first, self.second))
        return self.first if order == 1 else self.second

    def _omegas(self, scalar=False):
        return _omegas(self.texture, self.frame, scalar)

    def _vector(self, parts, time):
        return np.stack(_at(self.frame, list(parts), time, True))

    def _scalar(self, parts, time):
        return _at(self.frame, list(parts), time, False)

    def _mean_z(self, parts):
        z = parts[-1]
        return z if self.frame.kind == "rigid" else z.mean(axis=-1)


def _at(frame, parts, time, vector):
    if frame.kind == "rigid":
        turned = parts[0] * np.exp(1j * frame.frequency * time)
        return [turned.real, turned.imag, parts[1]] if vector else turned.real + parts[1]
    n = parts[0].shape[-1]
    index = time / frame.period * n
    if abs(index - round(index)) > 1e-6:
        raise ParameterError(
            f"time must be one of the {n} samples of the period, got {time!r}; choose k/{n} of it."
        )
    samples = [p[..., round(index) % n] for p in parts]
    return samples if vector else samples[0]


def _components(texture):
    if isinstance(texture, RigidTexture):
        return texture.plus, texture.z
    return tuple(texture.spin)


def _omegas(texture, frame, scalar):
    """The harmonics in time of every part."""
    if frame.kind == "rigid":
        return [np.array([texture.frequency]), np.array([0.0])]
    n = texture.spin.shape[-1]
    omega = 2 * np.pi * np.arange(n // 2 + 1) / texture.period
    return [omega] * (1 if scalar else 3)


def _wall_conductance(conductance, step):
    """From the cell centre to the contact: half a cell in series with the interface."""
    return 2 / step if math.isinf(conductance) else conductance / (1 + 0.5 * conductance * step)


def _solve_harmonic(source, omega, step, diffusion, relaxation, left, right):
    """Solve ``(i W + 1/tau_s) u - D u'' = source`` between two contacts; the mean if nothing leaks.

    Returns the solution and the part of the source that has no stationary answer.
    """
    n = len(source)
    rate = complex(relaxation, omega)
    hop = diffusion / step**2
    diagonal = np.full(n, rate + 2 * hop)
    diagonal[0] += -hop + diffusion * _wall_conductance(left, step) / step
    diagonal[-1] += -hop + diffusion * _wall_conductance(right, step) / step
    growing = 0.0
    closed = omega == 0 and relaxation == 0 and left == 0 and right == 0
    bands = np.zeros((3, n), dtype=complex)
    bands[0, 1:] = bands[2, :-1] = -hop
    bands[1] = diagonal
    if closed:
        growing = source.mean()
        source = source - growing
        bands[1, 0] += hop  # pin the first cell: the balanced equations stay solved
    u = solve_banded((1, 1), bands, source)
    return (u - u.mean() if closed else u), growing


def _solve_part(source, omega, frame, step, diffusion, relaxation, left, right, part):
    """`_solve_harmonic` over the harmonics of one part, [n] or [n, n_times]."""
    if frame.kind == "rigid":
        u, growing = _solve_harmonic(
            source, float(omega[0]), step, diffusion, relaxation, left, right
        )
        return (u if part == 0 else u.real), growing
    n_times = source.shape[-1]
    hat = fft.rfft(source, axis=-1)
    out = np.empty_like(hat)
    growing = 0.0
    for w, frequency in enumerate(omega):
        if 2 * w == n_times:
            out[:, w] = 0.0  # the Nyquist harmonic has no derivative
            continue
        out[:, w], mean = _solve_harmonic(
            hat[:, w], float(frequency), step, diffusion, relaxation, left, right
        )
        growing = growing + mean / n_times
    return fft.irfft(out, n=n_times, axis=-1), np.real(growing)


def solve_junction(texture, medium, *, left=INSULATING, right=INSULATING, vertex="single"):
    """Pumped spin in one dimension between two contacts, by finite volumes.

    The potential, not the density, meets the contact::

        (d_t + 1/tau_s) mu - D mu'' = - chi D dS/dt + D g N        [pumping 10], [pumping 12]
        outward current at a wall = G mu

    ``G = 0`` insulates, ``G = inf`` is a reservoir in local equilibrium (``rho = chi S``).

    Parameters
    ----------
    texture : RigidTexture or PeriodicTexture
        On one axis, sampled at the centres of the cells (``cell_centred=True``); it need not be
        periodic in space, and must not move (`velocity`).
    medium : Medium
    left, right : float, 1/length
        Conductance of the contacts at 0 and at the length.
    vertex : {"single", "full"}
        As in `pump`.

    Returns
    -------
    Junction

    Raises
    ------
    ParameterError
        For a grid of several axes, a moving texture, fewer than 2 cells or a negative conductance.

    Notes
    -----
    Of second order in the cell. Without relaxation, between two insulating walls, the mean spin
    grows at `secular_rate` and its stationary part is given with zero mean.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> from hopnet.pumping.texture import interface
    >>> gas = Medium(exchange=0.01, tau=0.1, density_of_states=1.0, fermi_energy=2.0, tau_s=5.0)
    >>> texture = interface((200,), (20.0,), edges=8.0, width=0.5, frequency=0.4, cell_centred=True)
    >>> junction = solve_junction(texture, gas, right=RESERVOIR)
    >>> junction.pumped_current().shape, junction.balance() < 1e-10
    ((3, 201), True)
    """
    if not isinstance(texture, RigidTexture | PeriodicTexture) or len(texture.shape) != 1:
        raise ParameterError(
            "a junction needs a rigid or periodic texture on one axis, got "
            f"{type(texture).__name__} of shape {getattr(texture, 'shape', None)}; drop the others."
        )
    if isinstance(texture, RigidTexture) and texture.moves:
        raise ParameterError(
            f"contacts stand still, got a texture moving at {texture.velocity}; sample it in time."
        )
    if vertex not in ("single", "full"):
        raise ParameterError(f"vertex must be single or full, got {vertex!r}; choose one of them.")
    if texture.shape[0] < 2:
        raise ParameterError(f"a junction needs 2 cells, got {texture.shape[0]}; refine it.")
    for name, conductance in (("left", left), ("right", right)):
        if not conductance >= 0:
            raise ParameterError(
                f"{name} conductance must be from 0 (insulating) to inf (reservoir), "
                f"got {conductance!r}; give one in 1/length."
            )
    length = texture.lengths[0]
    position = grid_points(texture.shape, texture.lengths, cell_centred=True)[0]
    face = np.linspace(0.0, length, len(position) + 1)
    step = face[1]
    kind = "rigid" if isinstance(texture, RigidTexture) else "periodic"
    frame = Frame(
        kind,
        (),
        (),
        getattr(texture, "frequency", 0.0),
        period=getattr(texture, "period", None),
        shape=texture.shape,
    )
    omegas = _omegas(texture, frame, scalar=False)
    spin = _components(texture)
    _warn_validity(medium, spin, omegas, step, length, closed=left == right == 0)
    rate = [_time_derivative(frame, s, w) for s, w in zip(spin, omegas)]
    diffusion, relaxation = medium.diffusion, medium.relaxation

    def solved(source):
        return zip(
            *(
                _solve_part(s, w, frame, step, diffusion, relaxation, left, right, part)
                for part, (s, w) in enumerate(zip(source, omegas))
            )
        )

    averaged, _ = solved([r / medium.tau for r in rate])  # <dS/dt>
    source = frame.cross(spin, tuple(averaged if vertex == "full" else rate))
    first = [-medium.equilibrium_density * medium.tau * diffusion * a for a in averaged]
    drive = medium.torque_coefficient
    second, growing = solved([diffusion * drive * n for n in source])
    mean = np.asarray(growing) / diffusion
    if kind == "rigid":
        mean = np.array([mean[0].real, mean[0].imag, mean[1].real])
    return Junction(
        texture,
        medium,
        vertex,
        float(left),
        float(right),
        frame,
        position,
        face,
        tuple(first),
        tuple(second),
        source,
        np.real(mean) + 0.0,
    )


def _warn_validity(medium, spin, omegas, step, length, closed):
    """The smallness conditions, for the steepest slope and the longest wave between the walls."""
    size = float(np.sqrt(sum(np.abs(s) ** 2 for s in spin).max()))
    if size == 0:
        return
    slope = max(float(np.abs(np.diff(s, axis=0)).max()) for s in spin) / (step * size)
    frequency = max(abs(float(w[min(1, len(w) - 1)])) for w in omegas)
    longest = 0.0 if closed else 0.5 * math.pi / length
    slowest = abs(complex(medium.diffusion * longest**2 + medium.relaxation, frequency))
    medium.warn(slope, frequency, slowest, size)


def _time_derivative(frame, spin, omega):
    if frame.kind == "rigid":
        rate = 1j * omega[0] * spin
        return rate if np.iscomplexobj(spin) else np.zeros_like(spin)
    hat = 1j * omega * fft.rfft(spin, axis=-1)
    n = spin.shape[-1]
    if n % 2 == 0:
        hat[:, -1] = 0.0
    return fft.irfft(hat, n=n, axis=-1)
