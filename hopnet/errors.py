"""Errors and warnings of hopnet: one class hierarchy, and one sentence per message.

A message says what is wrong, what is allowed, what was given and what to do.
The command line prints it and exits with code 2, without a traceback.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ConvergenceError",
    "DataError",
    "HopnetError",
    "NotPercolatingError",
    "ParameterError",
    "ValidityWarning",
]


class HopnetError(Exception):
    """Parent class of every error that hopnet raises intentionally."""


class ParameterError(HopnetError, ValueError):
    """A shape, sign, range or key that the physics or the format does not allow."""


class NotPercolatingError(HopnetError):
    """No path of links joins the two contacts."""


class ConvergenceError(HopnetError):
    """A solve missed its tolerance.

    Attributes
    ----------
    estimate : object
        The best answer that was reached. It is never returned as a result.
    residual : float
        The residual that was too large.
    iterations : int
        Number of iterations (0 for a direct solve).
    """

    def __init__(
        self,
        message: str,
        *,
        estimate: Any = None,
        residual: float = float("nan"),
        iterations: int = 0,
    ):
        super().__init__(message)
        self.estimate = estimate
        self.residual = residual
        self.iterations = iterations


class DataError(HopnetError):
    """A file that is damaged, does not fit its own description or belongs to another run."""


class ValidityWarning(UserWarning):
    """The numbers are computed as requested, but outside the range where the theory holds."""
