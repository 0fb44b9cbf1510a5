"""Survival tables as laboratories write them: each is read with the right times, or refused in words."""

import pytest

from gvlab.assay import analyze
from gvlab.errors import InvalidValueError


@pytest.fixture
def table(tmp_path):
    """Read a table of survival from text."""

    def read(text, **said):
        path = tmp_path / "mice.csv"
        path.write_text(text, encoding="utf-8")
        return analyze(path, **said)

    return read


def days(analysis):
    return analysis.tables["subjects"]["duration"].tolist()


def arms(analysis):
    return analysis.tables["subjects"]["arm"].tolist()


def noted(analysis, words):
    return any(words in note for note in analysis.notes)


# ------------------------------------------------------------------------------------------------------- times


def test_each_row_is_read_in_the_unit_that_stands_beside_its_time(table):
    found = table("mouse,group,time,unit,event\n1,V,2,weeks,1\n2,V,15,d,1\n3,S,1,month,1\n4,S,48,h,0\n")
    assert days(found) == [14, 15, 30.4375, 2]
    assert noted(found, 'in the unit of each row, "unit"')
    assert not noted(found, "Not used")


def test_a_unit_of_a_row_that_contradicts_or_is_none_of_time_is_refused(table):
    rows = "1,V,2,{},1\n2,V,15,days,1\n"
    with pytest.raises(InvalidValueError, match=r'D2 .* is "weeks", and "time \(days\)" says "days"'):
        table("mouse,group,time (days),unit,event\n" + rows.format("weeks"))
    with pytest.raises(InvalidValueError, match=r'"mg" in cell D2 .* is no unit of time, and others'):
        table("mouse,group,time,unit,event\n" + rows.format("mg"))
    ward = table("mouse,group,time,unit,event\n1,V,2,ward 3,1\n2,V,15,ward 4,1\n")
    assert days(ward) == [2, 15]
    assert noted(ward, 'Not used: the column "unit"')


def test_days_as_a_spreadsheet_counts_them_are_dates(table):
    found = table("mouse,group,start,end,event\nm1,V,46027,46045,1\nm2,V,46027,46047.5,1\nm3,S,46027,46078,0\n")
    assert days(found) == [18, 20, 51]
    with pytest.raises(InvalidValueError, match=r'numbers of a spreadsheet \("46027"\) beside dates \("2026-03-01"\)'):
        table("mouse,group,start,end,event\nm1,V,46027,46045,1\nm2,V,46027,2026-03-01,1\n")
    # Times of five digits are no dates where they stand under "time".
    assert days(table("mouse,group,time (days),event\nm1,V,46027,1\nm2,V,46030,1\n")) == [46027, 46030]


def test_a_year_of_two_digits_is_one_of_this_century_with_the_month_in_words_too(table):
    found = table(
        "id,arm,date of transplant,date of death,died\n1,a,1-Mar-26,19-Mar-26,yes\n2,b,01 Mar 26,20.Apr.26,no\n"
    )
    assert days(found) == [18, 50]


def test_a_time_with_a_plus_is_one_who_lived(table):
    found = table("mouse,group,time (days)\n1,V,12\n2,V,14.5\n3,S,60+\n4,S,30 +\n")
    assert days(found) == [12, 14.5, 60, 30]
    assert found.tables["subjects"]["event_observed"].tolist() == [True, True, False, False]
    assert noted(found, 'A time with a plus, such as "60+"')


@pytest.mark.parametrize("time", [">60", "\u226560", "60+", "> 60"])
def test_a_time_beyond_which_nobody_looked_is_refused_beside_a_column_of_events(table, time):
    with pytest.raises(InvalidValueError, match=r"beyond which nobody looked. Write 60, and in the column of events"):
        table(f"mouse,group,time (days),event\n1,V,12,1\n3,S,{time},0\n")


def test_late_entry_is_said(table):
    found = table("id,arm,entry (days),time (days),event\n1,A,0,10,1\n2,A,5,12,1\n3,B,2,30,1\n")
    assert found.tables["subjects"]["entry"].tolist() == [0, 5, 2]
    assert noted(found, '"entry (days)" says from when on each counts as at risk.')


