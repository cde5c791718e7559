"""A real Chromium, driven over its DevTools protocol; just what the tests of the page need."""

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "about:blank",
)
_START_SECONDS = 30.0
_ANSWER_SECONDS = 20.0


def require_chromium() -> str:
    """The browser's program; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is None:
        pytest.skip("no browser: apt-get install chromium")
    return found


class Browser:
    """A headless browser with a profile of its own, gone at the end of the ``with``."""

    def __init__(self, *flags: str) -> None:
        self._profile = Path(tempfile.mkdtemp(prefix="browser-"))
        self._open = contextlib.ExitStack()
        self._command = [require_chromium(), *flags, f"--user-data-dir={self._profile}", *_FLAGS]

    def __enter__(self) -> "Browser":
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
        self._asked = 0
        link = connect(self._endpoint(), max_size=None, compression=None)
        self._link = self._open.enter_context(link)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._open, contextlib.suppress(ConnectionClosed):  # perhaps before it answers
            self.ask("Browser.close")
        self._process.wait()
        while self._profile.exists():  # its helpers may still write there
            shutil.rmtree(self._profile, ignore_errors=True)

    def page(self, url: str, width: int = 1280, height: int = 800, touch: bool = False) -> "Page":
        """A new page at ``url``, loaded."""
        target = self.ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        attach = {"targetId": target, "flatten": True}
        page = Page(self, self.ask("Target.attachToTarget", attach)["sessionId"])
        page.resize(width, height, touch)
        page.open(url)
        return page

    def ask(
        self, method: str, parameters: Mapping[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result."""
        self._asked += 1
        call = {"id": self._asked, "method": method, "params": dict(parameters or {})}
        self._link.send(json.dumps(call | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self._link.recv(_ANSWER_SECONDS))
            if answer.get("id") == self._asked:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result

    def _endpoint(self) -> str:
        file = self._profile / "DevToolsActivePort"
        until = time.monotonic() + _START_SECONDS
        while not (file.exists() and file.read_text().count("\n")):
            assert self._process.poll() is None, "the browser ended at its start"
            assert time.monotonic() < until, "the browser did not start"
            time.sleep(0.05)
        port, path = file.read_text().split("\n")[:2]
        return f"ws://127.0.0.1:{port}{path}"


class Page:
    """One page of the browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.ask("Page.enable")
        self.bring_to_front()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol on this page."""
        return self._browser.ask(method, parameters, self._session)

    def bring_to_front(self) -> None:
        """Make it the page that is seen and has the keyboard."""
        self.ask("Page.bringToFront")

    def resize(self, width: int, height: int, touch: bool = False) -> None:
        """The size of the window in CSS pixels; ``touch`` makes it a phone."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch}
        self.ask("Emulation.setDeviceMetricsOverride", **metrics)
        self.ask("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=5)

    def open(self, url: str) -> None:
        """Go to ``url`` and wait until it is there."""
        self.ask("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        options = {"returnByValue": True, "awaitPromise": True}
        answer = self.ask("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in answer, answer.get("exceptionDetails")
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = 10.0) -> None:
        """Wait until an expression is true, as an element is where there is one."""
        until = time.monotonic() + seconds
        while not self.evaluate(f"Promise.resolve({expression}).then(Boolean)"):
            assert time.monotonic() < until, f"never true: {expression}"
            time.sleep(0.02)

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of an element, brought into view."""
        found = self.evaluate(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            "one.scrollIntoView({block: 'center'}); const box = one.getBoundingClientRect();"
            "return [box.x, box.y, box.width, box.height]; })()"
        )
        left, top, width, height = map(float, found)
        return left, top, width, height

    def drag(self, selector: str, start: float, end: float, *, drop: bool = True) -> None:
        """Take an element at ``start`` of its width (0 … 1) and move to ``end``."""
        left, top, width, height = self.box(selector)
        middle = top + height / 2
        self._mouse("mousePressed", left + start * width, middle)
        for share in (0.25, 0.5, 0.75, 1.0):
            self._mouse("mouseMoved", left + (start + (end - start) * share) * width, middle)
        if drop:
            self.drop()

    def drop(self) -> None:
        """Let go of what was dragged."""
        self._mouse("mouseReleased", *self._pointer)

    def click(self, selector: str, times: int = 1) -> None:
        """Click on the middle of an element."""
        left, top, width, height = self.box(selector)
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self._mouse(kind, left + width / 2, top + height / 2, count)

    def press(self, key: str) -> None:
        """Press a key that has a name, such as ``ArrowRight``."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.ask("Input.insertText", text=text)

    def swipe(self, selector: str, across: float, down: float) -> None:
        """Move one finger from the middle of an element by CSS pixels."""
        left, top, width, height = self.box(selector)
        x, y = left + width / 2, top + height / 2
        self._touch("touchStart", [{"x": x, "y": y}])
        for step in range(1, 9):
            self._touch("touchMove", [{"x": x + across * step / 8, "y": y + down * step / 8}])
        self._touch("touchEnd", [])

    def screenshot(self, file: Path) -> None:
        """Save what the window shows as PNG."""
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def _touch(self, kind: str, points: list[dict[str, float]]) -> None:
        self.ask("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def _mouse(self, kind: str, x: float, y: float, count: int = 1) -> None:
        self._pointer = x, y
        options = {"button": "left", "buttons": 1, "clickCount": count}
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **options)
