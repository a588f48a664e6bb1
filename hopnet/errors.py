"""What hopnet raises and warns: one family, one sentence each.

A message says what is wrong, what is allowed, what was given and what to do.
The command line prints it and leaves with exit code 2, without a traceback.
"""

from __future__ import annotations


class HopnetError(Exception):
    """Root of every error that hopnet raises on purpose."""


class ParameterError(HopnetError, ValueError):
    """A shape, sign, range or key that the physics or the format does not allow."""


class NotPercolatingError(HopnetError):
    """No path of links joins the two contacts."""


class ConvergenceError(HopnetError):
    """A solve that missed its tolerance.

    Attributes
    ----------
    estimate : object
        The best answer reached; it travels here and never as a result.
    residual : float
        The residual that was too large.
    iterations : int
        Iterations done (0 for a direct solve).
    """

    def __init__(self, message, *, estimate=None, residual=float("nan"), iterations=0):
        super().__init__(message)
        self.estimate = estimate
        self.residual = residual
        self.iterations = iterations


class DataError(HopnetError):
    """A file that does not fit its own description, or belongs to another run."""


class ValidityWarning(UserWarning):
    """The numbers are computed as asked, outside the range where the theory holds."""
