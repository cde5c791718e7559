"""What can only be seen when the whole scene is there: whether names in it mean anything."""

from collections.abc import Iterator, Mapping

from model.knob import Knob
from performer import mapping, preset_checks, registry, sayings
from performer.document import Document
from performer.errors import Problem
from performer.scene import RouteSettings, Scene, full_name


def cross_checks(source: Document, scene: Scene) -> Iterator[Problem]:
    """Every one of them that means nothing."""
    if scene.source is None and scene.model.untrained is not None:  # a file may need none
        yield source.problem(("source",), "is missing", "add it")
    knobs = {
        full_name(prefix, short): knob
        for prefix, settings in scene.played()
        for short, knob in settings.knobs().items()
    }
    for number, macro in scene.macros.items():
        if macro.to not in knobs:
            yield source.problem(("macros", number, "to"), *sayings.unknown(macro.to, knobs))
    for path, problem in preset_checks.faults(scene.presets, knobs):
        yield source.problem(path, *problem)
    knobs |= {f"macros.{number}": Knob(0, 1) for number in scene.macros}
    for place, route in enumerate(scene.map):
        yield from _check_target(source, place, route, knobs)
        yield from _check_message(source, scene, place, route)


def _check_target(
    source: Document, place: int, route: RouteSettings, knobs: Mapping[str, Knob]
) -> Iterator[Problem]:
    if route.to not in knobs:
        yield source.problem(("map", place, "to"), *sayings.unknown(route.to, knobs))
    elif problem := mapping.problem(route, knobs[route.to]):
        yield source.problem(("map", place, "range"), *problem)


def _check_message(
    source: Document, scene: Scene, place: int, route: RouteSettings
) -> Iterator[Problem]:
    controller, _, message = route.from_.partition(" ")
    path = ("map", place, "from")
    if controller not in scene.controllers:
        there = ", ".join(scene.controllers) or "none"
        what = f"there is no controller {controller}"
        yield source.problem(path, what, f"name one under controllers: ({there})")
        return
    settings = scene.controllers[controller]
    problem = registry.part("controllers", settings.kind).check_message(settings, message.strip())
    if problem:
        yield source.problem(path, *problem)
