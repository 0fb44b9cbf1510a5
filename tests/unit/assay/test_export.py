"""What is handed out is marked, cannot be run, and reads back the same."""

import numpy as np
import pandas as pd
import pytest
from assay_samples import spread

from gvlab.assay import analyze
from gvlab.assay.assay import Assay
from gvlab.assay.export import write_prism_survival, write_readings
from gvlab.assay.samples import MARK
from gvlab.errors import InvalidValueError


def test_readings_survive_their_file(rng, tmp_path):
    assay = Assay.named("serum_il15")
    samples = spread(4, (2.0, 5.5), assay.outputs, IL15_serum=8.0)
    table = assay.read(samples, rng).table
    write_readings(tmp_path / "a.csv", table, notes=["seed 1"])
    assert (tmp_path / "a.csv").read_text().startswith(f"# {MARK}\n# seed 1\n")
    analysis = analyze(tmp_path / "a.csv")
    assert analysis.simulated
    for column in ("subject", "arm", "time", "analyte", "value", "unit", "below_lloq", "above_uloq"):
        assert list(analysis.table[column]) == list(table[column]), column


EVENTS = pd.DataFrame(
    {
        "subject": ["a", "b", "c"],
        "arm": ["=vehicle", "=vehicle", "+ sorafenib"],
        "duration": [12.25, 100.0, 40.0],
        "event_observed": [True, False, True],
        "entry": [0.0, 0.0, 0.0],
    }
)


def test_event_times_survive_the_layout_of_prism(tmp_path):
    write_prism_survival(tmp_path / "a.csv", EVENTS.assign(arm=EVENTS["arm"].str.strip("=")), simulated=True)
    analysis = analyze(tmp_path / "a.csv")
    assert analysis.kind == "survival"
    assert analysis.simulated
    found = analysis.table
    assert list(found["arm"]) == ["vehicle", "vehicle", "+ sorafenib"]
    assert list(found["duration"]) == [12.25, 100.0, 40.0]
    assert list(found["event_observed"]) == [True, False, True]


def test_no_group_name_is_live_in_prism(tmp_path):
    write_prism_survival(tmp_path / "a.csv", EVENTS)
    assert "\nDays,'=vehicle,'+ sorafenib\n" in (tmp_path / "a.csv").read_text()


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(InvalidValueError, match="no place for that"):
        write_prism_survival(tmp_path / "a.csv", EVENTS.assign(entry=[0.0, 3.0, 0.0]))
    with pytest.raises(InvalidValueError, match='lack the column "arm"'):
        write_prism_survival(tmp_path / "a.csv", EVENTS.drop(columns="arm"))
    with pytest.raises(InvalidValueError, match='lack the column "value"'):
        write_readings(
            tmp_path / "a.csv", pd.DataFrame({name: [1] for name in ("subject", "arm", "time", "assay", "analyte")})
        )


def test_a_real_file_is_not_marked(tmp_path):
    write_prism_survival(tmp_path / "a.csv", EVENTS, simulated=False)
    assert MARK not in (tmp_path / "a.csv").read_text()
    assert not analyze(tmp_path / "a.csv").simulated


def test_numbers_are_written_to_their_last_bit(tmp_path):
    value = np.nextafter(1.0, 2.0)
    row = ("m", "a", 1.0, "x", "y", value, "pg/mL", False, False, "")
    columns = ["subject", "arm", "time", "assay", "analyte", "value", "unit", "below_lloq", "above_uloq", "raw_file"]
    write_readings(tmp_path / "a.csv", pd.DataFrame([row], columns=columns))
    assert analyze(tmp_path / "a.csv").table["value"].iloc[0] == value
