"""Places where the paper and the derivation differ: one named switch for each.

`CONSISTENT` (all switches off) is the default everywhere: its numbers follow from the
Hamiltonian and the collision integrals, as the tests show. `PRINTED` (all switches
on) repeats the formulas of the paper exactly. Any mixture can be built with
``dataclasses.replace(CONSISTENT, skew=True)``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from hopnet import checks
from hopnet.errors import ParameterError
from hopnet.records import Record

__all__ = ["CONSISTENT", "PRINTED", "Convention", "resolve_convention"]


@dataclass(frozen=True)
class Convention(Record):
    """Switches of the quantum-Boltzmann formulas: as in the paper (``True``) or as derived.

    Attributes
    ----------
    matrix_element : bool
        [qbe 3]: in the paper the vertices carry ``-lambda``. The matrix elements of [qbe 2] are
        ``+lambda``, so that the conversion from SI gives negative lambdas in the form [qbe 3].
    gauge : bool
        [qbe 10], [qbe 11]: in the paper ``A^a sigma_a``; [qbe 1] has ``A^a sigma_a / 2``.
    current : bool
        [qbe 14], [qbe 15]: in the paper with an extra 1/2.
    side_jump_sign, side_jump_unit : bool
        [qbe 17]: in the paper ``+ n lambda_z``; as derived ``- n lambda_z / p_F**2``.
    elliott_yafet : bool
        [qbe 19]: in the paper ``6 lambda_xy**2 + lambda_z**2``; as derived ``2 lambda_xy**2 +
        lambda_z**2``.
    precession_sign, precession_size : bool
        [qbe 21]: in the paper ``-4 lambda_xy lambda_z`` in both directions; as derived
        ``+2`` (J to M) and ``+1`` (M to J).
    skew : bool
        [qbe 22]: in the paper ``2 pi v_0 N_0 lambda_z``; as derived half of it.
    cyclotron : bool
        [qbe 22]: in the paper ``8 m alpha**2``; as derived ``2 m alpha**2``.
    magnetisation_row : bool
        Third row of [qbe 16] and [qbe 27]: in the paper ``alpha_R``; as derived ``2 alpha_R``.
    indirect_time : bool
        [qbe 25]: in the paper with tau_EY; as derived with tau_s, as in [qbe 26].
    edelstein_sign : bool
        [qbe 26]: in the paper ``+ alpha_R tau_s sigma_sH``; as derived with minus.
    precession_term : bool
        [qbe B4]: in the paper with the sign opposite to [qbe B3].
    precession_shift : bool
        [qbe B6]: in the paper ``+2 pi**2``; as derived ``-4 pi**2``.
    star_term : bool
        [qbe B9]: in the paper with the sign opposite to [qbe B8].
    rashba_shift : bool
        [qbe B13]: in the paper ``pi (v_0**2 - lambda_z kappa)``; as derived the sum of [qbe B6]
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

    def __post_init__(self) -> None:
        for field in fields(self):
            checks.flag(field.name, getattr(self, field.name))


CONSISTENT = Convention()
PRINTED = Convention(**{field.name: True for field in fields(Convention)})


def resolve_convention(convention: Any) -> Convention:
    """The `Convention` of that name (``"consistent"`` or ``"printed"``), or the one given."""
    if isinstance(convention, Convention):
        return convention
    if isinstance(convention, str) and convention == "consistent":
        return CONSISTENT
    if isinstance(convention, str) and convention == "printed":
        return PRINTED
    raise ParameterError(
        "convention must be 'consistent', 'printed' or a Convention, got "
        f"{checks.shown(convention)}; correct it."
    )
