"""hopnet.boltzmann: quantum Boltzmann linear response and Rashba spin-density-matrix kinetics.

Quantum Boltzmann (labels ``[qbe n]``), weak spin-orbit coupling, any disorder vertices:

- `collisions`: the collision integrals as matrices on spin x angular harmonics
- `response`, `approximation`: rates, coefficients, the exact 3x3 response, its weak limit
- `kinetic`, `thermal`, `profile`: all harmonics in fields, at frequencies and wave vectors;
  finite temperature; the spin across a strip
- `microscopic`: the sample in SI, the renormalised alpha, the InSb estimate
- `conventions`: printed or consistent, place by place

Rashba kinetics (labels ``[rashba n]``), any splitting and any scattering rate:

- `rashba`, `chain`, `potentials`: chains of momenta, spin current by source, S_y, J_x
- `texture`, `limits`: spin by momentum; closed forms

The alpha of the first half is a velocity in ``alpha (sigma_x p_y - sigma_y p_x)``; that of the
second is twice as large, ``(alpha/2)(...)``, as in the two papers.
"""
