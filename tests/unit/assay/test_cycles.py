"""Cycles off an export, and the expression that they give: by hand, with what each spelling of a well means."""

import math

import pandas as pd
import pytest

from gvlab.assay.expression import analyze_cycles
from gvlab.assay.readers.cycler import CyclerReading, from_table, looks_like
from gvlab.assay.readers.tables import make_table
from gvlab.errors import InvalidValueError, UnknownNameError

HEADER = ("Well", "Sample", "Target", "Task", "Cq")


def table(*rows, header=HEADER):
    return make_table("a.csv", [header, *rows], range(1, len(rows) + 2))


def one(*, sample="m1", target="Il15", task="", cycles="25"):
    return from_table(table(("A1", sample, target, task, cycles))).wells.iloc[0]


@pytest.mark.parametrize(
    ("written", "cycles"),
    [
        ("25", 25), ("25.43", 25.43), ("60", 60), ("39.99", 39.99), ("0.01", 0.01), ("40.01", 40.01),
        *((word, math.nan) for word in ("40", "45.00", "50", "0", "-1", "60.5", "999")),
        *((word, math.nan) for word in ("", "-", "N/A", "Undetermined", "undet.", "No Ct", "inconclusive", "NaN")),
        *((word, math.nan) for word in (">35", "> 38.5", "≥40", "<LLOQ", "ND")),
    ],
)  # fmt: skip
def test_a_cycle_or_none(written, cycles):
    assert one(cycles=written)["ct"] == pytest.approx(cycles, nan_ok=True, rel=1e-15)


def test_a_word_that_is_no_cycle_is_refused():
    with pytest.raises(InvalidValueError, match=r'"late" in cell E2 of a\.csv is not a Ct'):
        one(cycles="late")


def test_numbers_that_stand_for_no_cycle_are_counted():
    found = from_table(table(*((f"A{n}", "m", "Il15", "", each) for n, each in enumerate(("40", "25", "40", "-1")))))
    for words in ("A Ct of 40 stands for a well that did not cross the threshold (2 of them)", "A Ct of -1 stands"):
        assert any(words in note for note in found.notes)


@pytest.mark.parametrize(
    ("sample", "task", "use"),
    [
        ("m1", "", ""), ("m1", "UNKNOWN", ""), ("m1", "Unkn-07", ""), ("m1", "NTC", "no template"),
        ("NTC", "", "no template"), ("ntc 2", "Unknown", "no template"), ("N.T.C.", "", "no template"),
        ("No template control", "", "no template"), ("m1", "Neg Ctrl", "no template"), ("H2O", "", "no template"),
        ("ddH2O-1", "", "no template"), ("water_3", "", "no template"), ("NRT", "", "no reverse transcription"),
        ("m1", "NRT-2", "no reverse transcription"), ("m1 -RT", "", "no reverse transcription"),
        ("NAC", "", "no amplification"), ("m1", "Std-3", "standard"), ("m1", "STANDARD", "standard"),
        ("m1", "Std", "standard"), ("Std-3", "", ""), ("waterfall", "", ""), ("negative", "", ""), (" ", "", "no name"),
        ("", "Unknown", "no name"), ("", "NTC", "no template"), ("", "Std", "standard"),
    ],
)  # fmt: skip
def test_what_a_well_holds(sample, task, use):
    assert one(sample=sample, task=task)["use"] == use


def test_rows_that_are_no_wells():
    found = from_table(
        table(
            ("A1", "m1", "Il15", "", "25"), ("", "", "", "", ""), ("A2", "m2", "", "", ""), ("A3", "m2", "", "", "26"),
            ("A4", "", "Il15", "", ""), ("[Melt]", "", "", "", ""), ("A5", "m5", "Il15", "", "27"),
        )
    )  # fmt: skip
    # A2 has neither target nor cycles; A3 has cycles; A4 a target; and the next part of the export is not of wells.
    assert found.wells["well"].tolist() == ["A1", "A3", "A4"]
    with pytest.raises(InvalidValueError, match="has no wells below its header"):
        from_table(table())


