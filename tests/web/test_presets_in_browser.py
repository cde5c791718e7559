"""Presets on the page, played by mouse, finger and keyboard."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.browser import Browser, Page
from tests.web.pretend import SCENE, Pretended
from tests.web.serving import Serving

ANGLE = "bends.twist.angle"
OWN_SCENE = SCENE + "presets:\n  dawn: {bends.twist.angle: 30}\n  dusk: {bends.twist.angle: -90}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("presets")


@pytest.fixture(scope="module")
def run(folder: Path) -> Iterator[Pretended]:
    with Pretended(folder, OWN_SCENE) as pretended:
        yield pretended


@pytest.fixture(scope="module")
def page(run: Pretended, folder: Path) -> Iterator[Page]:
    with Serving(run, home=folder / "home") as serving, Browser() as browser:
        page = browser.page(serving.url)
        page.wait("document.querySelectorAll('.tile .recall').length === 2")
        yield page


@pytest.fixture(autouse=True)
def at_the_start(page: Page, run: Pretended) -> None:
    page.bring_to_front()
    page.evaluate("document.activeElement?.blur()")
    run.start_anew()


def reach(run: Pretended, value: float, name: str = ANGLE, within: float = 1e-6) -> None:
    wait(lambda: abs(run.value(name) - value) < within, f"{name} at {value}")


def wait(what: Callable[[], Any], said: str, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"never {said}"
        time.sleep(0.02)


def label(text: str) -> str:
    return f'[aria-label="{text}"]'


def kept(folder: Path) -> dict[str, Any]:
    files = list((folder / "home/performer/presets").glob("*.json"))
    found: dict[str, Any] = json.loads(files[0].read_text())["presets"] if files else {}
    return found


def test_a_tap_recalls(page: Page, run: Pretended) -> None:
    page.click(label("recall dawn"))
    reach(run, 30)
    page.wait("document.querySelector('.tile').hasAttribute('data-plays')")


def test_keys_recall_and_revert_goes_back(page: Page, run: Pretended) -> None:
    page.press("2")
    reach(run, -90)
    page.evaluate("[...document.querySelectorAll('.head .plain')][1].click()")
    reach(run, 0)


def test_what_plays_is_saved_with_its_picture_and_found_in_the_file(
    page: Page, run: Pretended, folder: Path
) -> None:
    run.play_from_elsewhere(ANGLE, 75)
    reach(run, 75)
    page.click(".tile .save")
    page.wait(f"!!document.querySelector('{label('recall Preset 1')} img:not([hidden])')")
    page.wait(f"document.querySelector('{label('recall Preset 1')} img').naturalWidth === 240")
    wait(lambda: kept(folder).get("Preset 1", {}).get("values", {}).get(ANGLE) == 75, "kept")
    page.click(label("recall dusk"))
    reach(run, -90)
    page.click(label("recall Preset 1"))
    reach(run, 75)


def test_a_preset_is_renamed_and_deleted(page: Page, folder: Path) -> None:
    page.press("s")
    page.wait(f"!!document.querySelector('{label('more for Preset 2')}')")
    page.click(label("more for Preset 2"))
    page.type("Grüße")
    page.click("#preset-rename")
    page.wait(f"!!document.querySelector('{label('recall Grüße')}')")
    wait(lambda: "Grüße" in kept(folder), "kept")
    page.click(label("more for Grüße"))
    page.click("#preset-delete")
    page.wait(f"!document.querySelector('{label('recall Grüße')}')")
    wait(lambda: "Grüße" not in kept(folder), "forgotten")


def test_what_cannot_be_done_is_said(page: Page) -> None:
    page.evaluate(f"document.querySelector('{label('more for Preset 1')}').click()")
    page.type("dawn")
    page.click("#preset-rename")
    page.wait("document.getElementById('toast').textContent.startsWith('there is a preset dawn')")


def test_the_fader_goes_between_two(page: Page, run: Pretended) -> None:
    page.click(label("dawn at end A"))
    page.click(label("dusk at end B"))
    page.wait("document.querySelector('.fader .end').textContent === 'dawn'")
    page.drag(label("between A and B"), 0.02, 1.2)
    reach(run, -90)
    page.drag(label("between A and B"), 0.98, -0.2)
    reach(run, 30)


def test_a_recall_takes_the_time_that_is_set(page: Page, run: Pretended) -> None:
    page.evaluate(
        "(() => { const field = document.getElementById('preset-seconds');"
        " field.value = 1; field.dispatchEvent(new Event('change')); })()"
    )
    reach(run, 1.0, "morph.seconds")
    page.press("1")
    wait(lambda: 0 < run.value(ANGLE) < 30, "on the way")
    reach(run, 30)
    run.play_from_elsewhere("morph.seconds", 0)


def test_the_grid_is_a_pad(page: Page, run: Pretended) -> None:
    page.click(".head [aria-pressed]")
    page.drag(".pad", 0.17, 0.5)  # three presets in a line: from the first to the second
    reach(run, -90, within=1)
    page.drag(".pad", 0.5, 0.05)
    reach(run, 30)
    page.evaluate("document.querySelector('.pad').focus()")
    for _ in range(5):  # while the first ones still glide
        page.press("ArrowRight")
    reach(run, 0.1, "morph.x")
    page.wait("document.querySelector('.pad').ariaValueText === 'dawn 80 %, dusk 20 %'")
    page.press("End")
    reach(run, 1, "morph.x")
    page.press("Home")
    reach(run, 0, "morph.x")
    reach(run, 30)
    page.click(".head [aria-pressed]")
    assert page.evaluate("document.querySelector('.pad').hidden")


def test_fingers_reach_everything(page: Page) -> None:
    page.resize(390, 844, touch=True)
    small = page.evaluate(
        "[...document.querySelectorAll('.presets button')].filter((one) => one.offsetParent)"
        ".map((one) => one.getBoundingClientRect()).filter(({height}) => height < 36).length"
    )
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.resize(1280, 800)
    assert (small, wide) == (0, False)
