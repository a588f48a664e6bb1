"""hopnet.berry: proper spin currents from Berry connections."""