def test_columns_that_a_file_may_lack():
    header = ("Sample", "Gene", "Ct")
    found = from_table(table(("m1", "Il15", "25"), ("m1", "Gapdh", "18"), header=header)).wells
    assert found["well"].tolist() == ["1", "2"]  # the place in the table
    assert found["efficiency"].tolist() == [1, 1]
    assert found["task"].tolist() == ["", ""]
    assert looks_like(table(header=header))
    assert not looks_like(table(header=("Sample", "Gene")))


@pytest.mark.parametrize(
    ("written", "efficiency"),
    [("", 1), ("NA", 1), ("0.95", 0.95), ("1", 1), ("95", 0.95), ("95%", 0.95), ("0.5", 0.5), ("1.2", 1.2),
     ("120", 1.2), ("50%", 0.5), ("2", None), ("0.49", None), ("1.21", None), ("49", None), ("121%", None),
     ("1%", None)],
)  # fmt: skip
def test_an_efficiency_is_a_fraction_or_a_percentage_of_doubling(written, efficiency):
    cycles = table(("A1", "m1", "Il15", "25", written), header=("Well", "Sample", "Target", "Cq", "Efficiency"))
    if efficiency is None:
        with pytest.raises(InvalidValueError, match=r"efficiency in cell E2 of a\.csv is .*; write 1 \(or 100\)"):
            from_table(cycles)
    else:
        assert from_table(cycles).wells["efficiency"].tolist() == pytest.approx([efficiency], rel=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [("95", "0.95", True), ("95%", "0.95", True), ("95%", "96%", False), ("0.9", "0.95", False), ("95", "", False)],
)
def test_efficiencies_are_written_in_one_way(first, second, refused):
    rows = [("A1", "m1", "Il15", "25", first), ("A2", "m1", "Gapdh", "25", second)]
    cycles = table(*rows, header=("Well", "Sample", "Target", "Cq", "Efficiency"))
    if refused:
        with pytest.raises(InvalidValueError, match=rf'"{first}" in cell E2 .* and "{second}" in cell E3'):
            from_table(cycles)
    else:
        assert len(from_table(cycles).wells) == 2


@pytest.mark.parametrize(
    ("line", "reference", "calibrator"),
    [
        (("Endogenous Control", "GAPDH"), "GAPDH", ""),
        (("* Endogenous Control:", "GAPDH"), "GAPDH", ""),
        (("Reference Sample", " untreated "), "", "untreated"),
        (("* Reference Sample = untreated",), "", "untreated"),
        (("reference sample: day 0",), "", "day 0"),
        (("Endogenous Control", "n/a"), "", ""),
        (("Endogenous Control = none",), "", ""),
        (("Endogenous Control",), "", ""),
        (("x", "Endogenous Control", "B2m"), "B2m", ""),
        (("Endogenous Controls", "GAPDH"), "", ""),
        ((), "", ""),
    ],
)
def test_what_the_settings_of_a_file_name(line, reference, calibrator):
    settings = make_table("a.csv", [("Experiment", "7"), line, HEADER], range(1, 4))
    found = from_table(table(("A1", "m1", "Il15", "", "25")), settings)
    assert (found.reference, found.calibrator) == (reference, calibrator)
    assert from_table(table(("A1", "m1", "Il15", "", "25"))).reference == ""


