import re

import pytest

from gvlab.bibliography import Source, cite, parse_bibliography, read_bibliography
from gvlab.errors import LibraryError
from gvlab.library import Library

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
        ("@article{, title={x}}", "entry key expected"),
        ('@article{b}\n@article{a, title="x', "line 2: the entry that begins here is never closed"),
        ("me@example.org, you", "An entry is @article{key, title = {...}}"),
        ("@article{a,\n title {x}}", "line 2: this is not BibTeX: '=' expected"),
        ("@article{a, month = dezember}", "dezember"),
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

    lines = cite(Thing()).splitlines()
    assert [line.split("]")[0] for line in lines] == ["[smith2018", "[web2020"]


def test_months_and_strings_are_words_for_text_and_stay_in_their_file():
    text = '@string{nm = "Nature Medicine"}\n@article{a, journal = nm, month = mar}'
    assert dict(parse_bibliography(text)["a"].fields) == {"journal": "Nature Medicine", "month": "March"}
    with pytest.raises(LibraryError, match="nm"):
        parse_bibliography("@article{b, journal = nm}")


def test_every_line_of_our_bibliography_is_read_as_it_stands():
    (folder,) = Library().folders
    file = folder / "references.bib"
    sources = read_bibliography(file)
    written = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if opening := re.fullmatch(r"@(\w+)\{(\w+),", line):
            fields = written[opening[2]] = {"": opening[1]}
        elif field := re.fullmatch(r"  (\w+) = \{(.*)\},?", line):
            fields[field[1]] = field[2].replace("{", "").replace("}", "").replace("\\&", "&")
    assert written == {key: {"": source.entry, **source.fields} for key, source in sources.items()}
    assert len(written) > 40


def test_a_bibliography_that_is_not_utf8_names_the_line(tmp_path):
    (tmp_path / "references.bib").write_bytes("@misc{a,\n title = {Stra\xdfe}}".encode("latin-1"))
    with pytest.raises(LibraryError, match=r"references\.bib, line 2: the byte 0xDF is not UTF-8 text"):
        read_bibliography(tmp_path / "references.bib")
