"""hopnet.pumping: spin pumping and spin-charge conversion."""
