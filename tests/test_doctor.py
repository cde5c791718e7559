"""The doctor says what a network file holds, how exactly it plays here, and how fast."""

import re
from itertools import islice
from pathlib import Path

import pytest
import torch

import model
from model.bends.multiply import Multiply
from performer import cli, doctor, model_report
from performer.conditions.blur import Blur
from performer.outputs.window import Window

PICKLES = Path(__file__).parent / "golden" / "pickles"
CONDITIONAL = PICKLES / "stylegan3_t_cond.pkl"
CANVAS = PICKLES / "canvas_t_flask.pkl"
QUICK = PICKLES / "variants" / "stylegan2__proto3_torch171.pkl"
CPU = torch.device("cpu")


def silent(_line: str) -> None:
    pass


@pytest.fixture(scope="module")
def report() -> str:
    return "\n".join(model_report.lines(CONDITIONAL, silent))


def errors(report: str) -> dict[str, float]:
    return {
        name: float(error) for name, error in re.findall(r"(\S+) .*relative error (\S+)", report)
    }


def test_a_report_describes_the_network(report: str) -> None:
    assert re.search(r"loaded in \d+\.\d\d s", report)
    assert "family stylegan3, resolution 64" in report
    assert "z_dim 24, c_dim 5, w_dim 32, num_ws 16" in report
    assert "capabilities: size, transform" in report
    assert re.search(r"L10_84_10 +10\n", report)


def test_a_report_has_the_error_of_every_precision(report: str) -> None:
    found = errors(report)
    assert found["float32"] < 1e-5 < found["float16"] < found["bfloat16"] < 0.1
    assert found.pop("auto") in found.values()


def test_a_report_has_the_time_of_a_frame_in_every_precision(report: str) -> None:
    times = [float(figure) for figure in re.findall(r"([\d.]+) ms a frame", report)]
    assert len(times) == 4
    assert all(time > 0 for time in times)


def test_a_canvas_is_described_with_its_condition() -> None:
    lines = list(model_report.described(model.load(CANVAS).config))
    assert "condition 3 x 64 x 64, encoder_ws 4" in lines
    assert "capabilities: condition, size" in lines


def test_the_command_prints_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--model", str(QUICK)]) == 0
    printed = capsys.readouterr()
    assert set(errors(printed.out)) == {"float32", "bfloat16", "float16", "auto"}
    # On a slow machine it says how far it is.
    assert all(line.endswith("of 8 latents") for line in printed.err.splitlines())


@pytest.mark.parametrize("name", ["absent.pkl", "broken.pkl", "broken.safetensors", "notes.txt"])
def test_a_bad_file_ends_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if not name.startswith("absent"):
        path.write_bytes(QUICK.read_bytes()[:5000])
    assert cli.main(["doctor", "--model", str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith(f"{path}: ")


def test_the_doctor_says_what_auto_means_here() -> None:
    (line,) = (line for line in islice(doctor.lines(), 4) if line.startswith("precision auto: "))
    assert line.startswith(
        "precision auto: float16 on a CUDA device; on a processor bfloat16 where"
    )
    assert line.endswith(("; here float32", "; here bfloat16", "; here float16"))


def test_the_doctor_says_what_keeps_frames_from_being_graphs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not [*doctor._graphs()]  # without a card there are none
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert len([*doctor._graphs()]) == 1  # and nothing of ours
    monkeypatch.delattr(Blur, "follow")
    monkeypatch.setattr(Multiply, "needs_host", True, raising=False)
    assert [line.removeprefix("graphs: none while ") for line in doctor._graphs()][1:] == [
        "a knob of blur moves, which reads it as a number",
        "the bend multiply plays, which works on the host",
    ]


def test_the_doctor_says_which_way_frames_of_a_card_come_into_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Window, "way", staticmethod(lambda: "frames stay on the graphics card"))
    assert not [*doctor._windows()]  # without a card there is but one
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [*doctor._windows()] == ["windows: frames stay on the graphics card"]


def test_made_up_inputs_are_always_the_same() -> None:
    config = model.load(CANVAS).config
    first, again = (model_report.inputs(config, 3, CPU) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in ("z", "condition"))
    assert not torch.equal(first["condition"], model_report.inputs(config, 4, CPU)["condition"])
    assert first["condition"].shape == (1, 3, 64, 64)
    assert first["condition"].abs().max() <= 1


def test_a_conditional_network_is_given_one_class_after_the_other() -> None:
    config = model.load(CONDITIONAL).config
    classes = [int(model_report.inputs(config, n, CPU)["c"].argmax()) for n in range(6)]
    assert classes == [0, 1, 2, 3, 4, 0]
    assert model_report.inputs(config, 2, CPU)["c"].sum() == 1


def test_the_relative_error_spans_all_pictures() -> None:
    references = [torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])]
    outputs = [torch.tensor([3.0, 0.3]), torch.tensor([0.4, 4.0])]
    assert model_report.relative_error(outputs, references) == pytest.approx(0.1)


def test_the_float64_pictures_leave_the_network_as_it_was() -> None:
    network = model.load(QUICK)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pictures = model_report.exact_pictures(network, silent)
    assert {picture.dtype for picture in pictures} == {torch.float64}
    assert len(pictures) == model_report.LATENTS
    after = network.state_dict()
    assert all(
        after[name].dtype == torch.float32 and torch.equal(after[name], before[name])
        for name in before
    )


def test_a_slow_measurement_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_report, "PROGRESS_SECONDS", 0.0)
    told: list[str] = []
    model_report.exact_pictures(model.load(QUICK), told.append)
    assert told[-1] == "float64: 7 of 8 latents"
