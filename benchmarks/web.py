"""Times the bench as a reader has it: from a key to the repainted picture in Chromium; or many readers at once.

The server runs in a process of its own. Times are by the clock, and say something on an otherwise idle machine only;
the CPU time of the server is printed beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rows import Row, report

PAUSE = 1.0
"""Seconds for which a reader looks at an answer before the next move."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Notes when the picture is first there, and for each key when its first and its whole answer were painted.
WATCH = """
addEventListener("DOMContentLoaded", () => {
  const painted = (then) => requestAnimationFrame(() => setTimeout(() => then(performance.now())));
  const root = document.documentElement, look = () => {
    if (window.shownAt === undefined && document.querySelector("#pictures svg.gv")) {
      window.shownAt = null;
      painted((now) => { window.shownAt = now; });
    }
    const key = window.key;
    if (!key || root.dataset.shown !== root.dataset.asked || root.dataset.shown === key.before) return;
    const stage = root.dataset.stage;
    if (stage === "refining" && !key.seen) {
      key.seen = true;
      painted((now) => { key.first = now - key.at; });
    }
    if (stage === "done" && !key.ended) {
      key.ended = true;
      painted((now) => { key.all = now - key.at; });
    }
  };
  new MutationObserver(look).observe(root, {attributes: true, childList: true, subtree: true});
  addEventListener("keydown", (event) => {
    window.key = {at: event.timeStamp, before: root.dataset.shown};
  }, true);
  look();
});
"""


@dataclass
class Served:
    """A server in a process of its own."""

    url: str
    token: str
    process: subprocess.Popen[str]

    def cpu(self) -> float:
        """CPU seconds it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Memory it holds."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@contextlib.contextmanager
def served() -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "gvlab", "serve", "--no-browser", "--port", "0", "--json", "--store", folder]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        try:
            yield Served(said["url"], said["token"], process)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


# ------------------------------------------------------------------------------------------------------- one reader


def latency(keys: int) -> list[Row]:
    """Press keys on a slider, and return how long the picture takes to follow, with the parts of that time."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("GVLAB_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        raise SystemExit("There is no Chromium. Install it, or name one in GVLAB_CHROMIUM.")
    parts: dict[str, dict[str, list[float]]] = {"refining": defaultdict(list), "done": defaultdict(list)}

    def hear(frame: str | bytes) -> None:
        message = json.loads(frame)
        for name, value in message.get("ms", {}).items():
            parts[message["stage"]][name].append(value)

    with served() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        context.add_init_script(WATCH)
        page = context.new_page()

        def shown() -> float:
            page.goto(server.url)
            while not page.evaluate("window.shownAt"):
                time.sleep(0.01)
            return float(page.evaluate("window.shownAt")) / 1e3

        cold, warm = shown(), statistics.median(shown() for _ in range(5))
        page.on("websocket", lambda socket: socket.on("framereceived", hear))
        shown()
        slider = page.locator("#controls input[type=range]").nth(2)
        slider.focus()
        first, whole = [], []
        used = 0.0
        for number in range(keys + 2):
            began = server.cpu()
            page.keyboard.press("ArrowRight" if number else "Home")
            while not page.evaluate("window.key && window.key.all"):
                time.sleep(0.01)
            seen = page.evaluate("window.key")
            # The first two keys warm up; an arm that was followed before has no first answer.
            if number < 2 or not seen.get("first"):
                for each in (*parts["refining"].values(), *parts["done"].values()):
                    each.clear()
                continue
            used += server.cpu() - began
            first.append(seen["first"])
            whole.append(seen["all"])
        browser.close()
    ordered = sorted(first)
    rows = [
        Row("key to repaint, changed arm of 24 mice, median", statistics.median(first), "ms", 80),
        Row("the same, 95th percentile", ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))], "ms", 120),
        *_parts("of it", parts["refining"], first),
        Row("key to repaint, all arms of 100 mice, median", statistics.median(whole), "ms", 140),
        *_parts("of it", parts["done"], whole),
        Row("CPU of the server a key", 1e3 * used / len(first), "ms CPU"),
        Row("first paint with a picture, warm", warm, "s", 1.5),
        Row("first paint with a picture, as soon as the server speaks", cold, "s", 4.0),
    ]
    return rows


