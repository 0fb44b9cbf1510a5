"""What a message advises works when it is done: every file here is refused or half read, and read when mended so."""

import numpy as np
import openpyxl
import pytest

from gvlab.assay import analyze
from gvlab.assay.fcs import FlowFile, write_fcs
from gvlab.assay.gating import Dimension, RectangleGate, Strategy
from gvlab.assay.gatingml import FLOWJO, encode
from gvlab.cli.common import as_options
from gvlab.errors import GVLabError

STATUS = "mouse,group,days,status\nm1,a,10,1\nm2,a,12,1\nm3,b,20,1\nm4,b,30,0\n"
READINGS = "mouse,group,day,analyte,value,unit\nm1,a,5,IL-15,{},pg/mL\nm2,b,5,IL-15,{},pg/mL\n"
CYCLES = "Sample Name,Target Name,CT\nctl,Il15,30\nctl,Xyz,18\ntreated,Il15,28\ntreated,Xyz,18\n"
GAPDH = CYCLES.replace("Xyz", "Gapdh")
LEVELS = [500 / 2**step for step in range(6)] + [0.0]


def plate(name, concentrations=True):
    """Seven standards and a sample; `name` calls the standards."""
    lines = ["Well,Type,Sample" + (",Concentration (pg/mL)" if concentrations else "") + ",OD"]
    for row, level in enumerate(LEVELS):
        density = 0.05 + 3 / (1 + 200 / level) if level else 0.05
        role = "standard" if level else "blank"
        cells = ["ABCDEFG"[row] + "1", role, name.format(row + 1), *([f"{level:g}"] if concentrations else [])]
        lines.append(",".join([*cells, f"{density:.4f}"]))
    return "\n".join([*lines, "A2,sample,m1" + ("," if concentrations else "") + ",0.9", ""])


