"""Docstrings for the site: every attribute gets an entry of its own."""

from __future__ import annotations

import re

__all__ = ["split_names"]

# "length, width : float, in a_b": several names that share one type, if any, and one description.
SEVERAL = re.compile(r"^(\s*)(\w+(?:, \w+)+)( ?:.*)?$")


def split_names(lines: list[str]) -> list[str]:
    """The lines of a docstring with one entry for each name of its section Attributes.

    Napoleon shows "a, b : type" as one attribute "b" of type "a,".

    Parameters
    ----------
    lines : list of str

    Returns
    -------
    list of str
    """
    out: list[str] = []
    k = 0
    within, margin = False, ""
    while k < len(lines):
        line = lines[k]
        ruled = k + 1 < len(lines) and set(lines[k + 1].strip()) == {"-"}
        if ruled:
            within, margin = line.strip() == "Attributes", line[: len(line) - len(line.lstrip())]
        several = SEVERAL.match(line) if within else None
        if several is None or several[1] != margin:
            out.append(line)
            k += 1
            continue
        indent, names, kind = several.groups()
        end = k + 1
        while end < len(lines) and (not lines[end].strip() or lines[end].startswith(indent + " ")):
            end += 1
        body = lines[k + 1 : end]
        for name in names.split(", "):
            out += [f"{indent}{name}{kind or ''}", *body]
        k = end
    return out
