import math
import re
import resource

import pytest

from gvlab import capacity
from gvlab.capacity import refuse_beyond_memory
from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.subject import System
from gvlab.workflows.run_study import RunRequest, run_study


@pytest.fixture
def small(monkeypatch):
    """A machine with 1 GB."""
    monkeypatch.setattr(capacity, "memory", lambda: 1e9)


def test_what_does_not_fit_is_refused_with_what_it_needs_and_what_would_fit(small):
    with pytest.raises(
        InvalidValueError,
        match=r"1,000,000,000 subjects need about 8 TB of memory, and 800 MB can be used here\. Take at most 100,000\.",
    ):
        refuse_beyond_memory(10**9, 8000)
    refuse_beyond_memory(100_000, 8000)
    with pytest.raises(InvalidValueError, match="Take a machine with more"):
        refuse_beyond_memory(1, 2e9)


def test_what_is_said_to_fit_does_fit(small):
    for each in (3.0, 777.0, 123_456.7):
        with pytest.raises(InvalidValueError) as caught:
            refuse_beyond_memory(10**12, each)
        fits = int(re.search(r"at most ([\d,]+)", str(caught.value))[1].replace(",", ""))
        refuse_beyond_memory(fits, each)


def test_memory_is_what_the_machine_or_a_limit_of_the_process_allows(monkeypatch):
    machine = capacity.memory()
    assert 2**27 < machine < math.inf
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1000, 1000))
    assert capacity.memory() == 1000
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert capacity.memory() == machine


@pytest.mark.parametrize(
    "ask",
    [
        lambda n: System.read("b6_into_balbc_wehi3b").cohort(n, 1),
        lambda n: Experiment.read("mathew2018_syngeneic").run(1, subjects=n),
        lambda n: run_study(RunRequest(name="mathew2018", subjects=n)),
    ],
)
def test_a_billion_subjects_are_refused_before_anything_is_drawn(ask):
    with pytest.raises(InvalidValueError, match=r"1,000,000,000 subjects need about .* Take at most [\d,]+\."):
        ask(10**9)
