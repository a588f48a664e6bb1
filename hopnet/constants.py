"""Constants that several rooms share."""

import numpy as np

__all__ = ["PERCOLATION_RADII", "PERCOLATION_RADIUS", "Z_CROSS"]

# l_c sqrt(n_s) of the plane: random sites joined whenever they are closer than l_c just percolate.
# From n_s pi l_c^2 / 4 = 1.12808737(6) at the threshold (S. Mertens and C. Moore, Phys. Rev. E 86,
# 061109 (2012)), that is 2 sqrt(1.12808737 / pi), rounded to six digits.
PERCOLATION_RADIUS = 1.19847

# l_c n_s^(1/dim) by dimension. In space a sphere of radius l_c around a site holds
# (4 pi / 3) n_s l_c^3 = 8 eta_c = 2.73512 other sites at the threshold: eta_c = 0.341889(3)
# (C. D. Lorenz and R. M. Ziff, J. Chem. Phys. 114, 3659 (2001)), rounded to six digits.
PERCOLATION_RADII = {2: PERCOLATION_RADIUS, 3: 0.867552}

# Matrix of v -> z x v in the plane.
Z_CROSS = np.array([[0.0, -1.0], [1.0, 0.0]])
Z_CROSS.flags.writeable = False
