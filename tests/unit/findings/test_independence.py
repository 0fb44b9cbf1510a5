"""Claims that ask one question are counted once, and those that cannot fail are not counted."""

from __future__ import annotations

from gvlab.findings.independence import counted_in_words, independent_claims
from gvlab.library import Library

RECORDS = Library.default().read_all("findings")


def some(*claims):
    return [RECORDS[claim] for claim in claims]


def test_claims_with_the_same_variable_day_and_arms_are_one():
    assert independent_claims(some("C03", "C48", "C04")) == (("C03", "C48"), ("C04",))


def test_a_claim_that_shares_a_question_with_two_binds_them():
    assert independent_claims(some("C21", "C22")) == (("C21",), ("C22",))
    assert independent_claims(some("C21", "C22", "C20")) == (("C21", "C22", "C20"),)


def test_a_record_says_which_claims_read_what_follows_one_variable():
    assert independent_claims(some("C01", "C02")) == (("C01", "C02"),)
    assert independent_claims(some("C02", "C01")) == (("C02", "C01"),)


def test_answers_by_construction_and_what_cannot_be_said_are_no_tests():
    by_construction, cannot_say = RECORDS["C53"], RECORDS["C12"]
    assert by_construction.by_construction
    assert cannot_say.cannot_say
    assert independent_claims([by_construction, cannot_say]) == ()
    assert counted_in_words([by_construction, cannot_say, *some("C03", "C48")]) == (
        "4 claims, 1 independent (1 answered by construction)"
    )
