"""The campaign as Markdown: one row for each fault, then what was said and what went wrong."""

import re
import statistics
from collections.abc import Iterator, Sequence

from benchmarks.fault.campaign import Result, Turn

HEADER = (
    "| fault | times | frames missing | longest silence, ms | longest still picture, ms | black |"
    " moves again, s | all well, s | values lost | frames not on tape | orphans |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)
LEGEND = (
    "Of each: the median, and the worst after it. *Missing*: frames of the usual rate that did not"
    " arrive. *Silence*: no frame at all arrived. *Still*: frames arrived, none of them new. *Moves"
    " again*: seconds until new frames, 0 where they never stopped. *All well*: seconds from the mend"
    " (or the fault, where nobody mends it) until every process and the part that was broken work."
    " *Not on tape*: frames that render painted and no recording holds, of all that it painted."
)
_NUMBER = re.compile(r"\d+(\.\d+)?")


def row(result: Result) -> str:
    """A line of the table."""
    if not result.turns:
        return f"| {result.name} | {result.note} |" + " |" * 8 + f" {result.orphans} |"
    turns = result.turns
    cells = [
        result.name,
        str(len(turns)),
        _spread([turn.gaps.missing for turn in turns], 0),
        _spread([turn.gaps.silent_ms for turn in turns], 0),
        _spread([turn.gaps.still_ms for turn in turns], 0),
        str(sum(turn.gaps.black for turn in turns)),
        _spread([turn.gaps.moved_seconds for turn in turns], 1),
        _well(turns),
        str(sum(not turn.value_kept for turn in turns)),
        _tape(result),
        str(result.orphans),
    ]
    return f"| {' | '.join(cells)} |"


def remarks(results: Sequence[Result]) -> Iterator[str]:
    """What stood on the console at each fault, how shows ended, and damaged tapes."""
    for result in results:
        if result.turns:
            said = _kinds(line for turn in result.turns for line in turn.said)
            yield f"- **{result.name}**: " + ("; ".join(f"`{line}`" for line in said) or "silent")
        if result.turns and result.note:
            yield f"  - the show: {result.note}"
        yield from (f"  - damaged tape {tape}" for tape in _damaged(result))
        if result.tapes is not None and result.tapes.black:
            yield f"  - {result.tapes.black} black frames on tape"


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f}, {max(values):.{digits}f}"


def _well(turns: Sequence[Turn]) -> str:
    came = [turn.back_seconds for turn in turns if turn.back_seconds is not None]
    never = len(turns) - len(came)
    spread = _spread(came, 1) if came else ""
    return f"{spread} ({never} never)" if never else spread


def _tape(result: Result) -> str:
    if result.tapes is None:
        return ""
    return f"{max(result.painted - result.tapes.frames, 0)} of {result.painted}"


def _damaged(result: Result) -> tuple[str, ...]:
    return result.tapes.damaged if result.tapes is not None else ()


def _kinds(lines: Iterator[str]) -> list[str]:
    """Each kind of line once: those that differ in their numbers only are of one kind."""
    kinds = {_NUMBER.sub("#", line): line for line in lines if line}
    return list(kinds.values())
