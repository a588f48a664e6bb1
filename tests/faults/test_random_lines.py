"""Random command lines: an answer or one sentence, no traceback, no hang, no crash."""

import re

import pytest

import hopnet as hn
from faults.injector import SCALE, seeds
from faults.lines import Lines, options, prepare, random_line
from hopnet.ensemble.config import as_toml, config_from_dict
from run_samples import run_file


@pytest.fixture
def lines(tmp_path):
    table = run_file(n_sites=100, samples=2)
    prepare(tmp_path, as_toml(config_from_dict(table)))
    hn.run_ensemble(table, tmp_path / "done")
    process = Lines(tmp_path)
    yield process
    process.stop()


def complaint(code, out, err):
    """What is wrong with the answer to a line, or nothing."""
    if code not in (0, 2, "interrupted"):
        return f"{code}: {err[-500:]}"
    if "Traceback" in out + err:
        return f"traceback: {err[-500:]}"
    sentences = [line for line in err.splitlines() if line.startswith("error: ")]
    if code == 2 and "Usage:" in out + err:
        return ""  # a group of commands alone shows its help page
    if code == 2 and (len(sentences) != 1 or len(sentences[0]) > 2000):
        return f"no sentence: {err[-500:]!r}"
    if code == 0 and re.search(r"(?<![\w.-])nan(?![\w.-])", out, re.IGNORECASE):
        return f"NaN in the answer: {out[:500]}"
    return ""


def test_random_lines_end_in_an_answer_or_one_sentence(lines):
    known = options()
    assert len(known) > 25
    faults, codes = [], []
    for generator in seeds(10 if SCALE == 1 else 30, "line"):
        words = random_line(generator, known)
        code, out, err = lines.run(words)
        codes.append(code)
        wrong = complaint(code, out, err)
        if wrong:
            faults.append((words, wrong))
            print(words, wrong, flush=True)
    assert not faults
    if SCALE > 1:  # of ten lines all may be wrong
        assert codes.count(0) >= len(codes) / 20, "the lines that are right reach the commands"
    print({code: codes.count(code) for code in set(codes)})
