"""Makes model/weights/*.safetensors out of the .npz files of their sources.

    python scripts/convert_features.py IN.npz OUT.safetensors

Nothing changes but the names: float16 stays float16, bit by bit. Where the originals come from
stands in model/weights/README.md.
"""

import argparse
import re
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

_PART = {"squeeze1x1": "squeeze", "expand1x1": "expand1x1", "expand3x3": "expand3x3"}


def our_name(name: str) -> str:
    """``fire2_squeeze1x1_w`` as ``fire2.squeeze.weight``; VGG's names stay."""
    found = re.fullmatch(r"(conv1|fire\d)(?:_(\w+?))?_([wb])", name)
    if found is None:
        return name
    layer, part, kind = found.groups()
    middle = f".{_PART[part]}" if part else ""
    return f"{layer}{middle}.{'weight' if kind == 'w' else 'bias'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, metavar="IN.npz")
    parser.add_argument("out", type=Path, metavar="OUT.safetensors")
    asked = parser.parse_args()
    with np.load(asked.source, allow_pickle=False) as arrays:
        tensors = {our_name(name): np.ascontiguousarray(arrays[name]) for name in arrays.files}
    save_file(tensors, asked.out)
    print(f"{asked.out}: {len(tensors)} tensors, {asked.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
