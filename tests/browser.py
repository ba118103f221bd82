"""Pages as a reader's browser shows them: headless Chromium, spoken to over its debugging pipe.

Nothing but Chromium is needed. The one in CHROMIUM is used, or the first found under a usual name.
"""
from __future__ import annotations

import base64
import itertools
import json
import os
import re
import select
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
PICTURES = "[...document.images].filter(i => !(i.complete && i.naturalWidth > 0)).map(i => i.src.slice(0, 99))"
LINKS = "[...document.querySelectorAll('a[href]')].map(a => a.href)"
ANCHORS = "[...document.querySelectorAll('[id]')].map(e => e.id)"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALLEST = """Math.min(...[...document.querySelectorAll('p, td, th, li, a, h1, code')]
  .filter(e => e.innerText && e.innerText.trim() && e.getClientRects().length)
  .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
PATIENCE = 30  # seconds
COLOURS = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"


def chromium() -> str | None:
    """Where it is, if it is."""
    given = os.environ.get("CHROMIUM")
    return next((path for name in ([given] if given else NAMES) if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class Seen:
    """What a page looked like at one size. `errors` are those of the console and of what could not be loaded; widths
    and sizes are in CSS pixels."""

    errors: list[str]
    missing: list[str]
    links: list[str]
    anchors: list[str]
    sideways: int
    smallest: float
    colours: list[str]


@dataclass
class Browser:
    """One Chromium for several pages; leave it with `close`."""

    profile: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        here, there = os.pipe(), os.pipe()
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "about:blank")
        shell = f'exec "$0" "$@" 3<&{here[0]} 4>&{there[1]}'
        self.process = subprocess.Popen(["bash", "-c", shell, str(chromium()), *flags], pass_fds=(here[0], there[1]),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(here[0])
        os.close(there[1])
        self.to, self.back = os.fdopen(here[1], "wb"), os.fdopen(there[0], "rb")
        self.numbers, self.rest, self.session = itertools.count(1), b"", ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come meanwhile are kept."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        self.to.write(json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        self.to.flush()
        while (answer := self._next()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            assert select.select([self.back], [], [], PATIENCE)[0], "Chromium says nothing"
            some = os.read(self.back.fileno(), 1 << 20)
            assert some, "Chromium ended"
            self.rest += some
        whole, _, self.rest = self.rest.partition(b"\0")
        return json.loads(whole)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def until(self, script: str) -> Any:
        """The value of an expression once it is one, by the end of our patience."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)) and time.monotonic() < end:
            time.sleep(0.05)
        return value

    def look(self, address: str, size: str, picture: Path | None = None) -> Seen:
        """Open an address at a size of SIZES; with `picture`, leave a screenshot of the whole page there."""
        width, height = SIZES[size]
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=size == "phone")
        self.events.clear()
        self.ask("Page.navigate", url=address)
        self._settle()
        if picture is not None:
            shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
            picture.write_bytes(base64.b64decode(shot))
        return Seen(self._errors(), self.run(PICTURES), self.run(LINKS), self.run(ANCHORS), self.run(SIDEWAYS),
                    self.run(SMALLEST), self.run(COLOURS))

    def _settle(self) -> None:
        """Wait until the page is loaded, with pictures that load when seen."""
        end = time.monotonic() + PATIENCE
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._next())
        self.run("document.querySelectorAll('img[loading=lazy]').forEach(i => i.loading = 'eager')")
        while self.run("[...document.images].some(i => !i.complete)") and time.monotonic() < end:
            time.sleep(0.02)

    def _errors(self) -> list[str]:
        """All that a reader would find red in the console."""
        found = []
        for event in self.events:
            method, told = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(told["exceptionDetails"]["text"])
            elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
                found.append(str([argument.get("value") for argument in told["args"]]))
            elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
                found.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            elif method == "Network.loadingFailed" and not told.get("canceled"):
                found.append(told["errorText"])
        return found

    def close(self) -> None:
        self.to.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.back.close()


def unresolved(links: list[str], anchors: dict[str, set[str]] | None = None) -> list[str]:
    """Of the links that point into files, those whose file, or whose place in the file, is not there.

    `anchors` keeps the ids of pages already read, by path.
    """
    anchors = {} if anchors is None else anchors
    return [link for link in dict.fromkeys(links) if link.startswith("file:") and not _resolves(link, anchors)]


def _resolves(link: str, anchors: dict[str, set[str]]) -> bool:
    parts = urlsplit(link)
    path = Path(unquote(parts.path))
    if not path.exists():
        return False
    if not parts.fragment or path.suffix != ".html":
        return True
    if str(path) not in anchors:
        anchors[str(path)] = set(re.findall(r'\bid="([^"]+)"', path.read_text(encoding="utf-8")))
    return unquote(parts.fragment) in anchors[str(path)]
