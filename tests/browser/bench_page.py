"""The bench for tests in a browser: a server in a thread, and a page as a reader uses it."""

import socket
import threading
import time

import uvicorn

from gvlab.web.app import create_app

EXPERIMENT, SYSTEM = "mathew2018_survival", "b6_into_balbc_wehi3b"
TOKEN = "a-token-of-the-tests"
PATIENCE = 60
"""Seconds after which a page is taken to have failed; nothing waits for less than it needs."""


class Server:
    """The bench, served by a thread."""

    def __init__(self, desk, port=0):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/?token={TOKEN}"
        app = create_app(desk, token=TOKEN, hosts=("127.0.0.1",))
        config = uvicorn.Config(
            app, log_level="error", ws="websockets-sansio", lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def page(self, name):
        """Return the address of another page."""
        return self.url.replace("/?", f"/{name}?")

    def stop(self):
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()


class Bench:
    """The page, and how it is used."""

    def __init__(self, page):
        self.page = page
        self.complaints = []
        self.elsewhere = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _hear(self, said):
        if said.type in ("error", "warning"):
            self.complaints.append(said.text)

    def _asked(self, url):
        if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:")):
            self.elsewhere.append(url)

    def open(self, url):
        """Open a page of the bench, and wait for its result."""
        self.page.goto(url)
        self.page.wait_for_selector("#pictures svg.gv-survival")
        self.until("document.documentElement.dataset.connected === 'yes'")
        return self

    def until(self, condition):
        """Wait until JavaScript holds. (Playwright's own `wait_for_function` is what the policy forbids: eval.)"""
        end = time.monotonic() + PATIENCE
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"{condition} did not come true in {PATIENCE} s."
            self.page.wait_for_timeout(20)

    def answered(self, act=lambda: None):
        """Do something, and wait until the page shows the whole answer to it."""
        # Between two pages there is no element.
        before = int(self.page.evaluate("document.documentElement?.dataset.asked || '0'"))
        act()
        self.until(
            f"(({{asked, answered}}) => Number(asked || 0) > {before} && asked === answered)"
            "(document.documentElement.dataset)"
        )

    def changes_of(self, what, element="document.documentElement"):
        """Return a list, kept by the page, of what JavaScript gives at each change of an element."""
        return self.page.evaluate_handle(
            f"""() => {{const seen = []; new MutationObserver(() => seen.push({what}))
            .observe({element}, {{attributes: true, childList: true, subtree: true}}); return seen}}"""
        )

    def link(self):
        """Return the address, once it leads to what is shown: it follows a moment after the picture."""
        self.until("document.documentElement.dataset.linked === (document.documentElement.dataset.shown || '')")
        return self.page.url

    def table(self):
        """Return the table of arms, by arm."""
        rows = self.page.locator("#summary table").first.locator("tbody tr")
        return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows.all()}

    def slider(self, name):
        return self.page.get_by_role("slider", name=name)
