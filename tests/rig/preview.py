"""The picture as a page gets it."""

import io
import json

import numpy as np
import numpy.typing as npt
from PIL import Image
from websockets.sync.client import connect

from performer.outputs.page import PREVIEW_HEADER
from tests.rig.show import Show


def picture(show: Show) -> npt.NDArray[np.float32]:
    """The next preview [H, W, 3], 0 … 255."""
    origin = show.url.rstrip("/")
    with connect(origin.replace("http", "ws", 1) + "/ws", origin=origin) as page:  # type: ignore[arg-type]
        page.send(json.dumps({"visible": True}))
        stale = True  # the first may have waited on the board since somebody looked before
        while True:
            message = page.recv(timeout=20)
            if isinstance(message, bytes):
                number = PREVIEW_HEADER.unpack_from(message)[0]
                page.send(json.dumps({"seen": number}))
                if not stale:
                    jpeg = Image.open(io.BytesIO(message[PREVIEW_HEADER.size :]))
                    return np.asarray(jpeg, np.float32)
                stale = False


def difference(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """How far two pictures are apart: the mean over all pixels, of 255."""
    return float(np.abs(one - other).mean())