# What was written, what was said with it, the words of the refusal, what it advises to write, and to say.
REFUSED = {
    "a code": (STATUS, {}, "Say --event-is 1 if 1 is a death", STATUS, {"event": 1}),
    "the other code": (STATUS, {}, "--event-is 0 if 0 is", STATUS, {"event": 0}),
    "a better name": (STATUS, {}, 'name the column "event" or "censored"', STATUS.replace("status", "event"), {}),
    "a word": (
        STATUS.replace(",1\n", ",Died\n").replace(",0\n", ",Moved\n"), {}, 'such as --event-is "Died"',
        STATUS.replace(",1\n", ",Died\n").replace(",0\n", ",Moved\n"), {"event": "Died"},
    ),
    "a group": (
        STATUS.replace("m3,b", "m3,").replace("status", "event"), {}, "Write the group into every row",
        STATUS.replace("status", "event"), {},
    ),
    "a time with a unit": (
        STATUS.replace("days,status", "time,event").replace("a,10", "a,10 d"), {}, 'such as "time (days)"',
        STATUS.replace("days,status", "time (days),event"), {},
    ),
    "an option without effect": (READINGS.format(1, 2), {"event": 1}, "Leave it out", READINGS.format(1, 2), {}),
    "a sheet of a text": (READINGS.format(1, 2), {"sheet": "A"}, "Leave it out", READINGS.format(1, 2), {}),
    "a unit": (
        READINGS.format(1, 2).replace(",unit", "").replace(",pg/mL", ""), {}, 'write it into the name: "value (pg/mL)"',
        READINGS.format(1, 2).replace("value,unit", "value (pg/mL)").replace(",pg/mL", ""), {},
    ),
    "a percentage beside a fraction": (
        READINGS.format("45%", "0.45").replace("pg/mL", "%"), {}, "Write all of the column in one way",
        READINGS.format("45", "45").replace("pg/mL", "%"), {},
    ),
    "a point among decimal commas": (
        READINGS.format("1.000", "2,5").replace(",", ";").replace("2;5", "2,5"), {}, "Write it without the point",
        READINGS.format("1000", "2,5").replace(",", ";").replace("2;5", "2,5"), {},
    ),
    "standards by number": (
        plate("Std{}", concentrations=False), {}, 'Add a column "Concentration (pg/mL)"', plate("Std{}"), {},
    ),
    "two plates": (
        "Well,OD\nA1,0.5\nA2,0.6\nA1,0.7\n", {}, 'in a column "Plate" or "Assay"',
        "Plate,Well,OD\np,A1,0.5\np,A2,0.6\nq,A1,0.7\n", {},
    ),
    "a kind": (STATUS, {"kind": "readings"}, "no table of the kind readings", STATUS, {"event": 1, "kind": "survival"}),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_refusal_advises_is_read(case, tmp_path):
    written, options, words, mended, said = REFUSED[case]
    path = tmp_path / "a.csv"
    path.write_text(written)
    with pytest.raises(GVLabError) as refusal:
        analyze(path, **options)
    assert words in as_options(str(refusal.value))
    path.write_text(mended)
    assert len(analyze(path, **said).table) > 0


# What is read in part, the words of the note, and what is then said.
HALF_READ = {
    "a reference gene": (CYCLES, "Say --reference ...; targets: Il15, Xyz", {"reference": "Xyz", "calibrator": "ctl"}),
    "a calibrator": (GAPDH, "Say --calibrator ... with the name of the untreated sample", {"calibrator": "ctl"}),
}


@pytest.mark.parametrize("case", HALF_READ)
def test_what_a_note_advises_gives_ratios(case, tmp_path):
    written, words, said = HALF_READ[case]
    path = tmp_path / "a.csv"
    path.write_text(written)
    assert any(words in as_options(note) for note in analyze(path).notes)
    ratios = analyze(path, **said).tables["ratios"].set_index("sample")["ratio"]
    assert ratios["treated"] == pytest.approx(4.0)


def test_a_sheet_that_is_named_in_a_note_is_read_when_it_is_said(tmp_path):
    book = openpyxl.Workbook()
    for title, value in (("first", 1.0), ("second", 2.0)):
        page = book.create_sheet(title)
        for row in (["mouse", "group", "IL-15 (pg/mL)"], ["m1", "a", value], ["m2", "b", value]):
            page.append(row)
    book.save(tmp_path / "a.xlsx")
    analysis = analyze(tmp_path / "a.xlsx")
    assert any("say --sheet ... for one of them: second" in as_options(note) for note in analysis.notes)
    assert analyze(tmp_path / "a.xlsx", sheet="second").table["value"].tolist() == [2.0, 2.0]


def test_a_channel_of_two_names_is_gated_when_its_number_is_written(tmp_path):
    events = np.array([[1.0, 10.0], [2.0, 20.0]])
    write_fcs(tmp_path / "t.fcs", FlowFile(events, ("PE-A", "PE-B"), ("", "")))
    content = (tmp_path / "t.fcs").read_bytes().replace(b"PE-B", b"PE-A")
    (tmp_path / "t.fcs").write_bytes(content)

    def gates(channel):
        strategy = Strategy((RectangleGate("high", (Dimension(channel, "uncompensated"),), (15.0,), (float("inf"),)),))
        (tmp_path / "g.xml").write_text(encode(strategy))
        return tmp_path / "g.xml"

    with pytest.raises(GVLabError, match=r'"PE-A \(1\)", "PE-A \(2\)"'):
        analyze(tmp_path / "t.fcs", gates=gates("PE-A"))
    assert analyze(tmp_path / "t.fcs", gates=gates("PE-A (2)")).table["events"].tolist() == [1]


def test_a_table_of_percentages_as_advised_for_flowjo_is_read(tmp_path):
    (tmp_path / "a.wsp").write_text("<Workspace/>")
    write_fcs(tmp_path / "t.fcs", FlowFile(np.array([[1.0], [2.0]]), ("PE-A",), ("",)))
    for path, gates in (("a.wsp", None), ("t.fcs", tmp_path / "a.wsp")):
        with pytest.raises(GVLabError) as refusal:
            analyze(tmp_path / path, gates=gates)
        assert FLOWJO in str(refusal.value)
    (tmp_path / "a.csv").write_text("mouse,group,CD3+ (%),CD8+ (%)\nm1,a,40.1,12\nm2,b,50.2,14\n")
    assert analyze(tmp_path / "a.csv").table["analyte"].unique().tolist() == ["CD3+", "CD8+"]
