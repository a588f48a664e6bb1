"""The documentation: every numbered equation has its row, every erratum its command."""

import importlib
import inspect
import re
import warnings
from pathlib import Path

import pytest
import yaml

import hopnet
import hopnet as hn
from hopnet.cli.main import PANELS, main
from hopnet.progress import track

ROOT = Path(__file__).resolve().parents[1]
ROOMS = [
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in sorted((ROOT / "hopnet").rglob("__init__.pyi"))
    if path.parent.name != "hopnet"
]
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


@pytest.mark.parametrize(
    "line",
    re.findall(r"^\| *\[.*\|$", EQUATIONS, re.MULTILINE),
    ids=lambda line: line.split("]")[0].strip("| ["),
)
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


@pytest.mark.parametrize("room", ["hopnet", *ROOMS])
def test_every_name_that_a_room_offers_resolves(room):
    """Rooms are lazy: their names stand in `__init__.pyi` alone and are loaded when used."""
    package = importlib.import_module(room)
    assert package.__all__
    assert all(hasattr(package, name) for name in package.__all__)


def test_citation_and_changelog():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == hopnet.__version__
    assert citation["license"] == "BSD-3-Clause"
    assert "### Changes numbers" in (ROOT / "CHANGELOG.md").read_text()


def test_every_erratum_has_a_command():
    """The last cell of a row names a command, a switch or a test, or says that there is none."""
    tables = re.findall(r"(?:^\|.*\n)+", (ROOT / "ERRATA.md").read_text(), re.MULTILINE)
    rows = [
        row
        for table in tables
        if table.startswith("| equation |")
        for row in table.splitlines()[2:]
    ]
    assert len(rows) > 60
    for row in rows:
        last = row.strip("| ").rpartition(" | ")[2]
        assert "`" in last or last in {"the same", "no command"} or "no command" in last, row


def test_commands_of_the_errata_find_something():
    text = (ROOT / "ERRATA.md").read_text()
    commands = re.findall(r"`pytest (tests/\w+\.py)(?: -k (\w+|\"[^\"]+\"))?", text)
    assert len(commands) > 30
    for file, words in commands:
        tests = (ROOT / file).read_text().lower()
        for word in words.strip('"').split(" or "):
            assert word.lower() in tests, f"pytest {file} -k {words} finds nothing"
    for file in re.findall(r"`hopnet \w+ (runs/\S+?\.toml)", text):
        assert (ROOT / file).exists(), file


def test_the_python_of_the_readme_runs_as_printed(capsys):
    """And prints what stands there: the network, the resistivity, f to four digits."""
    text = (ROOT / "README.md").read_text()
    block = re.search(r"```python\n(.*?)```", text, re.S)[1]
    printed = re.search(r"```text\n(.*?)```", text, re.S)[1].splitlines()
    namespace = {}
    exec(block, namespace)
    found = capsys.readouterr().out.splitlines()
    assert found[0] == printed[0]
    numbers = [
        [float(x) for x in re.findall(r"-?\d+\.\d+(?:e[+-]\d+)?", line)]
        for line in (found[1], printed[1])
    ]
    assert numbers[0][:2] == pytest.approx(numbers[1][:2], rel=1e-4)
    assert numbers[0][2] < 1e-14
    columns = ["tau_s", "f", "f_drift", "f_diffusion"]
    for k, line in enumerate(printed[3:]):
        expected = [float(x) for x in line.split()[1:]]
        assert namespace["curve"].to_frame()[columns].iloc[k].tolist() == pytest.approx(
            expected, abs=1e-4
        )


def test_doctor_finds_nothing_wrong(capsys):
    """The self-test that README names: the digits of twelve sites among them."""
    from hopnet.cli.main import main

    assert main(["doctor"]) == 0
    told = capsys.readouterr()
    assert "all checks passed" in told.out
    assert told.err == ""


@pytest.mark.slow
def test_lines_that_warm_the_cache_are_commands(capsys):
    """Every line of ``hopnet doctor --warm`` runs, or its kernels would stay uncompiled."""
    from hopnet.cli import doctor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        doctor.warm_functions()
        for line in doctor.WARMING:
            assert main(line.split()) == 0, line
    capsys.readouterr()


def test_help_is_in_groups(capsys):
    main(["--help"])
    text = capsys.readouterr().out
    for panel in PANELS:
        assert panel in text, panel
    assert "─ Commands ─" not in text


def test_bars_only_where_asked(capsys, monkeypatch):
    assert list(track([1, 2], "samples")) == [1, 2]
    assert capsys.readouterr().err == ""
    assert list(track([1, 2], "samples", progress=True)) == [1, 2]
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr.isatty", lambda: True)
        patch.setenv("TERM", "xterm")
        assert list(track([1, 2], "samples", progress=True)) == [1, 2]
    assert "samples" in capsys.readouterr().err
    with pytest.raises(hn.ParameterError, match="progress"):
        list(track([1], "samples", progress="yes"))


def test_no_module_hides_a_public_name():
    """Importing every module leaves each public name what it was: no module has the same name."""
    names = {name for name in hn.__all__ if name != "__version__"}
    modules = {path.stem for path in (ROOT / "hopnet").glob("*.py")}
    modules |= {path.parent.name for path in (ROOT / "hopnet").glob("*/__init__.py")}
    assert not names & modules
