"""Every block of docs/own_networks.md runs, in its order, with the files that the page names."""

import re
import shlex
from contextlib import nullcontext
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.io import mmwrite
from scipy.sparse import coo_array

import hopnet as hn
from hopnet.cli.main import main

PAGE = Path(__file__).parents[1] / "docs" / "own_networks.md"


def blocks():
    """(language, text) of each block of code of the page."""
    return re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.S)


def own_links(n_sites, seed):
    """A chain with as many links again between random sites."""
    rng = np.random.default_rng(seed)
    chain = np.arange(n_sites - 1)
    p, q = rng.integers(n_sites, size=(2, n_sites))
    i, j = np.concatenate([chain, p]), np.concatenate([chain + 1, q])
    key = np.minimum(i, j) * n_sites + np.maximum(i, j)
    kept = np.unique(key[i != j], return_index=True)[1]
    i, j = i[i != j][kept], j[i != j][kept]
    return i, j, -5.0 * rng.random(i.size)


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """The files of the page in a folder of their own, and the arrays that its reader has."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    table = pd.DataFrame(300.0 * rng.random((600, 2)), columns=["x", "y"])
    table.assign(energy=0.05 * rng.random(600)).to_csv("sites.csv", index=False)
    i, j, log_g = own_links(100, 4)
    g = np.exp(log_g)
    matrix = coo_array((np.r_[-g, -g], (np.r_[i, j], np.r_[j, i])), shape=(100, 100))
    mmwrite("laplacian.mtx", matrix.tocsr(), symmetry="symmetric")
    graph = nx.Graph()
    graph.add_weighted_edges_from([("a", "b", 1.0), ("b", "z", 2.0), ("a", "z", 0.5)], weight="g")
    i, j, log_g = own_links(600, 5)
    return {"i": i, "j": j, "log_g": log_g, "source": [0], "drain": [599], "graph": graph}


def test_the_blocks_of_the_page_run(inputs, tmp_path, capsys):
    names, kinds = dict(inputs), []
    for language, text in blocks():
        kinds.append(language)
        if language == "python":
            laid_out = "layout=True" in text
            warned = pytest.warns(hn.errors.ValidityWarning, match="laid out along their links")
            with warned if laid_out else nullcontext():
                exec(text, names)
            if "read_sites" in text:
                first = names["network"]
                assert first.sites.n_sites == 600
                assert first.sites.length == pytest.approx(250.0)
                assert str(hn.solve_current(first)) in capsys.readouterr().out
            if "RateLaw" in text:
                assert names["network"].kT == 0.025
            if "network_from_links" in text:
                assert np.isfinite(names["current"].log_conductance)
            if "from_networkx" in text:
                assert names["graph"].number_of_edges() == 3
                assert names["network"].n_links == own_links(100, 4)[0].size
        else:
            assert main(shlex.split(text)[1:]) == 0
            assert "wrote figures/power_map.png" in capsys.readouterr().out
            assert list((tmp_path / "figures").glob("*.png"))
    assert kinds.count("python") >= 4
    assert "sh" in kinds
    assert (tmp_path / "links.mtx").exists()
