"""Balance of sites: sums of the flows of all links, in one pass over the links."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def sum_flows(link_i, link_j, flow, leaving, entering, size_i, size_j):
    """Sums over the links of each site, those that it begins and those that it ends apart.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
    flow : float64[n_links]
        Flow along each link, positive from i to j.
    leaving, entering : float64[n_sites]
        Overwritten: sum of the flow over the links from a site, and over the links to it.
    size_i, size_j : float64[n_sites]
        Overwritten: the same sums of the modulus of the flow.

    Notes
    -----
    Each sum is taken in the order of the links.
    """
    leaving[:] = 0.0
    entering[:] = 0.0
    size_i[:] = 0.0
    size_j[:] = 0.0
    for l in range(link_i.shape[0]):
        i = link_i[l]
        j = link_j[l]
        leaving[i] += flow[l]
        entering[j] += flow[l]
        size_i[i] += np.abs(flow[l])
        size_j[j] += np.abs(flow[l])


@njit(cache=True, nogil=True)
def largest_change(new, old):
    """Largest modulus of ``new - old``, and of ``old``; nan where a number is nan.

    Parameters
    ----------
    new, old : float64[n]

    Returns
    -------
    change, largest : float64
    """
    change = 0.0
    largest = 0.0
    for l in range(new.shape[0]):
        difference = np.abs(new[l] - old[l])
        size = np.abs(old[l])
        if np.isnan(difference):
            return np.nan, np.nan
        if difference > change:
            change = difference
        if size > largest:
            largest = size
    return change, largest