def test_what_is_said_of_wells_that_are_no_samples():
    rows = [(f"A{n}", "", "Il15", "NTC", "36" if n == 3 else "35" if n == 5 else "") for n in range(8)]
    rows += [("B1", "m1", "Il15", "", "25"), ("B2", "", "Il15", "", "25"), ("B3", "x", "Il15", "Std", "20")]
    notes = from_table(table(*rows)).notes
    shown = "8 wells are controls (no template) and not among the samples: A0, A1, A2, A3, A4, A5 and 2 more."
    assert shown in notes
    assert "2 of these controls crossed the threshold, the first at 35.0 cycles: check for contamination." in notes
    assert "1 well is without the name of a sample and not among the samples: B2." in notes
    assert "1 well is for the standards and not among the samples: B3." in notes
    assert sum("contamination" in note for note in notes) == 1
    unnamed = from_table(table(("A1", "m1", "", "", "31"), ("B1", "m1", "Il15", "", "25")))
    assert unnamed.wells["use"].tolist() == ["no target", ""]
    assert "1 well is without the name of a target and not among the samples: A1." in unnamed.notes
    quiet = from_table(table(("A1", "", "Il15", "NTC", ""), ("B1", "m1", "Il15", "", "25"))).notes
    assert not any("contamination" in note for note in quiet)


def test_wells_that_do_not_amplify_in_the_words_of_the_file_have_no_cycle():
    header = ("Well", "Sample", "Target", "Cq", "Amp Status")
    words = ("Amp", "No Amp", "no_amp", "Inconclusive", "No Amplification")
    rows = [(f"A{n}", f"m{n}", "Il15", "25", said) for n, said in enumerate(words)]
    assert from_table(table(*rows, header=header)).wells["ct"].isna().tolist() == [False, True, True, False, True]


def test_plates_and_wells_that_stand_twice():
    header = ("Plate", *HEADER)
    with pytest.raises(InvalidValueError, match=r'holds 2 runs \(column "Plate": P1, P2\)'):
        from_table(table(("P1", "A1", "m", "a", "", "25"), ("P2", "A2", "m", "a", "", "25"), header=header))
    part = table(("P1", "A1", "m", "a", "", "25"), ("", "A2", "m", "a", "", "25"), header=header)
    assert len(from_table(part).wells) == 2
    with pytest.raises(InvalidValueError, match="the well A1 stands twice for one target"):
        from_table(table(("A1", "m", "a", "", "25"), ("A1", "m", "a", "", "26")))
    nameless = [("", "m", "a", "", "25"), ("", "m", "a", "", "26")]
    assert len(from_table(table(("A1", "m", "a", "", "25"), ("A1", "m", "b", "", "26"), *nameless)).wells) == 4


def test_remarks_of_wells_are_shown():
    header = (*HEADER, "Comments")
    rows = [(f"A{n}", "m", f"g{n}", "", "25", f"r{n}" if n else " ") for n in range(9)]
    notes = from_table(table(*rows, header=header)).notes
    assert 'Remarks in the file were not heeded: "r1", "r2", "r3", "r4", "r5", "r6" and 2 more.' in notes
    assert not from_table(table(rows[0], header=header)).notes


# Expression


def run(*rows, task="", **about):
    """Rows of sample, target and cycles; a fourth is the efficiency."""
    columns = ("well", "sample", "target", "task", "ct", "efficiency", "use")
    made = [
        (str(n), row[0], row[1], task if row[1] == "Ref" else "", row[2], row[3] if len(row) > 3 else 1.0, "")
        for n, row in enumerate(rows)
    ]
    settings = (about.pop("in_settings", ""), about.pop("calibrator_in_settings", ""))
    read = CyclerReading(pd.DataFrame(made, columns=list(columns)), *settings, ("from the file",))
    return analyze_cycles(read, **about)


NONE = math.nan
PLAIN = [("c", "Il15", 26.0), ("c", "Ref", 18.0), ("m", "Il15", 24.0), ("m", "Ref", 19.0)]


def ratios(*rows, **about):
    tables, notes = run(*rows, **{"reference": "Ref", "calibrator": "c", **about})
    return tables["ratios"].set_index(["sample", "target"]), notes


def test_a_ratio_is_two_to_the_cycles_that_are_saved():
    """26 - 18 = 8 and 24 - 19 = 5, so 2^3."""
    table, notes = ratios(*PLAIN)
    assert table["ratio"].tolist() == pytest.approx([1, 8])
    assert table["delta_ct"].tolist() == [8, 5]
    assert "Efficiencies were taken as 1, so the ratio is 2^-ddCt." in notes
    assert notes[0] == "from the file"
    assert '"Ref" is the reference gene.' in notes
    assert "Calibrator: c." in notes


