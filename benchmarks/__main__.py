"""python -m benchmarks NAME ... | --all: measure, write benchmarks/results/, and exit with 1 where a claim fails."""

import argparse
import sys
from pathlib import Path

from benchmarks import (
    attacks,
    constructions,
    faults,
    fuzz,
    growth,
    matching,
    memory,
    presets,
    printed,
    rules,
    spread,
    steps,
    suited,
    workers,
)
from benchmarks.minimal import tables as minimal

ENGINE = ("matching", "attacks", "steps", "growth", "memory")
ALONE = ("minimal", "faults", "fuzz", "printed", "spread", "suited", "workers")
NAMES = (*ENGINE, *ALONE, *presets.AIMS, *constructions.CONSTRUCTIONS, *rules.NAMES)


def measure(name: str, results: Path, options: argparse.Namespace) -> bool:
    """Measure what `name` names; whether every claim holds."""
    if name == "matching":
        return matching.measure(results, data_root=options.data_root)
    if name == "attacks":
        return attacks.measure(results, data_root=options.data_root)
    if name == "steps":
        return steps.measure(results, data_root=options.data_root)
    if name == "growth":
        return growth.measure(results)
    if name == "memory":
        return memory.measure(results)
    if name == "faults":
        return faults.measure(results, kills=options.kills, more=options.more)
    if name == "printed":
        return printed.measure(results)
    if name == "spread":
        return spread.measure(results, repeats=options.repeats)
    if name == "workers":
        return workers.measure(results, data_root=options.data_root, only=options.presets)
    if name == "suited":
        return suited.measure(results, data_root=options.data_root)
    if name == "fuzz":
        return fuzz.measure(results, cases=options.cases)
    if name == "minimal":
        own = {"peers": options.peers, "images": options.images, "most": options.passes}
        return minimal.measure(results, data_root=options.data_root, **own)
    if name in constructions.CONSTRUCTIONS:
        return constructions.measure(name, results, data_root=options.data_root)
    if name in rules.NAMES:
        return rules.measure(name, results, data_root=options.data_root)
    return presets.measure(name, results, data_root=options.data_root, validation=options.validation, run=options.run)


def main() -> None:
    """Parse the command line and measure what it names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument(
        "--all",
        action="store_true",
        help=f"{', '.join(ENGINE)}, the presets and constructions; not rules-*, {', '.join((*ALONE, *presets.FULL))}",
    )
    parser.add_argument("--data-root", type=Path, help="where torchvision's data sets lie")
    parser.add_argument("--validation", action="store_true", help="presets: on held-out training images, to choose by")
    parser.add_argument("--run", type=Path, help="presets: the tables of this finished run; nothing is run or timed")
    parser.add_argument(
        "--peers", type=Path, help="minimal: python of the peers, see its file; without, the tables of what is kept"
    )
    parser.add_argument("--images", type=int, default=64, help="minimal: how many of each network")
    parser.add_argument("--passes", type=int, default=1000, help="minimal: give no attack more than this")
    parser.add_argument("--kills", type=int, default=100, help="faults: how many runs are killed")
    parser.add_argument("--more", action="store_true", help="faults: those of an earlier turn count")
    parser.add_argument("--repeats", type=int, default=3, help="spread: how often each is timed")
    parser.add_argument("--presets", nargs="+", default=(), help="workers: of these alone; the others are kept")
    parser.add_argument("--cases", type=int, default=1000, help="fuzz: changed bytes, and as many command lines")
    options = parser.parse_args()
    names = (
        [name for name in NAMES if name not in (*rules.NAMES, *ALONE, *presets.FULL)] if options.all else options.names
    )
    if not names or set(names) - set(NAMES):
        parser.error(f"name some of {', '.join(NAMES)}, or --all")
    results = Path(__file__).parent / "results"
    held = [measure(name, results, options) for name in names]
    sys.exit(not all(held))


main()
