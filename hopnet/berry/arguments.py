"""Checks of the arguments of this room: numbers of any unit, lists of them, Hermitian matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hopnet import checks
from hopnet.checks import shown
from hopnet.errors import ParameterError
from hopnet.records import read_only

__all__ = [
    "LARGEST",
    "check_stack",
    "hermitian",
    "is_plain",
    "number",
    "plain_array",
    "positive",
    "real_array",
    "real_list",
]

# Largest modulus of a number that the caller gives, in any unit. The formulas square energies and
# multiply them by wave vectors: 1e60 keeps every product below the largest double, 1.8e308. A
# larger limit would let infinities into the sums.
LARGEST = 1e60
# A matrix counts as Hermitian when its skew part is below this share of its largest element.
# Rounding leaves 1e-16; 1e-10 accepts matrices read from files with ten digits.
SKEW = 1e-10


def number(
    name: str, value: Any, *, low: float = -LARGEST, high: float = LARGEST, hint: str = ""
) -> float:
    """The real number ``value`` between ``low`` and ``high``, as a float."""
    return checks.number(name, value, low=low, high=high, hint=hint or "correct the number")


def positive(name: str, value: Any, *, hint: str = "give a positive number") -> float:
    """The positive number ``value`` between 1 / `LARGEST` and `LARGEST`, as a float."""
    return checks.number(name, value, low=1.0 / LARGEST, high=LARGEST, hint=hint)


def real_array(name: str, value: Any, shape: tuple[int | None, ...], *, hint: str) -> np.ndarray:
    """A read-only copy of an array of real numbers, each at most `LARGEST` in modulus.

    Parameters
    ----------
    name : str
        Name of the array in the message.
    value : array_like
        What the caller gave.
    shape : tuple of int or None
        Shape that is allowed; None stands for any length from 1.
    hint : str
        Last part of the message: what to do.
    """
    regular(name, value, hint)
    found = checks.array_of(name, value, shape=shape, low=-LARGEST, high=LARGEST, hint=hint)
    return read_only(found)


def real_list(name: str, value: Any, *, hint: str) -> np.ndarray:
    """One real number or a list of them, as a read-only array float64[n]."""
    regular(name, value, hint)
    return read_only(checks.array_of(name, value, low=-LARGEST, high=LARGEST, hint=hint))


def regular(name: str, value: Any, hint: str) -> None:
    """Refuse lists of unequal length and whole numbers that no float holds."""
    try:
        np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"{name} must be real numbers in rows of one length, got {shown(value)}; {hint}."
        ) from None


def hermitian(matrix: npt.ArrayLike, order: int, what: str) -> np.ndarray:
    """A read-only complex copy of a matrix that is finite, of the right order and Hermitian."""
    hint = "give it in the basis of the Hamiltonian"
    out = plain_array(what, matrix, hint).astype(complex)
    if out.shape != (order, order):
        raise ParameterError(
            f"{what} must be a {order} x {order} matrix, got shape {out.shape}; {hint}."
        )
    check_stack(out[None], what, "correct its elements")
    return read_only(out, np.complex128)


def check_stack(stack: np.ndarray, what: str, hint: str) -> None:
    """Refuse matrices ``stack[n, N, N]`` that are not finite or not Hermitian."""
    size = np.abs(stack).max(initial=0.0)
    if not size <= LARGEST:
        raise ParameterError(
            f"{what} must be finite and at most {LARGEST:g} in modulus, got {size:g}; {hint}."
        )
    skew = np.abs(stack - stack.conj().transpose(0, 2, 1)).max(initial=0.0)
    if skew > SKEW * size:
        raise ParameterError(
            f"{what} must be Hermitian, got a skew part of {skew / size:.3g} of its size; "
            "add the Hermitian conjugate."
        )


def plain_array(name: str, value: Any, hint: str) -> np.ndarray:
    """``value`` as an array of real or complex numbers that is not masked."""
    if not is_plain(value):
        raise ParameterError(f"{name} must be numbers, got {shown(value)}; {hint}.")
    return np.asarray(value)


def is_plain(value: Any) -> bool:
    """Whether numpy makes an array of numbers of ``value``; masked arrays are none."""
    try:
        return not np.ma.isMaskedArray(value) and np.asarray(value).dtype.kind in "iufc"
    except (TypeError, ValueError, OverflowError):  # ragged lists, objects that refuse
        return False
