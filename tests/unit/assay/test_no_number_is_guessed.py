"""What can be read in two ways is asked about, and what an instrument says of a number is used."""

import numpy as np
import openpyxl
import pytest
from scipy import optimize

from gvlab.assay import analyze
from gvlab.assay.readers.lab_units import days_in, factor_between, lab_unit
from gvlab.errors import InvalidValueError, UnitError

LEVELS = [2000 / 2**step for step in range(7)]


def density(level):
    return 0.05 + 3 / (1 + 200 / level) if level else 0.05


@pytest.fixture
def save(tmp_path):
    def written(text, name="data.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def workbook(tmp_path):
    def written(rows, change):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        change(book.active)
        book.save(tmp_path / "data.xlsx")
        return tmp_path / "data.xlsx"

    return written


def refusal(path, **options):
    with pytest.raises(InvalidValueError) as caught:
        analyze(path, **options)
    return str(caught.value)


def said(analysis, words):
    return any(words in note for note in analysis.notes)


def grids(label):
    """A plate whose first column holds standards, with a layout that calls them as `label` does."""
    header = "\t" + "\t".join(map(str, range(1, 13))) + "\n"

    def grid(cell):
        lines = ["ABCDEFGH"[r] + "\t" + "\t".join(cell(r, c) for c in range(12)) for r in range(8)]
        return header + "\n".join(lines) + "\n"

    def shown(r, c):
        return f"{density(LEVELS[r] if r < 7 else 0) if c == 0 else density(100):.4f}"

    return grid(shown) + "\n" + grid(lambda r, c: f"m{c}" if c else label(r) if r < 7 else "blank")


# Labels of standards


def test_thousands_in_a_label_are_asked_about(save):
    path = save(grids(lambda r: f"standard {LEVELS[r]:,g}"), "plate.txt")
    assert "decimals (2) or thousands (2000)" in refusal(path)


def test_units_in_labels_are_converted_to_one(save):
    path = save(
        grids(lambda r: f"std {LEVELS[r] / 1000:g} ng/mL" if r < 2 else f"std {LEVELS[r]:g} pg/mL"), "plate.txt"
    )
    table = analyze(path).table
    assert table["unit"].iloc[0] == "ng/mL"
    np.testing.assert_allclose(table["value"], 0.1, rtol=1e-3)


def test_labels_with_and_without_a_unit_are_asked_about(save):
    path = save(grids(lambda r: f"std {LEVELS[r]:g}" + (" pg/mL" if r else "")), "plate.txt")
    assert "Write all of them in one unit" in refusal(path)


@pytest.mark.parametrize("numbers", [range(7, 0, -1), range(6, -1, -1), [1, 2, 4, 5, 6, 7, 8]])
def test_standards_that_are_counted_have_no_concentrations(save, numbers):
    assert "does not say their concentrations" in refusal(save(grids(lambda r: f"Std {list(numbers)[r]}"), "plate.txt"))


def test_a_column_of_units_counts(save):
    told = ["2,ng/mL", *(f"{level:g},pg/mL" for level in LEVELS[1:])]
    rows = [f"A{n},standard,s{n},{told[n - 1]},{density(level):.4f}" for n, level in enumerate(LEVELS, 1)]
    text = "\n".join(["Well,Type,Sample,Concentration,Unit,OD", *rows, "B1,sample,m1,,,1.05"]) + "\n"
    assert analyze(save(text)).table["value"].iloc[0] == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("factor", [1.0, 3.0, 4.0, 1e5])
def test_a_curve_is_that_of_the_stated_error_by_another_program(save, factor):
    """Standards weigh by an error of 4 % and 0.01, of the highest reading where readings are no optical densities."""
    rng = np.random.default_rng(8)
    levels = np.repeat([*LEVELS, 0.0], 2)
    read = factor * np.array([density(level) for level in levels]) * rng.normal(1, 0.06, len(levels))
    rows = [
        f"{'ABCDEFGH'[i // 2]}{i % 2 + 1},{'standard' if level else 'blank'},,{level},{value:.9g}"
        for i, (level, value) in enumerate(zip(levels, read, strict=True))
    ]
    sample = factor * 0.75
    text = "\n".join(["Well,Type,Sample,Concentration (pg/mL),OD", *rows, f"A3,sample,m1,,{sample}"]) + "\n"
    analysis = analyze(save(text))
    found = analysis.table["value"].iloc[0]

    def model(level, bottom, top, middle, hill):
        return bottom + (top - bottom) * level**hill / (middle**hill + level**hill)

    mean = np.repeat(read.reshape(-1, 2).mean(axis=1), 2)
    error = np.hypot(0.04 * mean, 0.01 * (read.max() if read.max() > 10 else 1.0))
    start = (0.05 * factor, 3 * factor, 200.0, 1.0)
    bottom, top, middle, hill = optimize.curve_fit(
        model, levels, read, start, sigma=error, xtol=1e-12, ftol=1e-12, x_scale=start, method="trf"
    )[0]
    expected = middle * ((sample - bottom) / (top - sample)) ** (1 / hill)
    assert found == pytest.approx(expected, rel=1e-4)
    # The blank holds the ends of the curve as firmly as its error says.
    curve = analysis.tables["curve"].set_index("parameter")["value"]
    assert curve[["bottom", "top", "c", "hill"]].tolist() == pytest.approx([bottom, top, middle, hill], rel=2e-4)


# Wells and dilutions


def plate(*samples, extra="Dilution"):
    rows = [f"A{n},standard,s{n},{level:g},,{density(level):.4f}" for n, level in enumerate(LEVELS, 1)]
    return "\n".join([f"Well,Type,Sample,Concentration (pg/mL),{extra},OD", *rows, *samples]) + "\n"


def test_a_dilution_of_one_sample_is_one_that_the_file_tells(save):
    told = "A dilution of the samples is not included"
    assert not said(analyze(save(plate("B1,sample,m1,,1:10,1.05", "B2,sample,m2,,,1.05"))), told)
    assert said(analyze(save(plate("B1,sample,m1,,,1.05", "B2,sample,m2,,,1.05"))), told)


@pytest.mark.parametrize(
    ("written", "factor"),
    [("1:10", 10), ("10x", 10), ("x10", 10), ("1e1", 10), ("1+9", 10), ("1:2.5", 2.5), ("neat", 1), ("undiluted", 1)],
)
def test_a_dilution_is_read_as_it_is_written(save, written, factor):
    table = analyze(save(plate(f"B1,sample,m1,,{written},1.05"))).table
    assert table["value"].iloc[0] == pytest.approx(100 * factor, rel=1e-3)


@pytest.mark.parametrize("written", ['"1:1,000"', "1:1.000", '"2,000"'])
def test_thousands_in_a_dilution_are_asked_about(save, written):
    assert "Write the dilution without it" in refusal(save(plate(f"B1,sample,m1,,{written},1.05")))


def test_a_dilution_below_one_is_refused_in_a_grid_too(save):
    lines = grids(lambda r: f"standard {LEVELS[r]:g}")
    header = "\nDilution\n\t" + "\t".join(map(str, range(1, 13))) + "\n"
    below = header + "\n".join("ABCDEFGH"[r] + "\t0.1" * 12 for r in range(8)) + "\n"
    assert '"0.1" in cell' in refusal(save(lines + below, "plate.txt"))


def test_a_reading_beside_no_well_is_refused(save):
    text = plate(",sample,m1,,,1.05")
    assert "The well in cell A9 of data.csv is missing" in refusal(save(text))


@pytest.mark.parametrize("title", ["Include", "Used"])
def test_a_well_that_is_not_included_is_left_out(save, title):
    text = plate("B1,sample,m1,,,1.05", "B2,sample,m1,,FALSE,2.5", extra=title)
    table = analyze(save(text)).table
    assert table["value"].iloc[0] == pytest.approx(100, rel=1e-3)
    assert table["replicates"].iloc[0] == 1


# Numbers and units


FLUX = "Animal\tGroup\tDay\tTotal Flux [p/s]\nm1\ta\t7\t{}\nm2\tb\t7\t300\n"


def test_a_comma_that_could_separate_thousands_is_asked_about(save):
    assert "decimals (1.2) or thousands (1200)" in refusal(save(FLUX.format("1,200"), "flux.txt"))
    # What cannot be decimals is read, and what cannot be thousands too.
    assert analyze(save(FLUX.format("1,200,000"), "flux.txt")).table["value"].iloc[0] == 1_200_000
    assert analyze(save(FLUX.format("1,200.5"), "flux.txt")).table["value"].iloc[0] == 1200.5
    assert analyze(save(FLUX.format("1,25"), "flux.txt")).table["value"].iloc[0] == 1.25
    assert analyze(save(FLUX.format("0,125"), "flux.txt")).table["value"].iloc[0] == 0.125
    assert analyze(save(FLUX.format("1 200,5"), "flux.txt")).table["value"].iloc[0] == 1200.5


def test_a_number_beyond_what_a_computer_holds_is_refused(save):
    assert "too large for a number" in refusal(save(FLUX.format("7.4e9999"), "flux.txt"))


@pytest.mark.parametrize(
    ("written", "unit"),
    [("g/L", "g/L"), ("G/L", "10^3/uL"), ("T/L", "10^6/uL"), ("10E9/L", "10^3/uL"), ("k/mm3", "10^3/uL")],
)
def test_grams_a_liter_are_no_cells(written, unit):
    assert lab_unit(written) == unit


@pytest.mark.parametrize(
    "written",
    [
        *["ukat/L", "\u00b5kat/L", "mEq/L", "mOsm/kg", "INR", "%ID/g", "cpm", "log10", "per HPF", "\u0394Ct", "mU/L"],
        *["kBq", "\u00b5IU/mL", "uU/mL", "kIU/L"],
    ],
)
def test_units_of_the_clinic_are_kept_as_they_are(written):
    assert lab_unit(written) == written
    assert factor_between(lab_unit(written), "pg/mL") is None


def test_more_than_all_of_the_cells_is_said(save):
    rows = "mouse,group,day,CD107a+ (%),Bcl-2 (%)\nm1,a,7,110,100\nm2,a,7,40,99\nm3,b,7,101,98\n"
    analysis = analyze(save(rows))
    assert said(analysis, 'Above 100 %: 2 of 3 of "CD107a+" (110 at most).')
    assert not said(analysis, "Bcl-2")


def test_shares_of_two_wholes_are_two_things(save):
    wide = (
        "mouse,group,CD8 (% of CD45+),CD8 (% of live),CD8 [%]\nm1,a,40,10,9\nm2,a,42,12,8\nm3,b,30,9,7\nm4,b,31,8,6\n"
    )
    readings = analyze(save(wide)).tables["readings"]
    assert set(readings["unit"]) == {"%"}
    assert readings.groupby("analyte")["value"].max().to_dict() == {"CD8 of CD45+": 42, "CD8 of live": 12, "CD8": 9}
    rows = ("m1,a,CD8,0.4,% of parent", "m2,a,CD8,0.5,Freq. of parent", "m3,b,CD8,0.3,% of parent")
    long = "\n".join(["mouse,group,analyte,value,unit", *rows])
    analysis = analyze(save(long, "long.csv"))
    assert set(analysis.tables["readings"]["analyte"]) == {"CD8 of parent"}
    # What is asked of percentages is asked of these too.
    assert said(analysis, 'nowhere above 1: "CD8 of parent"')


def test_milliunits_are_no_megaunits():
    for milli, mega in (("mU/L", "MU/L"), ("mIU/mL", "MIU/mL"), ("mBq", "MBq")):
        assert factor_between(lab_unit(milli), lab_unit(mega)) is None
    assert factor_between(lab_unit("mIU/mL"), lab_unit("mIU/ml")) == 1.0


def test_micro_is_written_in_three_ways_and_is_one():
    for rest in ("kat/L", "IU/mL", "g/mL"):
        spellings = [lab_unit(micro + rest) for micro in ("u", "\u00b5", "\u03bc")]
        assert [factor_between(spellings[0], each) for each in spellings] == [1.0] * 3


def test_grams_and_cells_are_not_converted():
    assert factor_between(lab_unit("g/L"), lab_unit("G/L")) is None
    with pytest.raises(UnitError):
        lab_unit("m/uL")


def test_a_number_shown_as_a_percentage_is_one(workbook):
    rows = [["mouse", "group", "day", "CD3 (%)"], ["m1", "a", 7, 0.45], ["m2", "b", 7, 0.07]]

    def shown(sheet):
        for row in (2, 3):
            sheet.cell(row, 4).number_format = "0.0%"

    assert list(analyze(workbook(rows, shown)).table["value"]) == [45.0, 7.0]

    def half(sheet):
        sheet.cell(2, 4).number_format = "0%"

    assert "Is it a fraction or a percentage" in refusal(workbook(rows, half))

    def written(sheet):
        for row in (2, 3):
            sheet.cell(row, 4).number_format = '0.0" %"'

    assert list(analyze(workbook(rows, written)).table["value"]) == [0.45, 0.07]
    rows[0][3] = "CD3 (fraction)"
    assert "is a percentage, and its unit is fraction" in refusal(workbook(rows, shown))


def test_percentages_below_one_are_said_and_not_changed(save):
    analysis = analyze(save("mouse,group,day,CD3 (%)\nm1,a,7,0.45\nm2,b,7,0.3\n"))
    assert said(analysis, 'nowhere above 1: "CD3"')
    assert list(analysis.table["value"]) == [0.45, 0.3]


def test_a_hidden_column_is_said(workbook):
    rows = [["mouse", "group", "time (days)", "event"], ["m1", "a", 7, 1], ["m2", "b", 9, 1]]

    def hide(sheet):
        sheet.column_dimensions["B"].hidden = True

    assert said(analyze(workbook(rows, hide)), "1 hidden column was read as well: B")


@pytest.mark.parametrize(("unit", "days"), [("mo", 30.4375), ("wk", 7), ("yrs", 365.25), ("hrs", 1 / 24), ("d", 1)])
def test_times_are_read_in_the_units_people_write(save, unit, days):
    assert days_in(unit) == pytest.approx(days)
    table = analyze(save(f"mouse,group,time ({unit}),event\nm1,a,2,1\nm2,b,3,1\n")).table
    assert table["duration"].iloc[0] == pytest.approx(2 * days)


def test_a_time_with_its_unit_in_the_cell_is_read(save):
    text = "subject,arm,time,analyte,value,unit\nm1,a,2 weeks,x,4,pg/mL\nm2,a,48 h,x,4,pg/mL\n"
    assert list(analyze(save(text)).table["time"]) == [14.0, 2.0]


# Who and what


@pytest.mark.parametrize(
    ("title", "dead"),
    [("death (0 = dead, 1 = alive)", 0), ("event [1 = censored]", 0), ("status (1=dead, 0=censored)", 1)],
)
def test_the_name_of_a_column_that_tells_its_codes_is_believed(save, title, dead):
    text = f'mouse,group,time (days),"{title}"\n' + "".join(f"m{n},a,{n + 9},{n % 2}\n" for n in range(4))
    analysis = analyze(save(text))
    assert list(analysis.table["event_observed"]) == [n % 2 == dead for n in range(4)]
    assert said(analysis, "as its name says")
    assert list(analyze(save(text), event=1).table["event_observed"]) == [n % 2 == 1 for n in range(4)]


def test_times_that_contradict_their_dates_are_named(save):
    head = "mouse,group,date of transplant,date of death,days,event\n"
    rows = "1,A,2026-01-05,2026-01-23,18,1\n2,A,2026-01-05,2026-01-25,30,1\n"
    assert said(analyze(save(head + rows)), "row 3 (30, by dates 20)")


def test_an_analyte_in_two_spellings_is_one_and_a_subject_is_named(save):
    head = "subject,arm,day,analyte,value,unit\n"
    analysis = analyze(save(head + "m1,a,7,IL-15,4,pg/mL\nM1,a,7,il-15,6,pg/mL\nm2,a,7,IL-15,NA,pg/mL\n"))
    assert set(analysis.table["analyte"]) == {"IL-15"}
    assert len(analysis.table) == 2
    assert said(analysis, 'count as two: "M1" and "m1"')
    assert said(analysis, "1 cell holds no reading")
    twice = analyze(save(head + "m1,a,7,IL-15,4,pg/mL\nm1,b,7,IL-15,6,pg/mL\n"))
    assert said(twice, "In more than one arm, and counted in each: m1")


def test_two_images_of_an_animal_are_one_reading_and_background_is_no_animal(save):
    rows = "".join(f"m{n},{arm},7,{1e6 * (n + 1)}\nm{n},{arm},7,{3e6 * (n + 1)}\n" for n, arm in enumerate("aabb"))
    analysis = analyze(save("Animal,Group,Day,Total Flux [p/s]\n" + rows))
    assert list(analysis.table["value"]) == [2e6, 4e6, 6e6, 8e6]
    assert len(analysis.tables["replicates"]) == 8
    regions = analyze(save("ROI,Group,Day,Total Flux\nROI 1,a,7,1e6\nROI 2,b,7,2e6\nBkg 1,b,7,1e3\n"))
    assert list(regions.table["subject"]) == ["ROI 1", "ROI 2"]
    assert said(regions, "Regions of background")
    assert said(regions, "photons per second were taken")


# Cycles


CYCLES = (
    "Well,Sample Name,Target Name,Task,CT{}\nA1,ctrl,Il15,U,26{}\nA2,ctrl,Gapdh,U,18{}\nA3,m1,Il15,U,24{}\n"
    "A4,m1,Gapdh,U,18{}\n"
)


def ratio(analysis, sample="m1"):
    return analysis.table.set_index("sample").loc[sample, "ratio"]


@pytest.mark.parametrize("written", ["0", "40", "45.0", "-1", "999", "> 35", "ND", "Undetermined", "No Cq"])
def test_what_stands_for_a_well_that_did_not_cross_is_no_cycle(save, written):
    text = CYCLES.replace("{}", "") + f"A5,m1,Il15,U,{written}\n"
    analysis = analyze(save(text), calibrator="ctrl")
    assert ratio(analysis) == pytest.approx(4)
    assert said(analysis, "Il15 in m1: 1 of 2 wells did not cross the threshold")


@pytest.mark.parametrize(("title", "yes", "no"), [("Include", "True", "False"), ("Amp Status", "Amp", "No Amp")])
def test_what_the_cycler_says_of_a_well_counts(save, title, yes, no):
    text = CYCLES.replace("{}", f",{title}", 1).replace("{}", f",{yes}") + f"A5,m1,Il15,U,34,{no}\n"
    assert ratio(analyze(save(text), calibrator="ctrl")) == pytest.approx(4)


def test_a_calibrator_without_the_reference_is_none(save):
    text = CYCLES.replace("{}", "").replace("ctrl", "ctrl1") + "A5,ctrl2,Il15,U,20\n"
    analysis = analyze(save(text), calibrator="ctrl")
    assert ratio(analysis) == pytest.approx(4)
    assert said(analysis, "not among the calibrators: ctrl2")


def test_spellings_of_a_gene_are_one_unless_a_sample_has_both(save):
    text = CYCLES.replace("{}", "").replace("m1,Il15", "m1,IL15")
    assert ratio(analyze(save(text), calibrator="ctrl")) == pytest.approx(4)
    both = analyze(save(text + "A5,m1,Il15,U,22\n"), calibrator="ctrl").table
    assert set(both.loc[both["sample"] == "m1", "target"]) == {"IL15", "Il15"}


def test_runs_are_not_averaged(save):
    text = CYCLES.replace("{}", "")
    assert "the well A3 stands twice" in refusal(save(text + "A3,m1,Il15,U,30\n"), calibrator="ctrl")
    rows = text.splitlines()
    two = [f"Plate,{rows[0]}", *(f"P1,{row}" for row in rows[1:]), *(f"P2,{row}" for row in rows[1:])]
    assert "holds 2 runs" in refusal(save("\n".join(two) + "\n"), calibrator="ctrl")


def test_edges_of_dilutions_labels_and_notes_of_cycles(save):
    # A dilution of 1 is none, and a well without a name in the layout keeps that of its place.
    assert analyze(save(plate("B1,sample,m1,,1,1.05"))).table["value"].iloc[0] == pytest.approx(100, rel=1e-3)
    bare = grids(lambda r: f"standard {LEVELS[r]:g}").replace("\tm11", "\t")
    assert "A12" in set(analyze(save(bare, "plate.txt")).tables["wells"]["sample"])
    # All wells crossed: nothing is flagged or said.
    all_crossed = analyze(save(CYCLES.replace("{}", "")), calibrator="ctrl")
    assert not all_crossed.table["undetermined"].any()
    assert not said(all_crossed, "did not cross")
    assert not said(all_crossed, "not among the calibrators")
    assert not said(all_crossed, "No well crossed")
    # The reference in a sample did not cross in one of two wells: its ratio is in doubt too.
    late = analyze(save(CYCLES.replace("{}", "") + "A5,m1,Gapdh,U,Undetermined\n"), calibrator="ctrl")
    assert late.table.set_index("sample").loc["m1", "undetermined"]
    none = analyze(save(CYCLES.replace("{}", "").replace("U,24", "U,Undetermined")), calibrator="ctrl")
    assert said(none, "so there is no ratio: Il15 in m1.")
    assert not said(none, "1 of 1 wells")


def test_fractions_among_percentages_of_one_group_are_pointed_out(save):
    text = "mouse,group,day,CD8 (%)\nm1,V,5,0.45\nm2,V,5,52\nm3,S,5,60\nm4,S,5,61\n"
    notes = analyze(save(text)).notes
    assert any('"CD8" in "V" on day 5 is 0.45 at most in 1 of 2 readings and 52 at least' in note for note in notes)
    assert not any('in "S"' in note for note in notes)
    # Chimerism before and after, or in two arms, may well lie so far apart.
    apart = text.replace("0.45", "50").replace("60", "0.4").replace("61", "0.3")
    assert not any("fractions" in note for note in analyze(save(apart)).notes)


def test_a_word_in_a_column_of_flags_counts_or_is_refused(save):
    text = "mouse,group,day,analyte,value,unit,flag\nm1,V,5,IL-15,12,pg/mL,\nm2,V,5,IL-15,9999,pg/mL,{}\n"
    found = analyze(save(text.format("saturated"))).tables["readings"]
    assert found["above_uloq"].tolist() == [False, True]
    assert analyze(save(text.format("OOR <"))).tables["readings"]["below_lloq"].tolist() == [False, True]
    both = text.format("saturated") + "m3,V,5,IL-15,13,pg/mL,hemolytic\n"
    with pytest.raises(InvalidValueError, match=r'"hemolytic" in cell G4 .* no flag .* name a column "excluded"'):
        analyze(save(both))
    assert any('Not used: the column "flag"' in note for note in analyze(save(text.format("hemolytic"))).notes)


def test_units_may_stand_in_the_row_below_the_header(save):
    text = "mouse,group,day,IL-15,CD8\n,,,pg/mL,%\nm1,V,5,12,40\nm2,S,5,x,41\n"
    with pytest.raises(InvalidValueError, match='"x" in cell D4'):
        analyze(save(text))
    found = analyze(save(text.replace("x", "50").replace(",,,pg", ",,d,pg"))).tables["readings"]
    assert found[["analyte", "value", "unit"]].to_numpy().tolist() == [
        ["IL-15", 12, "pg/mL"], ["CD8", 40, "%"], ["IL-15", 50, "pg/mL"], ["CD8", 41, "%"],
    ]  # fmt: skip


REMARKED = "Well,Sample Name,Target Name,CT,Comments\nA1,c,Gapdh,18,\nA2,c,Il15,26,\nA3,m,Gapdh,18,\nA4,m,Il15,24,{}\n"


@pytest.mark.parametrize("name", ["m -RT", "m (no RT)", "minus RT", "-RT", "m w/o RT", "m RT-", "m RT neg"])
def test_wells_without_reverse_transcription_are_controls(save, name):
    found = analyze(save(REMARKED.format("") + f"A5,{name},Gapdh,34,\n"), calibrator="c")
    assert found.tables["ratios"]["sample"].tolist() == ["c", "m"]
    assert any("controls (no reverse transcription)" in note for note in found.notes)


@pytest.mark.parametrize("name", ["m-RTX", "START", "m RT-11", "spare", "no RTX"])
def test_names_that_hold_those_letters_are_samples(save, name):
    found = analyze(save(REMARKED.format("") + f"A5,{name},Gapdh,18,\nA6,{name},Il15,25,\n"), calibrator="c")
    assert found.tables["ratios"]["sample"].tolist() == ["c", "m", name]


def test_replicates_that_differ_and_remarks_are_pointed_out(save):
    found = analyze(save(REMARKED.format("bubble - omit") + "A5,m,Il15,31,\n"), calibrator="c")
    assert found.tables["ratios"]["ct_sd"].tolist()[1] == pytest.approx(7 / 2**0.5)
    assert any("more than 0.5 cycles, so look at the wells: Il15 in m (4.9)" in note for note in found.notes)
    assert any('not heeded: "bubble - omit".' in note for note in found.notes)
    alike = analyze(save(REMARKED.format("") + "A5,m,Il15,24.7,\n"), calibrator="c")
    assert not any("look at the wells" in note or "Remarks" in note for note in alike.notes)


def test_two_spellings_of_a_sample_on_a_plate_are_one_and_unkn_is_a_sample(save):
    text = "Well,Content,Sample,Concentration (pg/mL),Dilution,OD\n" + "".join(
        f"{'ABCDEFG'[row]}1,Std,s,{level:g},1,{density(level):.5f}\n" for row, level in enumerate(LEVELS)
    )
    text += f"A2,Unkn,m1,,1,{density(100):.5f}\nA3,Unkn,M 1,,1,{density(120):.5f}\n"
    found = analyze(save(text))
    assert found.tables["samples"]["sample"].tolist() == ["m1"]
    assert found.tables["samples"]["value"].tolist() == pytest.approx([110], rel=2e-3)
    assert any('"M 1" was taken for "m1"' in note for note in found.notes)
    assert not any("are times the dilution" in note for note in found.notes)
    assert any("A dilution of the samples is not included" in note for note in found.notes)


def test_dyes_stand_for_targets_that_have_no_name(save):
    text = "Well,Fluor,Target,Content,Sample,Cq\n" + "".join(
        f"A0{well},{dye},,Unkn,{sample},{cycles}\n"
        for well, sample, dye, cycles in (
            (1, "c", "FAM", 26), (1, "c", "VIC", 18), (2, "m", "FAM", 24), (2, "m", "VIC", 18),
        )
    )  # fmt: skip
    found = analyze(save(text), reference="VIC", calibrator="c")
    assert found.tables["ratios"]["ratio"].tolist() == [1, 4]
    assert any("the dye stands for it: FAM, VIC." in note for note in found.notes)


@pytest.mark.parametrize(
    "header", ["mouse,group,days,event,event", "mouse,group,event,days,days", "mouse,group,event,time (days),time (wk)"]
)
def test_of_two_columns_of_one_name_none_is_taken(save, header):
    rows = "m1,V,1,0,1\nm2,V,1,1,1\nm3,S,1,0,0\n"
    assert "hold different things, and either could be meant" in refusal(save(f"{header}\n{rows}"))
    same = "mouse,group,days,event,event\nm1,V,12,1,1\nm2,V,15,1,1\nm3,S,20,0,0\n"
    assert len(analyze(save(same)).tables["subjects"]) == 3


def test_units_in_capitals_are_those_in_small_letters(save):
    units = ("PG/ML", "ng/ml", "pg/mL", "MFI", "pg/ml")
    rows = [f"{mouse},V,9,IL-15,{mouse},{unit}" for mouse, unit in enumerate(units, 1)]
    table = analyze(save("mouse,group,day,analyte,value,unit\n" + "\n".join(rows) + "\n")).table
    assert table["value"].tolist() == pytest.approx([1, 2000, 3, 4, 5])
    assert table["unit"].tolist() == ["pg/ml", "pg/ml", "pg/ml", "MFI", "pg/ml"]
    assert table["analyte"].tolist() == ["IL-15", "IL-15", "IL-15", "IL-15 (MFI)", "IL-15"]
    assert (lab_unit("NG/ML"), lab_unit("10^9/L"), lab_unit("MM")) == ("ng/ml", "10^3/uL", "MM")
    for one, other in (("MG/DL", "mg/dL"), ("IU/ml", "IU/mL"), ("mfi", "MFI")):
        assert factor_between(lab_unit(one), lab_unit(other)) == 1


def test_readings_are_converted_to_whichever_unit_before_them_they_can_be(save):
    rows = "1,V,9,IL-15,500,MFI\n2,V,9,IL-15,10,pg/mL\n3,S,9,IL-15,0.02,ng/mL\n"
    found = analyze(save("mouse,group,day,analyte,value,unit\n" + rows))
    assert found.table["analyte"].tolist() == ["IL-15", "IL-15 (pg/mL)", "IL-15 (pg/mL)"]
    assert found.table["value"].tolist() == pytest.approx([500, 10, 20])
    assert said(found, "converted from ng/mL to pg/mL (x 1000)")


def test_a_well_with_neither_target_nor_cycles_is_none(save):
    text = "Well,Sample Name,Target Name,CT\nA1,c,Gapdh,18\nA2,c,Il15,26\nA3,m,Gapdh,18\nA4,m,Il15,24\nA5,m9,,\n"
    table = analyze(save(text), calibrator="c").table
    assert table["sample"].tolist() == ["c", "m"]
    assert table["ratio"].tolist() == [1, 4]
