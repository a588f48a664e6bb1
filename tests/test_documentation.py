"""What a reader is promised: every numbered equation has its row, every erratum its command."""

import inspect
import re
from pathlib import Path

import pytest
import yaml

import hopnet

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


@pytest.mark.parametrize("name", hopnet.__all__)
def test_public_functions_and_methods_have_type_hints(name):
    thing = getattr(hopnet, name)
    functions = {name: thing} if inspect.isfunction(thing) else {}
    if inspect.isclass(thing) and not issubclass(thing, Exception):
        for key, value in vars(thing).items():
            inner = getattr(value, "fget", None) or getattr(value, "func", None)
            inner = inner or getattr(value, "__func__", value)
            if not key.startswith("_") and inspect.isfunction(inner):
                functions[f"{name}.{key}"] = inner
    for key, function in functions.items():
        needed = {*inspect.signature(function).parameters, "return"} - {"self", "cls"}
        assert needed <= set(function.__annotations__), f"{key} lacks hints"


def test_the_stub_names_what_the_package_offers():
    """`import hopnet` is lazy: editors and type checkers read the names from __init__.pyi."""
    stub = (ROOT / "hopnet" / "__init__.pyi").read_text()
    named = {m[2]: m[1] for m in re.finditer(r"^from (\S+) import (\w+) as \2$", stub, re.M)}
    assert named == hopnet._HOME, "hopnet/__init__.pyi and _HOME differ"


def test_citation_and_changelog():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == hopnet.__version__
    assert citation["license"] == "BSD-3-Clause"
    assert "### Changes numbers" in (ROOT / "CHANGELOG.md").read_text()


def test_every_erratum_has_a_command_that_exists():
    """Each entry, a paragraph or a row of a table, names a command, a test or says why not."""
    text = (ROOT / "ERRATA.md").read_text()
    for command in re.findall(r"`(pytest \S+\.py[^`]*)`", text):
        assert (ROOT / command.split()[1]).exists(), command
    for file in re.findall(r"`hopnet \w+ (runs/\S+?\.toml)", text):
        assert (ROOT / file).exists(), file
