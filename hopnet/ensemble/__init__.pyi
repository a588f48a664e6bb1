"""What this room offers."""

from .config import RunConfig as RunConfig
from .config import config_from_dict as config_from_dict
from .config import read_config as read_config
from .run import collect as collect
from .run import read_results as read_results
from .run import run_ensemble as run_ensemble
from .run import run_status as run_status
from .statistics import summarise as summarise
