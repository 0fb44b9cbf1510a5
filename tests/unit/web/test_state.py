"""A state as text and as a link."""

import base64
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvlab.errors import GVLabError, InvalidValueError
from gvlab.web.edit import edited
from gvlab.web.state import BenchState, decoded, encoded, link_of, state_of_link


def test_a_link_restores_experiment_seed_and_view(state, library):
    changed = edited(
        state, library, {"line.1.amount": "20 mg/kg", "seed": "7", "switch.no_cd4_help": "on"}, "copy:1"
    ).state
    for text in (link_of(changed), f"#{link_of(changed)}", f"http://127.0.0.1:8118/?token=x#{link_of(changed)}"):
        back = state_of_link(text, library)
        assert (back.file, back.look) == (changed.file, changed.look)
    assert len(link_of(state)) < 1200


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda x: st.lists(x, max_size=3))
)
@settings(max_examples=40, deadline=None)
def test_what_is_encoded_is_decoded(value):
    assert decoded(encoded({"a": value})) == {"a": value}


@pytest.mark.parametrize(
    "text", ["", "#e=", "e=!!!", "e=AAAA", "e=" + "A" * 100_000, "moon", "e=ÄÖ", "#e=" + encoded([1])]
)
def test_what_is_no_link_is_refused_in_words(library, text):
    with pytest.raises(GVLabError, match=r"link|state of the bench"):
        state_of_link(text, library)


def test_a_link_cannot_be_blown_up():
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b"[" + b"0," * 50_000_000) + packer.flush()
    with pytest.raises(InvalidValueError, match=r"more than 400,000 bytes|at most 64,000"):
        decoded("e=" + base64.urlsafe_b64encode(bomb).decode())


def test_deep_and_wide_values_are_refused_before_anything_is_made_of_them(library):
    deep: list = []
    for _ in range(50):
        deep = [deep]
    for content in ({"experiment": {"x": deep}}, {"experiment": {"x": [0] * 10_000}}):
        with pytest.raises(InvalidValueError, match="larger than the bench takes"):
            BenchState.from_dict(content, library)


def test_a_link_of_another_model_says_what_differs(state, library):
    plain = state.to_dict({"BM": {"alive": 3, "n": 100, "median": 17.0}})
    plain["experiment"]["model"] = "0" * 64
    back = BenchState.from_dict(plain, library)
    assert back.differs[0].startswith("the model then 000000000000, now ")
    assert back.said["BM"]["alive"] == 3


@pytest.mark.parametrize("said", [{"BM": {"alive": "<b>"}}, {"BM": {"hi": 1}}, {"BM": 1}, [1], {"BM": {"n": True}}])
def test_numbers_of_a_link_are_numbers(state, library, said):
    plain = state.to_dict()
    plain["said"] = said
    with pytest.raises(InvalidValueError, match="link"):
        BenchState.from_dict(plain, library)
