"""The bench in the system's Chromium. These tests never skip: without a browser they fail, and say what to install."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bench_page import EXPERIMENT, PATIENCE, SYSTEM, Bench, Server
from playwright.sync_api import sync_playwright

from gvlab.library import Library
from gvlab.web.desk import Desk

# As scripts/setup_browser.sh looks for them.
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


@pytest.fixture(scope="session")
def chromium():
    """Path of the system's Chromium."""
    given = os.environ.get("GVLAB_CHROMIUM")
    found = given or next((path for path in map(shutil.which, NAMES) if path), None)
    if not found or not Path(found).exists():
        pytest.fail("There is no Chromium. `make test` installs it; or: sudo apt install chromium.", pytrace=False)
    return found


# Not of the session: Playwright runs an event loop in this thread, and tests of other folders run their own.
@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        # The sandbox of Chromium needs rights that containers and root do not have; all that is opened here is ours.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """The folder in which runs are kept."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="session")
def desk(kept):
    desk = Desk.of(Library.default(), EXPERIMENT, SYSTEM, folder=kept)
    desk.warm_up()
    return desk


@pytest.fixture(scope="session")
def server(desk):
    server = Server(desk)
    yield server
    server.stop()


@pytest.fixture
def opened(browser):
    """Open pages as a browser of its own, each of them heard: by address, and what a context of Playwright takes."""
    made = []

    def open_page(url="", **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
        context.set_default_timeout(1e3 * PATIENCE)
        bench = Bench(context.new_page())
        made.append((context, bench))
        return bench.open(url) if url else bench

    yield open_page
    for context, bench in made:
        context.close()
        assert bench.elsewhere == []
        assert [text for text in bench.complaints if "WebSocket" not in text and "ERR_CONNECTION" not in text] == []


@pytest.fixture
def bench(opened, server):
    return opened(server.url)


@pytest.fixture(scope="session")
def command():
    """Run gvlab as a user does: its SIGINT is that of a terminal, also where the test runner ignores it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(*words, **options):
        return subprocess.Popen(
            [sys.executable, "-m", "gvlab", *words], env={**environment, **options.pop("env", {})},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options,
        )  # fmt: skip

    return run
