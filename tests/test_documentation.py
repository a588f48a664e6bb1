"""What a reader is promised: every numbered equation has its row, every erratum its command."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EQUATIONS = (ROOT / "hopnet" / "EQUATIONS.md").read_text()


def numbers(prefix, last, *, letters=()):
    """Labels prefix1 .. prefix<last>; those in ``letters`` are split into a and b in print."""
    plain = [f"{prefix}{n}" for n in range(1, last + 1)]
    return [part for n in plain for part in ((n + "a", n + "b") if n in letters else (n,))]


# The numbered equations of each paper, as they are printed.
PRINTED = {
    "hopping": numbers("", 16, letters=("5", "9")) + numbers("S", 46, letters=("S32",)),
    "qbe": numbers("", 28) + numbers("A", 3) + numbers("B", 20),
    "rashba": numbers("", 18),
    "berry": numbers("", 12) + numbers("A", 12) + numbers("B", 5) + numbers("C", 26),
    "pumping": numbers("", 31) + numbers("A", 21) + numbers("B", 6),
}


@pytest.mark.parametrize("paper", PRINTED)
def test_every_numbered_equation_has_one_row(paper):
    rows = re.findall(rf"^\| *\[{paper} (\w+)\] *\|", EQUATIONS, re.MULTILINE)
    assert sorted(rows) == sorted(PRINTED[paper])


@pytest.mark.parametrize("line", re.findall(r"^\| *\[.*\|$", EQUATIONS, re.MULTILINE),
                         ids=lambda line: line.split("]")[0].strip("| ["))  # fmt: skip
def test_every_row_has_a_test_or_a_reason(line):
    *_, kernel, test = (cell.strip() for cell in line.strip("|").split("|"))
    if "`" not in test:
        assert re.fullmatch(r"— \S.{8,}", test), "no test: the last column says why"
        assert "`" not in kernel, "a kernel without a test"
