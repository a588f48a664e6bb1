"""Plain twin of kernels/walk.py: the same random numbers, rotations by Rodrigues' formula."""

import numpy as np


def rotated(vector, quaternion):
    """The vector turned by 2 arccos(q0) about q."""
    half = np.arctan2(np.linalg.norm(quaternion[1:]), quaternion[0])
    axis = np.array(quaternion[1:]) / max(np.linalg.norm(quaternion[1:]), 1e-300)
    angle = 2 * half
    return (
        vector * np.cos(angle)
        + np.cross(axis, vector) * np.sin(angle)
        + axis * (axis @ vector) * (1 - np.cos(angle))
    )


def precessed(spin, omega, duration):
    """The spin after a time in a field: it turns by |omega| times this time about omega."""
    half = np.linalg.norm(omega) * duration / 2
    axis = np.asarray(omega) / max(np.linalg.norm(omega), 1e-300)
    return rotated(spin, (np.cos(half), *(np.sin(half) * axis)))


def walk_carriers(neighbours, field, time, start, first_spin, generator):
    """Lists of (site, place, spin) at each time; ``neighbours[i]``: (j, rate, step, turn)."""
    out = []
    for first in start:
        i, place, spin, t = first, np.zeros(2), np.array(first_spin, float), 0.0
        seen = []
        while len(seen) < len(time):
            since, rates = t, [rate for _, rate, _, _ in neighbours[i]]
            if rates:
                t -= np.log(1 - generator.random()) / sum(rates)
            else:
                t = np.inf
            looks = [later for k, later in enumerate(time) if len(seen) <= k and later < t]
            seen += [(i, place, precessed(spin, field[i], look - since)) for look in looks]
            if len(seen) < len(time):
                spin = precessed(spin, field[i], t - since)
                shares = np.cumsum(rates) / sum(rates)
                chosen = int(np.sum(shares <= generator.random()))
                i, _, step, turn = neighbours[i][min(chosen, len(rates) - 1)]
                place, spin = place + step, rotated(spin, turn)
        out.append(seen)
    return out
