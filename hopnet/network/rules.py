"""Rules that the links and the contacts of a network must obey."""

from __future__ import annotations

import numpy as np

from hopnet.errors import ParameterError

__all__ = ["check_apart", "check_links"]


def check_links(link_i: np.ndarray, link_j: np.ndarray, n: int) -> None:
    """Raise unless links are pairs i < j in ascending order, each once."""
    if link_i.shape != link_j.shape:
        raise ParameterError(
            f"link_i and link_j must have one length, got {link_i.size} and {link_j.size}; give "
            "two sites per link."
        )
    if np.any(link_i >= link_j):
        bad = int(np.flatnonzero(link_i >= link_j)[0])
        raise ParameterError(
            f"every link must join a lower to a higher site number, link {bad} joins "
            f"{link_i[bad]} to {link_j[bad]}; sort its ends, leave out links of a site to itself."
        )
    step = np.diff(link_i * n + link_j)
    if np.any(step == 0):
        raise ParameterError("a pair of sites is linked twice; add their conductances first.")
    if np.any(step < 0):
        raise ParameterError("links must be sorted by (i, j); make the network with join_sites.")


def check_apart(source: np.ndarray, drain: np.ndarray) -> None:
    """Raise if the two contacts share a site."""
    common = np.intersect1d(source, drain)
    if common.size:
        raise ParameterError(
            f"source and drain must not share sites, they share {common.size} (first: "
            f"{common[0]}); make the sample longer than two contact strips or the cutoff smaller."
        )
