"""Structure of the project: imports point down, kernels have twins, rows of equations resolve."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "hopnet"
KERNELS = ROOT / "kernels"
TESTS = ROOT / "tests"

# Lowest first. A room may import from itself and from lower rows only.
LAYERS = [
    {"kernels"},
    {"constants", "errors", "records", "files", "seeds", "checks", "threads", "machine", "toml"}
    | {"material", "material_file", "material_hall", "progress"},  # the ground
    {"elimination"},
    {"network"},
    {"transport"},
    {"percolation", "spin"},
    {"ensemble"},
    {"plots"},
    {"bench"},
    {"cli"},
]
GROUND = LAYERS[1]
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}
COMPANIONS = {"boltzmann", "berry", "pumping"}
LATE = {"dask", "distributed", "dask_jobqueue", "pypardiso", "cholespy", "pyamg", "bokeh"}


def python_files(folder):
    return sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)


def imported_modules(tree):
    """Every (dotted name, at top level?) that a module imports."""
    top = set(ast.walk(ast.Module(body=[n for n in tree.body if not is_definition(n)])))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node in top


def is_definition(node):
    return isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)


def room(dotted):
    """The second word of hopnet.x.y, or None."""
    parts = dotted.split(".")
    return parts[1] if parts[0] == "hopnet" and len(parts) > 1 else None


@pytest.mark.parametrize("path", python_files(PACKAGE), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    here = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if here in {"__init__", "__main__"}:
        return
    for dotted, _ in imported_modules(ast.parse(path.read_text())):
        target = room(dotted)
        if target is None or target == "__version__":
            continue
        if here in COMPANIONS:
            assert target in GROUND | {"kernels", here}, dotted
        else:
            if target in COMPANIONS:
                assert here in {"cli", "plots", "bench"}, dotted
                continue
            assert target in RANK, f"{dotted}: no layer; add it to LAYERS"
            ground = {here, target} <= GROUND
            below = RANK[target] < RANK[here]
            assert target == here or ground or below, f"{here} imports {dotted} upwards"


@pytest.mark.parametrize("path", python_files(PACKAGE), ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_are_imported_where_they_are_used(path):
    for dotted, at_top in imported_modules(ast.parse(path.read_text())):
        library = dotted.split(".")[0]
        if library == "matplotlib":
            assert path.parent.name == "plots", "only plots/ imports matplotlib"
        elif library in LATE:
            assert not at_top, f"{library} is imported at the top of {path.name}"


def test_nothing_imports_bare_kernels():
    for path in python_files(PACKAGE) + python_files(TESTS) + python_files(KERNELS):
        for dotted, _ in imported_modules(ast.parse(path.read_text())):
            assert dotted.split(".")[0] != "kernels", path


def test_packages_listed_are_the_folders_there_are():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {".".join(p.parent.relative_to(ROOT).parts) for p in PACKAGE.rglob("__init__.py")}
    found |= {f"hopnet.{p.parent.relative_to(ROOT)}" for p in KERNELS.rglob("__init__.py")}
    assert set(listed) == found


def public_names(tree):
    """The names in a module's ``__all__``, or None where it has none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__all__":
            return [item.value for item in getattr(node.value, "elts", ())]
    return None


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text())
    for path in python_files(PACKAGE)
    if path.name not in {"__init__.py", "__main__.py"}
}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_offers(module):
    """``__all__`` is the one convention: what stands there others may import, and nothing else."""
    tree = MODULES[module]
    offered = public_names(tree)
    assert offered is not None, "no __all__"
    functions = [node for node in tree.body if is_definition(node)]
    hidden = [node.name for node in functions if node.name.startswith("_")]
    assert not hidden, f"__all__ says what is public, no underscore is needed: {hidden}"
    for node in functions:
        if node.name in offered:
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("module", MODULES)
def test_only_offered_names_are_imported(module):
    for dotted, _ in imported_modules(MODULES[module]):
        home, _, name = dotted.rpartition(".")
        if home in MODULES:
            assert name in public_names(MODULES[home]), f"{dotted} is not in __all__ of its module"