def test_efficiencies_are_those_named_else_those_of_the_file():
    """1.9^2 / 2^-1 = 7.22 with 0.9 for Il15; with 0.8 for the reference as well 1.9^2 * 1.8 = 6.498."""
    assert ratios(*PLAIN, efficiencies={"Il15": 0.9})[0]["ratio"].iloc[1] == pytest.approx(7.22)
    rows = [(*row, 0.9 if row[1] == "Il15" else 0.8) for row in PLAIN]
    table, notes = ratios(*rows)
    assert table["ratio"].iloc[1] == pytest.approx(6.498)
    assert "The efficiencies of the file were used." in notes
    assert ratios(*rows, efficiencies={"Il15": 1.0, "Ref": 1.0})[0]["ratio"].iloc[1] == pytest.approx(8)


def test_replicates_that_did_not_cross_are_counted_and_the_mean_is_of_the_others():
    table, notes = ratios(*PLAIN, ("m", "Il15", 25.0), ("m", "Il15", NONE))
    row = table.loc["m", "Il15"]
    assert row[["wells", "determined", "ct", "undetermined"]].tolist() == [3, 2, 24.5, True]
    assert row["ct_sd"] == pytest.approx(0.5**0.5)  # of 24 and 25
    assert not table.loc["c", "Il15"]["undetermined"]
    assert math.isnan(table.loc["c", "Il15"]["ct_sd"])
    assert any(note.startswith("Il15 in m: 1 of 3 wells did not cross the threshold;") for note in notes)
    assert any("more than 0.5 cycles, so look at the wells: Il15 in m (0.7)" in note for note in notes)


@pytest.mark.parametrize(("apart", "said"), [(0.70, False), (0.72, True)])
def test_replicates_half_a_cycle_apart_are_in_doubt(apart, said):
    """The standard deviation of two is their distance over the root of two: 0.495 and 0.509."""
    _, notes = ratios(*PLAIN, ("m", "Il15", 24.0 + apart))
    assert any("look at the wells" in note for note in notes) is said


def test_a_calibrator_is_the_mean_of_the_samples_that_have_both_genes():
    """c1 saves 8, c2 has no reference, c3 saves 10: their mean is 9, so 5 is 2^4."""
    rows = [
        ("c1", "Il15", 26.0), ("c1", "Ref", 18.0), ("c2", "Il15", 20.0), ("c3", "Il15", 28.0), ("c3", "Ref", 18.0),
        ("m", "Il15", 24.0), ("m", "Ref", 19.0),
    ]  # fmt: skip
    table, notes = ratios(*rows)
    assert table.loc[("m", "Il15"), "ratio"] == pytest.approx(16)
    assert table.loc[("c1", "Il15"), "ratio"] == pytest.approx(2)
    assert math.isnan(table.loc[("c2", "Il15"), "ratio"])
    assert "Without the reference gene, so not among the calibrators: c2." in notes
    assert 'Without the reference gene "Ref", so without a ratio: c2.' in notes
    assert "Calibrator: c1, c2, c3." in notes


def test_every_sample_of_a_plate_is_named_where_one_is_to_be_chosen():
    names = [f"m{n}" for n in range(12)]
    _, notes = ratios(*((name, gene, 20.0) for name in names for gene in ("Il15", "Ref")), calibrator="")
    assert any(f"samples: {', '.join(names)}." in note for note in notes)


def test_no_calibrator_has_the_reference():
    _, notes = ratios(("c", "Il15", 26.0), ("m", "Il15", 24.0), ("m", "Ref", 19.0))
    assert not any("not among the calibrators" in note for note in notes)
    assert 'Without the reference gene "Ref", so without a ratio: c.' in notes


