"""Seeds: every random number follows from the seed of its run and a few whole numbers."""

from __future__ import annotations

import numpy as np

from hopnet.checks import shown
from hopnet.errors import ParameterError
from hopnet.files import digest

Seed = int | np.random.SeedSequence | np.random.Generator


def check_seed(seed):
    """A seed as it was given: a whole number >= 0, or a SeedSequence."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0
    if not (whole or isinstance(seed, np.random.SeedSequence)):
        raise ParameterError(
            f"seed must be a whole number >= 0 (or a numpy SeedSequence), got {shown(seed)}; "
            "any such number will do, note it down."
        )
    return seed


def random_stream(seed, *key):
    """A Philox generator of a seed and further whole numbers; a Generator is passed through."""
    if isinstance(seed, np.random.Generator):
        return seed
    if not isinstance(check_seed(seed), np.random.SeedSequence):
        seed = np.random.SeedSequence(seed, spawn_key=key)
    return np.random.Generator(np.random.Philox(seed))


def sample_seed(
    seed: int,
    physical: dict,
    sample: int,
    *,
    common_random: bool = False,
) -> np.random.SeedSequence:
    """The seed of one sample: depends on its point and its number, not on the scan.

    Parameters
    ----------
    seed : int
        ``sites.seed`` of the run file.
    physical : dict
        Physical keys of the point, as `hopnet.ensemble.config.Point.physical`.
    sample : int
    common_random : bool
        Leave the point out: all points get the same random numbers.

    Returns
    -------
    numpy.random.SeedSequence
        For a Philox generator; `hopnet.random_sites` takes it as ``seed``.

    Notes
    -----
    ``SeedSequence(seed, spawn_key=(two words of the hash of the point, sample))``: points
    inserted into a scan, or more samples, reseed nothing.

    Examples
    --------
    >>> int(sample_seed(7, {}, 3, common_random=True).generate_state(1)[0])
    3842200183
    """
    if common_random:
        words = ()
    else:
        code = digest(physical)
        words = (int(code[:8], 16), int(code[8:16], 16))
    return np.random.SeedSequence(check_seed(seed), spawn_key=(*words, sample))
