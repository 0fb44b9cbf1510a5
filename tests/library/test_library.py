"""A library is an object: it reads its own folders, each file once, and sees a file that changes."""

import os
import pickle
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gvlab.errors import LibraryError, UnknownNameError
from gvlab.library import Library, listing
from gvlab.library.listing import files_of, looked_at_once
from gvlab.model.checks import check_references
from helpers import write_house_library

COLUMNS = "parameterId\tnominalValue\tunit\tevidence\tnote"


def write_row(folder: Path, value: float, name: str = "k_birth_blast") -> Path:
    file = folder / "parameters" / "own.tsv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{COLUMNS}\n{name}\t{value}\t1/day\tassumed\ttried\n")
    return folder


def value(library: Library, name: str = "k_birth_blast") -> float:
    (row,) = (row for row in library.parameter_rows() if row.parameterId == name and not row.context)
    return row.nominalValue


def test_two_libraries_give_each_its_own_rows(tmp_path):
    one, other = (Library(write_row(tmp_path / name, number)) for name, number in (("one", 0.3), ("other", 0.4)))
    assert [value(library) for library in (one, other, one, other)] == [0.3, 0.4, 0.3, 0.4]
    assert value(Library()) not in (0.3, 0.4)


def test_the_first_folder_wins(tmp_path):
    one, other = (write_row(tmp_path / name, number) for name, number in (("one", 0.3), ("other", 0.4)))
    assert value(Library([one, other])) == 0.3
    assert value(Library([other, one])) == 0.4


def test_a_change_of_a_file_is_seen_and_a_new_file_too(tmp_path):
    library = Library(write_row(tmp_path, 0.3))
    assert value(library) == 0.3
    write_row(tmp_path, 0.4)
    assert value(library) == 0.4
    (tmp_path / "parameters" / "more.tsv").write_text(f"{COLUMNS}\nk_more\t1\t1/day\tassumed\ttried\n")
    assert value(library, "k_more") == 1
    (tmp_path / "parameters" / "own.tsv").unlink()
    assert value(library) == value(Library())


def test_the_files_of_a_folder_are_looked_for_again_after_it_has_changed(tmp_path, monkeypatch):
    settled, seen = time.time() - 60, []
    monkeypatch.setattr(listing.os, "scandir", lambda folder, scan=os.scandir: seen.append(folder) or scan(folder))
    (tmp_path / "one.yaml").touch()
    (tmp_path / "two.tsv").touch()
    (tmp_path / "three.yaml").mkdir()
    os.utime(tmp_path, (settled, settled))
    assert [dict(files_of(tmp_path, ".yaml")) for _ in range(3)] == [{"one": tmp_path / "one.yaml"}] * 3
    assert len(seen) == 1
    (tmp_path / "four.yaml").touch()
    assert list(files_of(tmp_path, ".yaml")) == ["four", "one"]
    # Changed a moment ago: the next change may have the same time.
    assert list(files_of(tmp_path, ".yaml")) == ["four", "one"]
    assert len(seen) == 3
    assert files_of(tmp_path / "none", ".yaml") == {}


def test_within_one_question_a_library_stays_as_it_was_when_it_was_first_looked_at(tmp_path):
    library = Library(write_row(tmp_path, 0.3))
    with looked_at_once():
        assert value(library) == 0.3
        write_row(tmp_path, 0.4)
        with looked_at_once():
            assert value(library) == 0.3
        with ThreadPoolExecutor(1) as others:
            assert others.submit(value, library).result() == 0.4
        assert value(library) == 0.3
    assert value(library) == 0.4


def test_a_file_that_stays_is_read_once(tmp_path):
    library = Library(write_row(tmp_path, 0.3))
    assert library.rows("parameters") is library.rows("parameters")
    assert library.read("agents", "sorafenib") is Library().read("agents", "sorafenib")


def test_a_library_can_stand_without_what_is_built_in(tmp_path):
    house = Library(write_house_library(tmp_path), built_in=False)
    assert "sorafenib" not in house.names("agents")
    with pytest.raises(UnknownNameError, match='no agent named "sorafenib"'):
        house.read("agents", "sorafenib")


def test_a_library_travels_between_processes(tmp_path):
    library = Library(write_row(tmp_path, 0.3))
    value(library)
    again = pickle.loads(pickle.dumps(library))
    assert again == library
    assert value(again) == 0.3
    assert len(pickle.dumps(library)) < 1000


def test_the_default_is_the_same_as_long_as_the_environment_is(tmp_path, monkeypatch):
    assert Library.default() is Library.default()
    monkeypatch.setenv("GVLAB_LIBRARY", str(write_row(tmp_path, 0.3)))
    assert value(Library.default()) == 0.3
    monkeypatch.delenv("GVLAB_LIBRARY")
    assert Library.default().folders == Library().folders


def test_a_folder_that_is_not_there_or_goes_is_named(tmp_path, monkeypatch):
    with pytest.raises(LibraryError, match="no library folder"):
        Library(tmp_path / "nowhere")
    monkeypatch.setenv("GVLAB_LIBRARY", str(tmp_path / "nowhere"))
    with pytest.raises(LibraryError, match=r'GVLAB_LIBRARY names ".*nowhere", which is not a folder'):
        Library.default()
    library = Library(write_row(tmp_path / "here", 0.3))
    (tmp_path / "here").rename(tmp_path / "there")
    with pytest.raises(LibraryError, match="is gone"):
        library.parameter_rows()


