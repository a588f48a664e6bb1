"""Checks of arguments: each returns the value in its plain type, or raises a ParameterError.

The message has four parts: what, what is allowed, what was given and what to do. Texts and booleans
do not count as numbers, nor masked arrays and missing values as arrays.
"""

from __future__ import annotations

import math
import numbers as abstract
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hopnet.errors import ParameterError

__all__ = [
    "array_of",
    "flag",
    "instance_of",
    "is_real",
    "number",
    "one_of",
    "path_of",
    "shown",
    "site_numbers",
    "whole",
]

Kind = TypeVar("Kind")


def shown(value: Any) -> str:
    """A short text of any value, for a message."""
    if isinstance(value, np.ndarray):
        text = np.array2string(value, threshold=5)
    else:
        try:
            text = repr(value.item() if isinstance(value, np.generic) else value)
        except Exception as failure:  # a user's own repr may raise anything
            text = f"a {type(value).__name__} that cannot be shown ({type(failure).__name__})"
    text = " ".join(text.split())  # one line, also for arrays and tables
    return text if len(text) <= 120 else f"{text[:110]} ..."


def interval(low: float, high: float, above: bool, below: bool) -> str:
    """An interval in words: `` above 0``, `` from 0 to 1``, or nothing if there are no ends."""
    if low == -math.inf and high == math.inf:
        return ""
    if high == math.inf:
        return f" above {low:g}" if above else f" of at least {low:g}"
    if low == -math.inf:
        return f" below {high:g}" if below else f" of at most {high:g}"
    excluded = [f"{end:g}" for end, out in ((low, above), (high, below)) if out]
    edges = f" ({' and '.join(excluded)} excluded)" if excluded else ""
    return f" from {low:g} to {high:g}{edges}"


def number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    below: bool = False,
    infinite: bool = False,
    unit: str = "",
    hint: str = "",
) -> float:
    """A real number as a float.

    Parameters
    ----------
    name : str
        The name of the argument, as the user wrote it.
    value : object
    low, high : float
        The ends of the allowed interval.
    above, below : bool
        Whether the lower or the upper end itself is excluded.
    infinite : bool
        Whether inf is allowed.
    unit : str
        The unit, for the message.
    hint : str
        What to do, for the message.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        If ``value`` is not a number, is not finite, or lies outside.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0 and not np.ma.isMaskedArray(value):
        value = value[()]
    real = isinstance(value, abstract.Real) and not isinstance(value, bool | np.bool_)
    try:
        found = float(value) if real else math.nan
    except (OverflowError, TypeError, ValueError):
        found = math.nan
    good = found >= low and found <= high
    good = good and not (above and found == low) and not (below and found == high)
    if not good or (math.isinf(found) and not infinite):
        kind = "a number" if infinite else "a finite number"
        raise ParameterError(
            f"{name} must be {kind}{interval(low, high, above, below)}"
            f"{f' ({unit})' if unit else ''}, got {shown(value)}{f'; {hint}' if hint else ''}."
        )
    return found


def whole(
    name: str, value: Any, *, low: float = -math.inf, high: float = math.inf, hint: str = ""
) -> int:
    """A whole number as an int; a float with a whole value is accepted.

    Parameters
    ----------
    name : str
    value : object
    low, high : float
        The ends of the allowed interval, both allowed.
    hint : str

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        If ``value`` is not a whole number or lies outside.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0 and not np.ma.isMaskedArray(value):
        value = value[()]
    real = isinstance(value, abstract.Real) and not isinstance(value, bool | np.bool_)
    try:
        good = real and value == int(value) and low <= value <= high
    except (OverflowError, TypeError, ValueError):
        good = False
    if not good:
        raise ParameterError(
            f"{name} must be a whole number{interval(low, high, False, False)}, got "
            f"{shown(value)}{f'; {hint}' if hint else ''}."
        )
    return int(value)


def one_of(name: str, value: Any, allowed: Iterable[str], hint: str = "") -> str:
    """A text that is one of the allowed ones, or a ParameterError."""
    allowed = tuple(allowed)
    if not (isinstance(value, str) and value in allowed):
        raise ParameterError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(value)}"
            f"{f'; {hint}' if hint else ''}."
        )
    return value


def path_of(name: str, value: Any) -> Path:
    """The name of a file or a directory, or a ParameterError."""
    try:
        text = os.fspath(value)
    except TypeError:
        text = b""
    if not isinstance(text, str) or "\0" in text or not text:
        raise ParameterError(
            f"{name} must be the name of a file or a directory, got {shown(value)}; give a text or "
            "a pathlib.Path."
        )
    return Path(text)


