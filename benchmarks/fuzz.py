"""Changed bytes and random command lines: `python -m benchmarks fuzz --cases 1000`.

A case is a command on a file of which one byte was changed, a command line that ends well but for a word or two, one of
random flags, or a preset some lines of which are changed.
It may end well, or in one line with exit status 1, 2 or 130. What must not be: a traceback, an error that was not
foreseen, a crash, more memory than `LIMIT`; and for files that carry digests, other numbers than those of the file as
it was written, with exit status 0.
"""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fuzz_cases import CASES, USES, Outcome, called, file_of, make
from benchmarks.machine import machine, told

LIMIT = 2.0
"""GiB that a process may take."""
ADDRESSES = 24 * 2**30
"""Bytes of addresses that a process gets, most of which it never touches: more is refused, and must be met."""
CHILD = "from benchmarks.fuzz import child; import sys; child(*sys.argv[1:])"
AT_A_TIME = 100
"""Cases of one process; after a crash another goes on."""


def measure(results: Path, *, cases: int, seed: int = 0) -> bool:
    """Try `cases` changed bytes, and as many command lines and TOML files; write what came out, and judge it.

    Of the lines a quarter are random, half are good ones of which a word or two are replaced.
    """
    outcomes, most = list[Outcome](), 0.0
    with TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        made.mkdir()
        make(made)
        for kind, count in (("bytes", cases), ("nasty", cases // 2), ("lines", cases // 4), ("toml", cases // 4)):
            for first in range(0, count, AT_A_TIME):
                numbers = (first, min(first + AT_A_TIME, count))
                found, peak = _in_child(made, kind, seed, numbers)
                outcomes, most = [*outcomes, *found], max(most, peak)
                print(
                    f"{kind} {numbers[1]}/{count}: {sum(bool(one.wrong) for one in outcomes)} wrong, {most:.2f} GiB",
                    flush=True,
                )
    return _write(results, outcomes, most)


def child(folder: str, kind: str, seed: str, first: str, last: str) -> None:
    """Try the cases `first` to `last`, and print each; the parent reads."""
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    out = sys.stdout
    usual = {use: called(line.format(file_of(use)))[1] for use, line in USES.items()} if kind == "bytes" else {}
    kept = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    for number in range(int(first), int(last)):
        draw = random.Random(f"{seed}/{kind}/{number}")
        print(json.dumps({"number": number}), file=out, flush=True)
        outcome = CASES[kind](draw, usual)
        print(json.dumps(outcome._asdict()), file=out, flush=True)
        for path, content in kept.items():  # what a command has written to is as it was for the next
            if not path.is_file() or path.read_bytes() != content:
                path.write_bytes(content)


def _in_child(folder: Path, kind: str, seed: int, numbers: tuple[int, int]) -> tuple[list[Outcome], float]:
    """The outcomes of some cases, and the peak memory of their process in GiB; one that crashed is an outcome too.

    Each process has a copy of the files in `folder` of its own, so that none finds what another left.
    """
    found, (first, last) = list[Outcome](), numbers
    while first < last:
        own = folder.with_name(f"{folder.name}-{kind}-{first}")
        shutil.copytree(folder, own)
        command = [sys.executable, "-c", CHILD, str(own), kind, str(seed), str(first), str(last)]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace")
        shutil.rmtree(own)
        said = [json.loads(line) for line in ended.stdout.splitlines() if line[:1] == "{"]
        found += [Outcome(**one) for one in said if "number" not in one]
        begun = [one["number"] for one in said if "number" in one]
        done = len([one for one in said if "number" not in one])
        if done == last - first:
            break
        if not begun:
            raise SystemExit(ended.stderr)
        found.append(
            Outcome(kind, f"case {begun[-1]}", None, f"crashed with {ended.returncode}: {ended.stderr[-200:]}")
        )
        first = begun[-1] + 1
    return found, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def _write(results: Path, outcomes: Sequence[Outcome], most: float) -> bool:
    seen, wrong = machine(), [one for one in outcomes if one.wrong]
    ends = Counter((one.kind, one.status) for one in outcomes)
    content = {"command": f"python -m benchmarks fuzz --cases {sum(one.kind == 'bytes' for one in outcomes)}"}
    content |= {"machine": seen, "peak_gib": most, "wrong": [one._asdict() for one in wrong]}  # type: ignore[dict-item]
    (results / "fuzz.json").write_text(json.dumps(content, indent=1) + "\n")
    table = ["| cases | exit status | how many |", "| --- | ---: | ---: |"]
    table += [f"| {kind} | {status} | {count} |" for (kind, status), count in sorted(ends.items(), key=str)]
    page = [
        "# Changed bytes and random command lines",
        f"`{content['command']}`: {(__doc__ or '').split(chr(10), 2)[2].strip()}",
        f"Machine: {told(seen)}.",
        f"{len(wrong)} of {len(outcomes)} went wrong; at most {most:.2f} GiB of memory (to stay under {LIMIT:g}).",
        "\n".join(table),
        *(f"- `{one.line[:160]}`: {one.wrong[:200]}" for one in wrong[:40]),
    ]
    (results / "fuzz.md").write_text("\n\n".join(page) + "\n")
    print("\n\n".join(page))
    return not wrong and most < LIMIT
