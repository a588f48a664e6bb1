"""hopnet.cli: one file per topic."""
