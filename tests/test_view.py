"""The page of a sample: it is self-contained, and its slider shows the clusters of hopnet."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import hopnet as hn
from hopnet.cli.main import main
from hopnet.plots.view import COUNT_CLUSTERS, merging_links, page_of
from samples import random_network


def models(page, kind):
    return [model for model in page.references() if type(model).__name__ == kind]


def test_a_page_needs_nothing_from_the_network(tmp_path):
    network = random_network(300, 0.03, 5)
    path = network.view(tmp_path / "sample.html")
    text = path.read_text()
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=[\"']?https?:", text)
    assert "300 sites" in text
    assert "Bokeh" in text


def test_shapes_of_a_page():
    network = random_network(300, 0.03, 5)
    current, spin = hn.solve_current(network), hn.solve_spin(network, 100.0)
    page = page_of(network, current, spin)
    (choice,) = models(page, "Select")
    assert choice.options == ["current", "power", "spin", "clusters"]
    assert models(page_of(network, current), "Select")[0].options == [
        "current",
        "power",
        "clusters",
    ]
    sources = {
        len(source.data["x0"]): source
        for source in models(page, "ColumnDataSource")
        if "flow" in source.data
    }
    (links,) = sources.values()
    strongest = links.data["i"][-1], links.data["j"][-1]
    place = np.argmax(np.abs(current.flow))
    assert strongest == (network.link_i[place], network.link_j[place])
    (slider,) = models(page, "Slider")
    threshold = hn.percolation_threshold(network).threshold_length
    assert 0.8 * threshold < slider.value < threshold < slider.end


@pytest.mark.parametrize("geometry", ["open", "cylinder"])
def test_merging_links_give_the_clusters_at_any_threshold(geometry):
    network = random_network(300, 0.03, 5, geometry=geometry)
    link, length = merging_links(network)
    for threshold in (3.0, 5.0, 8.0):
        clusters = hn.find_clusters(network, threshold)
        n_merged = int((length <= threshold).sum())
        assert network.n_sites - n_merged == clusters.size.size
        label = clusters.label
        occupied = link[length <= threshold]
        assert np.array_equal(label[network.link_i[occupied]], label[network.link_j[occupied]])


@pytest.mark.skipif(shutil.which("node") is None, reason="runs the code of the page in node")
def test_the_code_of_the_page_counts_the_clusters_of_hopnet():
    network = random_network(400, 0.03, 6)
    link, length = merging_links(network)
    joined = hn.percolation_threshold(network).threshold_length
    thresholds = [4.0, 6.0, joined - 1e-6, joined + 1e-6]
    flags = np.zeros((2, network.n_sites), int)
    flags[0, network.source] = flags[1, network.drain] = 1
    given = {
        "n": network.n_sites,
        "first": network.link_i[link].tolist(),
        "second": network.link_j[link].tolist(),
        "counts": [int((length <= threshold).sum()) for threshold in thresholds],
        "source": flags[0].tolist(),
        "drain": flags[1].tolist(),
    }
    script = COUNT_CLUSTERS + (
        f"const g = {json.dumps(given)};"
        "const out = g.counts.map((c) => {const r = count_clusters(g.n, g.first, g.second, c, "
        "g.source, g.drain); return {...r, colour: Array.from(r.colour)};});"
        "console.log(JSON.stringify(out));"
    )
    run = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    for threshold, found in zip(thresholds, json.loads(run.stdout)):
        clusters = hn.find_clusters(network, threshold)
        assert found["n_clusters"] == clusters.size.size
        assert found["largest"] == clusters.size.max()
        assert found["percolates"] == (threshold > joined)
        colour = np.array(found["colour"])
        largest = clusters.label == np.argmax(clusters.size)
        assert (colour == 0).sum() == clusters.size.max()
        assert len({int(c) for c in colour[largest]}) == 1


def test_command(tmp_path, capsys):
    run = {"sites": {"n_sites": 80, "density": 0.05, "seed": 1}, "spin": {"tau_s": [1.0]}}
    hn.run_ensemble(run, tmp_path / "run")
    assert main(["view", str(tmp_path / "run"), "--sample", "0"]) == 0
    page = tmp_path / "run" / "figures" / "sample_00_0000.html"
    assert str(page) in capsys.readouterr().out.replace("\n", "")
    assert page.stat().st_size > 1e6
    assert main(["view", str(tmp_path / "run"), "--sample", "9"]) == 2
    assert "--sample must lie in 0 .. 0" in capsys.readouterr().err


def test_without_bokeh_one_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "bokeh.embed", None)
    with pytest.raises(hn.HopnetError, match="needs Bokeh, which is not installed; pip install"):
        random_network(100, 0.03, 5).view(tmp_path / "sample.html")
    monkeypatch.undo()
    with pytest.raises(hn.DataError, match="is a folder"):
        random_network(100, 0.03, 5).view(tmp_path)
