"""What the clusters of bent layers respond to, for the page: names, and pictures of 16 x 16.

They are told seldom, and made on a thread with little right to the processor: the frame's thread
only looks whether there is any news.
"""

import base64
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.bends.channels import ChannelCluster
from performer.console import warn
from performer.doors.status import StatusDoor
from performer.threads import give_way

if TYPE_CHECKING:
    from model.clusters.live import LiveClusters
    from performer.cast import Cast
    from performer.scene import Scene

PAUSE_SECONDS = 1.0  # between two tellings, however often channels are grouped anew


class ClusterBoard:
    """Tells the clusters that a cast plays with; one thread calls ``look``."""

    def __init__(self, board: Path) -> None:
        self._board = StatusDoor(board)
        self._worker = ThreadPoolExecutor(1, "cluster board", initializer=give_way)
        self._job: Future[None] | None = None
        self._told = (-1, -1, -1)  # of which scene, how many of each layer, in which version
        self._due = 0.0

    def look(self, cast: "Cast", *, spares: bool = False) -> None:
        """Tell what is new; while it ``spares``, not that channels were grouped anew."""
        clusters, now = cast.clusters, time.monotonic()
        if clusters is None:
            return
        news = (cast.scene.generation, clusters.k, clusters.version)
        wished = news[:2] != self._told[:2]  # by a hand, which looks for it at once
        if news == self._told or not (wished or (now >= self._due and not spares)):
            return
        if self._job is None or self._job.done():
            self._told, self._due = news, now + PAUSE_SECONDS
            self._job = self._worker.submit(self._tell, cast.scene, cast.chain.bent, clusters)

    def _tell(self, scene: "Scene", layers: Mapping[str, str], clusters: "LiveClusters") -> None:
        try:
            self._board.write(described(scene, layers, clusters))
        except Exception as error:  # the page does without
            warn(f"clusters: cannot be shown: {' '.join(str(error).split())}")


def described(
    scene: "Scene", layers: Mapping[str, str], clusters: "LiveClusters"
) -> dict[str, Any]:
    """What the page is told: from which group of clusters each bend chooses, and each group once.

    ``layers`` are those of the bends, by name. Shades are 16 x 16 bytes for each cluster.
    """
    bends: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    for name, layer, chosen in _bent(scene, layers):
        k = chosen["of"] or clusters.k
        key = f"{layer}/{k}"
        with suppress(ValueError):  # there are none of this layer, or not so many
            if key not in groups:
                groups[key] = _group(layer, k, clusters)
            bends[f"bends.{name}"] = {"group": key, **chosen}
    return {"generation": scene.generation, "bends": bends, "groups": groups}


def _bent(
    scene: "Scene", layers: Mapping[str, str]
) -> Iterator[tuple[str, str, dict[str, int | None]]]:
    """Each bend, its layer, and which cluster of how many it is for, where it says so."""
    for name, layer in layers.items():
        match getattr(scene.bends[name], "channels", None):
            case ChannelCluster(cluster=cluster, of=of):
                yield name, layer, {"cluster": cluster, "of": of}
            case _:
                yield name, layer, {"cluster": None, "of": None}


def _group(layer: str, k: int, clusters: "LiveClusters") -> dict[str, Any]:
    return {
        "layer": layer,
        "names": clusters.names(layer, k),
        "channels": clusters.labels(layer, k).bincount(minlength=k).tolist(),
        "shades": base64.b64encode(clusters.thumbnails(layer, k).tobytes()).decode(),
    }
