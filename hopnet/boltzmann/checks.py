"""Checks of user input: each returns the value in its plain form or raises ParameterError."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from hopnet.errors import ParameterError

__all__ = ["SMALLEST", "check_instance", "number", "positive", "real_array", "whole_number"]

# Allowed sizes of a number: LARGEST in modulus, and SMALLEST for a positive one. The formulas of
# this room multiply up to four of them, which stays inside the range of a float, 1e-308 to 1e308.
# A wider range would let squares become 0 or infinite; no unit system needs it.
LARGEST = 1e60
SMALLEST = 1e-60

Record = TypeVar("Record")


def real_array(name: str, value: Any) -> np.ndarray:
    """The value as a float64 array, if its numbers are real, finite and at most 1e60 in modulus."""
    try:
        array = np.ma.asarray(value) if np.ma.isMaskedArray(value) else np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        array = np.asarray(None)
    numbers = array.dtype.kind in "iuf" and not np.ma.isMaskedArray(array)
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


def check_instance(name: str, value: Any, kind: type[Record]) -> Record:
    """The value itself, if it is a record of the expected class."""
    if not isinstance(value, kind):
        raise ParameterError(
            f"{name} must be a {kind.__name__}, got {value!r}; build it with {kind.__name__}(...)."
        )
    return value
