"""``python -m benchmarks.fault``: the campaign, or some of its faults."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fault import report
from benchmarks.fault.campaign import Result, attempt
from benchmarks.fault.faults import FAULTS, chosen
from benchmarks.fault.stage import Options
from benchmarks.timing import circumstances
from tests.rig.ndi import MISSING

_SAVED = Path(__file__).parents[1] / "results" / "fault.md"


_ALONE = "PERFORMER_FAULT_ALONE"


def main() -> None:
    """Try the faults, say how each turn went, and print the table."""
    asked = _asked()
    _leave_network()
    if MISSING:
        raise SystemExit(f"an NDI receiver has to look on: {MISSING}")
    options = Options(asked.scene, asked.canvas, asked.times, asked.pause)
    began, results = time.monotonic(), []
    for fault in chosen(asked.only):
        results.append(attempt(fault, options, _say))
        _say(report.row(results[-1]))
    text = _text(results, options, time.monotonic() - began)
    print(text)
    if asked.save:
        _SAVED.parent.mkdir(exist_ok=True)
        _SAVED.write_text(text, encoding="utf-8")


def _asked() -> argparse.Namespace:
    names = ", ".join(fault.name for fault in FAULTS)
    parser = argparse.ArgumentParser("python -m benchmarks.fault", epilog=f"Faults: {names}")
    parser.add_argument("--times", type=int, default=10, help="each fault, in a row")
    parser.add_argument("--pause", type=float, default=0, metavar="SECONDS", help="before each")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="a word of the name")
    parser.add_argument("--scene", default="first_light", help="a built-in scene")
    parser.add_argument("--canvas", help="such as 64x64, for a rough look on a slow machine")
    parser.add_argument("--save", action="store_true", help=f"write {_SAVED.name}")
    return parser.parse_args()


def _leave_network() -> None:
    """Go on in a network of our own, where root may (Linux).

    Without a discovery service, NDI programs of one machine ask each other by chance: others that
    run here would hide our sender from its receiver.
    """
    tools = all(map(shutil.which, ("unshare", "ip")))
    if sys.platform != "linux" or os.geteuid() or not tools or _ALONE in os.environ:
        return
    again = [sys.executable, "-m", "benchmarks.fault", *sys.argv[1:]]
    script = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    os.execvpe("unshare", ["unshare", "--net", *script, *again], {**os.environ, _ALONE: "yes"})


def _text(results: Sequence[Result], options: Options, seconds: float) -> str:
    canvas = f" at {options.canvas}" if options.canvas else ""
    head = f"{options.scene}{canvas}, {options.times} times each, {seconds / 60:.0f} minutes in all"
    rows = "\n".join(report.row(result) for result in results)
    said = "\n".join(report.remarks(results))
    return (
        f"# The fault campaign\n\n{circumstances()}\n{head}.\n\n"
        f"{report.HEADER}\n{rows}\n\n{report.LEGEND}\n\n## What the console said\n\n{said}\n"
    )


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    main()
