"""The page in a real browser, played by mouse, finger and keyboard."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.knob import Knob
from performer.deaths import given_up
from performer.doors.status import StatusDoor
from performer.playbill import Playbill
from tests.rig.browser import Browser, Page
from tests.web.pretend import Pretended
from tests.web.serving import Serving

TWIST = '.slider[aria-label="bends.twist angle"]'
POSITION = '.slider[aria-label="latent position"]'
SIGMA = '.slider[aria-label="condition sigma"]'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def page(browser: Browser, serving: Serving) -> Page:
    return browser.page(serving.url)


@pytest.fixture(autouse=True)
def at_the_start(page: Page, run: Pretended) -> None:
    page.bring_to_front()
    page.wait("document.querySelectorAll('.slider').length > 10")
    run.start_anew()


def _reach(run: Pretended, name: str, value: float, within: float = 1e-6) -> None:
    until = time.monotonic() + 5
    while abs(run.value(name) - value) > within:
        assert time.monotonic() < until, f"{name} stands at {run.value(name)}, not {value}"
        time.sleep(0.02)


def _shown(selector: str, property_name: str = "--hand") -> str:
    return f"+document.querySelector({selector!r}).style.getPropertyValue('{property_name}')"


def _in_sight(selector: str) -> str:
    """Whether all of an element is seen, without anything being scrolled."""
    return (
        f"(() => {{ const one = document.querySelector({selector!r});"
        " const {left, right, top, bottom} = one.getBoundingClientRect();"
        " return [[left + 4, top + 4], [right - 4, bottom - 4]].every("
        "([x, y]) => one.contains(document.elementFromPoint(x, y))); })()"
    )


def test_it_shows_a_picture_that_plays(page: Page) -> None:
    page.wait("document.getElementById('preview').width === 512")
    sample = "[...document.getElementById('preview').getContext('2d').getImageData(200, 200, 8, 8)"
    before = page.evaluate(f"{sample}.data]")
    assert len(set(before)) > 3
    page.wait(f"String({sample}.data]) !== {','.join(map(str, before))!r}")
    assert page.evaluate("document.getElementById('curtain').hidden")


def test_it_says_which_operators_play(page: Page) -> None:
    line = "operators: native: built for a pretended processor by g++ 12.2"
    page.wait(f"document.getElementById('operators').innerText === {line!r}")


def test_every_parameter_has_a_named_control_and_its_address(page: Page, run: Pretended) -> None:
    addresses = page.evaluate("[...document.querySelectorAll('.address')].map(a => a.textContent)")
    own = {one.address for one in run.table.parameters if not one.address.startswith("/morph/")}
    assert own <= set(addresses)  # the morph's are the presets' own
    unnamed = "button, input, [role=slider]"
    assert page.evaluate(
        f"[...document.querySelectorAll({unnamed!r})].every(one => one.ariaLabel || one.textContent"
        " || one.labels?.length || one.closest('dialog'))"
    )


def test_dragging_a_slider_sends_a_change(page: Page, run: Pretended) -> None:
    page.drag(TWIST, 0.5, 0.75)
    _reach(run, "bends.twist.angle", 90, within=2)
    place = run.table.places["bends.twist.angle"]
    assert any(change.place == place for change in run.sent)


def test_another_hand_moves_the_slider(page: Page, run: Pretended) -> None:
    run.play_from_elsewhere("latent.position", 0.8)
    page.wait(f"Math.abs({_shown(POSITION)} - 0.8) < 0.001")
    assert page.evaluate(f"document.querySelector({POSITION!r}).ariaValueText") == "0.800 "


def test_a_held_slider_stays_under_the_finger(page: Page, run: Pretended) -> None:
    page.drag(POSITION, 0, 0.6, drop=False)
    _reach(run, "latent.position", 0.6, within=0.02)
    run.play_from_elsewhere("latent.position", 0.1)
    page.wait(f"Math.abs({_shown(POSITION, '--played')} - 0.1) < 0.001")
    assert abs(page.evaluate(_shown(POSITION)) - 0.6) < 0.02
    page.drop()
    page.wait(f"Math.abs({_shown(POSITION)} - 0.1) < 0.001")


def test_a_double_click_goes_back_to_the_start(page: Page, run: Pretended) -> None:
    page.drag(SIGMA, 0.1, 0.9)
    _reach(run, "condition.sigma", 28.8, within=0.5)
    page.click(SIGMA, times=2)
    _reach(run, "condition.sigma", 3)


def test_keys_move_a_slider(page: Page, run: Pretended) -> None:
    page.evaluate(f"document.querySelector({POSITION!r}).focus()")
    page.press("End")
    _reach(run, "latent.position", 1)
    page.press("ArrowLeft")
    _reach(run, "latent.position", 0.99, within=0.001)
    page.press("Delete")
    _reach(run, "latent.position", 0)


def test_a_number_can_be_typed(page: Page, run: Pretended) -> None:
    field = 'input[aria-label="angle in °"]'
    page.evaluate(f"document.querySelector({field!r}).focus()")
    page.type("-45,5")
    page.press("Enter")
    _reach(run, "bends.twist.angle", -45.5)
    page.evaluate(f"document.querySelector({field!r}).focus()")
    page.type("nonsense")
    page.press("Enter")
    page.wait(f"document.querySelector({field!r}).value === '-45.5'")


def test_a_macro_moves_what_it_stands_for(page: Page, run: Pretended) -> None:
    page.drag(".macros .slider", 0.5, 0.75)
    _reach(run, "bends.twist.angle", 90, within=2)


def test_an_untrained_network_is_said_to_be_one(page: Page) -> None:
    page.wait("!document.getElementById('untrained').hidden")
    assert page.evaluate("document.getElementById('untrained').textContent") == (
        "This network is untrained: it was made from seed 7 and shows what the instrument does, "
        "not what a model can do."
    )


def test_a_problem_is_shown_in_words_and_goes(page: Page, run: Pretended) -> None:
    well, line = run.source, "source: the device gives no pictures; check its cable"
    run.source = {"kind": "camera", "state": "rests", "line": line}
    page.wait(f"document.getElementById('problems').innerText.includes({line!r})")
    assert page.evaluate("document.querySelector('.lamp').dataset.lamp") == "waits"
    run.source = well
    page.wait("document.getElementById('problems').children.length === 0")


def test_a_process_that_was_given_up_is_started_once_more_by_a_click(
    page: Page, run: Pretended
) -> None:
    others = {name: {"state": "runs", "pid": 0} for name in ("render", "feed", "control")}
    dead = {"state": "failed", "pid": 0, "restarts": 7, "line": given_up("midi")}
    run.processes = {**others, "midi": dead}
    page.wait("document.querySelector('.retry:not([hidden])')")
    page.wait(_in_sight(".retry:not([hidden])"))  # however long the line beside it is
    page.wait(_in_sight("#problems li"))
    assert not run.folder.retry("midi").exists()
    page.click(".retry:not([hidden])")
    until = time.monotonic() + 5
    while not run.folder.retry("midi").exists():
        assert time.monotonic() < until, "nobody asked for it"
        time.sleep(0.02)
    run.processes = {}
    page.wait("!document.querySelector('.retry:not([hidden])')")


def test_clusters_are_seen_beside_the_bend_that_chooses_from_them(
    page: Page, run: Pretended
) -> None:
    shades = bytes([0] * 256 + [255] * 256 + [0] * 256)
    group = {
        "layer": "L3_52_128",
        "names": ["bright top", "mixed", "empty"],
        "channels": [70, 58, 0],
        "shades": base64.b64encode(shades).decode(),
    }
    chosen = {"group": "L3_52_128/3", "cluster": 1, "of": 3}
    told = {"generation": 0, "bends": {"bends.twist": chosen}, "groups": {"L3_52_128/3": group}}
    board = StatusDoor(run.folder.clusters)
    board.write(told)
    page.wait("document.querySelectorAll('.cluster').length === 3")
    beside = f"document.querySelector({TWIST!r}).closest('.group').querySelector('.strip')"
    assert page.evaluate(f"{beside}.ariaLabel") == "3 clusters of L3_52_128"
    names = f"[...{beside}.querySelectorAll('.name')].map((one) => one.innerText)"
    assert page.evaluate(names) == group["names"]
    assert page.evaluate(
        "[...document.querySelectorAll('.cluster')].map((one) => one.ariaCurrent)"
    ) == [None, "true", None]
    assert page.evaluate("document.querySelectorAll('.cluster')[2].disabled")
    lit = (
        "[...document.querySelectorAll('.cluster canvas')].map((one) =>"
        " one.getContext('2d').getImageData(8, 8, 1, 1).data[0])"
    )
    assert page.evaluate(lit) == [0, 255, 0]
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.click(".cluster")
    page.wait("window.copied === 'channels: {cluster: 0, of: 3}'")
    board.write({**told, "bends": {"bends.twist": {**chosen, "cluster": 0}}})
    page.wait("document.querySelector('.cluster').ariaCurrent === 'true'")
    board.write({**told, "generation": 7})
    page.wait("!document.querySelector('.strip')")


def test_what_the_network_lacks_is_hidden(page: Page, run: Pretended) -> None:
    zoom = '.slider[aria-label="model zoom"]'
    page.wait(f"document.querySelector({zoom!r}).checkVisibility()")
    run.without = ["model.zoom", "condition.sigma"]
    page.wait(f"!document.querySelector({zoom!r}).checkVisibility()")
    assert not page.evaluate("document.querySelector('.group.condition').checkVisibility()")
    assert page.evaluate(f"document.querySelector({TWIST!r}).checkVisibility()")
    run.without = []
    page.wait(f"document.querySelector({SIGMA!r}).checkVisibility()")


def test_the_address_is_copied_by_a_click(page: Page) -> None:
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.click(".group.latent .address")
    page.wait("window.copied === '/latent/position'")


def test_nothing_sticks_out_on_a_narrow_phone(browser: Browser, serving: Serving) -> None:
    phone = browser.page(serving.url, 360, 740, touch=True)
    phone.wait("document.querySelectorAll('.slider').length > 10")
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
    small = "[...document.querySelectorAll('.slider')].filter(one => one.clientHeight < 40).length"
    assert phone.evaluate(small) == 0


def test_a_finger_plays_across_and_scrolls_down(
    browser: Browser, serving: Serving, run: Pretended
) -> None:
    phone = browser.page(serving.url, 390, 844, touch=True)
    phone.wait("document.querySelectorAll('.slider').length > 10")
    before = phone.box(SIGMA)
    sent = len(run.sent)
    phone.swipe(SIGMA, across=2, down=-150)
    phone.wait(f"document.querySelector({SIGMA!r}).getBoundingClientRect().y < {before[1] - 50}")
    assert len(run.sent) == sent
    phone.swipe(SIGMA, across=80, down=3)
    _reach(run, "condition.sigma", 32 * (0.5 + 80 / before[2]), within=1)


def test_it_comes_back_by_itself(browser: Browser, tmp_path: Path) -> None:
    with Pretended(tmp_path) as run:
        with Serving(run) as first:
            page = browser.page(first.url)
            page.wait("document.body.dataset.connection === 'open'")
            page.wait("!!(window.row = document.querySelector('.row'))")
            port = str(first.port)
        page.wait("document.getElementById('connection').textContent.startsWith('reconnecting')")
        assert "reconnecting" in page.evaluate("document.getElementById('curtain').textContent")
        with Serving(run, "--port", port):
            page.wait("document.body.dataset.connection === 'open'")
            page.wait("document.getElementById('curtain').hidden")
            assert page.evaluate("row === document.querySelector('.row')")  # a hand may be on it


@pytest.mark.parametrize("knob", [Knob(-180, 180), Knob(0.1, 10, "exponential"), Knob(0, 7)])
def test_a_hand_spreads_over_the_range_as_the_knob_says(page: Page, knob: Knob) -> None:
    shape = json.dumps({"low": knob.low, "high": knob.high, "curve": knob.curve, "step": knob.step})
    for position in (0, 0.25, 0.9, 1):
        value, back = page.evaluate(
            f"import('/js/curve.js').then(({{valueAt, positionOf}}) => [valueAt({shape}, {position}),"
            f" positionOf({shape}, valueAt({shape}, {position}))])"
        )
        assert value == pytest.approx(knob.at(position))
        assert back == pytest.approx(position)


def test_a_switch_is_turned_by_a_click(page: Page) -> None:
    knob = '{"group": "bends.ice", "label": "frozen", "low": 0, "high": 1, "step": 1, "value": 0}'
    page.evaluate(
        "import('/js/switch.js').then(({Switch}) => {"
        f" window.turned = []; const one = new Switch({knob}, (value) => turned.push(value));"
        " one.element.id = 'switch'; document.getElementById('panel').prepend(one.element); })"
    )
    page.click("#switch")
    assert page.evaluate("document.getElementById('switch').ariaChecked") == "true"
    page.click("#switch")
    assert page.evaluate("turned") == [1, 0]
    page.evaluate("document.getElementById('switch').remove()")


def test_previews_are_on_screen_soon_after_they_are_made(page: Page, run: Pretended) -> None:
    delays = _delays_ms(page, run)
    assert sorted(delays)[len(delays) // 2] < 100  # 10 on an idle machine


def _delays_ms(page: Page, run: Pretended) -> list[float]:
    """From a preview on the board to the same preview drawn; both by the machine's wall clock."""
    page.evaluate(
        "window.drawn = {}; if (!window.plain) { window.plain = WebSocket.prototype.send;"
        " WebSocket.prototype.send = function (data) { const {seen} = JSON.parse(data);"
        " if (seen) drawn[seen] = performance.timeOrigin + performance.now();"
        " plain.call(this, data); }; }"
    )
    page.wait("Object.keys(drawn).length >= 45")
    drawn = json.loads(page.evaluate("JSON.stringify(drawn)"))
    made = run.written_at
    return [at - made[int(number)] * 1000 for number, at in drawn.items() if int(number) in made]


