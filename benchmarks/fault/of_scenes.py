"""Scenes and models that are saved while they play, well and badly."""

from pathlib import Path

from benchmarks.fault.fault import Fault
from benchmarks.fault.stage import Stage

_TRUNCATIONS = (0.7, 0.8)  # neither is what the scene begins with


class SceneSaved(Fault):
    """The scene is saved with another value, again and again."""

    name = "scene saved, another value"

    def prepare(self, stage: Stage) -> None:
        """Nothing was saved yet."""
        self._saved = 0

    def inject(self, stage: Stage) -> None:
        """Save."""
        self._saved += 1
        self._value = _TRUNCATIONS[self._saved % 2]
        stage.scene["latent"]["truncation"] = self._value
        stage.save()

    def back(self, stage: Stage) -> bool:
        """Whether it plays what was saved."""
        return stage.stands(self._value, "latent.truncation")


class SceneBroken(Fault):
    """The scene is saved with an error; it must be said, and the old one plays on."""

    name = "scene saved broken"
    hold_seconds = 2.0

    def inject(self, stage: Stage) -> None:
        """A field that nobody knows."""
        broken = {**stage.scene, "latent": {"kind": "walk", "seads": [1]}}
        stage.save_as(broken)

    def heal(self, stage: Stage) -> None:
        """Save it whole."""
        stage.save()


class SceneUnreadable(SceneBroken):
    """The scene is saved as something that is not even YAML."""

    name = "scene saved as rubbish"

    def inject(self, stage: Stage) -> None:
        """Half a file."""
        stage.save("performer: 1\nmodel: {untrained: 7\n  latent: [\n")


class BendAdded(Fault):
    """The scene is saved with one more bend, and without it again."""

    name = "scene saved, a bend more"
    hold_seconds = 2.0

    def inject(self, stage: Stage) -> None:
        """One more."""
        more = {**stage.scene["bends"], "more": {"kind": "rotate", "layer": "30%", "angle": 5}}
        stage.save_as({**stage.scene, "bends": more})

    def heal(self, stage: Stage) -> None:
        """As it was."""
        stage.save()

    def back(self, stage: Stage) -> bool:
        """Whether the bend is gone again, as the page says."""
        status = stage.status()
        return status is not None and "bends.more.angle" not in status["values"]


class ModelSwapped(Fault):
    """Another model is named in the saved scene: loaded aside, and swapped between two frames."""

    name = "model swapped"

    def prepare(self, stage: Stage) -> None:
        """The seeds of the networks that follow each other."""
        self._seed = int(stage.scene["model"]["untrained"])

    def inject(self, stage: Stage) -> None:
        """The next network."""
        self._seed += 1
        stage.scene["model"]["untrained"] = self._seed
        stage.save()

    def back(self, stage: Stage) -> bool:
        """Whether the page names it."""
        status = stage.status()
        return status is not None and str(self._seed) in str(status["model"].get("name", ""))


class ModelCorrupt(Fault):
    """A model whose file is damaged is named in the saved scene; the old one must play on."""

    name = "model file corrupt"
    hold_seconds = 4.0

    def prepare(self, stage: Stage) -> None:
        """A file that only looks like a model."""
        self._file = Path(stage.folder) / "corrupt.safetensors"
        self._file.write_bytes((5000).to_bytes(8, "little") + b'{"a":' + b"\xff" * 9000)

    def inject(self, stage: Stage) -> None:
        """Name it."""
        model = {key: each for key, each in stage.scene["model"].items() if key != "untrained"}
        stage.save_as({**stage.scene, "model": {**model, "file": str(self._file)}})

    def heal(self, stage: Stage) -> None:
        """As it was."""
        stage.save()
