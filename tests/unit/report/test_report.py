from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from gvlab import report
from gvlab.errors import InvalidValueError, OutputError, UnknownNameError
from gvlab.report.captions import evidence_summary, roles_table, verdict_counts
from gvlab.report.html import number
from gvlab.views import ViewRecipe, survival_of

VERDICTS = pd.DataFrame(
    [
        ("C01", "drug raises cytokine", "up", "ratio 2.4", "reproduced", "above 1.5", "calibrate", "high"),
        ("C02", "knock-out abolishes it", "down", "ratio 0.9", "not", "interval holds 1", "hold-out", "medium"),
        ("C03", "patients respond", "up", "", "cannot say", "no patients yet", "hold-out", "low"),
        ("C04", '<script>alert(1)</script> & "quotes"', "up", "ratio 1.2", "partly", "too small", "hold-out", "low"),
    ],
    columns=["id", "statement", "published", "simulated", "verdict", "reason", "role", "confidence"],
)
PARAMETERS = pd.DataFrame(
    [
        ("k_growth", 0.62, 0.4, 0.9, "1/day", "", "measured", "smith2001", "Fig. 1b", "", "stated in source", ""),
        ("K_half", 1.2e6, np.nan, np.nan, "cell", "species:mouse", "assumed", "", "", "", "assumed", "no data"),
        ("CL", 0.18, 0.1, 0.3, "L/day", "", "derived", "smith2001;gone1999", "", "x 24", "from memory, unverified", ""),
    ],
    columns=[
        "parameterId", "nominalValue", "lowerBound", "upperBound", "unit", "context", "evidence", "source", "locator",
        "derivation", "verification", "note",
    ],
)  # fmt: skip
FOLLOWED = {"a": ([1.0, 2.0, 5.0], [1, 1, 0]), "<b>": ([5.0, 5.0], [0, 0])}


def content(**changes: object) -> report.ReportContent:
    views = (survival_of(FOLLOWED, title="Mice", recipe=ViewRecipe(seed=7)),) * 2
    pictures = tuple(report.Picture(f"figure-{i}", f"Figure {i}", views, "Simulated.", ("C01", "C02")) for i in (1, 2))
    fields = {
        "title": "A study",
        "subtitle": "Of something",
        "verdicts": VERDICTS,
        "sections": (
            report.Section(
                "part", "A part", ("A paragraph.",), pictures,
                (report.ReportTable("Numbers", pd.DataFrame({"arm": ["a", "b"], "value": [1.5, np.nan]})),),
            ),
        ),
        "parameters": PARAMETERS,
        "bibliography": {"smith2001": "Smith (2001). On growth."},
        "links": {"smith2001": "https://doi.org/10.1000/1"},
        "manifest": {"seed": 7, "versions": {"gvlab": "0.1.0"}},
        "comparisons": pd.DataFrame(
            [("C02", "a system", "cytokine on day 9", "ratio 0.9 (95 % CI 0.7 to 1.2)", "", "not", "interval holds 1")],
            columns=["id", "system", "comparison", "simulated", "power", "verdict", "reason"],
        ),
    }  # fmt: skip
    return report.ReportContent(**{**fields, **changes})


class Page(HTMLParser):
    """Collects what a test wants to know of a page."""

    VOID = ("meta", "link", "input", "br", "hr", "img", "wbr", "path", "rect", "use")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values.get("href", ""))
        elif "href" in values or "src" in values or "xlink:href" in values:
            self.loads.append(values.get("href") or values.get("src") or values["xlink:href"])
        self.scripts += tag == "script"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        before = len(self.open)
        self.handle_starttag(tag, attrs)
        del self.open[before:]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def page(**changes: object) -> Page:
    return Page(report.render(content(**changes)))


def test_the_page_is_well_formed_and_every_link_within_it_arrives():
    found = page()
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    inside = [link[1:] for link in found.links if link.startswith("#")]
    assert inside
    assert set(inside) <= set(found.ids)


