"""Options that several commands share: one name and one meaning for each."""

import math
from pathlib import Path
from typing import Annotated

import typer

from hopnet.errors import ParameterError

__all__ = [
    "KT",
    "Density",
    "DensityOfStates",
    "Dimension",
    "Geometry",
    "Json",
    "NSites",
    "Out",
    "Samples",
    "Seed",
    "Sizes",
    "TauS",
    "Threads",
    "counts",
    "numbers",
]

# Largest number of values in one option. A larger number is almost certainly a mistyped range.
LONGEST_LIST = 10_000

NSites = Annotated[int, typer.Option("--n-sites", help="Number of sites of a sample.")]
Density = Annotated[float, typer.Option("--density", help="Density of sites, n_s a_b^2.")]
Seed = Annotated[
    int, typer.Option("--seed", help="Seed of the random numbers, a whole number of at least 0.")
]
Geometry = Annotated[
    str, typer.Option("--geometry", help="open (hard edges), cylinder or torus (periodic).")
]
KT = Annotated[float, typer.Option("--kT", help="Thermal energy divided by the width of the band.")]
TauS = Annotated[float, typer.Option("--tau-s", help="Spin relaxation time, in tau_0.")]
DensityOfStates = Annotated[
    str, typer.Option("--density-of-states", help="uniform, gaussian, exponential or coulomb_gap.")
]
Dimension = Annotated[int, typer.Option("--dimension", help="2, a plane, or 3, space.")]
Samples = Annotated[
    str,
    typer.Option("--samples", help="Number of samples: one number, or one per size with commas."),
]
Sizes = Annotated[
    str, typer.Option("--sizes", help="Numbers of sites: a list with commas, or start:stop:n.")
]
Threads = Annotated[
    int | None, typer.Option("--threads", help="Largest number of threads (default: all cores).")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for tables and figures; it is made if missing.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def numbers(text: str, name: str) -> list[float]:
    """The numbers of an option: ``a,b,c``, or ``start:stop:n`` spaced evenly in the logarithm.

    Parameters
    ----------
    text : str
    name : str
        Name of the option without its dashes, for the message.

    Returns
    -------
    list of float

    Raises
    ------
    ParameterError
        If the text is neither, or a number is not finite.
    """
    try:
        if ":" in text:
            start, stop, n = text.split(":")
            ends, count = (float(start), float(stop)), int(n)
            if not (min(ends) > 0 and 2 <= count <= LONGEST_LIST):
                raise ValueError
            import numpy as np  # loaded here, so that --help starts without it

            found = np.geomspace(*ends, count).tolist()
        else:
            found = [float(word) for word in text.split(",")]
        if not all(map(math.isfinite, found)) or len(found) > LONGEST_LIST:
            raise ValueError
    except (ValueError, OverflowError):
        raise ParameterError(
            f"--{name} takes numbers separated by commas, or start:stop:n with positive ends, got "
            f"{text!r}; write 0.1,0.03 or 0.01:0.1:5 for example."
        ) from None
    return found


def counts(text: str, name: str) -> list[int]:
    """The whole numbers of an option, in the same two forms; a range is rounded."""
    found = numbers(text, name)
    if ":" in text:
        return [round(value) for value in found]
    if any(value != int(value) for value in found):
        raise ParameterError(
            f"--{name} takes whole numbers separated by commas, got {text!r}; correct it."
        )
    return [int(value) for value in found]
