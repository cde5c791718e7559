"""The commands. What a command needs is imported when it runs, so that all of them start fast."""

import argparse
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from performer import __version__, train
from performer.console import say, warn
from performer.dataset import command as dataset
from performer.errors import BAD_INPUT, PerformerError
from performer.evaluation import command as evaluate


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status (0 well, 2 something a person can mend)."""
    asked = _parser().parse_args(arguments)
    try:
        status: int = asked.command(asked)
    except PerformerError as error:
        warn(str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # whoever read our lines has enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _run(asked: argparse.Namespace) -> int:
    from performer import awake, logs, reading
    from performer.supervisor import Options, Supervisor

    if (complaint := logs.keep("supervisor")) is not None:
        warn(complaint)
    scene = reading.read(asked.scene, asked.set)
    options = Options(
        asked.headless,
        asked.lan,
        asked.frames,
        asked.page_port,
        asked.resume,
        tuple(asked.set),
    )
    with contextlib.nullcontext() if asked.let_sleep else awake.kept_awake():
        return Supervisor(scene, options).run()


def _picture(asked: argparse.Namespace) -> int:
    from performer import offline, out_file, reading

    out_file.check(asked.out, ".png")
    offline.save_picture(reading.read(asked.scene, asked.set), asked.frame, asked.out)
    return 0


def _check(asked: argparse.Namespace) -> int:
    from performer import offline, reading

    offline.check(*reading.read_in_part(asked.scene, asked.set))
    say(f"{asked.scene}: plays")
    return 0


def _doctor(asked: argparse.Namespace) -> int:
    from performer import doctor, model_report, models

    network = None if asked.model is None else models.known(asked.model)
    told = model_report.lines(network, warn) if network else doctor.lines()
    for line in told:
        say(line)
    return 0


def _build(asked: argparse.Namespace) -> int:
    import torch

    import cuda_ops
    from cuda_ops import build
    from performer import precompile

    has_card = torch.cuda.is_available()
    for line in precompile.lines(asked.scenes) if has_card else ():
        say(line)
    try:
        build.build(say)
    except build.BuildError as error:
        raise PerformerError(f"operators: {error}") from error
    say(f"operators: {cuda_ops.path()}")
    if not has_card:
        say("graphics card: none that torch can use, so there is nothing to compile for one")
    return 0


def _report(asked: argparse.Namespace) -> int:
    from performer import crash_report

    out = crash_report.write(asked.out, asked.scene)
    say(f"{out}: written; it holds logs, crashes, versions and what works here, without secrets")
    return 0


def _boot(asked: argparse.Namespace) -> int:
    from performer import boot, reading

    scene = reading.find(asked.scene).resolve()
    system = asked.system or boot.this_system()
    text = boot.unit(system, scene, headless=asked.headless)
    if asked.out is None:
        say(text)
        return 0
    try:
        asked.out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PerformerError(f"{asked.out}: cannot be written ({error.strerror})") from error
    say(f"{asked.out}: written; its first lines say how to install it")
    return 0


def _schema(asked: argparse.Namespace) -> int:
    from performer import schema

    say(json.dumps(schema.scene_schema(), indent=2))
    return 0


def _convert(asked: argparse.Namespace) -> int:
    from model.checkpoint import convert
    from model.errors import LoadError

    try:
        convert(asked.source, asked.out)
    except (LoadError, ValueError) as error:
        raise PerformerError(str(error)) from error
    except OSError as error:
        raise PerformerError(f"{asked.out}: cannot be written ({error.strerror})") from error
    say(f"{asked.out}: written")
    return 0


def _cluster(asked: argparse.Namespace) -> int:
    from performer import clustering

    found, out = clustering.make(asked.model, asked.pictures, asked.k, asked.out)
    say(f"{out}: written; {len(found.layers)} layers, k {found.ks[0]} … {found.ks[-1]}")
    if asked.thumbnails is not None:
        count = clustering.save_thumbnails(found, asked.thumbnails)
        say(f"{asked.thumbnails}: {count} thumbnails written")
    return 0


def _project(asked: argparse.Namespace) -> int:
    from performer import projecting

    found, out = projecting.project(asked.picture, asked.model, asked.steps, asked.out)
    say(f"{out}: written; from a distance of {found.first:.3f} to {found.distance:.3f}")
    say(f"play it with `latent: {{kind: point, file: {out.resolve()}}}`")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "performer", description="Plays a neural network with live pictures."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_picture(commands)
    check = commands.add_parser("check", help="say what is wrong with a scene")
    _add_scene(check)
    check.set_defaults(command=_check)
    doctor = commands.add_parser("doctor", help="say what works on this machine, and the mend")
    doctor.add_argument(
        "--model", metavar="MODEL", help="say what a network file holds and how it plays"
    )
    doctor.set_defaults(command=_doctor)
    build = commands.add_parser("build", help="compile the fast operators now, and wait")
    build.add_argument(
        "scenes", nargs="*", help="for a graphics card: whose kernels; of all built-in ones"
    )
    build.set_defaults(command=_build)
    schema = commands.add_parser("schema", help="print the JSON Schema of scenes, for editors")
    schema.set_defaults(command=_schema)
    train.add(commands)
    dataset.add(commands)
    evaluate.add(commands)
    _add_report(commands)
    _add_boot(commands)
    convert = commands.add_parser("convert", help="make a safe model file out of an official one")
    convert.add_argument("source", type=Path, metavar="IN.pkl")
    convert.add_argument("out", type=Path, metavar="OUT.safetensors")
    convert.set_defaults(command=_convert)
    _add_cluster(commands)
    _add_project(commands)
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser("run", help="play a scene")
    _add_scene(run)
    run.add_argument(
        "--headless", action="store_true", help="no window, no browser; the page stays"
    )
    run.add_argument("--frames", type=_count, metavar="N", help="stop after N live frames")
    run.add_argument("--lan", action="store_true", help="page and OSC for the whole network")
    run.add_argument(
        "--page-port", type=_port, default=8400, metavar="PORT", help="where the page is (8400)"
    )
    run.add_argument(
        "--resume", action="store_true", help="go on where the last run of the scene ended"
    )
    run.add_argument(
        "--let-sleep", action="store_true", help="leave screen saver and sleep as they are"
    )
    run.set_defaults(command=_run)


def _add_picture(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    picture = commands.add_parser("picture", help="paint one frame into a PNG file")
    _add_scene(picture)
    picture.add_argument("--frame", type=_frame_number, default=0, metavar="N")
    picture.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    picture.set_defaults(command=_picture)


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = commands.add_parser("report", help="write a file to send when something went wrong")
    report.add_argument("scene", nargs="?", help="the scene that was played, to put it in")
    report.add_argument("--out", type=Path, metavar="FILE.zip")
    report.set_defaults(command=_report)


def _add_boot(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    boot = commands.add_parser("boot", help="print what starts a scene when the machine starts")
    boot.add_argument("scene", help="a file, or the name of a scene")
    boot.add_argument("--system", choices=("linux", "macos", "windows"), help="this one")
    boot.add_argument("--headless", action="store_true", help="no window, no browser, no desktop")
    boot.add_argument("--out", type=Path, metavar="FILE", help="write it there")
    boot.set_defaults(command=_boot)


def _add_cluster(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    cluster = commands.add_parser("cluster", help="group a network's channels by what they paint")
    cluster.add_argument("model", help="a network file, or a scene that plays it")
    cluster.add_argument("--pictures", type=Path, metavar="FOLDER", help="what it is shown")
    cluster.add_argument(
        "--k", type=_ks, default=range(2, 17), metavar="K..K", help="how many groups (2..16)"
    )
    cluster.add_argument("--out", type=Path, metavar="FILE", help="beside the network")
    cluster.add_argument("--thumbnails", type=Path, metavar="FOLDER", help="pictures of them all")
    cluster.set_defaults(command=_cluster)


def _add_project(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    project = commands.add_parser("project", help="find the w that paints a picture")
    project.add_argument("picture", type=Path, metavar="PICTURE")
    project.add_argument("model", help="a network file, or a scene that plays it")
    project.add_argument("--steps", type=_count, default=300, metavar="N", help="how long to look")
    project.add_argument("--out", type=Path, metavar="FILE", help="beside the picture")
    project.set_defaults(command=_project)


def _add_scene(command: argparse.ArgumentParser) -> None:
    command.add_argument("scene", help="a file, or the name of a scene")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="such as bends.twist.angle=90",
    )


def _count(text: str) -> int:
    return _whole(text, 1, sys.maxsize)


def _frame_number(text: str) -> int:
    return _whole(text, 0, 10_000_000)


def _port(text: str) -> int:
    return _whole(text, 1, 65535)


def _ks(text: str) -> range:
    from model.clusters.limits import LEAST_K, MOST_K

    first, _, last = text.partition("..")
    return range(_whole(first, LEAST_K, MOST_K), _whole(last or first, int(first), MOST_K) + 1)


def _whole(text: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number {low} … {high}")
    return int(text)