def test_the_page_loads_nothing():
    text = report.render(content())
    found = Page(text)
    assert all(load.startswith("#") for load in found.loads)
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\((?!#)", text)
    assert [link for link in found.links if not link.startswith("#")] == ["https://doi.org/10.1000/1"]


def test_text_is_escaped():
    text = report.render(content())
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;quotes&#34;" in text
    assert Page(text).scripts == 1


def test_nothing_missing_is_printed_as_nan():
    text = " ".join(page().text)
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert "None" not in text


def test_the_same_content_gives_the_same_page():
    assert report.render(content()) == report.render(content())


def test_pictures_are_text_that_says_what_it_shows():
    text = report.render(content())
    found = page()
    assert len(re.findall(r'role="img" aria-label="[^"]+\. [^"]+\."', text)) == 4
    assert "style=" not in text
    assert text.count(">Number at risk<") == 4
    assert "".join(found.text).count("Mice") >= 4
    # Small pictures on the first screen have no words, and a link that names them.
    assert text.count('aria-hidden="true"><path') == 2
    assert found.links.count("#figure-1") == 1


def test_names_for_machines_are_told_as_readers_call_them():
    names = {"b6_into_balbc": "B6 into BALB/c"}
    verdicts = VERDICTS.assign(reason="overall_survival in b6_into_balbc")
    text = report.render(content(verdicts=verdicts, names={**names, "overall_survival": "Overall survival"}))
    assert "Overall survival in B6 into BALB/c" in text
    assert "b6_into_balbc" not in text


def test_every_claim_is_there_with_verdict_reason_and_role():
    found = page()
    text = " ".join(found.text)
    for row in VERDICTS.to_dict("records"):
        assert f"claim-{row['id']}" in found.ids
        assert row["reason"] in text
        assert row["role"] in text
    for glyph in "✓◐✗?":
        assert glyph in text
    assert "1 comparison" in text


def test_assumed_and_unverified_parameters_are_marked():
    text = report.render(content())
    rows = re.findall(r'<tr data-item data-evidence="[^>]*>.*?</tr>', text, re.DOTALL)
    assert len(rows) == 3
    assert "is-assumed" not in rows[0]
    assert "is-unverified" not in rows[0]
    assert 'class="is-assumed "' in rows[1]
    assert "is-unverified" in rows[2]
    assert "⚠ from memory, unverified" in rows[2]
    assert '<a href="#ref-smith2001">' in rows[0]
    assert "gone1999" in rows[2]
    assert "#ref-gone1999" not in rows[2]


def test_the_summary_tells_held_out_claims_from_the_others():
    text = report.verdict_summary(VERDICTS)
    assert "Of 4 published claims the model speaks to 3: 1 reproduced, 1 partly, 1 not" in text
    assert "3 claims were held out" in text
    assert "of the 2 of them that the model speaks to, it reproduces 0" in text
    only_fitted = report.verdict_summary(VERDICTS[VERDICTS["role"] == "calibrate"])
    assert "only that the model could be fitted" in only_fitted
    assert report.verdict_summary(VERDICTS.iloc[:0]) == "No claim was judged."
    assert verdict_counts(VERDICTS) == {"reproduced": 1, "partly": 1, "not": 1, "cannot say": 1}
    roles = roles_table(VERDICTS).set_index("role")
    assert roles.loc["hold-out"].tolist() == [3, 0, 1, 1, 1]
    assert "1 measured, 1 derived, 1 assumed. 1 come from memory" in evidence_summary(PARAMETERS)


def test_captions_carry_design_n_seed_version_and_simulated():
    origin = report.Origin("B6 into BALB/c", {"a": 10, "b": 12}, 2018, "0.1.0", assumed="the day of T cells")
    captions = [
        report.survival_caption(origin, versus="BM"),
        report.timecourse_caption(origin, what="serum IL-15", unit="pg/mL", floor=2.0),
        report.groups_caption(origin, what="serum IL-15", unit="pg/mL"),
        report.incidence_caption(origin),
        report.axis_caption(origin, when="day 9", control="vehicle"),
    ]
    for caption in captions:
        for words in (
            "B6 into BALB/c.",
            "n = 10 (a), 12 (b)",
            "Assumed: the day of T cells.",
            "model 0.1.0, seed 2018.",
        ):
            assert words in caption
        assert "Simulated by GVLab" in caption
        assert ".." not in caption
    real = report.Origin("B6 into BALB/c", 8, None, "0.1.0", simulated=False)
    assert "imulated" not in report.survival_caption(real, versus="BM")
    assert "n = 8 subjects per arm" in real.in_words()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.348, "0.348"),
        (1.2e6, "1.2×10⁶"),
        (1e-5, "10⁻⁵"),
        (0, "0"),
        (float("nan"), ""),
        ("all", "all"),
        (float("inf"), "∞"),
    ],
)
def test_numbers_are_written_for_readers(value, text):
    assert number(value) == text