def _parts(of: str, parts: dict[str, list[float]], total: list[float]) -> list[Row]:
    """Return the medians of the parts that the server names, and what is left for transport and paint."""
    rows = [Row(f"  {of}: {name}", statistics.median(values), "ms") for name, values in parts.items()]
    rest = statistics.median(total) - sum(row.measured for row in rows)
    return [*rows, Row(f"  {of}: transport, edit and paint", rest, "ms")]


# ------------------------------------------------------------------------------------------------------ many readers


@dataclass
class Heard:
    """What readers met."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    strangers: int = 0
    grown: float = 0.0
    used: float = 0.0


async def reader(server: Served, number: int, end: float, heard: Heard, start: dict[str, Any]) -> None:
    """Move a slider of one's own experiment until the end; look whether every answer is one's own."""
    from websockets.asyncio.client import connect

    address = server.url.replace("http", "ws").split("/?")[0] + f"/socket?token={server.token}"
    mine, state, count = f"reader {number} of this benchmark", start, 0
    await asyncio.sleep(PAUSE * number / 20)
    async with connect(address, max_size=None) as socket:
        fields = {"arm.name": mine, "seed": str(1000 + number)}
        while time.monotonic() < end:
            count += 1
            began = time.monotonic()
            await socket.send(json.dumps({"n": count, "state": state, "fields": fields}))
            while True:
                message = json.loads(await socket.recv())
                if message["n"] != count:
                    heard.strangers += 1
                if "state" in message:
                    state = message["state"]
                text = "".join(message.get("parts", {}).values())
                heard.strangers += any(f"reader {each} of" in text for each in range(100) if each != number)
                if message["stage"] == "error":
                    heard.errors.append(message["parts"]["error"])
                if message["stage"] in ("done", "error"):
                    heard.strangers += message["stage"] == "done" and mine not in message["parts"].get("summary", "")
                    break
            heard.seconds.append(time.monotonic() - began)
            fields = {"line.1.amount": f"{(count * 7 + number) % 40 + 1} mg/kg"}
            await asyncio.sleep(PAUSE)


async def crowd(server: Served, users: int, seconds: float) -> Heard:
    import httpx

    async with httpx.AsyncClient(headers={"authorization": f"Bearer {server.token}"}) as client:
        reply = await client.get(server.url.split("/?")[0] + "/api/start", timeout=60)
    start = reply.json()["state"]
    heard = Heard()
    # What compiling and the first answers need does not count as growth.
    await asyncio.gather(*(reader(server, each, time.monotonic() + 5, Heard(), start) for each in range(users)))
    before, used = server.megabytes(), server.cpu()
    ended = await asyncio.gather(
        *(reader(server, each, time.monotonic() + seconds, heard, start) for each in range(users)),
        return_exceptions=True,
    )
    heard.errors += [repr(each) for each in ended if each is not None]
    heard.grown = server.megabytes() - before
    heard.used = server.cpu() - used
    return heard


def load(users: int, seconds: float) -> list[Row]:
    """Return what many readers at once meet."""
    with served() as server:
        heard = asyncio.run(crowd(server, users, seconds))
    ordered = sorted(heard.seconds)
    for each in heard.errors[:5]:
        print(each, file=sys.stderr)
    return [
        Row(f"answers to {users} readers in {seconds:g} s", len(ordered), ""),
        Row("errors", len(heard.errors), "", 0),
        Row("answers that were another's", heard.strangers, "", 0),
        Row("a whole answer, median", statistics.median(ordered), "s"),
        Row("a whole answer, 95th percentile", ordered[int(0.95 * (len(ordered) - 1))], "s", 1.0),
        Row("memory of the server has grown by", heard.grown, "MB", 50),
        Row("CPU of the server an answer", 1e3 * heard.used / len(ordered), "ms CPU"),
    ]


def main(given: list[str] | None = None) -> None:
    """Time, print, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="fewer keys")
    parser.add_argument("--users", type=int, default=0, help="that many readers at once, in place of one")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long")
    asked = parser.parse_args(given)
    if asked.users:
        rows = load(asked.users, asked.seconds)
        title = f"{asked.users} readers, each looking {PAUSE:g} s at an answer"
    else:
        rows, title = latency(10 if asked.quick else 30), "One reader"
    load_average = os.getloadavg()[0]
    report(rows, f"{title}; load average {load_average:.1f} on {os.cpu_count()} cores", asked.json)


if __name__ == "__main__":
    main()
