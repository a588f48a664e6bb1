"""The compiled core: plain loops over arrays, one idea per file. Installed as hopnet.kernels.

The first compilation in a process prints one line, so that nobody takes the wait for slow physics.
"""

import multiprocessing
import sys

from numba.core import event


class Announcer(event.Listener):
    """Prints one line when the first kernel of a process is compiled, for a person who waits."""

    told = False

    def on_start(self, compiling):
        """A function is being compiled; functions that are loaded from the cache do not count."""
        function = getattr((compiling.data or {}).get("dispatcher"), "py_func", None)
        if self.told or not getattr(function, "__module__", "").startswith(__name__):
            return
        self.told = True
        if multiprocessing.parent_process() is None and is_watched():
            print("compiling, once (later runs load the result) ...", file=sys.stderr)

    def on_end(self, compiling):
        """Nothing: the work that follows is the sign."""


def is_watched():
    """Whether a person sees standard error: a terminal, or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


event.register("numba:compile", Announcer())
