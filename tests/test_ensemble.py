"""Ensembles: pure tasks, resuming, shards, stopping; nothing lost, nothing counted twice."""

import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hopnet as hn
from hopnet.ensemble.batches import Batch
from hopnet.ensemble.config import config_from_dict
from hopnet.ensemble.ledger import open_ledger
from hopnet.ensemble.results import collect, run_status
from hopnet.ensemble.sample import compute_sample, sample_network
from hopnet.ensemble.tasks import Task, run_here
from hopnet.errors import DataError, ParameterError
from run_samples import Recorder, files_of, run_file, tables_of

RUNS = [
    path
    for path in sorted((Path(__file__).resolve().parents[1] / "runs").glob("*.toml"))
    if "sites" in tomllib.loads(path.read_text())
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run without any trouble, in this process."""
    directory = tmp_path_factory.mktemp("undisturbed") / "run"
    hn.run_ensemble(run_file(), directory)
    return directory


# One sample.


def test_a_sample_is_a_pure_function_of_point_and_number():
    point = config_from_dict(run_file()).points()[0]
    one, again, other = (compute_sample(point, r).columns for r in (3, 3, 4))
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
    assert one["f"][0] != other["f"][0]
    network = sample_network(point, 3)
    curve = hn.f_curve(network, point.tau_s)
    np.testing.assert_allclose(one["f"], curve.f, rtol=1e-12)
    np.testing.assert_allclose(one["numerator"] / one["conductance"], one["f"], rtol=1e-12)


def test_threads_do_not_change_a_bit():
    table = run_file(n_sites=25_000)
    point = config_from_dict(table).points()[0]
    one, two = (compute_sample(point, 0, threads=t).columns for t in (1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_seeds_depend_on_the_point_and_not_on_the_scan():
    first, second = config_from_dict(run_file()).points()
    alone = config_from_dict(run_file(scan={"sites.density": [0.05]})).points()[0]

    def words(point, sample, common=False):
        seed = hn.sample_seed(5, point.physical, sample, common_random=common)
        return seed.generate_state(2).tolist()

    assert words(second, 1) == words(alone, 1)
    assert words(first, 1) != words(second, 1) != words(second, 2)
    assert words(first, 1, common=True) == words(second, 1, common=True)


def test_common_random_places_the_same_sites_at_every_cutoff():
    scan = {"network.cutoff": [1.2, 1.5]}
    table = run_file(ensemble={"common_random": True})
    table["scan"] = scan
    one, two = (sample_network(p, 0).sites.position for p in config_from_dict(table).points())
    np.testing.assert_array_equal(one, two)


def test_a_sample_that_does_not_percolate_is_an_outcome(tmp_path):
    table = run_file(n_sites=60, network={"cutoff": 0.75})
    del table["scan"]
    frame = hn.run_ensemble(table, tmp_path / "run")
    by_status = frame.groupby("status")["sample"].nunique()
    assert by_status["NotPercolatingError"] >= 1
    statistics = hn.read_results(tmp_path / "run", what="statistics")
    assert statistics["n_failed"].iloc[0] == by_status["NotPercolatingError"]
    assert statistics["n_done"].iloc[0] + statistics["n_failed"].iloc[0] == 6
    assert run_status(tmp_path / "run")["failures"] == {
        "NotPercolatingError": by_status["NotPercolatingError"]
    }


def test_an_empty_contact_strip_is_an_outcome_too(tmp_path):
    table = run_file(n_sites=12, network={"cutoff": 0.6, "contact_width": 2.2})
    del table["scan"]
    table["ensemble"]["samples"] = 40
    points = config_from_dict(table).points()
    assert any(sample_network(points[0], r).source.size == 0 for r in range(40))
    frame = hn.run_ensemble(table, tmp_path / "run")
    assert frame["sample"].nunique() == 40
    assert set(frame["status"]) <= {"done", "NotPercolatingError"}


# The table and resuming.


def test_results_read_back(undisturbed):
    frame = hn.read_results(undisturbed)
    assert len(frame) == 2 * 6 * 3
    assert frame.attrs["scanned"] == ["sites.density"]
    assert (frame["status"] == "done").all()
    assert not frame.duplicated(["sites.density", "sample", "tau_s"]).any()
    statistics = hn.read_results(undisturbed, what="statistics")
    dense = frame[(frame["sites.density"] == 0.1) & (frame["tau_s"] == 10.0)]["f"]
    row = statistics.iloc[1]
    assert row["f"] == pytest.approx(dense.mean(), rel=1e-14)
    assert row["f_standard_error"] == pytest.approx(dense.std() / np.sqrt(6), rel=1e-12)
    curves = hn.read_results(undisturbed, what="curves")
    assert len(curves) == 12
    assert isinstance(curves["curve"].iloc[0], hn.FCurve)
    with pytest.raises(ParameterError, match="'curves'"):
        hn.read_results(undisturbed, what="all")
    with pytest.raises(DataError, match="holds no run"):
        hn.read_results(undisturbed.parent)


def test_a_finished_run_computes_nothing(undisturbed, monkeypatch):
    before = tables_of(undisturbed)
    monkeypatch.setattr("hopnet.ensemble.tasks.compute_sample", None)
    hn.run_ensemble(run_file(), undisturbed)
    assert tables_of(undisturbed) == before


def test_points_and_samples_can_be_added(undisturbed, tmp_path):
    small = run_file(samples=4, scan={"sites.density": [0.1]})
    hn.run_ensemble(small, tmp_path / "run")
    first = files_of(tmp_path / "run")
    stamp = {p: p.stat().st_mtime_ns for p in (tmp_path / "run/samples").glob("*.parquet")}
    hn.run_ensemble(run_file(), tmp_path / "run")
    assert tables_of(tmp_path / "run") == tables_of(undisturbed)
    assert first.items() <= files_of(tmp_path / "run").items()
    assert all(p.stat().st_mtime_ns == t for p, t in stamp.items())


def test_other_physics_is_refused(undisturbed):
    with pytest.raises(ParameterError, match=r"spin.tau_s \(3 times 0 .. 10000 there, 1 times"):
        hn.run_ensemble(run_file(spin={"tau_s": [1.0]}), undisturbed)
    with pytest.raises(ParameterError, match="n_sites"):
        hn.run_ensemble(run_file(n_sites=601), undisturbed)


def test_damage_is_found_and_corrected(undisturbed, tmp_path):
    """A file truncated, one of another run copied in, one missing: same tables afterwards."""
    directory = tmp_path / "run"
    hn.run_ensemble(run_file(), directory)
    files = sorted((directory / "samples").glob("*.parquet"))
    files[0].write_bytes(files[0].read_bytes()[:500])
    other = run_file(sites={"seed": 99})
    hn.run_ensemble(other, tmp_path / "other")
    same_name = tmp_path / "other" / "samples" / files[1].name
    files[1].write_bytes(same_name.read_bytes())
    files[2].unlink()
    recorder = Recorder()
    frame = collect(directory, listener=recorder)
    assert len(frame) == (12 - 3) * 3
    assert len(recorder.reasons) == 2
    assert recorder.ends[-1]["n_missing"] == 3
    hn.run_ensemble(run_file(), directory)
    assert tables_of(directory) == tables_of(undisturbed)
    assert len(list((directory / "aside").glob("*/*.parquet"))) == 2


def test_shards_share_the_work(undisturbed, tmp_path):
    for i in (3, 0, 2, 1):
        assert hn.run_ensemble(run_file(), tmp_path / "run", shard=(i, 4)).empty
    assert not (tmp_path / "run" / "summary.parquet").exists(), "shards do not collect"
    collect(tmp_path / "run")
    assert tables_of(tmp_path / "run") == tables_of(undisturbed)
    counts = [len(files_of_shard(tmp_path / f"shard{i}", (i, 4))) for i in range(4)]
    assert sum(counts) == 12
    assert max(counts) - min(counts) <= 2  # one a point


def files_of_shard(directory, shard):
    hn.run_ensemble(run_file(), directory, shard=shard)
    return files_of(directory)


def test_target_error_decides_once_how_many(tmp_path):
    table = run_file(samples=4)
    table["ensemble"] |= {"target_error": 0.02, "max_samples": 12}
    frame = hn.run_ensemble(table, tmp_path / "run")
    taken = frame.groupby("sites.density")["sample"].nunique()
    assert taken.between(4, 12).all()
    assert taken.max() > 4
    stamp = tables_of(tmp_path / "run")
    hn.run_ensemble(table, tmp_path / "run")
    assert tables_of(tmp_path / "run") == stamp
    for i in (0, 1, 0, 1):  # shards meet once the first samples are there
        hn.run_ensemble(table, tmp_path / "shards", shard=(i, 2))
    collect(tmp_path / "shards")
    assert tables_of(tmp_path / "shards") == stamp


def test_snapshots(tmp_path):
    table = run_file(samples=2, output={"snapshot": True})
    hn.run_ensemble(table, tmp_path / "run")
    stored = sorted((tmp_path / "run" / "snapshots").iterdir())
    assert len(stored) == 2 * 3
    network = hn.Network.load(next(p for p in stored if ".network." in p.name))
    assert network.n_sites == 600


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_run_files_of_the_project_run_in_small(tmp_path, path):
    table = tomllib.loads(path.read_text())
    table.pop("cluster", None)
    table["ensemble"] = {"samples": 2}
    # Each sample of a run over fields is a whole curve of them.
    table["sites"] |= {"n_sites": 600 if "field" in table else 1500, "density": 0.1}
    if table["sites"].get("dimension") == 3:  # cold hops are longer than a small box
        table["sites"]["geometry"] = "open"
        table["scan"]["network.kT"]["start"] = 0.5 * table["scan"]["network.kT"]["stop"]
    scan = {k: v for k, v in table.get("scan", {}).items() if k.startswith("network")}
    every = 3 if "field" in table else 2
    table["scan"] = {
        k: v[::every] if isinstance(v, list) else v | {"n": 2} for k, v in scan.items()
    }
    frame = hn.run_ensemble(table, tmp_path / "run")
    assert (frame["status"] == "done").all()
    fields = [name for name in frame if "_at_" in name]
    name = "f" if "spin" in table else "log_conductance"
    assert frame[fields[0] if "field" in table else name].notna().all()


# Bad input.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "workers must be 1 or more"),
        ({"workers": -2}, "workers must be 1 or more"),
        ({"shard": (4, 4)}, "0 <= I < N, got 4/4"),
        ({"shard": (0, 0)}, "0 <= I < N"),
        ({"shard": 3}, r"two whole numbers \(i, n\) or a text I/N, got 3"),
        ({"shard": "1-of-3"}, "two whole numbers"),
        ({"shard": "4/4"}, "0 <= I < N, got 4/4"),
        ({"shard": (0.5, 2)}, "two whole numbers"),
        ({"workers": 1.5}, "workers must be 1 or more, got 1.5"),
        ({"threads": 0}, "threads must be 1 or more, got 0"),
        ({"threads": 2, "workers": 2}, "leave out --threads or --workers"),
        ({"scheduler": "nonsense"}, "takes an address .*HOST:PORT, got 'nonsense'"),
        ({"scheduler": "http://127.0.0.1:8786"}, "takes an address tcp://HOST:PORT"),
        ({"scheduler": "tcp://127.0.0.1:8786", "workers": 2}, "--workers .* exclude each other"),
        ({"scheduler": "tcp://127.0.0.1:8786", "threads": 2}, "leave out --threads or --sched"),
    ],
)
def test_numbers_that_do_not_fit(tmp_path, options, words):
    with pytest.raises(ParameterError, match=words):
        hn.run_ensemble(run_file(), tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_more_than_the_memory_is_refused_with_what_fits(tmp_path):
    table = run_file(n_sites=10**10)
    with pytest.raises(ParameterError, match=r"the largest n_sites that fits is \d+") as caught:
        hn.run_ensemble(table, tmp_path / "run")
    assert "--force" in str(caught.value)
    with pytest.raises(ParameterError, match=r"\d+ workers? of that size fit"):
        hn.run_ensemble(run_file(), tmp_path / "run", workers=10**6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 4}, r"--workers \(4\) and \[cluster\] exclude each other"),
        ({"shard": (0, 2)}, r"take \[cluster\] out of the run file"),
        ({"threads": 2}, r"leave out --threads or \[cluster\]"),
        (
            {},
            r"a job of \[cluster\] has 1 GB; 3 workers of that size fit: give "
            r"cluster.workers_per_job = 3",
        ),
    ],
)
def test_options_that_a_batch_system_excludes(tmp_path, options, words):
    cluster = {"system": "slurm", "workers_per_job": 4, "memory": "1GB"}
    with pytest.raises(ParameterError, match=words):
        hn.run_ensemble(run_file(cluster=cluster), tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_cutoff_beyond_the_sample_links_everybody_once():
    from hopnet.ensemble.plan import links_per_site

    point = config_from_dict(run_file(network={"cutoff": 1e6})).points()[0]
    assert links_per_site(point.physical) == 599 / 2


def test_the_size_named_as_fitting_fits():
    from hopnet.ensemble.plan import check_memory, task_memory

    point = config_from_dict(run_file(n_sites=10**9)).points()[0]
    with pytest.raises(ParameterError) as caught:
        check_memory([point], 1, limit=8e9)
    named = int(str(caught.value).split("fits is ")[1].split(":")[0])
    physical = point.physical | {"sites.n_sites": named}
    assert 0.85 * 8e9 < task_memory(physical) <= 8e9
    check_memory([point], 1, limit=8e9, force=True)
    with pytest.raises(ParameterError):  # sites with energies need more
        check_memory(
            [SimpleNamespace(physical=physical | {"sites.density_of_states": "uniform"})],
            1,
            limit=8e9,
        )


def test_a_worker_with_other_versions_is_refused(tmp_path):
    config = config_from_dict(run_file())
    ledger = open_ledger(tmp_path / "run", config.identity())
    wanted = {"hopnet": "9.9.9", "numba": "1", "numpy": "1", "scipy": "1"}
    task = Task(ledger, config.points()[0], (0,), wanted)
    with pytest.raises(ParameterError, match=r"hopnet 0\.\S+ \(here 9\.9\.9\)"):
        list(run_here([task]))
    assert ledger.finished() == set()


def test_tasks_have_names_that_sort():
    assert Batch("0123456789ab", 7, 7).file_name == "0123456789ab-000007.parquet"


def test_reach_counts_the_width_across_the_current(tmp_path):
    """The same rectangle turned by 90 degrees, current along its short side in both."""
    reach = {}
    for contacts, aspect in (("x", 0.25), ("y", 4.0)):
        table = {
            "sites": {"n_sites": 3000, "density": 0.05, "seed": 1, "aspect": aspect},
            "network": {"contacts": contacts, "cutoff": 1.5},
            "spin": {"tau_s": [1e4]},
            "ensemble": {"samples": 6},
        }
        hn.run_ensemble(table, tmp_path / contacts)
        statistics = hn.read_results(tmp_path / contacts, what="statistics")
        reach[contacts] = statistics["reach"].iloc[0]
    assert reach["x"] == pytest.approx(184.9, rel=1e-3)
    assert reach["y"] == pytest.approx(194.66, rel=1e-3)  # other samples; 48.7 with the length
