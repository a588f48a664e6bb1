"""Constants of percolation from the literature, in the plane and in space."""

from __future__ import annotations

from typing import NamedTuple

from hopnet.constants import PERCOLATION_RADII

__all__ = ["CONSTANTS", "PLANE", "SPACE", "WRAPPING_IN_SPACE", "PercolationConstants"]

# Probability that a cluster wraps around a cubic torus at l_c, in whatever direction: J. Wang, Z.
# Zhou, W. Zhang, T. M. Garoni and Y. Deng, Phys. Rev. E 87, 052107 (2013), 0.4600. Random sites at
# r_c = 0.867552 n_s^(-1/3) gave 0.458(5) here.
WRAPPING_IN_SPACE = 0.4600


class PercolationConstants(NamedTuple):
    """Constants of percolation from the literature: `PLANE` and `SPACE`.

    Attributes
    ----------
    dimension : int
    l_c : float
        Percolation threshold of discs or spheres: the link length, in n_s^(-1/dim).
    nu, beta, D_f, D_backbone, D_red, D_min : float
        As in `hopnet.percolation.scaling.Exponents`.
    wrapping : dict of str to float
        Probabilities that clusters wrap around a torus of equal sides at l_c: at all (once) and in
        a second direction (twice).
    """

    dimension: int
    l_c: float
    nu: float
    beta: float
    D_f: float
    D_backbone: float
    D_red: float
    D_min: float
    wrapping: dict[str, float]


# Exact: nu, beta, D_f, D_red = 1/nu (Coniglio, Phys. Rev. Lett. 46, 250 (1981)) and D_backbone
# (Nolin, Qian, Sun, Zhuang, arXiv:2309.05050). D_min is measured: Zhou, Yang, Deng, Ziff, Phys.
# Rev. E 86, 061101 (2012). Wrapping: Pinson, J. Stat. Phys. 75, 1167 (1994).
PLANE = PercolationConstants(
    dimension=2,
    l_c=1.1984679593,
    nu=4 / 3,
    beta=5 / 36,
    D_f=91 / 48,
    D_backbone=1.64333316328711,
    D_red=3 / 4,
    D_min=1.13077,
    wrapping={"once": 0.690473725, "twice": 0.309526275},
)

# All are measured. l_c: see `hopnet.constants.PERCOLATION_RADII`. 1/nu = 1.1410(15), beta/nu =
# 0.47705(15), D_min = 1.3756(3) and the wrapping: Wang, Zhou, Zhang, Garoni, Deng, Phys. Rev. E 87,
# 052107 (2013). D_backbone = 1.87(3): Porto, Bunde, Havlin, Roman, Phys. Rev. E 56, 1667 (1997).
SPACE = PercolationConstants(
    dimension=3,
    l_c=PERCOLATION_RADII[3],
    nu=1 / 1.1410,
    beta=0.47705 / 1.1410,
    D_f=3.0 - 0.47705,
    D_backbone=1.87,
    D_red=1.1410,
    D_min=1.3756,
    wrapping={"once": WRAPPING_IN_SPACE},
)

CONSTANTS = {2: PLANE, 3: SPACE}
