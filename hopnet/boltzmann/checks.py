"""Checks of this room, over those of `hopnet.checks`: the range of a number, shapes, callables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from hopnet import checks
from hopnet.errors import ParameterError

__all__ = [
    "MOST_HARMONICS",
    "SMALLEST",
    "call_profile",
    "check_harmonics",
    "check_instance",
    "check_shapes",
    "number",
    "owned",
    "positive",
    "real_array",
]

# Allowed sizes of a number: LARGEST in modulus, and SMALLEST for a positive one. The formulas of
# this room multiply up to four of them, which stays inside the range of a float, 1e-308 to 1e308.
# A wider range would let squares become 0 or infinite; no unit system needs it.
LARGEST = 1e60
SMALLEST = 1e-60

# Highest harmonic. A dense matrix of 512 harmonics takes 134 MB, one of 1024 four times as much.
MOST_HARMONICS = 512

HINT = "correct its value or unit"

Record = TypeVar("Record")


def number(name: str, value: Any) -> float:
    """The value as a float, if it is one real number of at most 1e60 in modulus."""
    return checks.number(name, value, low=-LARGEST, high=LARGEST, hint=HINT)


def positive(name: str, value: Any) -> float:
    """The value as a float, if it is one number between 1e-60 and 1e60."""
    hint = "correct its sign or unit"
    return checks.number(name, value, low=SMALLEST, high=LARGEST, hint=hint)


def real_array(
    name: str, value: Any, largest: float = LARGEST, infinite: bool = False
) -> np.ndarray:
    """The value as a new float64 array of any shape, if its numbers are real and not too large."""
    try:
        axes = np.asarray(value).ndim
    except (TypeError, ValueError):
        raise ParameterError(
            f"{name} must hold real numbers, got {checks.shown(value)}; {HINT}."
        ) from None
    low, high = -largest, largest
    if axes == 0:
        one = checks.number(name, value, low=low, high=high, infinite=infinite, hint=HINT)
        return np.array(one)
    shape = (None,) * axes
    return checks.array_of(
        name, value, shape=shape, low=low, high=high, infinite=infinite, empty=True, hint=HINT
    )


def owned(name: str, value: Any, largest: float = LARGEST) -> Any:
    """A single number as a float, or an array as a read-only copy."""
    array = real_array(name, value, largest)
    array.flags.writeable = False
    return array if array.ndim else float(array)


def check_harmonics(harmonics: Any) -> int:
    """The highest harmonic L as an int from 1 to 512."""
    return checks.whole(
        "harmonics", harmonics, low=1, high=MOST_HARMONICS, hint="4 is enough for s-wave disorder"
    )


def check_shapes(**values: Any) -> None:
    """Refuse arrays whose shapes do not broadcast together."""
    try:
        np.broadcast_shapes(*(np.shape(value) for value in values.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in values.items())
        raise ParameterError(
            f"the arrays must have shapes that broadcast together, got {shapes}; correct them."
        ) from None


def check_instance(name: str, value: Any, kind: type[Record]) -> Record:
    """The value itself, if it is a record of the expected class."""
    if not isinstance(value, kind):
        raise ParameterError(
            f"{name} must be a {kind.__name__}, got {checks.shown(value)}; build one first."
        )
    return value


def call_profile(
    name: str, profile: Callable[..., Any], grid: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Values of a user's function on a grid as float64, if it is one and returns numbers."""
    if not callable(profile):
        raise ParameterError(
            f"{name} must be a function, got {checks.shown(profile)}; give a callable."
        )
    try:
        return np.broadcast_to(np.asarray(profile(*grid), dtype=float), grid[0].shape)
    except (TypeError, ValueError) as failure:
        raise ParameterError(
            f"{name} must return one real number per point of an array, but failed ({failure}); "
            "correct the function."
        ) from failure
