"""Tries one fault some times in a row, and measures what a receiver saw."""

import dataclasses
import time
from collections.abc import Callable

from benchmarks.fault import tapes as recordings
from benchmarks.fault.fault import Fault
from benchmarks.fault.gaps import Gaps, between, interval_seconds
from benchmarks.fault.receiver import ReceiverError
from benchmarks.fault.stage import Options, Stage, stage, wait_for

_WELL_SECONDS = 60.0  # until every process is well before the first fault
_REHEARSED_SECONDS = 20.0  # until there are understudies again; where none come, we go on
_QUIET_SECONDS = 2.0  # of which the usual interval of frames is taken
_HANDS_SECONDS = 0.3  # from the last change to the fault; what is younger than 0.1 s may be lost
_PATIENCE_SECONDS = 30.0
_AFTER_SECONDS = 1.5
_ALONE_SECONDS = 5.0  # until the last process of a dead supervisor must be gone

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """A fault once: what the receiver missed, seconds from its mend until all was well (None: never), and what
    was said."""

    gaps: Gaps
    back_seconds: float | None
    value_kept: bool
    said: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """A fault, tried; ``note`` says why it was not, or how the show ended."""

    name: str
    turns: tuple[Turn, ...] = ()
    orphans: int = 0
    painted: int = 0
    tapes: recordings.Tapes | None = None
    note: str = ""


def attempt(fault: Fault, options: Options, say: Say) -> Result:
    """Try a fault, on a stage of its own."""
    try:
        return (_endings if fault.ends_show else _held)(fault, options, say)
    except (AssertionError, ReceiverError, ShowError) as error:  # of a show that never played
        return Result(fault.name, note=f"failed: {error}")


def _held(fault: Fault, options: Options, say: Say) -> Result:
    """A fault that the show outlives."""
    with stage(options) as made:
        if (reason := fault.lacks(made)) is not None:
            return Result(fault.name, note=f"not tried: {reason}")
        fault.prepare(made)
        turns: list[Turn] = []
        note = ""
        with made.plays():
            try:
                _take_turns(fault, made, options, turns, say)
            except ShowError as error:
                note = f"in turn {len(turns) + 1}: {error}"
            painted = made.painted()
            made.note_processes()
        recorded = recordings.read(made.tapes.glob("*.mp4"))
        return Result(fault.name, tuple(turns), made.orphans(), painted, recorded, note)


class ShowError(Exception):
    """The show cannot go on with the campaign; the message says why."""


def described(turn: Turn) -> str:
    """A turn in one line."""
    gaps, back = turn.gaps, turn.back_seconds
    well = "never well again" if back is None else f"well after {back:.2f} s"
    kept = "" if turn.value_kept else ", values lost"
    return (
        f"{gaps.missing} missing, silent {gaps.silent_ms:.0f} ms, still {gaps.still_ms:.0f} ms, "
        f"{gaps.black} black, moved after {gaps.moved_seconds:.2f} s, {well}{kept}"
    )


def _take_turns(fault: Fault, made: Stage, options: Options, turns: list[Turn], say: Say) -> None:
    for number in range(options.times):
        time.sleep(options.pause_seconds)
        turns.append(_turn(fault, made, number))
        say(f"{fault.name}, {number + 1} of {options.times}: {described(turns[-1])}")


def _turn(fault: Fault, made: Stage, number: int) -> Turn:
    interval = _settled(made)
    value = 10.0 + number
    made.move(value)
    time.sleep(_HANDS_SECONDS)
    said = len(made.show.said)
    start = time.monotonic()
    fault.inject(made)
    time.sleep(fault.hold_seconds)
    healed = time.monotonic()
    fault.heal(made)
    well = _seconds_to_well(fault, made)
    time.sleep(_AFTER_SECONDS)
    gaps = between(made.got, start, time.monotonic(), interval)
    back = None if well is None else max(well, gaps.moved_seconds - (healed - start))
    lines = (line.replace(f"{made.folder}/", "") for line in made.show.said[said:])
    return Turn(gaps, back, made.stands(value), tuple(lines))


def _settled(made: Stage) -> float:
    """Wait until all is well and frames come; their usual interval in seconds."""
    if wait_for(made.well, _WELL_SECONDS) is None:
        raise ShowError(_ended(made) or f"not well after {_WELL_SECONDS:.0f} s")
    wait_for(made.rehearsed, _REHEARSED_SECONDS)
    before = len(made.got)
    if wait_for(lambda: len(made.got) > before + 2, _WELL_SECONDS) is None:
        raise ShowError("the receiver gets no frames")
    start = len(made.got)
    time.sleep(_QUIET_SECONDS)
    return interval_seconds(made.got[start:])


def _seconds_to_well(fault: Fault, made: Stage) -> float | None:
    """Seconds from now until all is well; None when that did not come."""

    def well() -> bool:
        return made.well() and fault.back(made)

    waited = wait_for(well, _PATIENCE_SECONDS)
    if (ended := _ended(made)) is not None:
        raise ShowError(ended)
    return waited


def _ended(made: Stage) -> str | None:
    status = made.show.process.poll()
    if status is None:
        return None
    return f"the show ended with status {status}: {' | '.join(made.show.said[-2:])}"


def _endings(fault: Fault, options: Options, say: Say) -> Result:
    """A fault that ends the show: a new one for each turn, and what it leaves behind."""
    orphans, damaged, slowest = 0, 0, 0.0
    for number in range(options.times):
        with stage(options) as made:
            with made.plays():
                _settled(made)
                seconds = _ending(fault, made)
            damaged += len(recordings.read(made.tapes.glob("*.mp4")).damaged)
        orphans += made.orphans(0)
        slowest = max(slowest, seconds)
        say(f"{fault.name}, {number + 1} of {options.times}: nothing left after {seconds:.2f} s")
    note = (
        f"{options.times} times; the last process and the shared memory gone after {slowest:.2f} s"
    )
    return Result(fault.name, orphans=orphans, note=f"{note}; damaged tapes: {damaged}")


def _ending(fault: Fault, made: Stage) -> float:
    """Seconds until nothing is left. Errors: ShowError when something is left."""
    made.note_processes()
    fault.inject(made)
    waited = wait_for(lambda: not (made.orphans(0) or made.folder_left()), _ALONE_SECONDS)
    if waited is None:
        raise ShowError(f"{made.orphans(0)} processes left, shared memory {made.folder_left()}")
    return waited
