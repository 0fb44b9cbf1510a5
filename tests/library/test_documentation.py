"""What the pages of docs say is what the library holds; their links lead somewhere."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

import gvlab
from gvlab.cli import app
from gvlab.library import Library

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def generator():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(text):
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def test_tables_of_the_pages_are_those_of_the_library():
    stale = [page.name for page in generator().stale()]
    assert not stale, f"{', '.join(stale)}: run .venv/bin/python docs/generate.py and commit what it writes"


def test_a_table_that_says_another_number_is_noticed():
    fill = generator().fill
    page = "<!-- begin roles -->\n\n| role |\n\n<!-- end -->"
    assert "hold-out" in fill(page)
    assert fill(page) != page
    assert fill(fill(page)) == fill(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in path or link.startswith("mailto:"):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}, which does not exist"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), (
                f"{page.name} links to {link}: no such heading"
            )


def test_every_dependency_is_justified():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    text = (ROOT / "docs" / "developer" / "dependencies.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    justified = {word for cell in first_cells for word in re.findall(r"[\w.-]+", cell)}
    missing = [name for name in (re.match(r"[\w.-]+", item)[0] for item in wanted) if name not in justified]
    assert not missing, f"docs/developer/dependencies.md has no line for {', '.join(missing)}"


@pytest.mark.parametrize("name", gvlab.__all__)
def test_every_public_name_is_in_the_docs(name):
    assert f"`gvlab.{name}`" in TEXT


@pytest.mark.parametrize("name", sorted(str(command.name) for command in app.registered_commands))
def test_every_command_is_in_the_docs(name):
    assert f"`gvlab {name}`" in TEXT


def test_the_readme_counts_the_claims_that_there_are():
    records = Library().read_all("findings").values()
    speaks = sum(not record.cannot_say for record in records)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Of {len(records)} claims of the paper and its field, the model speaks to {speaks}." in text
