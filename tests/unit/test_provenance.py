import errno
import io
import os
from pathlib import Path

import pytest

from gvlab import provenance
from gvlab.errors import LibraryError, OutputError
from gvlab.provenance import Evidence, Manifest, Source, atomic_file, parse_bibliography, write_text

BIBTEX = """
A line that belongs to no entry.
@comment{not an entry}
@article{smith2018,
  author = {Smith, Jane and M{\\"u}ller, Karl and Li, Wei},
  title = {A title with {Nested {Braces}}},
  journal = "Journal of {Tests}", volume = 24, number = {3}, pages = {282--291},
  year = 2018, doi = {10.1000/182}
}
@misc{web2020, title = {A page}, url = {https://example.org}, year = {2020}}
"""


def test_a_bibliography_is_read_with_braces_quotes_and_numbers():
    sources = parse_bibliography(BIBTEX)
    assert sorted(sources) == ["smith2018", "web2020"]
    smith = sources["smith2018"]
    assert smith["title"] == "A title with Nested Braces"
    assert smith["journal"] == "Journal of Tests"
    assert smith["year"] == "2018"
    assert smith["nothing"] == ""
    assert smith.short == "Smith et al. 2018"


def test_a_reference_has_author_year_title_place_and_doi():
    line = parse_bibliography(BIBTEX)["smith2018"].reference()
    assert line.startswith("Smith, Jane; ")
    assert line.endswith("(2018). A title with Nested Braces. Journal of Tests 24(3):282-291. doi:10.1000/182.")


def test_a_page_without_author_is_named_by_its_title():
    page = parse_bibliography(BIBTEX)["web2020"]
    assert page.short == "A page 2020"
    assert page.reference() == "A page (2020). https://example.org."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@article{a, title={x}}\n@article{a, title={y}}", 'line 2: the key "a" stands twice'),
        ("@article{a, title={x}", "never closed"),
        ("@article{a, title={x}, title={y}}", '"title" stands twice in "a"'),
        ("@article{, title={x}}", "is no key"),
        ('@article{a, title="x}', "no closing quotation mark"),
        ("me@example", "an entry begins with"),
    ],
)
def test_a_broken_bibliography_says_where(text, words):
    with pytest.raises(LibraryError) as caught:
        parse_bibliography(text, "references.bib")
    assert words in str(caught.value)
    assert "references.bib" in str(caught.value)


def test_cite_prints_each_source_once_by_key():
    class Thing:
        def sources(self) -> tuple[Source, ...]:
            found = parse_bibliography(BIBTEX)
            return (found["web2020"], found["smith2018"], found["web2020"])

    lines = provenance.cite(Thing()).splitlines()
    assert [line.split("]")[0] for line in lines] == ["[smith2018", "[web2020"]


def test_evidence_is_one_of_four_words():
    assert [item.value for item in Evidence] == ["measured", "derived", "calibrated", "assumed"]


def test_a_manifest_comes_back_from_json_as_it_was():
    manifest = Manifest("abc", {"cohort": "def"}, 7, "roadrunner", {"relative": 1e-6}, notes={"arm": "A"})
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.versions["python"].startswith("3.")
    assert "numpy" in manifest.versions
    assert manifest.replace(seed=8).seed == 8


def test_a_file_is_written_whole(tmp_path):
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def interrupted() -> None:
        with atomic_file(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"the disk is full\. What was there before is unchanged"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_really_full_device_raises_what_we_translate():
    with pytest.raises(OSError, match="No space left") as caught, io.open("/dev/full", "wb") as file:  # noqa: UP020
        file.write(b"x" * 100_000)
    assert caught.value.errno == errno.ENOSPC


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


def test_a_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(provenance.tempfile, "mkstemp", forbidden)
    with pytest.raises(OutputError, match="no permission to write"):
        write_text(tmp_path / "a.txt", "x")


def test_an_output_folder_is_made_or_taken_when_empty(tmp_path):
    assert provenance.prepare_output_folder(tmp_path / "new" / "deep").is_dir()
    assert provenance.prepare_output_folder(tmp_path / "new" / "deep").is_dir()


def test_an_output_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not empty, and nothing in it is overwritten"):
        provenance.prepare_output_folder(tmp_path)
    assert (tmp_path / "a.txt").read_text() == "precious"


def test_an_output_folder_cannot_be_a_file_or_lie_in_one(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(OutputError, match="is a file; results need a folder"):
        provenance.prepare_output_folder(tmp_path / "a.txt")
    with pytest.raises(OutputError, match="a part of that path is a file"):
        provenance.prepare_output_folder(tmp_path / "a.txt" / "out")
