"""A picture of the page while a scene plays: ``python -m benchmarks.page_sheet [--out docs/page.png]``.

Three presets are saved, and the fader stands between the first two. The figures on it are those
of this machine at this moment.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from tests.rig.browser import Browser, Page
from tests.rig.show import Show, free_port, playing, wait_for

WIDTH, HEIGHT = 1440, 900
SETTLED_SECONDS = 8.0  # of figures, and of the film between two presets
PATIENCE_SECONDS = 60.0
# What a desk has: else the page thinks of a phone, without keys.
MOUSE = "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"
ANGLE, FACTOR = "bends.twist.angle", "bends.glow.factor"
PRESETS = ({ANGLE: 40.0, FACTOR: 1.0}, {ANGLE: 0.0, FACTOR: 3.0}, {ANGLE: -70.0, FACTOR: 2.0})


def photograph(show: Show, page: Page, file: Path) -> None:
    """Play as a performer might, and take the picture."""
    page.wait("document.getElementById('curtain').hidden", PATIENCE_SECONDS)
    for number, values in enumerate(PRESETS, 1):
        for name, value in values.items():
            _type(page, name, value)
        _reach(show, values)
        time.sleep(SETTLED_SECONDS)
        page.press("s")
        picture = f"document.querySelectorAll('.tile img:not([hidden])').length === {number}"
        page.wait(picture, PATIENCE_SECONDS)
    page.click("[aria-label='Preset 1 at end A']")
    page.click("[aria-label='Preset 2 at end B']")
    _reach(show, {"morph.a": 1, "morph.b": 2})
    page.drag("[aria-label='between A and B']", 0.02, 0.4)
    page.evaluate("document.querySelector('.panel').scrollTo(0, 0)")
    time.sleep(SETTLED_SECONDS)
    page.screenshot(file)


def _reach(show: Show, values: Mapping[str, float]) -> None:
    """Wait until all of ``values`` are played."""
    assert wait_for(
        lambda: all(abs(show.value(name) - value) < 1e-3 for name, value in values.items()),
        PATIENCE_SECONDS,
    ), values


def _type(page: Page, name: str, value: float) -> None:
    """Write a value into the field of a parameter."""
    group, _, label = name.rpartition(".")
    row = f"document.querySelector('[aria-label=\"{group} {label}\"]').closest('.row')"
    page.evaluate(f"{row}.querySelector('.number').focus()")
    page.type(str(value))
    page.evaluate("document.activeElement.blur()")


def main() -> None:
    """Take it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", default="first_light")
    parser.add_argument("--set", action="append", default=[], help="laid over the scene")
    parser.add_argument("--out", type=Path, default=Path("docs/page.png"))
    asked = parser.parse_args()
    osc = f"controllers.osc.port={free_port()}"
    settings = [f"--set={each}" for each in (osc, *asked.set)]
    with (
        tempfile.TemporaryDirectory() as home,  # whose presets are not those of the performer
        playing(asked.scene, *settings, env={"XDG_DATA_HOME": home}) as show,
        Browser(f"--blink-settings={MOUSE}") as browser,
    ):
        photograph(show, browser.page(show.url, WIDTH, HEIGHT), asked.out)
    Image.open(asked.out).convert("RGB").save(asked.out, optimize=True)


if __name__ == "__main__":
    main()
