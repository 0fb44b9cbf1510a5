"""The bench as a reader has it: in a real browser, by key and by mouse."""

import json
import re
import signal
import subprocess

from bench_page import EXPERIMENT, SYSTEM, TOKEN, Server

from gvlab.web import plan_panel
from gvlab.web.desk import Desk
from gvlab.web.offline import offline_page, offline_state

# What a thread of the server would import while this one is busy: CPython 3.11 may not parse in two threads at once.
from gvlab.workflows import compare_registered, plan_experiment, register_plan  # noqa: F401

MILD, BOTH = "BM + T cells", "BM + T cells + sorafenib"


def test_it_opens_on_a_result(bench):
    assert set(bench.table()) == {"BM", "BM + sorafenib", "BM + T cells", BOTH}
    assert "Number at risk" in bench.page.locator("svg.gv-survival").text_content()
    assert bench.page.get_by_text("Simulated", exact=True).first.is_visible()
    assert bench.page.locator("#stage").inner_text() == "100 mice in every arm"
    assert bench.link().split("#")[1].startswith("e=")
    # What is shown is not asked for a second time.
    assert bench.page.evaluate("document.documentElement.dataset.asked") is None


def test_a_slider_answers_to_keys(bench):
    before, slider = bench.table(), bench.slider("Sorafenib: Dose")
    slider.focus()
    bench.answered(lambda: bench.page.keyboard.press("Home"))
    assert slider.get_attribute("aria-valuetext") == "0 mg/kg"
    after = bench.table()
    # Only the chosen arm has changed, and without the drug it does as the arm without it.
    assert {arm for arm in before if before[arm] != after[arm]} == {BOTH}
    assert after[BOTH] == after["BM + T cells"]
    assert bench.page.locator(".beyond", has_text="Beyond the evidence: records give 10 mg/kg").count() == 1
    assert bench.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Sorafenib: Dose"
    assert f"{BOTH} 0 %" in bench.page.locator("#said").text_content()


def test_a_slider_answers_to_the_mouse_with_few_mice_first(bench):
    stages = bench.changes_of("document.getElementById('stage').textContent", "document.getElementById('stage')")
    slider = bench.slider("Sorafenib: First day")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    mouse = bench.page.mouse
    mouse.move(box["x"] + box["width"] * 0.07, middle)
    mouse.down()
    bench.answered(lambda: mouse.move(box["x"] + box["width"] * 0.3, middle, steps=3))
    mouse.up()
    assert "24 mice, refining" in stages.json_value()
    assert bench.page.locator("#stage").inner_text() == "100 mice in every arm"
    day = slider.get_attribute("aria-valuetext")
    assert int(day.removeprefix("day ")) > 10
    assert day in bench.page.locator(".row.chosen .pick").get_attribute("title")


def test_a_switch_collapses_the_benefit_and_undo_brings_it_back(bench):
    before = bench.table()
    switch = bench.page.get_by_role("switch", name=re.compile("^IL-15-deficient leukemia"))
    bench.answered(lambda: (switch.focus(), bench.page.keyboard.press("Space")))
    assert int(bench.table()[BOTH][-1].split()[0]) < int(before[BOTH][-1].split()[0]) / 2
    bench.answered(lambda: bench.page.get_by_role("button", name="Undo").click())
    assert bench.table() == before


def test_an_arm_is_copied_renamed_and_removed(bench):
    bench.answered(lambda: bench.page.get_by_role("button", name=f"Copy {BOTH}", exact=True).click())
    assert f"{BOTH} (copy)" in bench.table()
    name = bench.page.get_by_label("Name of the arm")
    name.fill("Sixty letters of a name that is as long as names are allowed " + "x")
    bench.answered(lambda: name.press("Tab"))
    assert [arm for arm in bench.table() if arm.startswith("Sixty letters")]
    bench.answered(lambda: bench.page.get_by_role("button", name="Remove BM", exact=True).click())
    assert "BM" not in bench.table()


def test_what_cannot_be_is_said_at_the_control_and_the_result_stays(bench):
    before, exact = bench.table(), bench.page.get_by_label("Sorafenib: exact dose")
    exact.fill("10 nM")
    bench.answered(lambda: exact.press("Tab"))
    assert "a concentration" in bench.page.locator("#error").inner_text()
    assert exact.get_attribute("aria-invalid") == "true"
    assert bench.table() == before


def test_an_answer_that_is_out_of_date_is_dropped(bench):
    slider = bench.slider("Sorafenib: Dose")
    slider.focus()
    shown = bench.changes_of("Number(document.documentElement.dataset.shown || 0)")
    sent = bench.changes_of("Number(document.documentElement.dataset.asked || 0)")
    for _ in range(9):
        bench.page.keyboard.press("ArrowRight")
    bench.answered(lambda: bench.page.keyboard.press("ArrowLeft"))
    assert slider.get_attribute("aria-valuetext") == "18 mg/kg"
    seen = shown.json_value()
    assert seen == sorted(seen)
    assert seen[-1] == sent.json_value()[-1]
    # What stands there is the answer to the last place of the slider, as somebody else computes it.
    link, numbers = bench.link(), bench.table()
    bench.page.goto("about:blank")
    bench.answered(lambda: bench.open(link))
    assert bench.table() == numbers
    assert bench.slider("Sorafenib: Dose").get_attribute("aria-valuetext") == "18 mg/kg"


