"""Where the print and the derivation differ: one named switch for each place.

`CONSISTENT` (all switches off) is the default everywhere: its numbers follow from the
Hamiltonian and the collision integrals, and the tests prove it. `PRINTED` (all switches
on) repeats the published formulas to the letter. Any mixture can be built with
``dataclasses.replace(CONSISTENT, skew=True)``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from hopnet.errors import ParameterError


@dataclass(frozen=True)
class Convention:
    """Places of the quantum-Boltzmann paper that are taken as printed (``True``) or mended.

    Attributes
    ----------
    matrix_element : bool
        [qbe 3]: printed, the vertices carry ``-lambda``; the matrix elements of [qbe 2] are
        ``+lambda``, so that the map from SI lands at negative lambdas in the form [qbe 3].
    gauge : bool
        [qbe 10], [qbe 11]: printed ``A^a sigma_a``; [qbe 1] has ``A^a sigma_a / 2``.
    current : bool
        [qbe 14], [qbe 15]: printed with an extra 1/2.
    side_jump_sign, side_jump_unit : bool
        [qbe 17]: printed ``+ n lambda_z``; consistent ``- n lambda_z / p_F**2``.
    elliott_yafet : bool
        [qbe 19]: printed ``6 lambda_xy**2 + lambda_z**2``; consistent ``2 lambda_xy**2 + ...``.
    precession_sign, precession_size : bool
        [qbe 21]: printed ``-4 lambda_xy lambda_z`` both ways; consistent ``+2`` (J to M) and
        ``+1`` (M to J).
    skew : bool
        [qbe 22]: printed ``2 pi v_0 N_0 lambda_z``; consistent half of it.
    cyclotron : bool
        [qbe 22]: printed ``8 m alpha**2``; consistent ``2 m alpha**2``.
    magnetisation_row : bool
        Third row of [qbe 16] and [qbe 27]: printed ``alpha_R``; consistent ``2 alpha_R``.
    indirect_time : bool
        [qbe 25]: printed with tau_EY; consistent with tau_s, as in [qbe 26].
    edelstein_sign : bool
        [qbe 26]: printed ``+ alpha_R tau_s sigma_sH``; consistent with minus.
    precession_term : bool
        [qbe B4]: printed with the sign opposite to [qbe B3].
    precession_shift : bool
        [qbe B6]: printed ``+2 pi**2``; consistent ``-4 pi**2``.
    star_term : bool
        [qbe B9]: printed with the sign opposite to [qbe B8].
    rashba_shift : bool
        [qbe B13]: printed ``pi (v_0**2 - lambda_z kappa)``; consistent the sum of [qbe B6]
        and [qbe B12].
    """

    matrix_element: bool = False
    gauge: bool = False
    current: bool = False
    side_jump_sign: bool = False
    side_jump_unit: bool = False
    elliott_yafet: bool = False
    precession_sign: bool = False
    precession_size: bool = False
    skew: bool = False
    cyclotron: bool = False
    magnetisation_row: bool = False
    indirect_time: bool = False
    edelstein_sign: bool = False
    precession_term: bool = False
    precession_shift: bool = False
    star_term: bool = False
    rashba_shift: bool = False


CONSISTENT = Convention()
PRINTED = Convention(**{field.name: True for field in fields(Convention)})


def resolve_convention(convention):
    """``"consistent"``, ``"printed"`` or a `Convention` -> a `Convention`."""
    if isinstance(convention, Convention):
        return convention
    if convention == "consistent":
        return CONSISTENT
    if convention == "printed":
        return PRINTED
    raise ParameterError(
        f"convention must be 'consistent', 'printed' or a Convention, got {convention!r}; "
        "choose one of them."
    )
