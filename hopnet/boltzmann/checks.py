"""Checks of user input: each returns the value in its plain form or raises ParameterError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from hopnet.errors import ParameterError

__all__ = [
    "MOST_HARMONICS",
    "call_profile",
    "check_flag",
    "check_instance",
    "check_shapes",
    "number",
    "positive",
    "real_array",
    "whole_number",
]

# Allowed sizes of a number: LARGEST in modulus, and SMALLEST for a positive one. The formulas of
# this room multiply up to four of them, which stays inside the range of a float, 1e-308 to 1e308.
# A wider range would let squares become 0 or infinite; no unit system needs it.
LARGEST = 1e60
SMALLEST = 1e-60

# Highest harmonic. A dense matrix of 512 harmonics takes 134 MB, one of 1024 four times as much.
MOST_HARMONICS = 512

Record = TypeVar("Record")


def real_array(name: str, value: Any) -> np.ndarray:
    """The value as a float64 array, if its numbers are real, finite and at most 1e60 in modulus."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        array = np.asarray(None)
    numbers = array.dtype.kind in "iuf" and not np.ma.isMaskedArray(value)
    if not numbers or not np.all(np.abs(array) <= LARGEST):
        raise ParameterError(
            f"{name} must be real and finite, at most {LARGEST:g} in modulus, got {value!r}; "
            "give a number."
        )
    return array.astype(float)


def number(name: str, value: Any) -> float:
    """The value as one float, if it is a real, finite number and not an array."""
    array = real_array(name, value)
    if array.ndim:
        raise ParameterError(
            f"{name} must be one number, got an array of shape {array.shape}; use a loop."
        )
    return float(array)


def positive(name: str, value: Any) -> float:
    """The value as one float, if it lies between 1e-60 and 1e60."""
    one = number(name, value)
    if not one >= SMALLEST:
        raise ParameterError(
            f"{name} must be positive and at least {SMALLEST:g}, got {value!r}; correct its sign "
            "or unit."
        )
    return one


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """The value as an int, if it is a whole number from ``low`` to ``high``."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not (whole and low <= value <= high):
        raise ParameterError(
            f"{name} must be a whole number from {low} to {high}, got {value!r}; correct it."
        )
    return int(value)


def check_flag(name: str, value: Any) -> bool:
    """The value as a bool, if it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {value!r}; correct it.")
    return bool(value)


def check_shapes(**values: Any) -> None:
    """Refuse arrays whose shapes do not broadcast together."""
    try:
        np.broadcast_shapes(*(np.shape(value) for value in values.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in values.items())
        raise ParameterError(
            f"the arrays must have shapes that broadcast together, got {shapes}; correct them."
        ) from None


def call_profile(
    name: str, profile: Callable[..., Any], grid: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Values of a user's function on a grid as float64, if it can be called and gives numbers."""
    if not callable(profile):
        raise ParameterError(f"{name} must be a function, got {profile!r}; give a callable.")
    try:
        return np.broadcast_to(np.asarray(profile(*grid), dtype=float), grid[0].shape)
    except (TypeError, ValueError) as failure:
        raise ParameterError(
            f"{name} must return one real number per point of an array, it failed ({failure}); "
            "correct the function."
        ) from failure


def check_instance(name: str, value: Any, kind: type[Record]) -> Record:
    """The value itself, if it is a record of the expected class."""
    if not isinstance(value, kind):
        raise ParameterError(
            f"{name} must be a {kind.__name__}, got {value!r}; build it with {kind.__name__}(...)."
        )
    return value