def flag(name: str, value: Any) -> bool:
    """True or False, or a ParameterError."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {shown(value)}.")
    return bool(value)


def instance_of(name: str, value: Any, kind: type[Kind], hint: str = "") -> Kind:
    """A record of the given class, or a ParameterError.

    Parameters
    ----------
    name : str
        The name of the argument, as the user wrote it.
    value : object
    kind : type
        The class that the value must have.
    hint : str
        What to do, for the message.
    """
    if not isinstance(value, kind):
        raise ParameterError(
            f"{name} must be a {kind.__name__}, got {shown(value)}{f'; {hint}' if hint else ''}."
        )
    return value


def array_of(
    name: str,
    value: Any,
    *,
    shape: tuple[int | None, ...] | None = None,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    infinite: bool = False,
    empty: bool = False,
    hint: str = "",
) -> np.ndarray:
    """Real numbers as a new float64 array that shares no memory with the argument.

    Parameters
    ----------
    name : str
    value : array_like
    shape : tuple, optional
        The shape; None stands for any length. Default: one axis, a single number becomes one
        element.
    low, high : float
        The ends of the allowed interval of every element.
    above : bool
        Whether the lower end itself is excluded.
    infinite : bool
        Whether inf is allowed.
    empty : bool
        Whether an array without elements is allowed.
    hint : str

    Returns
    -------
    float64 array

    Raises
    ------
    ParameterError
        If ``value`` is masked, holds anything but real numbers, or does not fit.
    """
    ending = f"; {hint}" if hint else ""
    if np.ma.isMaskedArray(value):
        raise ParameterError(
            f"{name} must be a plain array, got a masked one; pass the values that are not masked."
        )
    found: np.ndarray | None
    try:
        found = np.asarray(value)
        kind = found.dtype.kind
        if kind == "O" and found.size and all(is_real(item) for item in found.ravel()):
            found, kind = found.astype(np.float64), "f"
        if found.size == 0 and not isinstance(value, str | dict):
            found = np.empty(found.shape)
        else:
            found = np.array(found, dtype=np.float64, order="C") if kind in "iuf" else None
    except (TypeError, ValueError, OverflowError):
        found = None
    if found is None:
        raise ParameterError(f"{name} must hold real numbers, got {shown(value)}{ending}.")
    if shape is None:
        found, shape = np.atleast_1d(found), (None,)
    fits = found.ndim == len(shape) and all(
        want is None or want == has for want, has in zip(shape, found.shape)
    )
    if not fits or (found.size == 0 and not empty):
        axes = ", ".join("n" if want is None else str(want) for want in shape)
        least = "" if empty else " with at least one element"
        allowed = f"an array of shape ({axes}){least}" if shape else "one number"
        raise ParameterError(f"{name} must be {allowed}, got shape {found.shape}{ending}.")
    good = (found >= low) & (found <= high) & (~np.isinf(found) if not infinite else True)
    if above:
        good = good & (found > low)
    if not np.all(good):
        first = tuple(int(i) for i in np.argwhere(~good)[0])
        what = "numbers" if infinite else "finite numbers"
        raise ParameterError(
            f"{name} must hold {what}{interval(low, high, above, False)}, got "
            f"{float(found[first])!r} at index {first if len(first) > 1 else first[0]}{ending}."
        )
    return found


def is_real(value: Any) -> bool:
    """Whether a value is a real number and neither a boolean nor a missing value."""
    return isinstance(value, abstract.Real) and not isinstance(value, bool | np.bool_)


def site_numbers(name: str, value: Any, n: int, hint: str = "") -> np.ndarray:
    """Whole numbers from 0 to ``n - 1`` as a new int64 array of one axis.

    Parameters
    ----------
    name : str
    value : array_like
        Numbers of sites or of links; a single number becomes one element.
    n : int
        Number of sites or links.
    hint : str

    Returns
    -------
    int64 array

    Raises
    ------
    ParameterError
        If a number is not whole or out of range.
    """
    found = array_of(name, value, low=0, high=n - 1, empty=True, hint=hint)
    if not np.all(found == np.floor(found)):
        raise ParameterError(
            f"{name} must hold whole numbers, got {shown(found)}{f'; {hint}' if hint else ''}."
        )
    return found.astype(np.int64)
