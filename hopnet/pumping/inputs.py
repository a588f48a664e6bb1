"""Checks of arguments that this room needs in addition to `hopnet.checks`.

Each returns the value in a plain type, or raises one sentence. Texts, booleans, None, NaN and
masked entries are never taken as numbers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from hopnet.checks import array_of, number, shown
from hopnet.errors import ParameterError

__all__ = [
    "calculation",
    "check_finite",
    "complex_array",
    "finite",
    "instance",
    "not_negative",
    "positive",
    "positive_numbers",
    "real_array",
    "real_numbers",
    "settle",
]


def settle(record: object, **values: Any) -> None:
    """Replace the raw arguments of a frozen record by checked ones.

    A frozen dataclass forbids plain assignment also in its own ``__post_init__``, so the checked
    values are set with ``object.__setattr__``. This happens once, before anyone sees the record.
    """
    for name, value in values.items():
        object.__setattr__(record, name, value)


def finite(name: str, value: Any) -> float:
    """A finite real number of either sign."""
    return number(name, value, hint="give a real number")


def positive(name: str, value: Any, *, infinite: bool = False) -> float:
    """A positive real number; infinity only where `infinite` is set."""
    hint = "give a positive number"
    return number(name, value, low=0.0, above=True, infinite=infinite, hint=hint)


def not_negative(name: str, value: Any, *, infinite: bool = False) -> float:
    """A real number that is zero or positive; infinity only where `infinite` is set."""
    hint = "give zero or a positive number"
    return number(name, value, low=0.0, infinite=infinite, hint=hint)


def instance(name: str, value: Any, kinds: tuple[type, ...], advice: str) -> None:
    """Refuse a value that is not one of some classes."""
    if not isinstance(value, kinds):
        words = " or ".join(kind.__name__ for kind in kinds)
        raise ParameterError(f"{name} must be a {words}, got {type(value).__name__}; {advice}.")


def numbers_in(name: str, value: Any) -> np.ndarray:
    """The value as a NumPy array of real or complex numbers, not yet copied."""
    if np.ma.isMaskedArray(value):
        raise ParameterError(
            f"{name} must be a plain array, got a masked one; fill the masked entries first."
        )
    try:
        array = np.asarray(value)
    except Exception:  # ragged lists and foreign objects fail in their own ways
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iufc":
        raise ParameterError(f"{name} must hold numbers, got {shown(value)}; convert it.")
    return array


def real_array(name: str, value: npt.ArrayLike) -> np.ndarray:
    """A float64 array of any number of axes, the function's own, with finite entries only."""
    array = numbers_in(name, value)
    if np.iscomplexobj(array):
        raise ParameterError(f"{name} must be real, got complex numbers; give the real part.")
    with np.errstate(over="ignore"):
        out = np.array(array, dtype=np.float64, order="C")
    check_finite(name, out)
    return out


def complex_array(name: str, value: npt.ArrayLike) -> np.ndarray:
    """A complex128 array of any number of axes, the function's own, with finite entries only."""
    with np.errstate(over="ignore"):
        out = np.array(numbers_in(name, value), dtype=np.complex128, order="C")
    check_finite(name, out)
    return out


def check_finite(name: str, *arrays: np.ndarray) -> None:
    """Refuse arrays that hold NaN or infinity."""
    if not all(np.all(np.isfinite(a)) for a in arrays):
        raise ParameterError(f"{name} must be finite, got NaN or infinity; correct these entries.")


def real_numbers(name: str, value: npt.ArrayLike, count: int | None = None) -> tuple[float, ...]:
    """A tuple of finite numbers from one number or a sequence of them."""
    shape = None if count is None else (count,)
    array = array_of(name, value, shape=shape, hint="give one number per axis")
    return tuple(float(x) for x in array)


def positive_numbers(name: str, value: npt.ArrayLike) -> tuple[float, ...]:
    """A tuple of positive, finite numbers from one number or a sequence of them."""
    array = array_of(name, value, low=0.0, above=True, hint="give one positive number per axis")
    return tuple(float(x) for x in array)


@contextlib.contextmanager
def calculation(what: str, advice: str) -> Iterator[Callable[..., None]]:
    """Run a calculation that may leave the range of floating-point numbers.

    Yields a function that refuses results with NaN or infinity. Overflow inside the block, in
    Python or in NumPy, ends in the same sentence.
    """

    def refuse() -> ParameterError:
        return ParameterError(
            f"{what} must stay within the range of floating-point numbers (1e-308 to 1e308), "
            f"got an overflow or 0/0; {advice}."
        )

    def check(*results: npt.ArrayLike) -> None:
        if not all(np.all(np.isfinite(r)) for r in results):
            raise refuse()

    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            yield check
    except (OverflowError, ZeroDivisionError, np.linalg.LinAlgError):
        raise refuse() from None
