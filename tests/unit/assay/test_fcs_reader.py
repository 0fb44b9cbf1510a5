"""What an FCS file says of itself is held against its bytes: the right events, or a refusal; never other numbers.

The files are written here from known events, byte by byte, so what is read can be compared with what was meant.
"""

import re
import struct

import fcsparser
import numpy as np
import pytest

from gvlab.assay import analyze
from gvlab.assay.gating import Dimension, RectangleGate, Strategy
from gvlab.assay.readers.fcs import read_fcs
from gvlab.errors import InvalidValueError, UnknownNameError

CHANNELS = ("FSC-A", "PE-A", "Time")
N = 40


def truth(kind="F"):
    """Events that a cytometer could have seen; integers for kind I."""
    rng = np.random.default_rng(7)
    events = np.column_stack([rng.normal(50_000, 900, N), rng.lognormal(7.6, 0.5, N), np.arange(1.0, N + 1)])
    return np.round(events / 100) if kind == "I" else events.astype(np.float32).astype(np.float64)


def packed(events, kinds, widths, order):
    """Bytes of events, channel by channel in each."""
    found = b""
    for event in events:
        for value, kind, width in zip(event, kinds, widths, strict=True):
            if kind == "I":
                found += int(value).to_bytes(width // 8, "little" if order == "<" else "big")
            else:
                found += struct.pack(order + {"F": "f", "D": "d"}[kind], value)
    return found


def fcs(
    kinds="FFF", widths=(32, 32, 32), order="<", *, change=None, header=None, data=None, names=CHANNELS, delimiter="|",
    events=None, version="FCS3.1", tail=b"",
):  # fmt: skip
    """A file; `change` alters keywords (None removes one), `header` the offsets of the data in the header."""
    events = truth(kinds[0]) if events is None else events
    data = packed(events, kinds, widths, order) if data is None else data
    words = {
        "$BYTEORD": "1,2,3,4" if order == "<" else "4,3,2,1", "$DATATYPE": kinds[0], "$MODE": "L", "$NEXTDATA": "0",
        "$PAR": str(len(names)), "$TOT": str(len(events)), "$BEGINDATA": "00000000", "$ENDDATA": "00000000",
    }  # fmt: skip
    for number, (name, width) in enumerate(zip(names, widths, strict=True), 1):
        words |= {f"$P{number}N": name, f"$P{number}B": str(width), f"$P{number}E": "0,0", f"$P{number}R": "262144"}
    words = {key: value for key, value in {**words, **(change or {})}.items() if value is not None}
    text = delimiter + delimiter.join(part for pair in words.items() for part in pair) + delimiter
    begin = 58 + len(text.encode())
    for key, value in (("$BEGINDATA", begin), ("$ENDDATA", begin + len(data) - 1)):
        text = text.replace(f"{key}{delimiter}00000000", f"{key}{delimiter}{value:08d}")
    shown = header(begin, begin + len(data) - 1) if header else (begin, begin + len(data) - 1)
    offsets = [f"{58:>8}", f"{begin - 1:>8}", *(f"{part:>8}" for part in shown), f"{0:>8}", f"{0:>8}"]
    return (f"{version:<10}" + "".join(offsets)).encode() + text.encode() + data + tail


def read(tmp_path, content, data_set=0):
    path = tmp_path / "a.fcs"
    path.write_bytes(content)
    return read_fcs(path, data_set)


def test_the_plain_file_is_what_fcsparser_reads(tmp_path):
    file = read(tmp_path, fcs())
    _, theirs = fcsparser.parse(tmp_path / "a.fcs")
    assert np.array_equal(file.events, truth())
    assert np.array_equal(theirs.to_numpy(dtype=np.float64), truth())
    assert file.channels == CHANNELS
    assert file.notes == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (fcs(change={"$TOT": None}), r"\$TOT is missing; the data hold 40 events"),
        (fcs(change={"$BEGINDATA": None, "$ENDDATA": None}), "taken from the header"),
        (fcs(header=lambda b, e: (" ", " ")), "The header does not tell"),
        (fcs(header=lambda b, e: (0, 0)), "The header does not tell"),
        (fcs(header=lambda b, e: (b, e + 1)), "statements of where its events are differ"),
        (fcs(header=lambda b, e: (b - 7, e)), "statements of where its events are differ"),
        (fcs(change={"$ENDDATA": "999999"}), "statements of where its events are differ"),
        (fcs(change={"$BEGINDATA": None, "$ENDDATA": None}, header=lambda b, e: (0, 0)), "those behind the text"),
        (fcs(change={"$TOT": "39"}), r"\$TOT says 39 events, and the data hold 40"),
        (fcs(change={"$TOT": "0"}), r"\$TOT says 0 events, and the data hold 40"),
        (fcs(change={"$TIMESTEP": ""}), ""),
        (fcs(change={"$TIMESTEP": "", "$OP": "a"}), "time is in ticks"),
        (fcs(change={"$TIMESTEP": "unknown"}), "time is in ticks"),
        (fcs(change={"$OP": "a||b", "$TIMESTEP": "1"}), ""),
        (fcs(change={"$P2E": "4.0,1.0"}), "concerns integers only"),
        (fcs(change={"$P2B": "16"}), r'\$P2B is "16", and single precision has 32 bits, which was read'),
        (fcs(change={"$P2B": "*"}), r'\$P2B is "\*", and single precision has 32 bits, which was read'),
        (fcs(tail=b"00000000"), ""),
        (fcs(version="FCS2.0"), ""),
        (fcs(order=">"), ""),
        (fcs(delimiter="\x0c"), ""),
    ],
)
def test_variants_of_offsets_and_keywords_give_the_events(tmp_path, content, said):
    file = read(tmp_path, content)
    assert np.array_equal(file.events, truth())
    assert bool(file.notes) == bool(said)
    assert not said or any(re.search(said, note) for note in file.notes)