def lacking_hints(function, name):
    """Names of the parameters of a function that carry no type hint."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [one for one in (arguments.vararg, arguments.kwarg) if one]
    lacking = [a.arg for a in every if a.annotation is None and a.arg not in {"self", "cls"}]
    if function.returns is None and name != "__init__":
        lacking.append("return")
    return lacking


@pytest.mark.parametrize("module", MODULES)
def test_what_is_offered_has_type_hints(module):
    tree = MODULES[module]
    offered = public_names(tree) or []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in offered:
            assert not lacking_hints(node, node.name), node.name
        if isinstance(node, ast.ClassDef) and node.name in offered:
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    assert not lacking_hints(inner, inner.name), f"{node.name}.{inner.name}"


def jitted_functions(path):
    """Every (function node, decorator node) that numba compiles in a kernel file."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                name = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(name, ast.Name) and name.id in {"njit", "jit"}:
                    yield node, decorator


KERNEL_FUNCTIONS = [
    pytest.param(path, node, decorator, id=f"{path.name}:{node.name}")
    for path in python_files(KERNELS)
    for node, decorator in jitted_functions(path)
]


@pytest.mark.parametrize(("path", "node", "decorator"), KERNEL_FUNCTIONS)
def test_kernels_follow_the_rules(path, node, decorator):
    assert ast.get_docstring(node), "no docstring"
    arguments = decorator.keywords if isinstance(decorator, ast.Call) else []
    keywords = {k.arg: k.value for k in arguments}
    assert getattr(keywords.get("cache"), "value", None) is True, "cache=True is missing"
    assert "fastmath" not in keywords
    assert "parallel" not in keywords, "threads are those of hopnet.threads.run_side_by_side"
    assert not any(isinstance(n, ast.Raise) for n in ast.walk(node)), "a kernel does not raise"
    if node.name.startswith("_"):
        return  # a helper of its own file, proved through the kernels that call it
    twin_file = TESTS / "twins" / path.name
    assert twin_file.exists(), f"{path.name} has no twins"
    twins = {n.name for n in ast.parse(twin_file.read_text()).body if is_definition(n)}
    assert node.name in twins, f"no twin of {node.name} in tests/twins/{path.name}"


@pytest.mark.parametrize("path", python_files(KERNELS), ids=lambda p: p.name)
def test_kernel_files_stand_alone(path):
    for dotted, _ in imported_modules(ast.parse(path.read_text())):
        allowed = {"numpy", "numba", "math", "cmath", "typing"}
        if path.name == "__init__.py":  # it says that kernels are being compiled
            allowed |= {"sys", "multiprocessing"}
        assert dotted.split(".")[0] in allowed, dotted


def equation_rows():
    for line in (PACKAGE / "EQUATIONS.md").read_text().splitlines():
        match = re.match(r"\| *`?\[(\w+ [^\]]+)\]`? *\|", line)
        if match:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            yield pytest.param(f"[{match[1]}]", cells, id=match[1])


def source_of(path, dotted_name):
    """The source text of a function, class or method in a file."""
    text = path.read_text()
    nodes = ast.parse(text).body
    for part in dotted_name.split("."):
        node = next((n for n in nodes if is_definition(n) and n.name == part), None)
        assert node is not None, f"{path.relative_to(ROOT)} has no {dotted_name}"
        nodes = node.body
    return ast.get_source_segment(text, node)


@pytest.mark.parametrize(("label", "cells"), list(equation_rows()))
def test_every_equation_row_resolves(label, cells):
    assert len(cells) == 5, "label, says, function, kernel, test"
    _, says, function, kernel, test = cells
    assert says
    for cell, folder in ((function, PACKAGE), (kernel, KERNELS)):
        for place in re.findall(r"`([^`]+)`", cell):
            module, name = place.split(":")
            source = source_of(folder / f"{module.replace('.', '/')}.py", name)
            assert label in source, f"{place} does not name {label}"
    for place in re.findall(r"`([^`]+)`", test):
        file, name = place.split(":")
        path = TESTS / f"{file}.py"
        source_of(path, name)
        assert label in path.read_text(), f"tests/{file}.py does not name {label}"
    assert "`" in function + test or "—" in function, "an empty row"


def test_no_file_is_two_files():
    for path in python_files(PACKAGE) + python_files(KERNELS):
        assert len(path.read_text().splitlines()) <= 600, f"{path.relative_to(ROOT)}: two ideas?"


def test_commands_do_not_postpone_their_annotations():
    """typer would compile each postponed annotation from its text, at every start."""
    for path in python_files(PACKAGE / "cli"):
        lines = path.read_text().splitlines()
        if "import typer" in lines:
            assert "from __future__ import annotations" not in lines, path.name
