"""hopnet.plots: the only files that import matplotlib."""
