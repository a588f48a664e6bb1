"""Checks of what the caller gives: numbers, whole numbers, choices, arrays and matrices.

Every check returns the value in the form that the room computes with, and raises a
ParameterError of one sentence otherwise. Texts, None, missing values and booleans are not
numbers.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hopnet.errors import ParameterError
from hopnet.records import read_only

__all__ = [
    "LARGEST",
    "flag",
    "hermitian",
    "number",
    "one_of",
    "positive",
    "real_array",
    "real_list",
    "whole",
]

# Largest modulus of a number that the caller gives, in any unit. The formulas square energies and
# multiply them by wave vectors: 1e60 keeps every product below the largest double, 1.8e308. A
# larger limit would let infinities into the sums.
LARGEST = 1e60
# A matrix counts as Hermitian when its skew part is below this share of its largest element.
# Rounding leaves 1e-16; 1e-10 accepts matrices read from files with ten digits.
SKEW = 1e-10


def number(
    name: str,
    value: object,
    *,
    low: float = -LARGEST,
    high: float = LARGEST,
    advice: str = "give a real number",
) -> float:
    """The real number ``value`` between ``low`` and ``high``, as a float.

    Parameters
    ----------
    name : str
        Name of the number in the message.
    value : object
        What the caller gave.
    low, high : float
        Smallest and largest number that is allowed.
    advice : str
        Last part of the message: what to do.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    real = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    try:
        out = float(value) if real else math.nan  # type: ignore[arg-type]
    except OverflowError:
        out = math.inf
    if not low <= out <= high:
        allowed = f"be a number from {low:g} to {high:g}"
        if low == 0.0 > out:
            allowed = "not be negative"
        elif low > 0.0 >= out:
            allowed = "be positive"
        raise ParameterError(f"{name} must {allowed}, got {shown(value)}; {advice}.")
    return out


def positive(
    name: str, value: object, *, high: float = LARGEST, advice: str = "give a positive number"
) -> float:
    """The positive number ``value``, at most ``high`` and at least 1 / `LARGEST`, as a float."""
    return number(name, value, low=1.0 / LARGEST, high=high, advice=advice)


def whole(
    name: str, value: object, low: int, high: int, *, advice: str = "give a whole number"
) -> int:
    """The whole number ``value`` between ``low`` and ``high``, as an int."""
    try:
        out = number(name, value, low=low, high=high)
    except ParameterError:
        out = math.nan
    if out != math.floor(out) if math.isfinite(out) else True:
        raise ParameterError(
            f"{name} must be a whole number from {low} to {high}, got {shown(value)}; {advice}."
        )
    return int(out)


def flag(name: str, value: object) -> bool:
    """The boolean ``value``; a number or a text is refused."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(
            f"{name} must be True or False, got {shown(value)}; give one of the two."
        )
    return bool(value)


def one_of(name: str, value: object, allowed: Iterable[str], advice: str = "") -> str:
    """The text ``value`` if it is among ``allowed``."""
    allowed = tuple(allowed)
    if not isinstance(value, str) or value not in allowed:
        raise ParameterError(
            f"{name} must be one of {', '.join(allowed)}, got {shown(value)}; "
            f"{advice or 'correct the name'}."
        )
    return value


def real_array(
    name: str, value: npt.ArrayLike, shape: tuple[int | None, ...], *, advice: str
) -> np.ndarray:
    """A read-only copy of an array of real numbers, each at most `LARGEST` in modulus.

    Parameters
    ----------
    name : str
        Name of the array in the message.
    value : array_like
        What the caller gave.
    shape : tuple of int or None
        Shape that is allowed; None stands for any length from 1.
    advice : str
        Last part of the message: what to do.
    """
    array = plain_array(name, value, "iuf", advice).astype(float)
    fits = array.ndim == len(shape) and all(
        have == want or (want is None and have > 0) for have, want in zip(array.shape, shape)
    )
    if not fits:
        wanted = " x ".join("n" if length is None else str(length) for length in shape)
        raise ParameterError(
            f"{name} must have the shape {wanted or 'of one number'}, got {array.shape}; {advice}."
        )
    if not np.all(np.abs(array) <= LARGEST):
        raise ParameterError(
            f"{name} must be finite and at most {LARGEST:g} in modulus, got {shown(value)}; "
            f"{advice}."
        )
    return read_only(array)


def real_list(name: str, value: npt.ArrayLike, *, advice: str) -> np.ndarray:
    """One real number or a list of them, as a read-only array float64[n]."""
    if isinstance(value, numbers.Real) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return read_only([number(name, value, advice=advice)])
    return real_array(name, value, (None,), advice=advice)


def hermitian(matrix: npt.ArrayLike, order: int, what: str) -> np.ndarray:
    """A read-only complex copy of a matrix that is finite, of the right order and Hermitian."""
    advice = "give it in the basis of the Hamiltonian"
    out = plain_array(what, matrix, "iufc", advice).astype(complex)
    if out.shape != (order, order):
        raise ParameterError(
            f"{what} must be a {order} x {order} matrix, got shape {out.shape}; {advice}."
        )
    check_stack(out[None], what, "correct its elements")
    return read_only(out, np.complex128)


def check_stack(stack: np.ndarray, what: str, advice: str) -> None:
    """Refuse matrices ``stack[n, N, N]`` that are not finite or not Hermitian."""
    size = np.abs(stack).max(initial=0.0)
    if not size <= LARGEST:
        raise ParameterError(
            f"{what} must be finite and at most {LARGEST:g} in modulus, got {size:g}; {advice}."
        )
    skew = np.abs(stack - stack.conj().transpose(0, 2, 1)).max(initial=0.0)
    if skew > SKEW * size:
        raise ParameterError(
            f"{what} must be Hermitian, got a skew part of {skew / size:.3g} of its size; "
            "add the Hermitian conjugate."
        )


def plain_array(name: str, value: npt.ArrayLike, kinds: str, advice: str) -> np.ndarray:
    """``value`` as an array whose numpy kind is among ``kinds``; masked entries are refused."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):  # ragged lists, objects that refuse
        array = np.array(None)
    if np.ma.is_masked(value) or array.dtype.kind not in kinds:
        raise ParameterError(f"{name} must be numbers, got {shown(value)}; {advice}.")
    return array


def shown(value: object) -> str:
    """``repr(value)`` on one line of at most 80 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."
