"""hopnet.cli: one file a topic."""
