"""gvlab run --cluster: the results of a run here, from a scheduler that was there before and outlives it."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from gvlab.simulation.cluster import Cluster
from gvlab.workflows import run_study

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed.*"),
]


def test_a_run_on_a_cluster_writes_the_results_of_a_run_here(gvlab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Figures and pages follow from the results.
    monkeypatch.setattr(run_study, "_report", lambda *_: None)
    asked = ("run", "mathew2018_syngeneic", "--subjects", "6", "--seed", "3", "--no-ensemble")
    with Cluster(workers=1) as cluster:
        there = gvlab(*asked, "--cluster", cluster.client.scheduler.address, "--out", "there")
        assert there.code == 0, there.complained
        assert cluster.client.scheduler_info()["workers"]
    assert gvlab(*asked, "--out", "here").code == 0
    files = sorted(path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*.parquet"))
    assert len(files) > 1
    for name in files:
        assert pq.read_table(tmp_path / "here" / name).equals(pq.read_table(tmp_path / "there" / name)), name
