"""How close our networks come to golden fixtures: the worst array of each network.

    python -m benchmarks.parity DIR [--precision bfloat16]

An error is the largest absolute difference; its tolerance is the one the fixtures suggest for
float32, so with a lower precision read the error alone.
"""

import argparse
from pathlib import Path

from tests.model import golden


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    print(f"{'network':20} {'arrays':>6} {'worst array':42} {'error':>8} {'of tolerance':>12}")
    for model in golden.models(arguments.folder, arguments.precision):
        errors = {name: model.error(name) for name in model.reached}
        shares = {name: error / model.tolerance(name) for name, error in errors.items()}
        worst = max(shares, key=shares.__getitem__)
        share = f"{shares[worst]:.0%}"
        print(f"{model.name:20} {len(errors):6} {worst:42} {errors[worst]:8.1e} {share:>12}")


if __name__ == "__main__":
    main()
