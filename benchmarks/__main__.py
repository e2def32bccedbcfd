"""python -m benchmarks NAME ... | --all: measure, write benchmarks/results/, and exit with 1 where a claim fails."""

import argparse
import sys
from pathlib import Path

from benchmarks import memory, presets

NAMES = (*presets.CLAIMS, "memory")


def main() -> None:
    """Parse the command line and measure what it names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--data-root", type=Path, help="where torchvision's data sets lie")
    parser.add_argument("--validation", action="store_true", help="presets: on held-out training images, to choose by")
    options = parser.parse_args()
    names = NAMES if options.all else options.names
    if not names or set(names) - set(NAMES):
        parser.error(f"name some of {', '.join(NAMES)}, or --all")
    results = Path(__file__).parent / "results"
    held = [
        memory.measure(results)
        if name == "memory"
        else presets.measure(name, results, data_root=options.data_root, validation=options.validation)
        for name in names
    ]
    sys.exit(not all(held))


main()