def test_keys_of_the_master_are_heard_wherever_the_focus_is_but_in_a_field(
    page: Page, run: Pretended
) -> None:
    pressed = "document.querySelector('.key.blackout').getAttribute('aria-pressed') === {!r}"
    page.evaluate(f"document.querySelector({POSITION!r}).focus()")
    page.press("b")
    _reach(run, "blackout", 1)
    page.wait(pressed.format("true"))
    page.evaluate("document.querySelector('.number').focus()")
    page.press("b")
    page.evaluate("document.activeElement.blur()")
    page.wait(pressed.format("true"))
    page.click(".key.blackout")
    _reach(run, "blackout", 0)
    page.wait(pressed.format("false"))


def test_another_hand_presses_the_key_of_freeze_and_panic_is_sent(
    page: Page, run: Pretended
) -> None:
    run.play_from_elsewhere("freeze", 1)
    page.wait("document.querySelector('.key.freeze').getAttribute('aria-pressed') === 'true'")
    page.press("p")
    place, deadline = run.table.places["panic"], time.monotonic() + 5
    while not any(change.place == place for change in run.sent):
        assert time.monotonic() < deadline, "panic was never sent"
        time.sleep(0.02)


def test_the_scenes_to_choose_from_are_there_and_one_is_called(page: Page, run: Pretended) -> None:
    playbill, deadline = Playbill(run.folder.scene), time.monotonic() + 5
    playbill.claim()  # control asks for the file as it is when it starts
    names = "[...document.getElementById('scene').options].map(one => one.value).join()"
    page.wait(f"{names}.includes('first_light')")
    assert page.evaluate("document.getElementById('scene').value") == "pretended"
    page.evaluate(
        "(() => { const chooser = document.getElementById('scene'); chooser.value = 'first_light';"
        "chooser.dispatchEvent(new Event('change')); })()"
    )
    while not playbill.asked:
        assert time.monotonic() < deadline, "the scene was never called"
        time.sleep(0.02)
    claimed = playbill.claim()[1]
    assert claimed is not None
    assert claimed.name == "first_light"
    assert page.evaluate("document.getElementById('scene').value") == "pretended"


def test_another_scene_that_plays_is_drawn(page: Page, run: Pretended) -> None:
    scene = run.scene.model_copy(update={"generation": 1, "name": "saved", "bends": {}})
    playbill = Playbill(run.folder.scene)
    playbill.write(scene.model_copy(update={"macros": {}}))
    page.wait("document.title.startsWith('saved')")
    assert page.evaluate("document.querySelectorAll('.macros, .bends').length") == 0
    playbill.write(run.scene)
    page.wait("document.title.startsWith('pretended')")