def test_a_gene_that_nowhere_crossed_has_no_ratio():
    table, notes = ratios(*PLAIN, ("m", "Il6", NONE), ("c", "Il6", 30.0))
    assert math.isnan(table.loc[("m", "Il6"), "ratio"])
    assert "No well crossed the threshold, so there is no ratio: Il6 in m." in notes
    assert not any("0 of" in note or "1 of 1" in note for note in notes)


def test_the_name_of_a_calibrator_is_taken_whole_before_it_is_a_beginning():
    rows = [*PLAIN, ("c2", "Il15", 30.0), ("c2", "Ref", 18.0)]
    assert ratios(*rows)[0].loc[("m", "Il15"), "ratio"] == pytest.approx(8)
    both = ratios(*rows, calibrator="C ")[0]
    assert both.loc[("m", "Il15"), "ratio"] == pytest.approx(8)
    named, _ = ratios(*rows, calibrator="", calibrator_in_settings="c2")
    assert named.loc[("m", "Il15"), "ratio"] == pytest.approx(2**7)
    usual = [(("Calibrator" if row[0] == "c" else row[0]), *row[1:]) for row in PLAIN]
    assert ratios(*usual, calibrator="")[0].loc[("m", "Il15"), "ratio"] == pytest.approx(8)
    with pytest.raises(UnknownNameError, match='no calibrator sample named "d"'):
        ratios(*PLAIN, calibrator="d")
    _, notes = ratios(*PLAIN, calibrator="")
    assert any("Say calibrator=... with the name of the untreated sample; samples: c, m." in note for note in notes)


@pytest.mark.parametrize(
    ("about", "found"),
    [
        ({"reference": "REF"}, True),
        ({"in_settings": "ref"}, True),
        ({"in_settings": "other"}, False),
        ({"task": "Endogenous control"}, True),
        ({"task": "REFERENCE"}, True),
        ({"task": "target"}, False),
        ({"usual_references": ("ref",)}, True),
        ({"usual_references": ("ref", "il15")}, False),
        ({"usual_references": ("il15",), "task": "reference"}, True),  # the file is believed before what is usual
        ({"usual_references": ("il15",), "in_settings": "Ref"}, True),
    ],
)
def test_which_gene_is_the_reference(about, found):
    tables, notes = run(*PLAIN, **about)
    assert (tables["ratios"]["target"].unique().tolist() == ["Il15"] if "ratios" in tables else False) is found
    if not found:
        assert list(tables) == ["cycles", "wells"]
        assert any("targets: Il15, Ref." in note for note in notes)


@pytest.mark.parametrize("name", ["Gapdh", "GAPDH-Mm99", "gapdh_2", " Gapdh - VIC"])
def test_a_usual_reference_is_known_by_the_name_of_the_gene(name):
    rows = [(row[0], name if row[1] == "Ref" else row[1], row[2]) for row in PLAIN]
    assert "ratios" in run(*rows, usual_references=("gapdh",))[0]


def test_without_a_reference_the_cycles_stand_in_the_order_of_the_file():
    tables, _ = run(("m", "b", 24.0), ("m", "b", 25.0), ("c", "a", 20.0), ("c", "b", NONE))
    assert tables["cycles"][["sample", "target", "wells", "determined"]].to_numpy().tolist() == [
        ["m", "b", 2, 2], ["c", "a", 1, 1], ["c", "b", 1, 0],
    ]  # fmt: skip
    assert tables["cycles"]["ct"].tolist() == pytest.approx([24.5, 20, NONE], nan_ok=True)
    with pytest.raises(UnknownNameError, match='no reference gene named "c"'):
        run(("m", "b", 24.0), reference="c")


def test_controls_alone_are_no_samples():
    found = from_table(table(("A1", "", "Il15", "NTC", ""), ("A2", "x", "Il15", "Std", "20")))
    tables, notes = analyze_cycles(found)
    assert list(tables) == ["wells"]
    assert any("No well holds a sample" in note for note in notes)
