"""hopnet: spin and charge in two-dimensional hopping conductors."""

__version__ = "0.1.0"
