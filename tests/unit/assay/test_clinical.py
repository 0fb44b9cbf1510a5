"""The score has ten points and an observer; the humane endpoint is the first day on which a limit is met."""

import numpy as np
import pandas as pd
import pytest
from assay_samples import spread
from pydantic import ValidationError

from gvlab.assay.assay import Assay
from gvlab.assay.clinical import ITEMS, humane_endpoint
from gvlab.assay.imaging import floor
from gvlab.assay.samples import Samples
from gvlab.errors import UnknownNameError
from gvlab.library import Library
from gvlab.library.assay_record import AssayRecord

LIMITS = {"score": ("at least", 7.0), "weight": ("at most", 80.0)}


def table(*rows):
    return pd.DataFrame(rows, columns=["subject", "arm", "time", "analyte", "value"])


def test_the_first_day_on_which_a_limit_is_met_is_the_endpoint():
    found = humane_endpoint(
        table(
            ("a", "x", 3.0, "score", 6.0),
            ("a", "x", 5.0, "score", 8.0),
            ("a", "x", 9.0, "score", 9.0),
            ("a", "x", 4.0, "weight", 81.0),
            ("b", "x", 4.0, "weight", 80.0),
            ("c", "x", 9.0, "weight", 99.0),
        ),
        LIMITS,
    )
    assert list(found.itertuples(index=False, name=None)) == [
        ("b", "x", 4.0, "weight", 80.0),
        ("a", "x", 5.0, "score", 8.0),
    ]


def test_of_two_limits_met_on_one_day_the_first_named_counts():
    found = humane_endpoint(table(("a", "x", 3.0, "weight", 70.0), ("a", "x", 3.0, "score", 9.0)), LIMITS)
    assert list(found["analyte"]) == ["score"]


def test_the_limits_stand_in_the_record_with_their_reason():
    record = Library().read("assays", "clinical_score")
    assert {each.name: (each.humane.sense, each.humane.limit) for each in record.analytes} == LIMITS
    assert all("assumed" in each.humane.why for each in record.analytes)
    plain = Library().read("assays", "serum_il15").model_dump(mode="json", exclude_unset=True)
    plain["analytes"][0]["humane"] = {"sense": "at least", "limit": 1.0, "why": "a test"}
    with pytest.raises(ValidationError, match="only a clinical assay has"):
        AssayRecord.model_validate(plain)


def test_limits_on_what_was_not_read_are_refused():
    readings = table(("a", "x", 3.0, "weight", 70.0))
    with pytest.raises(UnknownNameError, match='no analyte named "score"'):
        humane_endpoint(readings, LIMITS)
    with pytest.raises(UnknownNameError, match="sense of a limit"):
        humane_endpoint(readings, {"weight": ("below", 80.0)})


def test_the_score_of_the_worst_is_ten_and_of_the_well_near_none(rng):
    assay = Assay.named("clinical_score")
    for damage, burden, low, high in ((0.0, 0.0, 0.0, 1.0), (1e6, 1e12, 2 * ITEMS - 1.0, 2.0 * ITEMS)):
        readings = assay.read(spread(200, (5.0,), assay.outputs, gvhd_damage=damage, burden=burden), rng).table
        score = readings.loc[readings["analyte"] == "score", "value"]
        assert low <= score.mean() <= high
        assert set(score) <= set(np.arange(2 * ITEMS + 1.0))


def test_a_burden_below_the_floor_is_flagged_and_one_above_the_top_is_cut(rng):
    assay = Assay.named("bioluminescence")
    burden = np.array([[10.0], [1e6], [1e13]])
    readings = assay.read(Samples({"burden": burden}, ["low", "mid", "high"], ["x"] * 3, np.zeros(1)), rng).table
    assert list(readings["below_lloq"]) == [True, False, False]
    assert list(readings["above_uloq"]) == [False, False, True]
    assert readings["value"].iloc[2] == assay.parameters.number("saturation")
    # Background stays as it was seen: a limit in its place would look like a signal on a log scale.
    assert readings["value"].iloc[0] < floor(assay.sample(Samples({"burden": burden}, "lmh", "xxx", np.zeros(1))))


def test_the_detection_limit_is_about_ten_thousand_cells():
    """Three standard deviations of the background are the signal of 1e4 blasts (1e3 to 1e5 in the field)."""
    number = Assay.named("bioluminescence").parameters.number
    assert 3 * number("sd_background") / number("flux_per_blast") == pytest.approx(1e4)