def test_content_that_cannot_be_printed_is_refused_in_words():
    with pytest.raises(UnknownNameError, match='Did you mean "reproduced"'):
        content(verdicts=VERDICTS.replace("reproduced", "reproducd"))
    with pytest.raises(UnknownNameError, match='column of the table of verdicts named "reason"'):
        content(verdicts=VERDICTS.drop(columns="reason"))
    with pytest.raises(InvalidValueError, match='claim "C01" has two verdicts'):
        content(verdicts=pd.concat([VERDICTS, VERDICTS.iloc[:1]]))
    with pytest.raises(InvalidValueError, match='Two parts of the report have the id "part"'):
        content(sections=(report.Section("part", "One"), report.Section("part", "Two")))
    with pytest.raises(InvalidValueError, match="letters, digits and hyphens"):
        content(sections=(report.Section("a part", "One"),))
    comparisons = content().comparisons.replace("C02", "C99")
    with pytest.raises(UnknownNameError, match='no claim named "C99"'):
        content(comparisons=comparisons)


def test_an_empty_study_is_still_a_page():
    nothing = content(
        verdicts=VERDICTS.iloc[:0],
        comparisons=content().comparisons.iloc[:0],
        parameters=PARAMETERS.iloc[:0],
        sections=(),
    )
    found = Page(report.render(nothing))
    assert "No claim was judged." in " ".join(found.text)
    assert found.open == []


def test_a_report_is_written_whole_or_not_at_all(tmp_path):
    path = report.write_report(content(), tmp_path)
    before = path.read_text(encoding="utf-8")
    assert before.startswith("<!DOCTYPE html>")
    with pytest.raises(OutputError, match="does not exist"):
        report.write_report(content(), tmp_path / "missing")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [420, 1280])
def test_the_page_fits_its_window_and_filters_work(tmp_path, width):
    report.write_report(content(), tmp_path)
    probe = """
    frame.onload = () => {
      const page = frame.contentDocument, root = page.documentElement;
      const box = page.querySelector('input[name=verdict][value=not]');
      box.click();
      const shown = page.querySelector('.controls output').textContent;
      const first = [...page.querySelectorAll('#verdict-list .claim')].filter((each) => !each.hidden)[0].id;
      document.body.textContent = [root.scrollWidth, shown, first].join('|');
    };"""
    frame = f'<iframe id="frame" src="report.html" style="width:{width}px;height:900px;border:0"></iframe>'
    (tmp_path / "probe.html").write_text(f"<html><body>{frame}<script>{probe}</script></body></html>")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000",
        "--virtual-time-budget=5000", "--dump-dom", (tmp_path / "probe.html").as_uri(),
    ]  # fmt: skip
    out = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    wide, shown, first = re.search(r"<body>(\d+)\|(.*?)\|(.*?)</body>", out, re.DOTALL).groups()
    assert int(wide) <= width
    assert shown == "3 of 4 shown"
    assert first == "claim-C01"
