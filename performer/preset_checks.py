"""What is wrong with the presets that a scene brings."""

from collections.abc import Iterator, Mapping

from model.knob import Knob
from performer.doors.presets import MOST_PRESETS
from performer.morph import takes_part
from performer.sayings import unknown
from performer.scene import PresetValues

Fault = tuple[str, str]  # what, and the mend


def faults(
    presets: Mapping[str, PresetValues], knobs: Mapping[str, Knob]
) -> Iterator[tuple[tuple[str, ...], Fault]]:
    """Each with the path of its field; ``knobs`` are all that the scene has."""
    if len(presets) > MOST_PRESETS:
        yield ("presets",), (f"are {len(presets)}, more than {MOST_PRESETS}", "leave some out")
    names = [name for name in knobs if takes_part(name)]
    for preset, values in presets.items():
        for name, value in values.items():
            if not takes_part(name):
                fault: Fault | None = f"{name} is no part of a preset", "leave it out"
            elif name not in knobs:
                fault = unknown(name, names)
            else:
                fault = _misfit(value, knobs[name])
            if fault is not None:
                yield ("presets", preset, name), fault


def _misfit(value: float, knob: Knob) -> Fault | None:
    if not knob.low <= value <= knob.high:
        what = f"{value:g} leaves the parameter's {knob.low:g} … {knob.high:g}"
        return what, "stay within it"
    if knob.step and (value - knob.low) % knob.step:
        return f"{value:g} is not a whole number", "give a whole number"
    return None
