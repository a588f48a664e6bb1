"""Plain versions of the kernels in kernels/balance.py."""

import numpy as np


def sum_flows(link_i, link_j, flow, n):
    """Sums over the links of each site: leaving, entering, and the same of the moduli."""
    size = np.abs(flow)
    return (
        np.bincount(link_i, flow, n),
        np.bincount(link_j, flow, n),
        np.bincount(link_i, size, n),
        np.bincount(link_j, size, n),
    )


def largest_change(new, old):
    """Largest modulus of the change, and of the old numbers."""
    change = np.abs(new - old).max(initial=0.0)
    return change, np.nan if np.isnan(change) else np.abs(old).max(initial=0.0)
