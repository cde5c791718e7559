"""The OSC controller with programs that nobody here wrote."""

import asyncio
import contextlib
import subprocess
from pathlib import Path

from performer.doors.changes import Change
from tests.rig.osc import ANGLE, REVERSE, Stage, free_port, oscsend, play, require

PD = """#N canvas 0 0 450 300 12;
#X obj 20 20 loadbang;
#X msg 20 50 connect 127.0.0.1 {port};
#X obj 120 50 delay 100;
#X msg 120 80 0.25;
#X obj 120 110 oscformat 1 fader1;
#X obj 120 140 list prepend send;
#X obj 120 170 list trim;
#X obj 20 200 netsend -u -b;
#X connect 0 0 1 0;
#X connect 0 0 2 0;
#X connect 1 0 7 0;
#X connect 2 0 3 0;
#X connect 3 0 4 0;
#X connect 4 0 5 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
"""


def test_oscsend_sets_parameters_with_every_type_of_number(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        send = asyncio.to_thread
        await send(oscsend, stage.port, "/bends/twist/angle", "i", "90")
        await send(oscsend, stage.port, "/bends/twist/angle", "f", "-12.5")
        await send(oscsend, stage.port, "/bends/twist/angle", "d", "0.1")
        await send(oscsend, stage.port, "/bends/twist/angle", "h", "7")
        await send(oscsend, stage.port, "/source/reverse", "T")
        await send(oscsend, stage.port, "/source/reverse", "F")
        assert await stage.changes(6) == [
            Change(ANGLE, 90.0),
            Change(ANGLE, -12.5),
            Change(ANGLE, 0.1),
            Change(ANGLE, 7.0),
            Change(REVERSE, 1.0),
            Change(REVERSE, 0.0),
        ]

    play(tmp_path, performance)


def test_pure_data_moves_a_mapped_parameter(tmp_path: Path) -> None:
    program = require("pd", "puredata-core")
    port = free_port()
    patch = tmp_path / "send.pd"
    patch.write_text(PD.format(port=port))

    async def performance(stage: Stage) -> None:
        quiet = subprocess.DEVNULL
        flags = ("-nogui", "-noaudio", "-nomidi", "-noprefs", "-open", str(patch))
        pd = await asyncio.create_subprocess_exec(program, *flags, stdout=quiet, stderr=quiet)
        try:
            assert await stage.changes(timeout_seconds=15) == [Change(ANGLE, 45.0)]
        finally:
            pd.terminate()
            await pd.wait()

    play(tmp_path, performance, port=port)


def test_oscdump_is_told_what_changes(tmp_path: Path) -> None:
    program = require("oscdump", "liblo-tools")
    stdbuf = require("stdbuf", "coreutils")
    port = free_port()

    async def performance(stage: Stage) -> None:
        oscdump = await asyncio.create_subprocess_exec(
            stdbuf, "-oL", program, str(port), stdout=subprocess.PIPE
        )
        assert oscdump.stdout is not None
        try:
            line = b""
            for number in range(200):  # it may miss what comes before it listens
                stage.parameters.restore({"latent.position": 0.5 if number % 2 else 0.25})
                await stage.feed_back(0.05)
                with contextlib.suppress(TimeoutError):
                    line = await asyncio.wait_for(oscdump.stdout.readline(), 0.05)
                if b"/latent/position f 0.5" in line:
                    return
            raise AssertionError(f"it was told {line!r}")
        finally:
            oscdump.terminate()
            await oscdump.wait()

    play(tmp_path, performance, send=[f"127.0.0.1:{port}"])
