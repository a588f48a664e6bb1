"""Intrinsic spin currents from Berry connections: printed, corrected, conventional, conserved."""

from hopnet.berry.chern import ChernNumber, chern_number
from hopnet.berry.conserved import conserved_current, orbital_magnetisation, spin_streda
from hopnet.berry.crystals import bi2se3_bulk, from_hoppings, haldane, kane_mele
from hopnet.berry.curves import (
    Curve,
    cutoff_curves,
    insulator_curves,
    well_energy_curves,
    well_field_curves,
)
from hopnet.berry.decomposition import Decomposition, decompose
from hopnet.berry.domains import AdaptiveZone, PeriodicGrid, Rays, ZoneLines
from hopnet.berry.hole_well import Subbands, luttinger_well, rashba_splitting, subbands
from hopnet.berry.integration import integrate
from hopnet.berry.models import Model, bhz, from_callables, from_terms, massive_dirac, qwz, rashba
from hopnet.berry.pairs import Treatment, band_pairs
from hopnet.berry.quadrature import Integral
from hopnet.berry.spin_current import SpinHall, anomalous_hall, spin_hall

__all__ = [
    "AdaptiveZone",
    "ChernNumber",
    "Curve",
    "Decomposition",
    "Integral",
    "Model",
    "PeriodicGrid",
    "Rays",
    "SpinHall",
    "Subbands",
    "Treatment",
    "ZoneLines",
    "anomalous_hall",
    "band_pairs",
    "bhz",
    "bi2se3_bulk",
    "chern_number",
    "conserved_current",
    "cutoff_curves",
    "decompose",
    "from_callables",
    "from_hoppings",
    "from_terms",
    "haldane",
    "insulator_curves",
    "integrate",
    "kane_mele",
    "luttinger_well",
    "massive_dirac",
    "orbital_magnetisation",
    "qwz",
    "rashba",
    "rashba_splitting",
    "spin_hall",
    "spin_streda",
    "subbands",
    "well_energy_curves",
    "well_field_curves",
]
