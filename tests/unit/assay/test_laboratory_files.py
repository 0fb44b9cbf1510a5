"""No silent number: what a file or an instrument says of a cell, a well or a row is used, or the user is told."""

import openpyxl
import pandas as pd
import pytest

from gvlab.assay import analyze
from gvlab.assay.comparisons import causes_of, reading_comparisons, summarize, survival_comparisons
from gvlab.assay.readers import workbooks
from gvlab.errors import GVLabError, InvalidValueError, UnknownNameError


@pytest.fixture
def save(tmp_path):
    def written(text, name="data.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def refusal(path, **options):
    with pytest.raises((InvalidValueError, UnknownNameError)) as caught:
        analyze(path, **options)
    return str(caught.value)


def said(analysis, words):
    return any(words in note for note in analysis.notes)


LEVELS = [500 / 2**step for step in range(7)]


def density(level):
    return 0.05 + 3 / (1 + 200 / level) if level else 0.05


def plate(*samples, header="Well,Type,Sample,Concentration (pg/mL),OD", levels=LEVELS, change=None):
    rows = [f"A{n},standard,s{n},{level:g},{density(level):.4f}" for n, level in enumerate(levels, 1)]
    rows = change(rows) if change else rows
    return "\n".join([header, *rows, "A8,blank,,0,0.05", *samples]) + "\n"


# A label is never a number; a number is never guessed


@pytest.mark.parametrize("name", ["Std{}", "STD{}", "standard {}", "Std_{}", "std-0{}", "Cal {}"])
def test_the_number_of_a_standard_is_not_its_concentration(save, name):
    rows = [f"A{n},{name.format(n)},{density(level):.4f}" for n, level in enumerate(LEVELS, 1)]
    text = "Well,Sample,OD\n" + "\n".join([*rows, "A8,Blank,0.05", "B1,m 1,0.8"]) + "\n"
    assert 'Add a column "Concentration' in refusal(save(text))
    # The advice works.
    lines = text.splitlines()
    told = [f"{line},{LEVELS[n] if n < 7 else ''}" for n, line in enumerate(lines[1:])]
    analysis = analyze(save("\n".join([lines[0] + ",Concentration (pg/mL)", *told])))
    assert analysis.table["value"].iloc[0] == pytest.approx(200 / (3 / 0.75 - 1), rel=1e-3)


def test_standards_named_by_their_concentration_are_read(save):
    rows = [f"A{n},standard {level:g},{density(level):.4f}" for n, level in enumerate(LEVELS, 1)]
    analysis = analyze(save("Well,Sample,OD\n" + "\n".join([*rows, "A8,blank,0.05", "B1,m 1,0.8"]) + "\n"))
    assert analysis.table["value"].iloc[0] == pytest.approx(200 / 3, rel=1e-3)


@pytest.mark.parametrize(
    ("cell", "words"),
    [("1.000", "may separate thousands (1000) or be a decimal point (1)"), ("1.250", "(1250)"), ("-2.500", "(-2500)")],
)
def test_a_point_among_decimal_commas_is_asked_about(save, cell, words):
    text = f"subject;arm;day;analyte;value;unit\n1;A;3;IL-15;{cell};pg/mL\n2;A;3;IL-15;98,5;pg/mL\n"
    assert words in refusal(save(text))
    for way_out, value in ((cell.replace(".", ""), 1), (cell.replace(".", ","), 1000)):
        read = analyze(save(text.replace(cell, way_out))).table["value"].iloc[0]
        assert read * value == pytest.approx(float(cell) * 1000)


def test_a_file_whose_points_can_only_be_thousands_is_asked_about(save):
    text = "subject;arm;day;analyte;value;unit\n1;A;3;IL-15;1.250;pg/mL\n2;A;3;IL-15;980;pg/mL\n"
    assert "may separate thousands" in refusal(save(text))
    assert list(analyze(save(text.replace("980", "98.5"))).table["value"]) == [1.25, 98.5]
    whole = text.replace("1.250", "1.234.567,5").replace("980", "1 250")
    assert list(analyze(save(whole)).table["value"]) == [1234567.5, 1250.0]


def test_percentages_beside_fractions_are_asked_about(save):
    text = "subject,arm,day,analyte,value,unit\n1,A,3,CD8,45%,%\n2,A,3,CD8,0.5,%\n"
    assert "Is it a fraction or a percentage?" in refusal(save(text))
    assert list(analyze(save(text.replace("0.5", "50%"))).table["value"]) == [45.0, 50.0]
    assert "is in % and as a fraction" in refusal(save(text.replace("45%,%", "45,%").replace("0.5,%", "0.5,fraction")))


@pytest.mark.parametrize("reader", ["survival", "readings", "bioluminescence"])
def test_a_missing_arm_is_refused_and_two_spellings_are_one(save, reader):
    text = {
        "survival": "mouse,arm,time (days),event\n1,{},3,1\n2,Vehicle,4,1\n3,Sora,9,0\n",
        "readings": "mouse,arm,day,analyte,value,unit\n1,{},3,a,1,pg/mL\n2,Vehicle,3,a,2,pg/mL\n3,Sora,3,a,2,pg/mL\n",
        "bioluminescence": "Animal,Group,Day,Total Flux [p/s]\n1,{},3,1e5\n2,Vehicle,3,2e5\n3,Sora,3,2e5\n",
    }[reader]
    assert "is missing" in refusal(save(text.format("")))
    for spelling in ("vehicle", " VEHICLE ", "Vehicle"):
        analysis = analyze(save(text.format(spelling)))
        assert len(set(analysis.table["arm"])) == 2
        assert said(analysis, "differs in spelling only") == (spelling != "Vehicle")


def test_a_fit_is_believed_only_if_it_gives_the_standards_back(save):
    swapped = plate("B1,sample,m 1,,0.8", "B2,sample,m 2,,0.9")
    swapped = swapped.replace(",s2,250,", ",s2,x,").replace(",s6,15.625,", ",s6,250,").replace(",s2,x,", ",s2,15.625,")
    words = refusal(save(swapped))
    assert "does not give the standards back" in words
    assert "Omit" in words
    far = plate("B1,sample,m 1,,9.8", "B2,sample,m 2,,9.9")
    assert "Not one of 2 samples lies between" in refusal(save(far))


# What the instrument says of a well counts


def test_wells_beyond_the_reader_are_kept_apart(save):
    analysis = analyze(
        save(plate("B1,sample,high,,OVRFLW", "B2,sample,mid,,0.8", "B3,sample,low,,0.05", "B4,sample,mixed,,0.8",
                   "B5,sample,mixed,,OVRFLW", "B6,sample,mixed,,0.01"))
    )  # fmt: skip
    table = analysis.table.set_index("sample")
    assert table.loc["high", ["above_uloq", "below_lloq", "in_range"]].tolist() == [True, False, 0]
    assert table.loc["low", ["above_uloq", "below_lloq", "in_range"]].tolist() == [False, True, 0]
    assert table.loc["mixed", ["replicates", "in_range", "above", "below"]].tolist() == [3, 1, 1, 1]
    assert table.loc["mixed", "value"] == pytest.approx(table.loc["mid", "value"])
    assert said(analysis, '"mixed": 2 of 3 replicates lie beyond the standards')
    assert said(analysis, "2 wells are above what the reader measures (B1, B5)")


def test_dilution_and_omitted_wells_count(save):
    header = "Well,Type,Sample,Concentration (pg/mL),Dilution,Omit,OD"
    rows = [f"A{n},standard,s,{level:g},,,{density(level):.4f}" for n, level in enumerate(LEVELS, 1)]
    more = ["A8,blank,,0,,,0.05", "A9,standard,s,500,,true,0.1", "B1,sample,x,,10,,0.8", "B2,sample,y,,1:4,,0.8"]
    more += ["B3,sample,z,,,,0.8", "B4,sample,z,,,yes,3.0"]
    analysis = analyze(save("\n".join([header, *rows, *more])))
    value = analysis.table.set_index("sample")["value"]
    assert value["x"] == pytest.approx(10 * value["z"])
    assert value["y"] == pytest.approx(4 * value["z"])
    assert value["z"] == pytest.approx(200 / 3, rel=1e-3)
    assert said(analysis, "Excluded wells were not used: A9, B4")
    assert "is no dilution" in refusal(save("\n".join([header, *rows, "B1,sample,x,,few,,0.8"])))


CYCLES = """Well Position,Omit,Sample Name,Target Name,Task,CT
A1,false,,Il15,NTC,Undetermined
A2,false,untreated,Il15,UNKNOWN,26.0
A3,true,untreated,Il15,UNKNOWN,33.0
A4,false,untreated,Gapdh,UNKNOWN,18.0
A5,false,drug,Il15,UNKNOWN,24.0
A6,false,drug,Il15,UNKNOWN,Undetermined
A7,false,drug,Gapdh,UNKNOWN,18.0
A8,false,knockout,Il15,UNKNOWN,Undetermined
A9,false,knockout,Gapdh,UNKNOWN,18.0
B1,false,alone,Il15,UNKNOWN,25.0
"""


def test_undetermined_is_no_cycle_and_controls_are_no_samples(save):
    analysis = analyze(save(CYCLES), calibrator="untreated", reference="Gapdh")
    table = analysis.table.set_index("sample")
    assert list(table.index) == ["untreated", "drug", "knockout", "alone"]
    assert table.loc["untreated", ["ct", "ratio"]].tolist() == [26.0, 1.0]
    assert table.loc["drug", "ratio"] == pytest.approx(4.0)
    assert table.loc["drug", ["wells", "determined", "undetermined"]].tolist() == [2, 1, True]
    assert pd.isna(table.loc["knockout", "ratio"])
    assert pd.isna(table.loc["alone", "ratio"])
    assert said(analysis, "1 well is controls (no template)") or said(analysis, "controls (no template)")
    assert said(analysis, "omitted in the file")
    assert said(analysis, 'Without the reference gene "Gapdh", so without a ratio: alone')
    dirty = analyze(save(CYCLES.replace("NTC,Undetermined", "NTC,36.5")), calibrator="untreated")
    assert said(dirty, "crossed the threshold, the first at 36.5 cycles: check for contamination")


def test_efficiencies_in_two_ways_are_asked_about(save):
    text = "Sample,Target,Efficiency,Cq\na,Il15,95,26\na,Gapdh,0.95,18\n"
    assert "is a percentage, and" in refusal(save(text))


def test_wells_of_one_animal_are_one_animal(save):
    rows = [
        f"{m},{arm},3,IL-15,{10 * m + well},pg/mL"
        for m, arm in ((1, "A"), (2, "A"), (3, "B"), (4, "B"))
        for well in range(3)
    ]
    analysis = analyze(save("subject,arm,day,analyte,value,unit\n" + "\n".join(rows)))
    assert list(analysis.table["value"]) == [11.0, 21.0, 31.0, 41.0]
    assert len(analysis.tables["replicates"]) == 12
    assert reading_comparisons(analysis.table)[["n_a", "n_b"]].to_numpy().tolist() == [[2, 2]]
    assert said(analysis, "12 readings are of 4 subjects and times")
    limited = analyze(save("subject,arm,day,analyte,value,unit\n1,A,3,a,<5,pg/mL\n1,A,3,a,9,pg/mL\n2,A,3,a,<5,pg/mL\n"))
    assert limited.table[["value", "below_lloq"]].to_numpy().tolist() == [[9.0, False], [5.0, True]]
    assert said(limited, "some replicates lie beyond a limit")


# An option, column, sheet or row without effect is said or refused

SURVIVAL = "mouse,group,time (days),event\n1,A,10,1\n2,A,12,1\n3,B,20,1\n4,B,30,0\n"


@pytest.mark.parametrize(
    "options", [{"gates": "a.xml"}, {"reference": "Gapdh"}, {"calibrator": "x"}, {"data_set": 1}, {"sheet": "Rate"}]
)
def test_an_option_without_effect_is_refused(save, options):
    assert "has no effect" in refusal(save(SURVIVAL), **options)
    assert "event= has no effect" in refusal(save(CYCLES), event=1)


def test_columns_that_are_not_read_are_said_and_cells_beyond_the_header_refused(save):
    analysis = analyze(
        save(SURVIVAL.replace("event", "event,cage,sex").replace(",1\n", ",1,7,f\n").replace(",0\n", ",0,7,f\n"))
    )
    assert said(analysis, 'Not used: the columns "cage", "sex".')
    assert '"9" in cell E3 of data.csv stands in a column without a name' in refusal(
        save(SURVIVAL.replace("2,A,12,1", "2,A,12,1,9"))
    )


def test_causes_of_death_are_read(save):
    """R, cmprsk 2.2-12: ``cuminc(time, status, group)``, tests 0.5898 (p 0.4425) and 0.00015 (p 0.9903)."""
    text = (
        "mouse,group,time,event,cause\n1,A,10,1,leukemia\n2,A,12,1,GVHD\n3,A,15,1,leukemia\n4,A,15,1,GVHD\n5,A,30,0,\n"
        "6,B,11,1,GVHD\n7,B,20,1,leukemia\n8,B,26,1,GVHD\n9,B,40,0,\n10,B,40,0,\n"
    )
    subjects = analyze(save(text)).table
    found = causes_of(subjects).drop_duplicates("cause").set_index("cause")["p_gray"]
    assert found["leukemia"] == pytest.approx(0.44, abs=0.005)
    assert found["GVHD"] == pytest.approx(0.99, abs=0.005)
    assert "causes" in survival_comparisons(subjects)


def test_dates_become_days_and_words_of_status_are_named(save):
    text = (
        "Enrolled,Final date,What happened,Group\n2026-01-05,2026-01-23,Died,A\n2026-01-05,2026-01-25,Died,B\n"
        '2026-01-05,2026-02-25,"Alive, end of study",B\n2026-01-05,,Died,A\n'
    )
    assert 'event="Died"' in refusal(save(text))
    assert 'no word of an event named "Dead"' in refusal(save(text), event="Dead")
    analysis = analyze(save(text), event="Died")
    assert list(analysis.table["duration"]) == [18, 20, 51]
    assert list(analysis.table["event_observed"]) == [True, True, False]
    assert said(analysis, "Left out, since a date is missing: row 4")
    # Three readings of a date; only the day above 12 tells which part it is.
    for first, last in (
        ("1/5/2026", "1/23/2026"),
        ("5.1.2026", "23.1.2026"),
        ("5 Jan 2026", "23 Jan 2026"),
    ):
        read = analyze(save(f"start date,end date,event,group\n{first},{last},1,A\n{first},{last},0,B\n"))
        assert list(read.table["duration"]) == [18, 18]
    assert "whether the day or the month stands first" in refusal(
        save("start date,end date,event,group\n1/5/2026,1/6/2026,1,A\n1/5/2026,1/7/2026,0,B\n")
    )


def workbook(path, rows, change=lambda page: None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    change(book.active)
    book.save(path)
    return path


ROWS = [
    ["mouse", "group", "time (days)", "event"],
    ["m1", "V", 18, 1],
    ["m2", "V", 20, 1],
    ["m3", "S", 40, 1],
    ["m4", "S", 99, 0],
]


def test_merged_cells_hidden_rows_and_titles_of_a_sheet(tmp_path):
    def merge(page):
        page.merge_cells("B2:B3")
        page.merge_cells("B4:B5")

    def hide(page):
        page.row_dimensions[5].hidden = True

    merged = analyze(workbook(tmp_path / "a.xlsx", ROWS, merge))
    assert list(merged.table["arm"]) == ["V", "V", "S", "S"]
    assert said(merged, "Merged cells were filled")
    hidden = analyze(workbook(tmp_path / "a.xlsx", ROWS, hide))
    assert len(hidden.table) == 4
    assert said(hidden, "1 hidden row was read as well: 5")
    titled = analyze(workbook(tmp_path / "a.xlsx", [["Experiment 12, survival"], [], *ROWS]))
    assert len(titled.table) == 4
    with pytest.raises(InvalidValueError, match="cell B5"):
        analyze(workbook(tmp_path / "a.xlsx", [["Experiment 12"], [], *ROWS[:2], ["m2", "", 20, 1]]))


def test_a_sheet_is_read_to_its_end_whatever_it_says_of_its_size(tmp_path):
    import zipfile

    path = workbook(tmp_path / "a.xlsx", ROWS)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    inner = "xl/worksheets/sheet1.xml"
    assert b'ref="A1:D5"' in parts[inner]
    parts[inner] = parts[inner].replace(b'ref="A1:D5"', b'ref="A1:D3"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert list(analyze(path).table["arm"]) == ["V", "V", "S", "S"]


def test_of_a_formula_the_saved_value_is_taken(tmp_path):
    import zipfile

    path = workbook(tmp_path / "a.xlsx", [ROWS[0], ["m1", "V", "=10+8", 1], ["m2", "S", 20, 0]])
    assert "is a formula without its value" in refusal(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    inner = "xl/worksheets/sheet1.xml"
    parts[inner] = (
        parts[inner].replace(b"<v></v>", b"<v>18</v>").replace(b"<v />", b"<v>18</v>").replace(b"<v/>", b"<v>18</v>")
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    analysis = analyze(path)
    assert list(analysis.table["duration"]) == [18.0, 20.0]
    assert said(analysis, "Of formulas the value was taken that was saved with them: C2")


def test_the_header_is_looked_for_in_every_sheet_and_row(tmp_path, save):
    book = openpyxl.Workbook()
    book.active.append(["Notes of the day"])
    page = book.create_sheet("Data")
    for row in [["made by", "us"], *ROWS]:
        page.append(row)
    other = book.create_sheet("Again")
    for row in ROWS:
        other.append(row)
    book.save(tmp_path / "a.xlsx")
    analysis = analyze(tmp_path / "a.xlsx")
    assert len(analysis.table) == 4
    assert said(analysis, "say sheet=... for one of them: Again")
    assert len(analyze(tmp_path / "a.xlsx", sheet="Again").table) == 4
    far = "".join(f"* Setting {n}\n" for n in range(90)) + CYCLES
    assert analyze(save(far), calibrator="untreated").kind == "cycles"


def test_workbooks_are_capped_in_words(tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", [["mouse", *[""] * 2500, "far"], ["m1", *[""] * 2500, 1]])
    with pytest.raises(GVLabError, match="cells up to column CRF; a table of readings has at most"):
        analyze(path)
    monkeypatch.setattr(workbooks, "_MOST_CELLS", 10)
    with pytest.raises(GVLabError, match="more than 10 cells"):
        analyze(workbook(tmp_path / "b.xlsx", ROWS))


def test_names_over_several_columns_of_prism_reach_to_the_right(save):
    analysis = analyze(save(",Vehicle,,Sorafenib,\nDays,M1,M2,M1,M2\n18,1,1,,\n25,,,1,0\n"))
    assert list(analysis.table["arm"]) == ["Vehicle", "Vehicle", "Sorafenib", "Sorafenib"]
    assert "has no name" in refusal(save("Days,Vehicle,,S\n18,1,1,\n25,,,1\n30,,,0\n"))


# A part fails, not the file


def test_units_of_laboratories_and_a_baseline_are_plain_values(save):
    text = (
        "subject,group,day,analyte,value,unit\n1,A,-1,IL-15,50,ng/L\n2,B,9,IL-15,12,IU/mL\n3,B,9,WBC,5,10^3/uL\n"
        "4,B,9,WBC,6,K/uL\n5,B,9,score,3,score\n6,B,9,x,8,MFI\n7,B,9,y,120,mm3\n8,B,9,WBC,7,10^9/L\n"
    )
    analysis = analyze(save(text))
    assert said(analysis, "Read before day 0: day -1")
    assert said(analysis, 'the second is called "IL-15 (IU/mL)"')
    wbc = analysis.table[analysis.table["analyte"] == "WBC"]
    assert set(wbc["unit"]) == {"10^3/uL"}
    assert "is not a unit" in refusal(save(text.replace("ng/L", "pgg/mL")))
    mixed = analyze(save("subject,arm,day,analyte,value,unit\n1,A,3,a,5,pg/mL\n2,A,3,a,2,ng/mL\n"))
    assert list(mixed.table["value"]) == pytest.approx([5.0, 2000.0])
    assert said(mixed, "converted from ng/mL to pg/mL (x 1000)")


def test_words_beyond_a_limit_are_flags_and_no_numbers(save):
    rows = ["<LLOQ", "ND", "OOR <", "OOR >", "OVRFLW", ">500", "12"]
    text = "subject,arm,day,analyte,value,unit\n" + "".join(f"{n},A,3,a,{word},pg/mL\n" for n, word in enumerate(rows))
    table = analyze(save(text)).table
    assert list(table["below_lloq"]) == [True, True, True, False, False, False, False]
    assert list(table["above_uloq"]) == [False, False, False, True, True, True, False]
    assert table["value"].isna().tolist() == [True] * 5 + [False] * 2
    groups = summarize(table)
    assert groups[["n", "median", "below", "above"]].to_numpy().tolist() == [[7, 12.0, 3, 3]]
    more = text + "".join(f"{n},B,3,a,{n},pg/mL\n" for n in range(20, 27))
    found = reading_comparisons(analyze(save(more)).table).iloc[0]
    assert found["n_b"] == 7
    assert 0 < found["p_value"] < 1


def test_each_animal_with_a_region_of_its_own_is_one_analyte(save):
    text = "Animal,Group,Day,ROI,Total Flux [p/s]\n1,V,7,ROI 1,1e5\n2,V,7,ROI 2,2e5\n3,S,7,ROI 3,0\n4,S,-1,ROI 4,2e4\n"
    analysis = analyze(save(text))
    assert set(analysis.table["analyte"]) == {"total_flux"}
    assert said(analysis, "Every animal has one region an image")
    assert said(analysis, "1 readings are 0")
    two = analyze(save("Animal,Group,Day,ROI,Total Flux [p/s]\n1,V,7,head,1e5\n1,V,7,leg,2e5\n"))
    assert list(two.table["analyte"]) == ["head", "leg"]
    aura = "Animal ID,Treatment,Day,ROI,Total Emission (photons/s)\n1,V,7,1,1.2e5\n2,S,7,2,1e5\n"
    assert list(analyze(save(aura)).table["value"]) == [1.2e5, 1e5]
    dated = "Animal,Group,Date and Time,Total Flux [p/s]\n1,V,2026-01-05,1e5\n1,V,2026-01-19,2e5\n"
    assert list(analyze(save(dated)).table["time"]) == [0.0, 14.0]


def test_one_batch_without_a_control_leaves_the_others(save):
    text = (
        "Batch,Lane,Sample,Role,Analyte,Signal,Loading\n1,1,c,control,A,10,1\n1,2,s,sample,A,12,1\n2,1,c,sample,A,10,1\n"
        "1,3,t,sample,A,12,0\n"
    )
    analysis = analyze(save(text))
    assert analysis.table["ratio"].tolist()[0] == pytest.approx(1.2)
    assert analysis.table["ratio"].isna().sum() == 2
    assert said(analysis, 'Batch 2 of "A" has no lane with the role "control"')
