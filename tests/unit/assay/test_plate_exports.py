"""Plates as the programs of readers write them; the small exports here are ours, in the layout of each program."""

import pytest

from gvlab.assay import analyze
from gvlab.errors import InvalidValueError

LEVELS = [2000 / 3**step for step in range(7)]
ROWS = "ABCDEFGH"


def density(level):
    return 0.05 + 3 / (1 + 200 / level) if level else 0.05


@pytest.fixture
def save(tmp_path):
    def written(text, name="export.txt", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return written


def said(analysis, words):
    return any(words in note for note in analysis.notes)


def gen5():
    """Two columns of standards with a blank at the end, one of a sample and one of it diluted to a half."""
    header = "\t" + "\t".join(str(n) for n in range(1, 13))
    layout, results = [header], [header]
    for row, letter in enumerate(ROWS):
        level = LEVELS[row] if row < 7 else 0.0
        mark = f"STD{row + 1}" if row < 7 else "BLK"
        layout.append("\t".join([letter, mark, mark, "SPL1", "SPL1:2", *[""] * 8, "Well ID"]))
        layout.append("\t".join(["", *[f"{level:.6g}" if level else ""] * 2, "1", "0.5", *[""] * 8, "Conc/Dil"]))
        read = [density(level)] * 2 + [density(80.0), density(40.0)]
        results.append("\t".join([letter, *(f"{value:.4f}" for value in read), *[""] * 8, "450"]))
        results.append("\t".join(["", *(f"{value - 0.05:.4f}" for value in read), *[""] * 8, "Blank 450"]))
    return "Software Version\t3.12\n\nLayout\n" + "\n".join(layout) + "\n\nResults\n" + "\n".join(results) + "\n"


def test_gen5_with_its_layout_gives_concentrations(save):
    analysis = analyze(save(gen5()))
    value = analysis.table.set_index("sample")["value"]
    assert value["SPL1"] == pytest.approx(80.0, rel=2e-3)
    assert value["SPL1:2"] == pytest.approx(80.0, rel=2e-3)
    assert said(analysis, 'Read was "450"; not read: "Blank 450"')
    masked = analyze(save(gen5().replace(f"{density(80.0):.4f}", "OVRFLW", 1)))
    assert masked.table.set_index("sample").loc["SPL1", ["replicates", "in_range", "above"]].tolist() == [8, 7, 1]


def softmax(kind="Endpoint", group=True):
    numbers = "\t".join(str(n) for n in range(1, 13))
    lines = ["##BLOCKS= 2", f"Plate:\tPlate1\t1.3\tPlateFormat\t{kind}\tAbsorbance", f"\tTemperature(C)\t{numbers}"]
    groups = ["Group: Standards", "Sample\tConcentration\tWells\tOD"]
    for row, letter in enumerate(ROWS):
        level = LEVELS[row] if row < 7 else 0.0
        lines.append(
            "\t".join(["", "25" if not row else "", f"{density(level):.4f}", f"{density(80.0):.4f}", *[""] * 10])
        )
        if row < 7:
            groups.append(f"St{row + 1:02d}\t{level:.6g}\t{letter}1\t{density(level):.4f}")
    more = ["~End", *groups, "~End", "Group: Unknowns", "Sample\tWells\tOD", "m 1\tA2\t1", "\tB2\t1", "~End"]
    return "\n".join([*lines, "", *(more if group else ["~End"])]) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_softmax_reads_rows_without_letters_and_groups(save, encoding):
    analysis = analyze(save(softmax(), encoding=encoding))
    table = analysis.table.set_index("sample")
    assert table.loc["m 1", "replicates"] == 2
    assert table.loc["m 1", "value"] == pytest.approx(80.0, rel=2e-3)
    wells = analyze(save(softmax(group=False))).tables["wells"].set_index("well")["density"]
    assert wells["H1"] == pytest.approx(density(0.0), abs=1e-4)
    assert wells["C1"] == pytest.approx(density(LEVELS[2]), abs=1e-4)
    with pytest.raises(InvalidValueError, match="holds a kinetic read"):
        analyze(save(softmax("Kinetic")))


def test_lists_and_grids_of_other_programs(save):
    magellan = "Raw data,Well positions,Layout\n0.146,A1,SM1\n0.212,B1,SM2\nOVER,C1,SM3\n"
    analysis = analyze(save(magellan, "m.csv"))
    assert analysis.kind == "plate"
    assert list(analysis.table["sample"]) == ["SM1", "SM2", "SM3"]
    assert analysis.table["density"].isna().tolist() == [False, False, True]
    grid = "\n".join(f"{letter}," + ",".join(["0.1"] * 12) + "," for letter in ROWS)
    envision = f'Plate,Barcode\n1,="0012"\n\nResults for A450\n,{",".join(f"{n:02d}" for n in range(1, 13))},\n{grid}\n'
    assert len(analyze(save(envision, "e.csv")).table) == 96
    msd = "==========Data==========\n\t" + "\t".join(str(n) for n in range(1, 13)) + "\n"
    msd += "\n".join(f"{letter} \t" + "\t".join(["1200"] * 12) for letter in ROWS) + "\n"
    assert len(analyze(save(msd)).table) == 96
    bare = "\n".join(",".join(f"{row}.{number:02d}" for number in range(12)) for row in range(8))
    wells = analyze(save(f"Plate information\nPlate,Repeat\n1,1\n\nBackground\n\n{bare}\n", "b.csv")).table.set_index(
        "well"
    )
    assert wells.loc["A1", "density"] == 0.0
    assert wells.loc["C12", "density"] == 2.11
    cfx = ",Well,Target,Content,Sample,Cq\n,A01,Il15,Unkn-1,m1,24\n,A02,Gapdh,Unkn-1,m1,18\n,A03,Il15,NTC,,NaN\n"
    cycles = analyze(save(cfx, "c.csv"))
    assert cycles.kind == "cycles"
    assert list(cycles.table["delta_ct"]) == [6.0]


def test_a_quantstudio_text_ends_at_its_next_part_and_names_its_own_reference(save):
    text = (
        "* Experiment Name = x\n\n[Results]\nWell\tWell Position\tSample Name\tTarget Name\tTask\tCт\n"
        "1\tA1\tliver\tIl15\tUNKNOWN\t24\n2\tA2\tliver\tXyz1\tUNKNOWN\t18\n3\tA3\tspleen\tIl15\tUNKNOWN\t22\n"
        "4\tA4\tspleen\tXyz1\tUNKNOWN\t18\n\nEndogenous Control\tXyz1\nReference Sample\tliver\n\n[Melt Curve]\n"
        "Well\tWell Position\tReading\tTemperature\tFluorescence\tD\n1\tA1\t1\t60\t9\t1\n"
    )
    analysis = analyze(save(text))
    assert list(analysis.table["ratio"]) == [1.0, 4.0]
    assert len(analysis.tables["wells"]) == 4
