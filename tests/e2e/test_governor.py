"""A machine that is too slow for its scene gives something up, and says so where people look."""

from pathlib import Path

from tests.rig.show import Show, free_port, playing, wait_for

SCENE = f"""\
performer: 1
model: {{untrained: 7, canvas: 256x256}}
clock: {{rate: 120}}
source: {{kind: card}}
governor: {{share: 0.95, floor: 110}}
post:
  grade: {{kind: levels}}
outputs:
  page: {{kind: page}}
controllers:
  osc: {{kind: osc, port: {free_port()}}}
"""


def line_of_render(show: Show) -> str:
    """What the page says of the process that paints."""
    return str(show.status()["processes"]["render"].get("line", ""))


def test_what_is_given_up_for_speed_is_on_the_page(tmp_path: Path) -> None:
    scene = tmp_path / "hasty.yaml"
    scene.write_text(SCENE)
    with playing(str(scene)) as show:
        assert wait_for(lambda: "given up: preview" in line_of_render(show), 60), show.status()
