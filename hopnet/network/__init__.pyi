"""What this room offers."""

from .build import build_network as build_network
from .energies import MarcusBath as MarcusBath
from .energies import RateLaw as RateLaw
from .energies import with_energies as with_energies
from .exponent import critical_exponent as critical_exponent
from .lattices import lattice_sites as lattice_sites
from .links import network_from_links as network_from_links
from .links import read_matrix_market as read_matrix_market
from .links import write_matrix_market as write_matrix_market
from .neighbours import find_links as find_links
from .network import Network as Network
from .sites import Sites as Sites
from .sites import critical_length as critical_length
from .sites import random_sites as random_sites
from .sites import sites_from_positions as sites_from_positions
from .triads import Triads as Triads
from .triads import find_triads as find_triads
