import pytest

from performer import reading
from performer.doors.changes import Change
from performer.scene import Scene
from performer.web.messages import (
    Message,
    MessageError,
    Movements,
    clusters_message,
    scene_message,
)
from tests.web.pretend import SCENE


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    file = tmp_path_factory.mktemp("scene") / "pretended.yaml"
    file.write_text(SCENE, encoding="utf-8")
    return reading.read(str(file))


def test_what_a_hand_sets_becomes_changes(scene: Scene) -> None:
    table = scene.table()
    message = Message.read('{"set": {"bends.twist.angle": 90, "latent.position": 0.5}}')
    assert message.changes(table) == [
        Change(table.places["bends.twist.angle"], 90.0),
        Change(table.places["latent.position"], 0.5),
    ]


def test_a_glide_of_its_own_goes_along(scene: Scene) -> None:
    message = Message.read('{"set": {"latent.position": 1}, "glide": 2.5}')
    assert message.changes(scene.table())[0].glide_seconds == 2.5


@pytest.mark.parametrize(
    "text",
    [
        '{"set": {"latent.position": NaN}}',
        '{"set": {"latent.position": Infinity}}',
        '{"set": {"latent.position": 1e999}}',
        '{"set": {"latent.position": "1"}}',
        '{"set": {"latent.position": true}}',
        '{"set": {"latent.position": null}}',
        '{"set": [1]}',
        '{"set": {}, "glide": -1}',
        '{"set": {}, "glide": 1e9}',
        '{"play": 1}',
        '{"retry": "../scene"}',
        "[" * 60000,
        "5",
        "",
    ],
)
def test_a_message_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        Message.read(text)


def test_an_unknown_name_is_refused_by_its_name(scene: Scene) -> None:
    message = Message.read('{"set": {"latent.position": 1, "bends.twst.angle": 1}}')
    with pytest.raises(MessageError, match=r"no parameter bends\.twst\.angle"):
        message.changes(scene.table())


def test_the_scene_tells_every_parameter_with_its_group_and_address(scene: Scene) -> None:
    table = scene.table()
    values = [parameter.default for parameter in table.parameters]
    message = scene_message(scene, table, values)
    by_name = {parameter["name"]: parameter for parameter in message["parameters"]}
    angle = by_name["bends.twist.angle"]
    assert angle["group"] == "bends.twist"
    assert angle["label"] == "angle"
    assert angle["address"] == "/bends/twist/angle"
    assert (angle["low"], angle["high"], angle["unit"]) == (-180, 180, "°")
    assert list(by_name) == list(table.places)
    assert set(message["groups"]) == {parameter["group"] for parameter in by_name.values()}


def test_a_macro_is_called_by_the_name_that_the_scene_gives_it(scene: Scene) -> None:
    table = scene.table()
    message = scene_message(scene, table, [0.0] * len(table))
    macro = next(one for one in message["parameters"] if one["name"] == "macros.1")
    assert (macro["label"], macro["moves"]) == ("Twist", "bends.twist.angle")


def test_an_untrained_network_is_told_with_its_seed(scene: Scene) -> None:
    table = scene.table()
    message = scene_message(scene, table, [0.0] * len(table))
    assert message["untrained"] is True
    assert message["seed"] == 7


def test_only_what_moved_is_told() -> None:
    movements = Movements([0.0, 1.0, 2.0])
    assert movements.message([0.0, 1.5, 2.0]) == {"type": "values", "changed": {1: 1.5}}
    assert movements.message([0.0, 1.5, 2.0]) is None


def test_clusters_of_another_scene_are_not_told() -> None:
    told = b'{"generation": 2, "bends": {"bends.sky": {}}, "groups": {}}'
    assert clusters_message(told, 2)["bends"] == {"bends.sky": {}}
    nothing = {"type": "clusters", "bends": {}, "groups": {}}
    assert clusters_message(told, 3) == clusters_message(b"", 0) == nothing