RECIPE = Library().path("ensembles", "mathew2018").read_text()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("members:", "membres:", 'no key named "membres". Did you mean "members"?'),
        ("members: 45", "members: 45\nmembers: 64", 'the key "members" stands twice'),
        ("members: 45", "members: 2", '"members" is 2: input should be greater than or equal to 8'),
        ("constraint]", "constraint, hold-out]", '"decide" names the role "hold-out", whose claims never set a number'),
        ("never: [", "never: [structure, ", '"decide" names the role "structure"'),
        ("name: mathew2018", "name: other", 'it must be the name of the file, "mathew2018"'),
    ],
)
def test_a_recipe_is_a_record_like_others(tmp_path, before, after, words):
    (tmp_path / "ensembles").mkdir()
    file = tmp_path / "ensembles" / "mathew2018.yaml"
    assert before in RECIPE
    file.write_text(RECIPE.replace(before, after, 1))
    with pytest.raises(LibraryError) as caught:
        Library(tmp_path).read("ensembles", "mathew2018")
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


def test_the_sets_of_an_ensemble_are_beside_its_recipe(tmp_path):
    library = Library(tmp_path)
    assert library.ensemble_file("mathew2018").is_file()
    (tmp_path / "ensembles").mkdir()
    (tmp_path / "ensembles" / "mathew2018.yaml").write_text(RECIPE)
    assert library.ensemble_file("mathew2018") == tmp_path / "ensembles" / "mathew2018.parquet"
    with pytest.raises(UnknownNameError, match='Did you mean "mathew2018"'):
        library.ensemble_file("mathew2081")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\ntitle: !!python/object/apply:os.system ['echo hi']", "line 2: a record has no tags"),
        ("name: !!int abc", "line 1: a record has no tags"),
        (BOMB, "the record holds more than 20,000 values"),
        ("name: &a [*a]", '"*a" stands within itself'),
        ("name: " + "[" * 60, "nested more than 32 deep"),
        ("name: " + "[" * 100_000, "nest"),
        ("name: a\n---\nname: b", "line 2: a second document begins"),
        ("? [a]\n: b", "line 1: a key is a word"),
        ("name: a\nname: b", 'line 2: the key "name" stands twice'),
        ("<<: [1, 2]\nname: a", 'no key named "<<"'),
        ("name: a\n\tb: c", "line 2 is not YAML"),
        ('name: "\\ud800"', "is not YAML"),
        ("", "a record is a list of keys with values"),
        ("name: " + "9" * 5000, "..."),
        ("title: 1:30\nname: house_drug", '"kind" is missing'),
    ],
)
def test_yaml_that_is_no_record_is_refused_with_file_and_line(tmp_path, text, words):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "house_drug.yaml").write_text(text)
    with pytest.raises(LibraryError) as caught:
        Library(tmp_path).read("agents", "house_drug")
    assert words in str(caught.value)
    assert "house_drug.yaml" in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_a_broken_key_is_named_with_its_line(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "house_drug.yaml").write_text(
        "name: house_drug\ntitle: House drug\nkind: drug\nroutes:\n  oral:\n    operations:\n"
        "      - {add: drug_depot, unit: mg}\n      - {add: drug_depot, unit: mg, timse: [f]}\n"
    )
    with pytest.raises(LibraryError, match=r'house_drug\.yaml, line 8: .*"timse".*Did you mean "times"'):
        Library(tmp_path).read("agents", "house_drug")


@pytest.mark.parametrize("kind", ["parameters", "conditions"])
def test_a_table_that_is_not_utf8_names_the_line(tmp_path, kind):
    (tmp_path / kind).mkdir()
    (tmp_path / kind / "own.tsv").write_bytes(b"# a comment\nnote\nStra\xdfe\n")
    with pytest.raises(LibraryError, match=r"own\.tsv, line 3: the byte 0xDF is not UTF-8 text"):
        Library(tmp_path).rows(kind)


EDGE_COLUMNS = "edge\tsource_node\ttarget_node\tsign\tswitch\tclaims\tsource\tstatement"


def write_edges(folder: Path, *rows: str) -> Library:
    (folder / "edges").mkdir()
    (folder / "edges" / "own.tsv").write_text("\n".join((EDGE_COLUMNS, *rows)) + "\n")
    return Library(folder)


def test_edges_are_rows_like_others(tmp_path):
    row = "flt3_atf4\tFLT3-ITD\tATF4\t-\ton_flt3_atf4\tC03;C48\theydt2018\tturned round"
    edges = {edge.edge: edge for edge in write_edges(tmp_path, row).rows("edges")}
    assert edges["flt3_atf4"].sign == "-"
    assert edges["flt3_atf4"].claims == ("C03", "C48")
    assert edges.keys() == set(Library().names("edges"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a\tX\tY\t*\ton_flt3_atf4\t\t\tno sign", "line 2 (a): \"sign\" is '*'"),
        ("a\tX\tY\t+\ton_flt3_atf4\t\t\tone\na\tX\tY\t-\ton_flt3_atf4\t\t\ttwo", 'edge "a" has a row already'),
    ],
)
def test_an_edge_that_breaks_a_rule_is_refused(tmp_path, row, words):
    with pytest.raises(LibraryError, match=re.escape(words)):
        write_edges(tmp_path, row).rows("edges")


def test_an_edge_names_what_exists(tmp_path):
    library = write_edges(tmp_path, "a\tX\tY\t+\ton_flt3_atf5\tC99\tnobody2000\tinvented")
    found = " ".join(str(problem) for problem in check_references(library))
    for words in ('no parameter "on_flt3_atf5". Did you mean', 'no finding "C99"', 'no source "nobody2000"'):
        assert f"edge a: there is {words}" in found
