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
    assert said(analysis, "Not read, since Gen5 computed it: Blank 450")
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
    with pytest.raises(InvalidValueError, match="line 4 does not fit plates of 8 rows"):
        analyze(save(softmax("Kinetic")))


def kinetic(wavelengths=1):
    """Two rows of three wells at three times, a minute and a half apart; A1 rises by 2 a minute."""
    numbers = "\t\t".join(["1\t2\t3"] * wavelengths)
    lines = ["##BLOCKS= 1", "Plate:\tP\t1.3\tPlateFormat\tKinetic\tAbsorbance", f"\tTemperature(C)\t{numbers}"]
    for step in range(3):
        for row in range(2):
            one = [f"{10 * row + column + 3 * step:g}" for column in range(3)]
            lead = [f"00:0{step * 90 // 60}:{step * 90 % 60:02d}", "35"] if row == 0 else ["", ""]
            lines.append("\t".join([*lead, *one, *(["", *one] * (wavelengths - 1))]))
        lines.append("")
    return "\n".join([*lines, "\t\t1\t2\t3", "\t\t9\t9\t9", "~End"]) + "\n"


def test_a_kinetic_export_gives_every_well_its_course_and_slope(save):
    analysis = analyze(save(kinetic()))
    wells = analysis.tables["wells"].set_index("well")
    assert wells.loc["A1", ["first", "last", "slope_per_minute"]].tolist() == pytest.approx([0.0, 6.0, 2.0])
    assert wells.loc["B3", "first"] == 12.0
    assert sorted(analysis.tables["series"]["minute"].unique()) == [0.0, 1.5, 3.0]
    two = analyze(save(kinetic(2)))
    assert list(two.tables["wells"]["plate"].unique()) == ["P, 1", "P, 2"]
    gen5 = "Software Version\t3.12\n\nOD600:450\n\nTime\tT\tA1\tA2\n0:00:00\t\t1.0\t2.0\n0:02:00\t\t2.0\tOVRFLW\n"
    wells = analyze(save(gen5 + "0:00:00\n\nResults\n")).tables["wells"].set_index("well")
    assert wells.loc["A1", "slope_per_minute"] == pytest.approx(0.5)
    assert wells.loc["A2", "readings"] == 1


def grid(value, width=12):
    """A plate of one number, with the letters at its side."""
    rows = "\n".join(f"{letter}," + ",".join([value(letter, n) for n in range(1, width + 1)]) for letter in ROWS)
    return "," + ",".join(str(n) for n in range(1, width + 1)) + f"\n{rows}\n"


def test_each_plate_of_a_file_is_a_table_of_its_own(save):
    plates = "".join(f"Plate {number}\n" + grid(lambda _, n, k=number: f"{k}.{n}") + "\n" for number in (1, 2))
    wells = analyze(save(plates, "two.csv")).tables["wells"]
    assert len(wells) == 192
    assert wells.set_index(["plate", "well"]).loc[("Plate 2", "C3"), "density"] == 2.3
    listed = "Plate,Well,OD\n" + "".join(f"P{k},{letter}1,{k}.5\n" for k in (1, 2) for letter in ROWS)
    wells = analyze(save(listed, "list.csv")).tables["wells"]
    assert wells.groupby("plate")["density"].mean().to_dict() == {"P1": 1.5, "P2": 2.5}
    softmax_plates = softmax(group=False) + softmax(group=False).replace("Plate1", "Plate2").split("\n", 1)[1]
    assert list(analyze(save(softmax_plates)).tables["wells"]["plate"].unique()) == ["Plate1", "Plate2"]


def test_every_wavelength_of_an_endpoint_is_read(save):
    lines = ["##BLOCKS= 1", "Plate:\tP\t1.3\tTimeFormat\tEndpoint\tAbsorbance\tRaw\tFALSE\t1\t2\t450 570 \t1"]
    lines += ["\tTemperature(C)\tA1\tA2", "\t25\t0.9\t0.8", "\t25\t0.1\t0.2", "", "\t\tA1\tA2", "\t\t7\t7", "~End"]
    wells = analyze(save("\n".join(lines) + "\n")).tables["wells"].set_index(["plate", "well"])["density"]
    assert wells.to_dict() == {
        ("P, 450", "A1"): 0.9,
        ("P, 450", "A2"): 0.8,
        ("P, 570", "A1"): 0.1,
        ("P, 570", "A2"): 0.2,
    }


