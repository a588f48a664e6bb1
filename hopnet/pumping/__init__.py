"""hopnet.pumping: spin pumping and spin-charge conversion."""

from hopnet.pumping.contacts import INSULATING, RESERVOIR, Junction, solve_junction
from hopnet.pumping.conversion import ChargeResponse, conversion_efficiency, impurity, rashba
from hopnet.pumping.crossover import (
    crossover_point,
    kinetic_current,
    local_share,
    local_to_diffusive,
)
from hopnet.pumping.currents import Pumping, pump
from hopnet.pumping.diffusion import Field, propagate
from hopnet.pumping.medium import Medium
from hopnet.pumping.orders import solve_all_orders, spiral_all_orders
from hopnet.pumping.texture import (
    PeriodicTexture,
    RigidTexture,
    TimeSeries,
    grid_points,
    interface,
    load_texture,
    moving_wall,
    sample_texture,
    save_texture,
    skyrmion,
    spiral,
    standing_wave,
)

__all__ = [
    "INSULATING",
    "RESERVOIR",
    "ChargeResponse",
    "Field",
    "Junction",
    "Medium",
    "PeriodicTexture",
    "Pumping",
    "RigidTexture",
    "TimeSeries",
    "conversion_efficiency",
    "crossover_point",
    "grid_points",
    "impurity",
    "interface",
    "kinetic_current",
    "load_texture",
    "local_share",
    "local_to_diffusive",
    "moving_wall",
    "propagate",
    "pump",
    "rashba",
    "sample_texture",
    "save_texture",
    "skyrmion",
    "solve_all_orders",
    "solve_junction",
    "spiral",
    "spiral_all_orders",
    "standing_wave",
]