@pytest.mark.parametrize("widths", [(8, 16, 32), (16, 16, 16), (24, 24, 24), (32, 64, 16), (40, 16, 8), (16, 32, 24)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_integers_of_every_width(tmp_path, widths, order):
    events = np.minimum(truth("I"), 255)
    change = {f"$P{number}R": str(2**width) for number, width in enumerate(widths, 1)}
    assert np.array_equal(read(tmp_path, fcs("III", widths, order, change=change, events=events)).events, events)


def test_integers_of_ten_bits_lie_behind_one_another(tmp_path):
    events = np.array([[1.0, 1023.0, 512.0], [7.0, 0.0, 300.0], [1000.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    bits = "".join(f"{int(value):010b}" for value in events.ravel())
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    change = {f"$P{number}R": "1024" for number in (1, 2, 3)}
    assert np.array_equal(
        read(tmp_path, fcs("III", (10,) * 3, ">", change=change, events=events, data=data)).events, events
    )


def test_integers_are_masked_to_their_range_and_a_range_of_zero_masks_nothing(tmp_path):
    events = truth("I")
    content = fcs(
        "III", (16, 16, 16), change={"$P1R": "1024", "$P2R": "0"}, events=events + np.array([1024.0, 0.0, 0.0])
    )
    file = read(tmp_path, content)
    assert np.array_equal(file.events, events % np.array([1024.0, 65536.0, 65536.0]))
    assert any("$P2R gives no range" in note for note in file.notes)


def test_a_logarithmic_amplifier_is_undone_for_integers(tmp_path):
    events = truth("I")
    file = read(tmp_path, fcs("III", (16,) * 3, change={"$P2E": "4,0", "$P2R": "1024"}, events=events))
    assert file.events[:, 1] == pytest.approx(10 ** (4 * events[:, 1] / 1024))
    file = read(tmp_path, fcs("III", (16,) * 3, change={"$P1G": "2", "$TIMESTEP": "0.01"}, events=events))
    assert file.events == pytest.approx(events * np.array([0.5, 1.0, 0.01]))
    assert file.notes == ("Values were divided by the gain of their amplifier ($PnG): FSC-A (2).",)
    assert read(tmp_path, fcs(change={"$P1G": "1.0", "$P2G": "0"})).notes == ()


def test_channels_of_different_kinds_in_one_file(tmp_path):
    for kinds, widths in (("FFI", (32, 32, 32)), ("FFD", (32, 32, 64)), ("FID", (32, 16, 64))):
        events = truth().round() if "I" in kinds else truth()
        change = {f"$P{number}DATATYPE": kind for number, kind in enumerate(kinds, 1)}
        assert np.array_equal(read(tmp_path, fcs(kinds, widths, change=change, events=events)).events, events), kinds


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (fcs(change={"$MODE": "C"}), "holds histograms"),
        (fcs(change={"$MODE": "U"}), "holds histograms"),
        (fcs(change={"$DATATYPE": "A"}), "events as text"),
        (fcs(change={"$DATATYPE": "X"}), "data type of parameter 1"),
        (fcs(change={"$BYTEORD": "2,1,4,3"}), "no byte order that is read"),
        (fcs(change={"$BYTEORD": "4,3,2,1"}), "is probably wrong and should be 1,2,3,4"),
        (fcs(change={"$PAR": None}), r"\$PAR is missing"),
        (fcs("III", (16,) * 3, change={"$P2B": None}), r"\$P2B is missing"),
        (fcs("III", (16,) * 3, change={"$P3B": "32"}), "contradicts itself"),
        (fcs("III", (16,) * 3, change={"$TOT": "30"}), "contradicts itself"),
        (fcs(data=b""), "holds no events|is cut off|contradicts"),
        (fcs()[:-200], "is cut off"),
        (fcs()[:300], "is cut off"),
        (b"FCS3.1    " + b" " * 48 + fcs()[58:], "does not tell where its text is"),
        (fcs(events=np.full((N, 3), np.nan)), "damaged"),
    ],
)  # fmt: skip
def test_what_cannot_be_believed_is_refused(tmp_path, content, words):
    with pytest.raises(InvalidValueError, match=words):
        read(tmp_path, content)


def test_events_that_are_no_numbers_are_left_out_and_counted(tmp_path):
    events = truth()
    events[3] = np.nan
    events[8, 1] = np.inf
    file = read(tmp_path, fcs(events=events))
    assert np.array_equal(file.events, events[np.isfinite(events).all(axis=1)])
    assert any("2 of 40 events have a value that is no number" in note for note in file.notes)


def test_several_data_sets_are_asked_about_and_each_can_be_had(tmp_path):
    first = fcs()
    for ahead in (len(first), len(first) - 2):
        change = {"$NEXTDATA": f"{ahead + len(str(ahead)) - 1}"}
        second = fcs(events=truth() * 2)
        content = fcs(change=change) + second
        with pytest.raises(InvalidValueError, match=r"has 2 data sets.*data_set=1"):
            read(tmp_path, content)
        assert np.array_equal(read(tmp_path, content, 1).events, truth())
        assert np.array_equal(read(tmp_path, content, 2).events, truth() * 2)
        with pytest.raises(InvalidValueError, match="there is no number 3"):
            read(tmp_path, content, 3)


def test_a_name_that_two_channels_have_is_asked_about(tmp_path):
    events = truth()
    file = read(tmp_path, fcs(names=("PE-A", "PE-A", "Time"), events=events))
    assert any('"PE-A" stands 2 times (parameters 1, 2)' in note for note in file.notes)

    def counted(name):
        axis = Dimension(name, "uncompensated")
        return int(Strategy((RectangleGate("high", (axis,), (2_000.0,), (np.inf,)),)).apply(file)["high"].sum())

    with pytest.raises(InvalidValueError, match=r'stands at 2 channels.*"PE-A \(1\)", "PE-A \(2\)"'):
        counted("PE-A")
    assert counted("PE-A (1)") == N
    assert counted("PE-A (2)") == int((events[:, 1] >= 2_000).sum())
    with pytest.raises(UnknownNameError):
        counted("PE-A (3)")
    assert list(analyze(tmp_path / "a.fcs").table["channel"]) == ["PE-A (1)", "PE-A (2)", "Time"]


@pytest.mark.parametrize(
    ("change", "names", "said"),
    [
        ({"$SPILLOVER": "2,FSC-A,PE-A,1,0.1,0,1"}, ("FSC-A", "PE-A"), ""),
        ({"SPILL": "2, FSC-A ,PE-A, 1,0.1,0,1"}, ("FSC-A", "PE-A"), ""),
        ({"$SPILLOVER": "2,1,2,1,0.1,0,1"}, ("FSC-A", "PE-A"), "names channels by number"),
        ({"$COMP": "3,1,0.1,0,0,1,0,0,0,1"}, CHANNELS, ""),
        ({"$COMP": "2,1,0.1,0.2,1"}, None, "names no channels"),
        ({"$SPILLOVER": "2,FSC-A,PE-A"}, None, "holds no matrix"),
        ({"$SPILLOVER": "2,FSC-A,PE-A,1,0,x,1"}, None, "damaged compensation matrix"),
        ({"$SPILLOVER": "2,FSC-A,PE-A,1,1,1,1"}, None, "damaged compensation matrix"),
        ({"$SPILLOVER": "2,FSC-A,FITC-A,1,0.1,0,1"}, None, "no channel of the file"),
        ({"$DFC1TO2": "12.5"}, None, "as in FCS 2.0"),
        ({"$SPILLOVER": "2,FSC-A,PE-A,1,0,0,1"}, ("FSC-A", "PE-A"), "identity"),
    ],
)
def test_a_spillover_that_cannot_be_used_never_spoils_the_events(tmp_path, change, names, said):
    file = read(tmp_path, fcs(change=change))
    assert np.array_equal(file.events, truth())
    assert (file.spillover[0] if file.spillover else None) == names
    assert [said in note for note in file.notes] == ([True] if said else [])


def test_integers_beyond_their_range_are_those_of_another_order_of_bytes(tmp_path):
    events = truth("I")
    little = packed(events, "III", (16, 16, 16), "<")
    change = {f"$P{number}R": "1024" for number in (1, 2, 3)}
    content = fcs("III", (16, 16, 16), ">", data=little, change=change)
    with pytest.raises(InvalidValueError, match=r"lie beyond their range.*should be 1,2,3,4"):
        read(tmp_path, content)


def test_bits_beyond_the_range_are_cut_and_said(tmp_path):
    events = truth("I")
    flagged = packed(events + 0x8000, "III", (16, 16, 16), "<")
    file = read(tmp_path, fcs("III", (16, 16, 16), data=flagged, change={f"$P{n}R": "1024" for n in (1, 2, 3)}))
    np.testing.assert_array_equal(file.events, events)
    assert any("were cut to the bits" in note for note in file.notes)


@pytest.mark.parametrize("change", [{"$P2G": "2,0"}, {"$P2E": "4;1"}, {"$P2E": "LOG"}])
def test_an_amplifier_that_is_not_understood_is_said(tmp_path, change):
    file = read(tmp_path, fcs(change=change))
    np.testing.assert_array_equal(file.events, truth())
    assert any(f'{next(iter(change))} ("' in note and "none was applied" in note for note in file.notes)


def test_parameters_that_do_not_fit_the_data_are_refused(tmp_path):
    with pytest.raises(InvalidValueError, match="contradicts itself"):
        read(tmp_path, fcs(change={"$PAR": "2"}))
    with pytest.raises(InvalidValueError, match=r"has 4 parameters .* and describes 3"):
        read(tmp_path, fcs(change={"$PAR": "4"}))


def test_a_spillover_in_percent_is_divided_by_its_diagonal(tmp_path):
    file = read(tmp_path, fcs(change={"$SPILLOVER": "2,FSC-A,PE-A,100,10,0,100"}))
    np.testing.assert_allclose(file.spillover[1], [[1, 0.1], [0, 1]])
    assert any("100 on its diagonal" in note for note in file.notes)


def test_a_time_step_of_zero_is_none(tmp_path):
    file = read(tmp_path, fcs(change={"$TIMESTEP": "0"}))
    np.testing.assert_array_equal(file.events, truth())
    assert any("time is in ticks" in note for note in file.notes)
