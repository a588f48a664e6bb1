"""Seeds: every random number follows from the seed of its run and a few whole numbers."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from hopnet.checks import flag, shown, whole
from hopnet.errors import ParameterError
from hopnet.files import digest

__all__ = ["Seed", "check_seed", "random_stream", "sample_seed"]

Seed = int | np.random.SeedSequence | np.random.Generator
Given = TypeVar("Given")


def check_seed(seed: Given) -> Given:
    """The seed as it was given, a whole number >= 0 or a SeedSequence; else a ParameterError."""
    whole_number = (
        isinstance(seed, int | np.integer) and not isinstance(seed, bool) and bool(seed >= 0)
    )
    if not (whole_number or isinstance(seed, np.random.SeedSequence)):
        raise ParameterError(
            f"seed must be a whole number >= 0 (or a numpy SeedSequence), got {shown(seed)}; take "
            "any such number and note it down."
        )
    return seed


def random_stream(seed: Seed, *key: int) -> np.random.Generator:
    """A Philox generator that follows from a seed and further whole numbers.

    Parameters
    ----------
    seed : int, numpy.random.SeedSequence or numpy.random.Generator
        A Generator is returned as it is.
    *key : int
        Whole numbers that distinguish several streams of one seed.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    checked = check_seed(seed)
    if not isinstance(checked, np.random.SeedSequence):
        checked = np.random.SeedSequence(int(checked), spawn_key=key)
    return np.random.Generator(np.random.Philox(checked))


def sample_seed(
    seed: int,
    physical: dict,
    sample: int,
    *,
    common_random: bool = False,
) -> np.random.SeedSequence:
    """The seed of one sample: it depends only on the point and on the number of the sample.

    Parameters
    ----------
    seed : int
        The key ``sites.seed`` of the run file.
    physical : dict
        Physical keys of the point, as `hopnet.ensemble.config.Point.physical`.
    sample : int
        Number of the sample.
    common_random : bool
        Whether the point is left out, so that all points get the same random numbers.

    Returns
    -------
    numpy.random.SeedSequence
        A seed for a Philox generator; `hopnet.random_sites` takes it as ``seed``.

    Raises
    ------
    ParameterError
        If an argument is of another type, or ``physical`` holds values that JSON cannot hold.

    Notes
    -----
    ``SeedSequence(seed, spawn_key=(two words of the hash of the point, sample))``. Points that are
    inserted into a scan, or further samples, change no other seed.

    Examples
    --------
    >>> int(sample_seed(7, {}, 3, common_random=True).generate_state(1)[0])
    3842200183
    """
    sample = whole("sample", sample, low=0)
    words: tuple[int, ...] = ()
    if not flag("common_random", common_random):
        try:
            if not isinstance(physical, dict):
                raise TypeError
            code = digest(physical)
        except (TypeError, ValueError, RecursionError):
            raise ParameterError(
                f"physical must be a dict of texts, numbers and lists, got {shown(physical)}; give "
                "the physical keys of the point."
            ) from None
        words = (int(code[:8], 16), int(code[8:16], 16))
    if isinstance(check_seed(seed), np.random.SeedSequence):
        raise ParameterError(
            f"seed must be a whole number >= 0, got {shown(seed)}; give sites.seed."
        )
    return np.random.SeedSequence(int(seed), spawn_key=(*words, sample))