def test_grids_of_standard_concentrations_and_dilutions_are_no_readings(save):
    """The grid of concentrations stands first, as BMG writes it; as a signal it would leave samples without a well."""

    def content(letter, n):
        return f"S{ROWS.index(letter) + 1}" if n == 1 else f"X{letter}" if n == 2 else ""

    def level(letter, n):
        return f"{LEVELS[ROWS.index(letter)]:.6g}" if n == 1 and letter != "H" else ""

    def signal(letter, n):
        known = LEVELS[ROWS.index(letter)] if letter != "H" else 0.0
        return f"{density(known):.4f}" if n == 1 else f"{density(80.0):.4f}" if n == 2 else ""

    def dilution(_, n):
        return "10" if n == 2 else ""

    text = f"1. Layout\n{grid(content)}\n2. Standard Concentrations in ng/mL\n{grid(level)}\n3. Dilutions\n"
    text += f"{grid(dilution)}\n4. Raw Data (450)\n{grid(signal)}"
    analysis = analyze(save(text, "bmg.csv"))
    values = analysis.table.set_index("sample")["value"]
    assert values["XA"] == pytest.approx(800.0, rel=3e-3)
    assert said(analysis, 'Concentrations of standards are those of "2. Standard Concentrations in ng/mL".')


def test_each_assay_of_a_mesoscale_plate_has_its_own_curve(save):
    lines = ["Plate_2BO40", "Sample,Assay,Well,Spot,Dilution,Concentration,Signal,Calc. Concentration"]
    for row, letter in enumerate(ROWS[:7]):
        for spot, (assay, scale) in enumerate((("IL-15", 1.0), ("IFN-g", 10.0)), 1):
            lines.append(
                f"S00{row},{assay},{letter}01,{spot},,{LEVELS[row]:.6g},{1e4 * density(LEVELS[row] / scale):.2f},1"
            )
    lines += ["U1,IL-15,A02,1,2,,%.2f," % (1e4 * density(80.0)), "U1,IFN-g,A02,2,2,,%.2f," % (1e4 * density(8.0))]
    table = analyze(save("\n".join(lines) + "\n", "msd.csv")).table.set_index("plate")
    assert table.loc["IL-15", "value"] == pytest.approx(160.0, rel=5e-3)
    assert table.loc["IFN-g", "value"] == pytest.approx(160.0, rel=2e-2)
    undone = "\n".join(line.replace(",IFN-g,", ",,").replace(",IL-15,", ",,") for line in lines)
    with pytest.raises(InvalidValueError, match='name the one of each row in a column "Plate" or "Assay"'):
        analyze(save(undone + "\n", "msd.csv"))


def test_one_curve_that_fails_does_not_hide_the_others(save):
    good = grid(lambda letter, n: f"{density(LEVELS[ROWS.index(letter)] if letter != 'H' else 0.0):.4f}")
    flat = grid(lambda *_: "0.5")
    layout = grid(
        lambda letter, n: (f"standard {LEVELS[ROWS.index(letter)]:.6g}" if letter != "H" else "blank") if n < 3 else "m"
    )
    analysis = analyze(save(f"450 nm\n{good}\n570 nm\n{flat}\nLayout\n{layout}", "two.csv"))
    assert set(analysis.tables["samples"]["plate"]) == {"450 nm"}
    assert said(analysis, "570 nm: ")
    assert len(analysis.tables["wells"]) == 192


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


def test_a_plate_that_is_cut_off_behind_its_temperature_holds_no_numbers(save):
    with pytest.raises(InvalidValueError, match="has no plate with numbers"):
        analyze(save("##BLOCKS= 1\nPlate:\tP\t1.3\tPlateFormat\n\t\t\tTemperature(C)\n"))
    with pytest.raises(InvalidValueError):
        analyze(save("#rmat\tKinetic\tAbsorbance\n\tTemperature("))


def test_results_of_samples_in_a_group_of_softmax_are_no_concentrations_of_standards(save):
    told = softmax().replace("~End", "Group: Unknowns\nSample\tWells\tValue\tConc\nm\tA5\t1\tRange?\n~End")
    assert "Range?" in told
    assert len(analyze(save(told)).tables["wells"]) == len(analyze(save(softmax())).tables["wells"])
