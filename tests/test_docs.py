"""The pages of the site: no attribute is lost, every key and column has its line."""

import dataclasses
import importlib
import pkgutil
import re
import sys
from pathlib import Path

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml

import hopnet as hn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from docstrings import split_names  # noqa: E402


def dataclasses_of_hopnet():
    for found in pkgutil.walk_packages(hn.__path__, "hopnet."):
        if found.name.startswith("hopnet.kernels") or found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and dataclasses.is_dataclass(value):
                yield value


def attributes_shown(kind):
    """The names under Attributes, each at the start of an entry of its own."""
    lines = split_names((kind.__doc__ or "").expandtabs().split("\n"))
    text = "\n".join((line.strip() and line) or "" for line in lines)
    section = re.split(r"\n\s*Attributes\n\s*-+\n", text)
    if len(section) < 2:
        return None
    body = re.split(r"\n\s*\w+\n\s*-{3,}\n", section[1])[0]
    return set(re.findall(r"^ {0,4}(\w+)(?: ?:.*)?$", body, flags=re.M))


def test_no_attribute_is_lost():
    """Of every record that lists its attributes, each field has an entry."""
    n_records, lost = 0, []
    for kind in dataclasses_of_hopnet():
        shown = attributes_shown(kind)
        if shown is None:
            continue
        n_records += 1
        fields = {field.name for field in dataclasses.fields(kind)}
        lost += [f"{kind.__module__}.{kind.__name__}.{name}" for name in sorted(fields - shown)]
    assert n_records > 60
    assert not lost


def test_names_that_share_a_line_are_split():
    lines = ["Attributes", "----------", "a, b : float, in m", "    Two.", "c : int", "    One."]
    assert split_names(lines) == [
        "Attributes",
        "----------",
        "a : float, in m",
        "    Two.",
        "b : float, in m",
        "    Two.",
        "c : int",
        "    One.",
    ]


def test_every_public_name_stands_in_one_task():
    from lookup import TASKS

    names = " ".join(TASKS.values()).split()
    assert len(names) == len(set(names))
    assert set(names) == set(hn.__all__)


def test_every_key_of_a_run_file_has_a_line_and_a_meaning(tmp_path):
    from lookup import write_run_file_keys

    from hopnet.ensemble.config import RunConfig

    write_run_file_keys(tmp_path)
    text = (tmp_path / "run_file.md").read_text()
    for name, model in RunConfig.model_json_schema()["$defs"].items():
        if name == "Range":
            continue
        for key, value in model["properties"].items():
            assert f"| `{key}` |" in text, key
            assert value.get("description"), f"{name}.{key} has no description"


def test_every_column_of_the_tables_has_a_line(tmp_path):
    """The columns of a run and of its statistics, and those of every observable."""
    from hopnet.ensemble.observables import OBSERVABLES

    run = {"sites": {"n_sites": 60, "density": 0.05, "seed": 1}, "spin": {"tau_s": [0.0]}}
    run["ensemble"] = {"samples": 2}
    hn.run_ensemble(run, tmp_path / "run")
    wanted = set(hn.read_results(tmp_path / "run").columns)
    wanted |= set(hn.read_results(tmp_path / "run", what="statistics").columns)
    wanted |= {column for one in OBSERVABLES.values() for column in one.units}
    wanted |= {column for one in OBSERVABLES.values() for column in one.summary_units}
    told = set(re.findall(r"`([\w.]+)`", (ROOT / "docs" / "tables.md").read_text()))
    endings = ("_standard_error", "_of_mean")
    for column in sorted(wanted):
        stem = re.sub(r"_at_[\d.]+$", "_at_X", column)
        for ending in endings:
            stem = stem.removesuffix(ending) if stem not in told else stem
        assert stem in told, column


def formulas(text):
    """Every formula of a page, without its dollar signs; (formula, on a line of its own?)."""
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)
    for match in re.finditer(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", text, flags=re.S):
        yield match[1] or match[2], match[1] is not None


def test_every_formula_can_be_drawn():
    """The site draws formulas as MathML, which has fewer commands than LaTeX."""
    pages = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md"), *(ROOT / "notebooks").glob("*.py")]
    n_formulas, bad = 0, []
    for page in pages:
        text = page.read_text()
        if page.suffix == ".py":
            text = "\n".join(line[2:] for line in text.split("\n") if line.startswith("# "))
        for formula, block in formulas(text):
            n_formulas += 1
            try:
                tex2mathml("{}" + formula if formula[0] in "_^" else formula, as_block=block)
            except MathError as failure:
                bad.append(f"{page.name}: {failure} {formula[:60]}")
    assert n_formulas > 500
    assert not bad
