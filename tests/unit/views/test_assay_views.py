"""Pictures of virtual assays: tubes with their gate, a stress test over its injections, a dot an animal."""

from __future__ import annotations

import pytest

from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.views import svg
from gvlab.views.assays import assay_views

DAY = 12.0


@pytest.fixture(scope="module")
def read():
    experiment = Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")
    kept = {}

    def run(assay):
        if assay not in kept:
            kept[assay] = experiment.replace(arms=experiment.arms[1:], assays=(assay,)).run(3, subjects=4, days=[DAY])
        return kept[assay]

    return run


def test_flow_shows_the_tube_of_the_median_animal_with_its_gate(read):
    results = read("cd8_flow")
    views = assay_views(results, "cd8_flow", DAY)
    tubes = [view for view in views if view.kind == "flow"]
    # An arm without donor T cells has no donor CD8 to gate.
    assert [view.title for view in tubes] == ["BM + T cells, day 12", "BM + T cells + sorafenib, day 12"]
    for view in tubes:
        events, percent = view.table.rows[0]
        assert events > 50
        assert 0 <= percent <= 100
        assert view.x.label == "CD107a (PE)"
        assert "%" in svg(view)
    assert [view.kind for view in views[2:]] == ["dots"] * 3


def test_a_stress_test_is_drawn_over_its_injections_of_the_files_of_its_plates(read):
    results = read("seahorse_mito")
    trace = assay_views(results, "seahorse_mito", DAY)[0]
    assert trace.kind == "seahorse"
    text = svg(trace)
    for injected in ("Oligomycin", "FCCP", "Rotenone"):
        assert injected in text
    means = [row[1] for row in trace.table.rows]
    # Uncoupled cells respire most, and oligomycin lowers what they do at rest.
    assert max(means) == max(means[6:9])
    assert means[4] < means[1]


def test_an_elisa_is_a_dot_an_animal_with_its_limit(read):
    results = read("serum_il15")
    (view,) = assay_views(results, "serum_il15", DAY)
    measured = results.measured("serum_il15", at="day 12")
    assert measured.limit is not None
    medians = measured.table.groupby("arm")["value"].median()
    assert {row[0]: row[2] for row in view.table.rows} == pytest.approx(dict(medians))
    assert "lower limit" in svg(view)


def test_qpcr_has_a_picture_for_each_gene(read):
    results = read("qpcr")
    assert [view.title for view in assay_views(results, "qpcr", DAY)] == [
        "Il15 mRNA, day 12", "Irf7 mRNA, day 12", "Atf4 mRNA, day 12",
    ]  # fmt: skip


def test_where_nobody_can_be_read_it_says_so():
    experiment = Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")
    results = experiment.replace(arms=experiment.arms[:1], assays=("cd8_flow",)).run(3, subjects=3, days=[90.0])
    with pytest.raises(InvalidValueError, match="nobody can be read"):
        assay_views(results, "cd8_flow", 90.0)
