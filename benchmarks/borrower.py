"""Another process, which shows what `benchmarks.lending` lends it, without a window.

    python -m benchmarks.borrower PLACE WIDTH HEIGHT TURNS

Prints the hash of the pixels that came into an OpenGL texture, and milliseconds for each time; or
the line that says why none can come here, after which the exit status is `NO_WAY`.
"""

import hashlib
import statistics
import sys
import time

import moderngl

from cuda_driver.interop import Screen
from cuda_driver.library import Driver, DriverError

NO_WAY = 3


def main() -> int:
    """Borrow a frame as often as asked."""
    place, width, height, turns = sys.argv[1:]
    size = int(width), int(height)
    try:
        context = moderngl.create_context(standalone=True, require=330, backend="egl")
    except Exception as error:  # moderngl raises nothing narrower
        print(f"no OpenGL without a window; {error}")
        return NO_WAY
    texture = context.texture(size, 4)
    try:
        screen = Screen(Driver.find())
        times = []
        for _ in range(int(turns)):
            began = time.perf_counter()
            screen.fill(texture.glo, bytes.fromhex(place), *size)
            times.append((time.perf_counter() - began) * 1e3)
    except DriverError as error:
        print(error)
        return NO_WAY
    screen.close()
    print(hashlib.sha256(texture.read()).hexdigest(), statistics.median(times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