# ------------------------------------------------------------------------------------------- who counts, and for whom


def test_who_is_excluded_in_the_file_does_not_count(table):
    text = "id,arm,time (days),event,{}\n1,A,10,1,{}\n2,A,12,1,{}\n3,B,30,1,{}\n"
    for title, cells in (
        ("excluded", ("yes", "", "no")), ("Omit", ("1", "0", "0")), ("Excluded (reason)", ("gavage error", "", "-")),
        ("include", ("no", "yes", "")), ("used", ("FALSE", "TRUE", "TRUE")),
    ):  # fmt: skip
        found = table(text.format(title, *cells))
        assert days(found) == [12, 30], title
        assert noted(found, f'Left out, as "{title}" says: 1'), title
    assert noted(table(text.format("excluded", "gavage error", "", "")), "says: 1 (gavage error).")
    assert noted(table(text.format("excluded", "no", "no", "0")), '"excluded" leaves nothing out.')
    with pytest.raises(InvalidValueError, match="has no subjects below its header"):
        table(text.format("excluded", "x", "x", "x"))


def test_who_is_excluded_from_readings_and_images_does_not_count_either(table):
    readings = table("subject,arm,day,analyte,value,unit,excluded\na,V,5,IL-15,12,pg/mL,\nb,V,5,IL-15,99,pg/mL,clot\n")
    assert readings.tables["readings"]["value"].tolist() == [12]
    assert noted(readings, 'Left out, as "excluded" says: b (clot).')
    images = table("Animal,Group,Day,Total Flux [p/s],Exclude\nm1,a,5,1e6,\nm2,a,5,9e9,yes\nm3,b,5,2e6,\n")
    assert images.tables["readings"]["value"].tolist() == [1e6, 2e6]


def test_a_row_that_stands_for_several_subjects_is_refused_and_a_running_number_is_none(table):
    with pytest.raises(InvalidValueError, match=r'cell D2 .* stands for 3 subjects .*"n".* Write one row a subject'):
        table("arm,time (days),event,n\nA,10,1,3\nA,12,1,2\n")
    assert days(table("n,arm,time (days),event\n1,A,10,1\n2,A,12,1\n")) == [10, 12]
    assert days(table("count,arm,time (days),event\n1,A,10,1\n1,A,12,1\n")) == [10, 12]


# ------------------------------------------------------------------------------------------------------ names of arms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PD-1", "PD\u20111"), ("PD-1", "PD\u20131"), ("PD-1", "PD1"), ("CD8+", "CD8 \u207a"),
        ("5 \u00b5g", "5 \u03bcg"),
        ("Vehicle + IR", "vehicle+ir"), ("Sora 10", "Sora_10"), ("5 mg/kg", "5mg / kg"), ("A (1)", "A(1)"),
        ("DLI day -1", "DLI day-1"), ("Vehicle\u00a01", "Vehicle 1"),
    ],
)  # fmt: skip
def test_two_spellings_of_an_arm_are_one(table, one, other):
    found = table(f"mouse,group,time (days),event\n1,{one},12,1\n2,{other},14,1\n3,WT,30,1\n")
    assert arms(found) == [one, one, "WT"]
    assert noted(found, "differs in spelling only")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DLI day -1", "DLI day 1"), ("day-1", "day 1"), ("d-1", "d 1"), ("-1", "1"), ("CD8-", "CD8"), ("CD8-", "CD8+"),
        ("1-2", "12"), ("dose 1 5", "dose 15"), ("Il15-/-", "Il15"), ("1.5 mg", "15 mg"), ("A", "B"),
        ("IL-15 (-1)", "IL-15 (1)"),
    ],
)  # fmt: skip
def test_what_a_sign_tells_apart_stays_apart(table, one, other):
    found = table(f"mouse,group,time (days),event\n1,{one},12,1\n2,{other},14,1\n3,WT,30,1\n")
    assert arms(found) == [one, other, "WT"]
