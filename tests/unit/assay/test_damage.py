"""However a file is damaged, it is read or refused in words; it never ends in a traceback, and never hangs."""

import io
import random
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from gvlab.assay import analyze
from gvlab.assay.gatingml import decode
from gvlab.errors import GVLabError

FILES = Path(__file__).parents[2] / "reference" / "files"
STANDARDS = "".join(f"A{n},standard,s,{500 / 2**n},{0.05 + 3 / (1 + 200 / (500 / 2**n)):.4f}\n" for n in range(7))
TABLES = [
    "Days,V,S\n12,1,\n15,1,\n40,,1\n100,,0\n",
    "subject,arm,day,analyte,value,unit\nm1,v,5,IL-15,12.5,pg/mL\nm2,d,5,IL-15,<7.8,pg/mL\n",
    "Well,Sample Name,Target Name,Task,CT\nA1,calibrator,Il15,U,30\nA2,calibrator,Gapdh,U,18\n",
    "Animal,Group,Day,ROI,Total Flux [p/s]\nm1,a,5,w,1.2e6\n",
    "Well,Type,Sample,Concentration (pg/mL),OD\n" + STANDARDS,
    "Batch,Lane,Sample,Role,Analyte,Signal,Loading\n1,1,c,control,A,10,1\n1,2,s,sample,A,12,1\n",
]


def damaged(content, chance, within):
    """Cut off, overwrite, insert or delete, at a place drawn."""
    found = bytearray(content)
    kind = chance.randrange(4)
    place = chance.randrange(min(len(found), within))
    if kind == 0:
        return bytes(found[:place])
    if kind == 1:
        for _ in range(chance.randrange(1, 8)):
            found[chance.randrange(min(len(found), within))] = chance.randrange(256)
    elif kind == 2:
        found[place:place] = bytes(chance.choice(b"0123456789,;=-+.e\n\t\"x'<") for _ in range(chance.randrange(1, 6)))
    else:
        del found[place : place + chance.randrange(1, 40)]
    return bytes(found)


def outcomes(path, contents, count, within=10**9):
    """Analyze damaged versions of some contents; anything but an analysis or a refusal in words is raised."""
    chance = random.Random(2018)
    read, words = 0, []
    for _ in range(count):
        path.write_bytes(damaged(chance.choice(contents), chance, within))
        try:
            analyze(path, event=chance.choice([None, 1]))
            read += 1
        except GVLabError as error:
            words.append(str(error))
    assert min(len(text) for text in words) > 20
    return read, len(words)


def test_damaged_tables(tmp_path):
    read, refused = outcomes(tmp_path / "a.csv", [text.encode() for text in TABLES], 600)
    assert read > 50
    assert refused > 50


def test_damaged_fcs(tmp_path):
    contents = [path.read_bytes() for path in sorted(FILES.glob("*/*.fcs"))]
    read, refused = outcomes(tmp_path / "a.fcs", contents, 200, within=6_000)
    assert read > 10
    assert refused > 50


def without_time_of_day(path):
    """Return the bytes of a workbook that was saved at no particular time, so that damage falls on the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as fixed:
        for name in whole.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-01-01T00:00:00Z", whole.read(name))
            fixed.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def saved(path):
    book = openpyxl.Workbook()
    for row in (["arm", "time", "event"], ["v", 3, 1], ["w", 5, 0]):
        book.active.append(row)
    book.save(path)
    return without_time_of_day(path)


def test_damaged_workbooks(tmp_path):
    content = saved(tmp_path / "whole.xlsx")
    assert b"2026-01-01T00:00:00Z" in zipfile.ZipFile(io.BytesIO(content)).read("docProps/core.xml")
    read, refused = outcomes(tmp_path / "a.xlsx", [content], 120)
    assert read + refused == 120
    assert refused > 30


@pytest.mark.parametrize(("offset", "byte"), [(8, 97), (6, 1)], ids=["unknown compression", "a password"])
def test_a_workbook_that_cannot_be_unpacked_is_refused(tmp_path, offset, byte):
    """Every local header and every entry of the directory (two bytes further on) says the same."""
    book = openpyxl.Workbook()
    book.active.append(["arm", "time", "event"])
    book.save(tmp_path / "a.xlsx")
    content = bytearray((tmp_path / "a.xlsx").read_bytes())
    for mark, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        place = content.find(mark)
        while place >= 0:
            content[place + offset + shift] = byte
            place = content.find(mark, place + 4)
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(GVLabError, match="damaged workbook"):
        analyze(tmp_path / "a.xlsx")


def test_damaged_gates():
    content = (FILES / "gatingml" / "gml_all_gates.xml").read_bytes()
    chance = random.Random(2018)
    refused = 0
    for _ in range(300):
        try:
            decode(damaged(content, chance, 10**9).decode("latin-1"))
        except GVLabError:
            refused += 1
    assert refused > 100


def test_a_workbook_that_unpacks_to_a_mountain_is_refused(tmp_path, monkeypatch):
    from gvlab.assay.readers import workbooks

    monkeypatch.setattr(workbooks, "_LARGEST_UNPACKED", 100)
    book = openpyxl.Workbook()
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(GVLabError, match="unpacks to more than"):
        analyze(tmp_path / "a.xlsx")


def test_texts_of_a_workbook_are_bounded_in_the_file_and_in_its_cells(tmp_path, monkeypatch):
    from gvlab.assay.readers import workbooks

    book = openpyxl.Workbook()
    for _ in range(50):
        book.active.append(["a long text that stands once in the file"] * 4)
    book.save(tmp_path / "a.xlsx")
    monkeypatch.setattr(workbooks, "_MOST_CHARACTERS", 5_000)
    with pytest.raises(GVLabError, match=r"^sheet .* characters, which no table of readings has"):
        workbooks.read_sheet(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a") as archive:
        archive.writestr("xl/sharedStrings.xml", "<sst><si><t>a long text</t></si></sst>")
    monkeypatch.setattr(workbooks, "_LARGEST_STRINGS", 10)
    with pytest.raises(GVLabError, match="MB of texts"):
        workbooks.read_sheet(tmp_path / "a.xlsx")
