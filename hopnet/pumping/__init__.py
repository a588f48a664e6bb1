"""hopnet.pumping: spin pumping and spin-charge conversion."""

from hopnet.pumping.contacts import INSULATING, RESERVOIR, Junction, solve_junction
from hopnet.pumping.conversion import ChargeResponse, conversion_efficiency, impurity, rashba
from hopnet.pumping.crossover import (
    InterfaceSplit,
    crossover_point,
    interface_split,
    kinetic_current,
    local_share,
    local_to_diffusive,
)
from hopnet.pumping.currents import Pumping, pump
from hopnet.pumping.diffusion import propagate
from hopnet.pumping.fields import Field
from hopnet.pumping.grid import numerical_error
from hopnet.pumping.medium import Medium, Validity
from hopnet.pumping.named_textures import (
    interface,
    moving_wall,
    skyrmion,
    spiral,
    standing_wave,
)
from hopnet.pumping.orders import (
    AllOrders,
    OrderRatios,
    compare_orders,
    solve_all_orders,
    spiral_all_orders,
)
from hopnet.pumping.texture import (
    PeriodicTexture,
    RigidTexture,
    TimeSeries,
    grid_points,
    sample_texture,
)
from hopnet.pumping.texture_file import load_texture, save_texture

__all__ = [
    "INSULATING",
    "RESERVOIR",
    "AllOrders",
    "ChargeResponse",
    "Field",
    "InterfaceSplit",
    "Junction",
    "Medium",
    "OrderRatios",
    "PeriodicTexture",
    "Pumping",
    "RigidTexture",
    "TimeSeries",
    "Validity",
    "compare_orders",
    "conversion_efficiency",
    "crossover_point",
    "grid_points",
    "impurity",
    "interface",
    "interface_split",
    "kinetic_current",
    "load_texture",
    "local_share",
    "local_to_diffusive",
    "moving_wall",
    "numerical_error",
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
