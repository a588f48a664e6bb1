"""Plain twin of the kernel of the Hall effect."""


def fill_hall_terms(links, area, interference, drop_a, drop_b):
    """(2A / 8) times the interference times {a ^ b} of each triad, by its links ij and ik."""
    out = []
    for t, (ij, ik, _) in enumerate(links):
        bracket = drop_a[ij] * drop_b[ik] - drop_a[ik] * drop_b[ij]
        out.append(2.0 * area[t] / 8.0 * interference[t] * bracket)
    return out
