"""hopnet.boltzmann: quantum Boltzmann linear response and Rashba spin-density-matrix kinetics."""