def test_a_link_restores_experiment_seed_and_numbers_in_another_browser(bench, opened, server):
    seed = bench.page.get_by_label("Seed")
    seed.fill("77")
    bench.answered(lambda: seed.press("Tab"))
    numbers, link = bench.table(), bench.link().split("#")[1]
    other = opened()
    other.answered(lambda: other.open(f"{server.url}#{link}"))
    assert other.table() == numbers
    assert other.page.get_by_label("Seed").input_value() == "77"
    assert other.page.locator(".banner").count() == 0


def test_the_server_is_killed_and_comes_back(opened, desk):
    server = Server(desk)
    bench = opened(server.url)
    numbers = bench.table()
    server.stop()
    bench.page.wait_for_selector("#offline:not([hidden])")
    assert "Offline" in bench.page.locator("#offline").inner_text()
    assert bench.table() == numbers
    bench.slider("Sorafenib: Dose").focus()
    bench.page.keyboard.press("Home")
    again = Server(desk, server.port)
    bench.page.wait_for_selector("#offline", state="hidden")
    # What was moved while nobody answered is answered now.
    bench.page.wait_for_selector(".row.chosen .pick[title*='Sorafenib 0 mg/kg']")
    bench.answered(lambda: bench.page.keyboard.press("End"))
    assert bench.table() != numbers
    again.stop()


def test_a_run_that_was_kept_survives_a_restart(bench, opened, desk, kept):
    bench.answered(lambda: bench.page.get_by_role("button", name="Keep this run").click())
    assert "Kept" in bench.page.locator("#kept").inner_text()
    numbers = bench.table()
    again = Server(Desk.of(desk.library, EXPERIMENT, SYSTEM, folder=kept))
    other = opened()
    page = other.page
    page.goto(again.url)
    page.get_by_role("link", name="Runs").click()
    note = page.get_by_label("Note", exact=True).first
    note.fill("<b>what I saw</b>")
    page.get_by_role("button", name="Keep the note of run 1").click()
    assert note.input_value() == "<b>what I saw</b>"
    page.get_by_role("button", name="Remove run 1").click()
    assert page.locator("article").count() == 0
    page.get_by_role("button", name="Undo the last change").click()
    page.wait_for_selector("article h2 a")
    other.answered(lambda: page.locator("article h2 a").first.click())
    assert other.table() == numbers
    again.stop()


def test_a_file_that_is_wrong_shows_the_cell_and_one_that_is_right_lies_over_the_prediction(bench):
    bench.answered(lambda: bench.page.get_by_label("Your data").click(force=True))
    header, good = "arm,day,died\n", "".join(f"BM,{day},1\n" for day in (17, 18, 18, 19, 20))
    choose = bench.page.get_by_label("Drop a CSV or a workbook here, or choose one:")
    bad = header + good + "BM,eighteen,1\n"
    choose.set_input_files({"name": "mine.csv", "mimeType": "text/csv", "buffer": bad.encode()})
    bench.page.wait_for_selector("#data-answer .error")
    said = bench.page.locator("#data-answer").inner_text()
    assert "mine.csv" in said
    assert '"eighteen"' in said
    assert "cell B7" in said
    # A browser reports what is refused to its console; nothing else was said there.
    assert all("422" in each for each in bench.complaints)
    bench.complaints.clear()
    choose.set_input_files({"name": "mine.csv", "mimeType": "text/csv", "buffer": (header + good).encode()})
    bench.page.wait_for_selector("#data-answer svg.gv")
    assert "BM: your data, n = 5" in bench.page.locator("#data-answer svg.gv").text_content()
    assert bench.page.locator("#data-answer .error").count() == 0


def test_why_names_edges_and_stays_in_the_link(bench, opened, server):
    bench.answered(lambda: bench.page.get_by_label("Why?").click(force=True))
    said = bench.page.locator("#panel strong").inner_text()
    assert "percentage points" in said
    assert bench.page.locator("#panel svg.gv").count() == 1
    # From an edge it goes on to its equation, its parameters and their evidence.
    edge = bench.page.locator("#panel details.edge").first
    edge.locator("summary").click()
    assert ":=" in edge.locator("pre").first.inner_text()
    assert edge.locator("tbody tr").count() > 0
    other = opened()
    other.answered(lambda: other.open(f"{server.url}#{bench.link().split('#')[1]}"))
    assert other.page.locator("#panel strong").inner_text() == said


def test_a_picture_is_downloaded_as_it_is_shown(bench):
    with bench.page.expect_download() as waiting:
        bench.page.get_by_role("link", name="Survival as CSV").click()
    text = waiting.value.path().read_text(encoding="utf-8")
    assert waiting.value.suggested_filename.endswith(".csv")
    assert "imulated" in text
    assert BOTH in text


