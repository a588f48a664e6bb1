"""What this room offers."""

from .config import RunConfig as RunConfig
from .config import config_from_dict as config_from_dict
from .config import read_config as read_config
from .listener import Listener as Listener
from .results import collect as collect
from .results import read_results as read_results
from .results import run_status as run_status
from .run import run_ensemble as run_ensemble
from .statistics import summarise as summarise
