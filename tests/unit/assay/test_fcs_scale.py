"""Numbers of an FCS file become scale values: cut to their range, amplifiers undone, gains divided out, ticks in s.

The words are those of FCS 3.1: $PnR is the range, $PnE decades and the value at channel 0, $PnG the gain, $TIMESTEP
seconds a tick.
"""

import numpy as np
import pytest

from gvlab.assay.readers.fcs_scale import plain_number, scaled
from gvlab.assay.readers.fcs_text import DataSet


def scale(values, kind="F", bits=16, **words):
    """One channel "PE-A", with keywords E, R, G of it, and others by their names; its scale values and notes."""
    known = {"$P1N": "PE-A", **{f"$P1{key}" if len(key) == 1 else f"${key}": text for key, text in words.items()}}
    notes = []
    raw = np.array(values, dtype=np.uint64 if kind == "I" else np.float64)
    found = scaled(DataSet(0, 0, None, known), [kind], [bits], [raw], notes)
    return found[:, 0].tolist(), notes


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1024", 1024), (" 1e3 ", 1000), ("-.5", -0.5), ("+2.", 2), ("0", 0), ("1E-2", 0.01), ("", None), ("4;1", None),
        ("1,5", None), ("inf", None), ("nan", None), ("1e1000", None), ("0x10", None), ("1 2", None), (".", None),
    ],
)  # fmt: skip
def test_a_keyword_is_a_plain_number_or_none(text, number):
    assert plain_number(text) == number


@pytest.mark.parametrize(
    ("top", "values", "kept"),
    [
        ("1024", [0, 1023, 1024, 1029], [0, 1023, 0, 5]),
        ("1000", [999, 1023, 1024], [999, 1023, 0]),  # ten bits hold it, so ten bits are kept
        ("1025", [1024, 2047, 2048], [1024, 2047, 0]),
        ("2", [1, 2, 3], [1, 0, 1]),
        ("65536", [65535, 7], [65535, 7]),  # all that 16 bits hold
        ("65535", [65535, 7], [65535, 7]),
        ("100000", [65535], [65535]),  # more than they hold
        ("1", [1, 2, 3], [1, 2, 3]),  # no range of one
    ],
)
def test_integers_are_cut_to_the_bits_of_their_range(top, values, kept):
    found, notes = scale(values, "I", R=top)
    assert found == kept
    cut = sum(one != other for one, other in zip(values, kept, strict=True))
    said = [f"PE-A ({cut})" in note for note in notes]
    assert said == ([True] if cut else [])


def test_a_range_concerns_integers_only_and_a_missing_one_is_said_of_them():
    assert scale([5000.0], R="1024") == ([5000], [])
    for top in ("", "0", "0.5", "many"):
        found, (note,) = scale([5000], "I", R=top)
        assert (found, note.split(" gives")[0]) == ([5000], "$P1R")
        assert scale([5000.0], R=top) == ([5000], [])


@pytest.mark.parametrize(
    ("amplifier", "value"),
    [
        ("4,1", 100),  # 4 decades over 1024 channels: the middle is 10^2
        ("4,0", 100),  # a lowest value of 0 means 1, says the standard
        ("4,0.1", 10),
        ("2,1", 10),
        ("5,10", 10 * 10**2.5),
        ("0.5,1", 10**0.25),
        ("0,0", 512),
        ("0,1", 512),
        ("-2,1", 512),
    ],
)
def test_an_amplifier_of_integers_is_undone(amplifier, value):
    found, notes = scale([512], "I", E=amplifier, R="1024")
    assert found == pytest.approx([value], rel=1e-12)
    assert notes == []
    gained, _ = scale([512], "I", E=amplifier, R="1024", G="2")
    assert gained == pytest.approx([value / 2 if value == 512 else value], rel=1e-12)  # a gain is of linear ones


@pytest.mark.parametrize(("kind", "top"), [("F", "1024"), ("I", "0"), ("I", "")])
def test_an_amplifier_without_integers_or_range_is_not_applied_and_said(kind, top):
    found, notes = scale([512], kind, E="4,1", R=top)
    assert found == [512]
    assert any(note.startswith("$P1E tells of an amplifier, which concerns integers only") for note in notes)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"E": "4;1"}, '$P1E ("4;1")'), ({"E": "log"}, '$P1E ("log")'), ({"E": "4,x"}, '$P1E ("4,x")'),
        ({"G": "2,0"}, '$P1G ("2,0")'), ({"G": "x", "E": "y"}, '$P1E ("y"), $P1G ("x")'),
        ({"E": "4", "R": "1024"}, ""), ({"E": "1,2,3"}, ""), ({"G": "0"}, ""), ({"G": "-2"}, ""), ({"G": "1.0"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_what_is_not_understood_of_an_amplifier_is_said_and_changes_nothing(words, said):
    found, notes = scale([512.0], **words)
    assert found == [512]
    assert [note.split(" tells")[0] for note in notes] == ([said] if said else [])


def test_a_gain_is_divided_out_and_said():
    assert scale([512.0], G="4") == ([128], ["Values were divided by the gain of their amplifier ($PnG): PE-A (4)."])
    assert scale([512], "I", G="0.5", R="1024")[0] == [1024]
    nameless = scale([512.0], G="4", P1N="")[1]
    assert nameless == ["Values were divided by the gain of their amplifier ($PnG): P1 (4)."]


@pytest.mark.parametrize(
    ("name", "step", "value", "said"),
    [
        ("Time", "0.01", 5, ""), (" TIME ", "0.01", 5, ""), ("Time", "", 500, '$TIMESTEP is ""'),
        ("Time", "0", 500, '$TIMESTEP is "0"'), ("Time", "-1", 500, '$TIMESTEP is "-1"'), ("Timer", "0.01", 250, ""),
    ],
)  # fmt: skip
def test_time_is_in_seconds_and_has_no_gain(name, step, value, said):
    found, notes = scale([500.0], P1N=name, TIMESTEP=step, G="2")
    assert found == pytest.approx([value])
    assert any(said in note for note in notes) if said else not any("TIMESTEP" in note for note in notes)
    assert scale([500.0], P1N="Time") == ([500], [])  # without the keyword ticks are all there is


def test_channels_have_their_own_keywords():
    words = {"$P1N": "A", "$P2N": "B", "$P1G": "2", "$P2E": "2,1", "$P1R": "1024", "$P2R": "16"}
    notes = []
    raw = [np.array([10, 20], dtype=np.uint64), np.array([8, 17], dtype=np.uint64)]
    found = scaled(DataSet(0, 0, None, words), ["I", "I"], [16, 8], raw, notes)
    np.testing.assert_allclose(found, [[5, 10], [10, 10 ** (2 / 16)]])
    assert any("B (1)" in note for note in notes)