def test_a_page_from_a_disk_needs_no_server(opened, desk, tmp_path):
    path = tmp_path / "bench.html"
    state = offline_state(desk.library, EXPERIMENT, SYSTEM, BOTH, 24)
    path.write_text(offline_page(state, desk.library, points=(3, 2)), encoding="utf-8")
    bench = opened()
    asked = []
    bench.page.on("request", lambda request: asked.append(request.url))
    bench.page.goto(path.as_uri())
    before = bench.page.locator("#said").inner_text()
    dose = bench.page.get_by_label("Sorafenib: Dose")
    dose.focus()
    bench.page.keyboard.press("Home")
    assert dose.get_attribute("aria-valuetext") == "0 mg/kg"
    assert bench.page.locator("#said").inner_text() != before
    assert asked == [path.as_uri()]


def test_serve_prints_where_it_is_and_ends_without_a_traceback(command, opened, tmp_path):
    done = command(
        "serve", "--no-browser", "--port", "0", "--json", "--store", str(tmp_path),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = json.loads(done.stdout.readline())
    assert set(said) == {"url", "token"}
    assert said["url"].startswith("http://127.0.0.1:")
    assert said["token"] in said["url"]
    assert said["token"] != TOKEN
    opened(said["url"])
    done.send_signal(signal.SIGINT)
    _, complaints = done.communicate(timeout=60)
    assert (done.returncode, "Traceback" in complaints) == (130, False)


def test_the_axis_follows_its_slider_of_days_and_the_slider_stays_in_hand(bench):
    bench.answered(lambda: bench.page.get_by_role("radio", name="Axis").check(force=True))
    slider = bench.slider("Day that is read")
    assert slider.get_attribute("aria-valuetext") == "day 14"
    assert "on day 14 the strongest edges" in bench.page.locator("#panel").inner_text()
    slider.focus()
    bench.answered(lambda: bench.page.keyboard.press("ArrowLeft"))
    assert slider.get_attribute("aria-valuetext") == "day 13"
    assert "on day 13 the strongest edges" in bench.page.locator("#panel-answer").inner_text()
    assert bench.page.evaluate("document.activeElement.id") == "look-day"
    # A link holds the day.
    bench.link()
    bench.page.reload()
    bench.until("document.documentElement.dataset.connected === 'yes'")
    assert bench.slider("Day that is read").get_attribute("aria-valuetext") == "day 13"


def test_an_assay_is_chosen_and_read_on_a_day(bench):
    bench.answered(lambda: bench.page.get_by_role("radio", name="Assays").check(force=True))
    choice = bench.page.locator("#look-assay")
    bench.answered(lambda: choice.select_option("cd8_flow"))
    assert bench.page.locator("#panel-answer svg.gv-flow").count() == 2
    bench.answered(lambda: choice.select_option("seahorse_mito"))
    assert "FCCP" in bench.page.locator("#panel-answer svg.gv-seahorse").text_content()
    slider = bench.slider("Day that is read")
    slider.focus()
    bench.answered(lambda: bench.page.keyboard.press("Home"))
    assert "nobody can be read" in bench.page.locator("#panel-answer .error").inner_text()


def test_a_plan_is_registered_downloaded_and_held_to_its_outcome(bench, tmp_path, monkeypatch):
    for name, number in {"PLAN_SUBJECTS": 128, "PLAN_SETS": 2, "PLAN_REPLICATES": 160}.items():
        monkeypatch.setattr(plan_panel, name, number)
    bench.answered(lambda: bench.page.get_by_role("radio", name="How many mice?").check(force=True))
    button = bench.page.get_by_role("button", name="Register this plan")
    button.focus()
    bench.answered(lambda: bench.page.keyboard.press("Enter"))
    assert bench.page.evaluate("document.activeElement.id") == "register"
    with bench.page.expect_download() as waiting:
        bench.page.get_by_role("link", name="Download the registered plan").click()
    file = tmp_path / "plan.json"
    waiting.value.save_as(file)
    plan = json.loads(file.read_text())
    assert plan["sha256"] == bench.page.locator("#panel .hash").inner_text()
    data = tmp_path / "mine.csv"
    rows = [f"{n},{arm},{day},{event}" for arm, day, event in ((MILD, 20, 1), (BOTH, 100, 0)) for n in range(9)]
    data.write_text("\n".join(["mouse,group,time [days],event (1 = died)", *rows]))
    bench.answered(lambda: bench.page.get_by_role("radio", name="Your data").check(force=True))
    bench.page.locator("#data-file").set_input_files([file, data])
    said = bench.page.locator("#data-answer strong")
    said.wait_for()
    assert "of 6 registered predictions held" in said.inner_text()
    bench.page.locator("#data-file").set_input_files([file])
    bench.page.get_by_text("alone says nothing of what came of it").wait_for()
    assert all("422" in each for each in bench.complaints)
    bench.complaints.clear()
