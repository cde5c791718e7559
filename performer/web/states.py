"""How everything is, in lamps and words: gathered from what the processes say of themselves."""

from collections.abc import Iterator
from typing import Any

import psutil

from performer.web.instrument import Instrument

Status = dict[str, Any]

SILENT_SECONDS = 2.0
_GOOD = {"runs", "plays", "listens", "connected"}
_SEARCHES = "searches"  # for a device that nobody plugged in yet, which is no problem
_AWAY = "away"  # with its process
_WAITS = {"starting", "opens", "restarts", "rests", _AWAY, _SEARCHES}
_GONE = {"restarts", "failed"}
_BOARDS = ("render", "feed", "control", "midi")


def lamp(state: str) -> str:
    """``good``, ``waits`` or ``bad``: the colour for a state's word."""
    if state in _GOOD:
        return "good"
    return "waits" if state in _WAITS else "bad"


class States:
    """Gathers the status message."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._measured: dict[int, psutil.Process] = {}

    def message(self) -> Status:
        """Everything the page shows beside the picture and the values."""
        said = {process: self._instrument.said(process) for process in _BOARDS}
        processes = self._processes(said)
        said |= {name: _without_its_parts(said[name]) for name in _gone(processes)}
        controllers = {
            **said["control"].get("controllers", {}),
            **said["midi"].get("controllers", {}),
        }
        source = said["render"].get("source")
        groups: dict[str, Status] = {
            "processes": processes,
            "source": {source.get("kind", "source"): _lit(source)} if source else {},
            "outputs": _all_lit(said["feed"].get("outputs", {})),
            "controllers": _all_lit(controllers),
        }
        figures = {key: said["render"].get(key) for key in ("fps", "interval_ms", "late", "frames")}
        return {
            "type": "status",
            "state": said["render"].get("state", "starting"),
            **figures,
            "paint_ms": said["render"].get("paint_ms"),
            "model": said["render"].get("model", {}),
            "operators": said["render"].get("operators", ""),
            **groups,
            "viewers": said["control"].get("viewers", 0),
            "next": said["render"].get("next", {}),
            "problems": [*said["control"].get("problems", []), *_problems(groups)],
        }

    def _processes(self, said: dict[str, Status]) -> Status:
        watched: Status = self._instrument.said("supervisor").get("processes", {})
        alive = [name for name in _BOARDS if self._instrument.silent_seconds(name) is not None]
        return {
            name: self._process(name, watched.get(name, {}), said.get(name, {}))
            for name in dict.fromkeys([*watched, *alive])
        }

    def _process(self, name: str, watched: Status, said: Status) -> Status:
        silent = self._instrument.silent_seconds(name) if name in _BOARDS else 0.0
        state = watched.get("state", "runs")
        line = watched.get("line") if state != "runs" else said.get("line")
        if state == "runs" and silent is None:
            state = "starting"
        elif state == "runs" and silent is not None and silent > SILENT_SECONDS:
            state, line = "silent", f"no sign of life for {silent:.0f} s"
        return {
            "state": state,
            "lamp": lamp(state),
            "line": line or "",
            "heartbeat_ms": None if silent is None else round(silent * 1000),
            "memory_mb": self._memory_mb(watched.get("pid") or said.get("pid") or 0),
            "restarts": watched.get("restarts", 0),
        }

    def _memory_mb(self, pid: int) -> int | None:
        """Resident memory of a process; None where it cannot be known."""
        if not pid:
            return None
        try:
            process = self._measured.setdefault(pid, psutil.Process(pid))
            return round(float(process.memory_info().rss) / 1e6)
        except psutil.Error:
            self._measured.pop(pid, None)
            return None


def _gone(processes: Status) -> Iterator[str]:
    """Whoever shows on a board, but is not there now."""
    yield from (name for name in _BOARDS if processes.get(name, {}).get("state") in _GONE)


def _without_its_parts(said: Status) -> Status:
    """What a process said before it went, but that its parts are away: the board stays behind."""
    away = dict(said)
    if source := said.get("source"):
        away["source"] = _away(source)
    for group in ("outputs", "controllers"):
        away[group] = {name: _away(part) for name, part in said.get(group, {}).items()}
    return away


def _away(part: Status) -> Status:
    return {"kind": part.get("kind"), "state": _AWAY}


def _lit(part: Status) -> Status:
    state = str(part.get("state", "starting"))
    return {**part, "state": state, "lamp": lamp(state), "line": part.get("line") or ""}


def _all_lit(parts: dict[str, Status]) -> Status:
    return {name: _lit(part) for name, part in parts.items()}


def _problems(groups: dict[str, Status]) -> Iterator[str]:
    """One line for everything that is not well."""
    for group, parts in groups.items():
        for name, part in parts.items():
            if part["state"] == _SEARCHES:
                continue
            if part["lamp"] == "bad" or (part["lamp"] == "waits" and part["line"]):
                line = part["line"] or part["state"]
                named = line.startswith((f"{name}:", f"{group}:"))
                yield line if named else f"{name}: {line}"
