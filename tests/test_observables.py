"""Observables of a run: their columns, statistics, units, identity and refusals."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

import hopnet as hn
from hopnet.cli.reporter import means
from hopnet.ensemble.config import as_toml, config_from_dict, config_from_text
from hopnet.ensemble.observables import OBSERVABLES, observable_columns, observable_units
from hopnet.ensemble.sample import compute_sample, failed_sample, sample_network
from hopnet.ensemble.sections import ObservablesSection
from hopnet.ensemble.statistics import Columns, Status, summarise_observables
from hopnet.errors import ParameterError
from hopnet.transport.hall import cylinder_angle


def hall_run(**tables):
    out = {
        "sites": {"n_sites": 500, "density": 0.1, "seed": 40487, "geometry": "cylinder"},
        "observables": {"hall_angle": True},
        "ensemble": {"samples": 5},
    }
    for name, entries in tables.items():
        out[name] = {**out.get(name, {}), **entries}
    return out


def test_every_observable_has_a_key_and_units():
    keys = set(ObservablesSection.model_fields) - {"f", "admittance"}  # both have columns apart
    assert keys == set(OBSERVABLES)
    point = config_from_dict(hall_run()).points()[0]
    result = compute_sample(point, 0, threads=1)
    for name, observable in OBSERVABLES.items():
        if name in point.observables:
            assert set(observable.units) <= set(result.columns)
    assert set(observable_columns(point.observables)) <= set(observable_units())


def test_a_sample_holds_the_hall_angle_of_its_network():
    point = config_from_dict(hall_run()).points()[0]
    columns = compute_sample(point, 2, threads=1).columns
    hall = cylinder_angle(sample_network(point, 2))
    assert columns["hall_tangent"].tolist() == [hall.tangent]
    assert columns["hall_log_sigma_yy"].tolist() == [hall.log_conductivity_yy]
    assert np.isnan(columns["f"]).all()  # no [spin]: f is not solved for
    failed = failed_sample(point, 2, "MemoryError").columns
    assert np.isnan(failed["hall_tangent"]).all()
    assert list(failed) == list(columns)


def test_a_run_averages_its_observables(tmp_path):
    config = config_from_dict(hall_run(scan={"sites.density": [0.1, 0.05]}))
    table = hn.run_ensemble(config, tmp_path / "run", workers=1)
    found = hn.read_results(tmp_path / "run", what="statistics")
    for (_, row), (_, own) in zip(found.iterrows(), table.groupby("sites.density", sort=False)):
        tangent = own["hall_tangent"].to_numpy()
        assert row["hall_tangent"] == pytest.approx(tangent.mean(), rel=1e-13)
        assert row["hall_tangent_q50"] == pytest.approx(np.median(tangent), rel=1e-13)
        error = tangent.std(ddof=1) / np.sqrt(tangent.size)
        assert row["hall_tangent_standard_error"] == pytest.approx(error, rel=1e-12)
        sigma = np.exp(own["hall_log_sigma_xx"].to_numpy())
        rho = np.exp(-own["hall_log_sigma_yy"].to_numpy())
        for name, weight in (("sigma", sigma), ("rho", rho)):
            mean = (tangent * weight).sum() / weight.sum()
            assert row[f"hall_tangent_{name}"] == pytest.approx(mean, rel=1e-12)
    schema = pq.read_schema(tmp_path / "run" / "summary.parquet")
    assert schema.field("hall_tangent").metadata[b"unit"] == b"eta b"
    titles = [column.header for column in means(found).columns]
    assert "hall tangent" in titles
    assert "median" in titles
    assert "f" not in titles


def test_a_run_file_is_written_as_it_was_read():
    config = config_from_dict(hall_run())
    again = config_from_text(as_toml(config))
    assert again.identity() == config.identity()
    assert again.points() == config.points()
    with_spin = config_from_dict(hall_run(spin={"tau_s": [0.0]}))
    assert not with_spin.points()[0].charge_alone
    assert with_spin.identity() != config.identity()
    # The random numbers of a sample do not depend on what is computed on it.
    assert with_spin.points()[0].physical == config.points()[0].physical
    plain = {k: v for k, v in hall_run(spin={"tau_s": [0.0]}).items() if k != "observables"}
    assert "observables" not in config_from_dict(plain).identity()


def test_bad_input():
    with pytest.raises(hn.ParameterError, match=r"needs sites\.geometry = 'cylinder'"):
        config_from_dict(hall_run(sites={"geometry": "open"}))
    with pytest.raises(hn.ParameterError, match="hall_angle"):
        config_from_dict(hall_run(observables={"hall_angel": True}))
    with pytest.raises(hn.ParameterError, match="without \\[spin\\]"):
        config_from_dict(hall_run(ensemble={"samples": 5, "target_error": 0.1}))
    with pytest.raises(ValidationError):
        ObservablesSection(hall_angle=3)


def test_a_table_without_solved_samples_has_no_means():
    table = {"sample": np.array([0]), "tau_s": np.array([0.0])}
    columns = Columns(table.get, Status(np.array([0]), ["MemoryError"]), tuple(table))
    assert summarise_observables(columns, ["hall_tangent"], None) == {}


# ---- nuclear fields ----


def nuclear_run(**observables):
    return {
        "sites": {"n_sites": 300, "density": 0.1, "geometry": "cylinder", "seed": 7},
        "observables": observables,
        "nuclei": {"strength": 1e-3},
        "ensemble": {"samples": 3},
    }


def test_f_in_nuclear_fields_in_a_run(tmp_path):
    frame = hn.run_ensemble(nuclear_run(nuclear_f=True), tmp_path / "run")
    assert (frame["status"] == "done").all()
    ratio = frame["nuclear_tau_f"] / frame["nuclear_tau_eff"] / frame["nuclear_f_of_one_time"]
    np.testing.assert_allclose(frame["nuclear_ratio"], ratio, rtol=1e-12)
    assert frame["nuclear_tau_eff"].nunique() == 3
    share = frame["nuclear_sites_tau_f"].mean() / frame["nuclear_tau_f"].mean()
    found = pd.read_parquet(tmp_path / "run" / "statistics.parquet")
    assert found["nuclear_sites_share_tau_f"][0] == pytest.approx(share)


def test_magnetoresistance_in_a_run(tmp_path):
    table = nuclear_run(magnetoresistance=True) | {"traps": {"fraction": 0.25}}
    frame = hn.run_ensemble(table, tmp_path / "run")
    assert (frame["status"] == "done").all()
    assert (frame["mr_blocking"] > 1).all()
    assert (frame["mr_at_300"] > frame["mr_at_3"]).all()
    found = pd.read_parquet(tmp_path / "run" / "statistics.parquet")
    assert found["mr_at_300"][0] == pytest.approx(frame["mr_at_300"].mean())
    assert 0 < found["mr_cusp_residual_of_mean"][0] < 0.2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"observables": {}, "spin": {"tau_s": [1.0]}}, "nuclei.strength needs an observable"),
        ({"nuclei": {}}, "need nuclei.strength"),
        ({"traps": {"fraction": 0.1}}, "traps.fraction needs an observable"),
        ({"nuclei": {"strength": -1.0}}, "nuclei.strength"),
        ({"observables": {"magnetoresistance": True}, "traps": {"fraction": 2.0}}, "fraction"),
    ],
)
def test_keys_of_nuclei_that_do_not_fit(change, words):
    with pytest.raises(ParameterError, match=words):
        config_from_dict(nuclear_run(nuclear_f=True) | change)


def test_runs_without_nuclei_keep_their_names():
    """The name of a point hashes its physical keys; these are not among them unless needed."""
    table = {"sites": {"n_sites": 300, "density": 0.1, "seed": 7}, "spin": {"tau_s": [1.0]}}
    keys = config_from_dict(table).points()[0].physical
    assert not [key for key in keys if key.startswith(("nuclei", "traps"))]
