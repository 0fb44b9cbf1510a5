"""A real Dask cluster on this machine: the same bits as here, also after a worker was lost in the middle."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from gvlab.errors import CancelledError, InvalidValueError
from gvlab.protocol import Condition, Dose, Harvest, Protocol
from gvlab.simulation import CancelToken, SimulationTask, cluster, run_tasks
from gvlab.simulation.cluster import Cluster
from gvlab.subject import System

pytestmark = [
    pytest.mark.usefixtures("house_library"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed.*"),
]


@pytest.fixture(scope="module")
def two():
    """A cluster of two workers."""
    with Cluster(workers=2) as both:
        yield both


@pytest.fixture
def tasks(house_model):
    """Arms with doses by body mass, cells out of primary recipients, deaths, and a condition."""
    cohort = System.read("house_system").cohort(37, seed=5).replace({"k_hazard_house": 0.1, "k_marker_house": 0.2})
    cells = Dose("house_cells", "1e4 cell", at="day 0")
    drug = Dose("house_drug", "10 mg/kg", at="day 1", every="1 day", until="day 3")
    graft = Protocol.of(Dose("house_graft", "100 cell", at="day 1", harvest=Harvest(cells + drug, at="day 4")))
    return [
        SimulationTask(house_model, cohort, cells + drug, until="day 6"),
        SimulationTask(house_model, cohort, graft, Condition.read("house_slow"), until="day 6"),
        SimulationTask(house_model, cohort, graft, until="day 6", engine="roadrunner"),
    ]


@pytest.fixture
def long(house_model):
    """Many shards, of seconds together."""
    cohort = System.read("house_system").cohort(64, seed=5)
    return SimulationTask(house_model, cohort, until=2000.0, times=np.linspace(0, 2000, 20_000), outputs=["marker"])


def same(one, other):
    assert one.data.identical(other.data)
    assert one.ends.identical(other.ends)
    np.testing.assert_array_equal(one.events, other.events)
    assert one.manifest == other.manifest


def test_one_worker_and_two_give_the_bits_of_none(tasks, two, monkeypatch):
    monkeypatch.setattr(cluster, "SHARD", 10)
    told = []
    here = run_tasks(tasks)
    there = run_tasks(tasks, executor=two, progress=told.append)
    with Cluster(workers=1) as one:
        alone = run_tasks(tasks, executor=one)
    for serial, *others in zip(here, there, alone, strict=True):
        for other in others:
            same(serial.get(), other.get())
    assert sum(told) == 3 * 37


def test_a_worker_that_is_lost_changes_nothing(long, two, monkeypatch):
    monkeypatch.setattr(cluster, "SHARD", 2)
    before = run_tasks([long])[0].get()
    told, killed = [], []

    def progress(finished):
        told.append(finished)
        if sum(told) >= 16 and not killed:
            killed.extend(two.client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)

    after = run_tasks([long], executor=two, progress=progress)[0].get()
    assert killed
    same(after, before)
    assert sum(told) == 64


def test_a_cancelled_run_ends_on_the_workers_too(long, two, monkeypatch):
    monkeypatch.setattr(cluster, "SHARD", 8)
    token, cancelled_at = CancelToken(), []

    def cancel():
        cancelled_at.append(time.monotonic())
        token.cancel()

    timer = threading.Timer(0.3, cancel)
    timer.start()
    with pytest.raises(CancelledError):
        run_tasks([long] * 40, executor=two, cancel=token)
    assert time.monotonic() - cancelled_at[0] < 2.0  # 0.2 s where nobody else is at work on the machine
    timer.join()
    began = time.monotonic()
    while any(two.client.processing().values()) and time.monotonic() - began < 5:
        time.sleep(0.02)
    assert not any(two.client.processing().values())
    same(run_tasks([long], executor=two)[0].get(), run_tasks([long])[0].get())


def test_an_address_at_which_nobody_answers_is_refused(monkeypatch):
    with pytest.raises(InvalidValueError, match=r'No Dask scheduler answers at "tcp://127.0.0.1:9": .*dask scheduler'):
        Cluster("tcp://127.0.0.1:9", timeout=0.3)


def test_workers_cannot_be_started_elsewhere():
    with pytest.raises(InvalidValueError, match='2 workers cannot be started at "tcp://node:8786"'):
        Cluster("tcp://node:8786", workers=2)
    with pytest.raises(InvalidValueError, match="0 workers are asked for"):
        Cluster(workers=0)
