"""The lessons of notebooks/: each runs as a plain script and checks its own statements."""

import ast
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path):
    """(kind, text) of every cell of a percent script; kind is "markdown" or "code"."""
    head, *rest = re.split(r"^# %%(.*)\n", path.read_text(), flags=re.MULTILINE)
    assert head.startswith("# ---\n"), "a percent script starts with jupytext's header"
    return [
        ("markdown" if "[markdown]" in mark else "code", text)
        for mark, text in zip(rest[::2], rest[1::2])
    ]


@each
def test_percent_script(path):
    header = path.read_text().split("# %%", 1)[0]
    assert "format_name: percent" in header, "jupytext needs this line"
    kinds = [kind for kind, text in cells(path) if text.strip()]
    assert kinds[0] == "markdown", "the first cell says what the lesson is about"
    assert kinds.count("markdown") >= 3
    assert kinds.count("code") >= 3
    for kind, text in cells(path):
        if kind == "markdown":
            assert all(line.startswith("#") for line in text.splitlines() if line), text
        else:
            ast.parse(text)  # a cell is whole: no block runs across its border


@each
def test_pictures_and_checks(path):
    text = path.read_text()
    assert re.search(r"^# %% \[markdown\]\n# # \S", text, re.MULTILINE), "no title"
    assert text.count("plt.show()") >= 2, "pictures worth looking at"
    code = [source for kind, source in cells(path) if kind == "code" and source.strip()]
    asserts = [n for n in ast.walk(ast.parse(code[-1])) if isinstance(n, ast.Assert)]
    assert len(asserts) >= 2, "the closing cell checks what the lesson says"
    assert 'os.environ.get("HOPNET_SMALL")' in text, "no small size"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Every lesson at small size, one thread each, one lesson per processor in parallel."""
    environment = os.environ | {
        "HOPNET_SMALL": "1",
        "MPLBACKEND": "Agg",
        "NUMBA_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    place = tmp_path_factory.mktemp("notebooks")  # what a lesson writes does not land in the tree
    command = [sys.executable, "-W", "ignore:FigureCanvasAgg is non-interactive"]

    def run(path):
        return subprocess.run(
            [*command, str(path)],
            env=environment,
            cwd=place,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {path: pool.submit(run, path) for path in NOTEBOOKS}
        pool.shutdown(cancel_futures=True)


@each
def test_runs_as_a_script(path, runs):
    done = runs[path].result()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "Traceback" not in done.stderr
