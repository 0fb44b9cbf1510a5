import pickle

from gvlab import errors
from gvlab.errors import GVLabError, OutputError, UnknownNameError, closest, some_of


def test_an_unknown_name_is_answered_with_the_closest_and_the_known():
    error = UnknownNameError("agent", "druge_a", ["drug_b", "drug_a"])
    assert str(error) == 'There is no agent named "druge_a". Did you mean "drug_a"? Known: drug_a, drug_b.'
    assert error.suggestion == "drug_a"


def test_nothing_is_suggested_when_nothing_is_close():
    assert "Did you mean" not in str(UnknownNameError("agent", "water", ["drug_a"]))


def test_where_there_are_no_names_the_error_says_so():
    assert str(UnknownNameError("arm", "x", [])) == 'There is no arm named "x". There are none.'


def test_capitals_hyphens_and_spaces_are_forgiven():
    assert closest("Drug-A", ["drug_a", "cells"]) == "drug_a"
    assert closest("drug a", ["drug_a", "cells"]) == "drug_a"


def test_a_long_list_of_names_is_cut():
    message = str(UnknownNameError("agent", "q", [f"name_{i:02d}" for i in range(25)]))
    assert message.endswith("name_19 and 5 more.")


def test_of_many_names_the_first_are_shown_and_the_others_counted():
    assert some_of("abcdef") == "a, b, c, d, e, f"
    assert some_of("abcdefgh") == "a, b, c, d, e, f and 2 more"
    assert some_of([1, 2, 3], 2, between="; ") == "1; 2 and 1 more"
    assert some_of([]) == ""


def test_errors_survive_a_process_border():
    error = UnknownNameError("agent", "druge_a", ["drug_a"])
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert copy.suggestion == "drug_a"


def test_every_error_is_a_gvlab_error():
    own = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert all(issubclass(item, GVLabError | Warning) for item in own)


def test_every_error_stands_in_the_tree_at_the_top_of_the_file():
    own = [name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, Exception)]
    assert [name for name in own if name not in (errors.__doc__ or "")] == []


def test_an_output_error_is_an_os_error_and_prints_its_sentence():
    error = OutputError("The disk is full.")
    assert isinstance(error, OSError)
    assert str(error) == "The disk is full."
