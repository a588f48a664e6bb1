"""Display of records: one line, a table in a notebook, a DataFrame, a figure."""

import dataclasses
import importlib
import pkgutil
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import hopnet as hn
from hopnet.percolation.flow import flow_statistics
from hopnet.plots.records import PICTURES
from hopnet.records import Record
from hopnet.spin import step_response
from hopnet.spin.shares import triad_shares
from samples import random_network

ROOT = Path(hn.__file__).parent
ROOMS = ("network", "percolation", "transport", "spin", "elimination")


def offered_records():
    """Every dataclass in the lists of what hopnet and its rooms offer."""
    for stub in (ROOT / "__init__.pyi", *(ROOT / room / "__init__.pyi" for room in ROOMS)):
        for home, name in re.findall(r"^from (\S+) import (\w+) as", stub.read_text(), flags=re.M):
            package = ".".join(("hopnet", *stub.parent.relative_to(ROOT).parts))
            value = getattr(importlib.import_module(home, package), name)
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                yield value


def samples_of_records():
    network = random_network(400, 0.05, 3)
    field = hn.overhauser_fields(network, 0.01, seed=2)
    current = hn.solve_current(network)
    return {
        "Sites": network.sites,
        "Network": network,
        "Current": current,
        "FCurve": hn.f_curve(network, [0.0, 1.0, 1e2, 1e4]),
        "Spin": hn.solve_spin(network, 100.0),
        "Clusters": hn.find_clusters(network, 4.0),
        "Backbone": hn.find_backbone(network),
        "HanleCurve": hn.hanle_curve(network, 10.0, np.linspace(0.0, 0.5, 5)),
        "TimeCurve": step_response(network, 10.0, [0.0, 1.0, 10.0]),
        "Kinetics": hn.solve_kinetics(network, [[0, 0.05], [-0.03, 0]], eta=0.01, tau_s=100.0),
        "SpinRelaxation": hn.spin_relaxation(network, [1.0, 1e2], field=field),
        "SpinNoise": hn.spin_noise(network, [0.01, 0.1], field=field, resolution=0.01),
        "FlowStatistics": flow_statistics(current),
        "TriadShares": triad_shares(current, tau_s=10.0),
    }


@pytest.fixture(scope="module")
def records():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return samples_of_records()


def test_what_the_rooms_offer_is_a_record():
    others = {kind.__qualname__ for kind in offered_records() if not issubclass(kind, Record)}
    assert not others, "give these the base hopnet.records.Record"


def test_one_line_and_a_small_table(records):
    for name, record in records.items():
        line = repr(record)
        assert line.startswith(f"<{name}: ")
        assert line.endswith(">")
        assert len(line) < 200
        assert "\n" not in line
        assert record._repr_html_().count("<tr>") >= 2
    assert repr(records["Network"]) == (
        f"<Network: 400 sites, {records['Network'].n_links} links up to "
        f"{records['Network'].cutoff_radius:.4g} a_b, open, {records['Network'].source.size} + "
        f"{records['Network'].drain.size} contact sites>"
    )


def test_frames(records):
    n_sites, n_links = records["Network"].n_sites, records["Network"].n_links
    frame = records["Current"].to_frame()
    assert list(frame.columns[:2]) == ["i", "j"]
    assert len(frame) == n_links
    np.testing.assert_array_equal(frame["drop"], records["Current"].drop)
    frame = records["Spin"].to_frame()
    assert list(frame.columns) == ["x", "y", "spin"]
    assert len(frame) == n_sites
    assert list(records["Kinetics"].to_frame().columns[:2]) == ["x", "y"]
    assert len(records["Clusters"].to_frame()) == records["Clusters"].size.size
    assert len(records["FCurve"].to_frame()) == 4
    threshold = hn.percolation_threshold(records["Network"]).to_frame()
    assert len(threshold) == 1
    assert threshold["threshold_length"][0] > 0


def test_potentials_of_the_sites(records):
    """The drop of every link is the difference of the potentials of its sites."""
    network, current = records["Network"], records["Current"]
    potential = current.potential
    assert np.all(potential[network.source] == 1.0)
    assert np.all(potential[network.drain] == 0.0)
    joined = ~np.isnan(potential[network.link_i])
    difference = potential[network.link_i] - potential[network.link_j]
    np.testing.assert_allclose(difference[joined], current.drop[joined], atol=1e-13)


def test_every_kind_with_a_picture_is_drawn(records):
    assert set(PICTURES) == set(records)
    for name, record in records.items():
        axes = record.plot().axes
        assert axes, name
        assert any(one.get_title() or one.get_xlabel() for one in axes), name
    with pytest.raises(hn.ParameterError, match="there is no picture of Threshold; those with"):
        hn.percolation_threshold(records["Network"]).plot()


@dataclasses.dataclass(frozen=True)
class Table(Record):
    """A record that does not state its rows."""

    a: np.ndarray
    b: np.ndarray


def every_record(kind=Record):
    for own in kind.__subclasses__():
        yield own
        yield from every_record(own)


def test_classes_state_the_rows_of_their_tables(records):
    """Columns are fields, and the arrays of a row have one length: no table is guessed."""
    for module in pkgutil.walk_packages(hn.__path__, "hopnet."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)
    stated = [own for own in every_record() if own.table_columns]
    assert len(stated) > 35
    for own in stated:
        assert set(own.table_columns) <= {field.name for field in dataclasses.fields(own)}, own
        assert own.table_row, own
    for record in records.values():
        if type(record).table_columns:
            assert len(record.to_frame()) > 0
    with pytest.raises(hn.ParameterError, match="no rows in common"):
        Table(np.zeros(3), np.zeros(2)).to_frame()


def test_curves_as_xarray(records, monkeypatch):
    xarray = pytest.importorskip("xarray")
    curve = records["FCurve"]
    found = curve.to_xarray()
    assert isinstance(found, xarray.Dataset)
    assert found.f.dims == ("tau_s",)
    np.testing.assert_array_equal(found.tau_s, curve.tau_s)
    np.testing.assert_array_equal(found.sel(tau_s=curve.tau_s[1]).f, curve.f[1])
    assert found.attrs["f_drift"] == curve.f_drift
    links = records["Current"].to_xarray()
    assert links.flow.dims == ("link",)
    assert links.sizes["link"] == records["Network"].n_links


def test_without_xarray_one_sentence(records, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(hn.HopnetError, match="pip install xarray"):
        records["FCurve"].to_xarray()
