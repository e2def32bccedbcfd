"""Changed bytes and random command lines: `python -m benchmarks fuzz --cases 1000`.

A case is a command in this process on a file of which one byte was changed, on random flags, or on a random TOML file.
It may end well, or in one line with exit status 1, 2 or 130. What must not be: a traceback, an error that was not
foreseen, a crash, more memory than `LIMIT`; and for files that carry digests, other numbers than those of the file as
it was written, with exit status 0.
"""

import json
import os
import random
import resource
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from benchmarks.machine import machine, told

LIMIT = 2.0
"""GiB that a process may take."""
SECONDS = 20
"""After which a case is interrupted, as by Ctrl-C; that is no fault."""
ENDS = (0, 1, 2, 130)
FORBIDDEN = ("Traceback", "not foreseen")
CHILD = "from benchmarks.fuzz import child; import sys; child(*sys.argv[1:])"
AT_A_TIME = 100
"""Cases of one process; after a crash another goes on."""
MADE = """
train --data digits --limit 100 --limit-test 50 --arch linear --epochs 1 --device cpu --out model.safetensors
build-robust --data digits --limit 100 --model model.safetensors --trained-with standard --any-model --steps 2
    --device cpu --out set.h5
run gaussians --set eps=[0] --set samples=200 --seeds 0 --workers 1 --out run
export set.h5 --out exported
"""
"""What makes the files, once; commands of several lines are indented."""
USES = {
    "model.safetensors": "evaluate --model {} --data digits --limit-test 40 --attack fgsm --eps 0.1 --device cpu",
    "set.h5": "train --data {} --no-test --arch linear --epochs 1 --device cpu --overwrite --out trained.safetensors",
    "set.h5 info": "info {}",
    "set.h5 export": "export {} --overwrite --out exported-again",
    "images.npz": "train --data npz:{} --arch linear --epochs 1 --device cpu --overwrite --out trained.safetensors",
    "exported/CIFAR_ims": "import-madrylab {} --data digits --limit 100 --overwrite --out imported.h5",
    "run/rows.json": "report run",
    "run/run.json": "report run",
    "run/settings.toml": "jobs {}",
}
"""By file, what reads it; "{}" is the changed copy."""
CARRY_DIGESTS = ("model.safetensors", "set.h5")
NASTY = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1e9",
        "1e-320",
        "nan",
        "inf",
        "-inf",
        "9223372036854775807",
        "1e400",
        "0x10",
        "1/0",
        "8/255",
    ),
    *(
        "none",
        "all",
        "true",
        "[]",
        "{}",
        '"',
        "'",
        "\\",
        "\x00",
        "\ud800",
        "é",
        "日本",
        "a" * 300,
        "../..",
        "/",
        "/dev/null",
    ),
    *("/proc/self/mem", "~nosuchuser/x", "~", "-", "--", ".", "*", "digits", "cifar10", "linear", "l2", "linf", "pgd"),
    *(
        "folder:.",
        "npz:images.npz",
        "npz:set.h5",
        "set.h5",
        "model.safetensors",
        "run",
        "FILE.h5",
        "a,b,,c",
        ",",
        "0,0",
    ),
)


class Outcome(NamedTuple):
    """A case: what `kind` it is, its command line, its exit status (None: the process crashed), and what is wrong."""

    kind: str
    line: str
    status: int | None
    wrong: str


def measure(results: Path, *, cases: int, seed: int = 0) -> bool:
    """Try `cases` changed bytes, and as many command lines and TOML files; write what came out, and judge it."""
    outcomes, most = list[Outcome](), 0.0
    with TemporaryDirectory() as folder:
        _make(Path(folder))
        for kind, count in (("bytes", cases), ("lines", cases - cases // 4), ("toml", cases // 4)):
            for first in range(0, count, AT_A_TIME):
                numbers = (first, min(first + AT_A_TIME, count))
                found, peak = _in_child(Path(folder), kind, seed, numbers)
                outcomes, most = [*outcomes, *found], max(most, peak)
                print(
                    f"{kind} {numbers[1]}/{count}: {sum(bool(one.wrong) for one in outcomes)} wrong, {most:.2f} GiB",
                    flush=True,
                )
    return _write(results, outcomes, most)


def child(folder: str, kind: str, seed: str, first: str, last: str) -> None:
    """Try the cases `first` to `last`, and print each; the parent reads."""
    os.chdir(folder)
    out, cases = sys.stdout, {"bytes": _changed_byte, "lines": _random_line, "toml": _random_toml}
    usual = {use: _called(line.format(_file(use)))[1] for use, line in USES.items()} if kind == "bytes" else {}
    for number in range(int(first), int(last)):
        draw = random.Random(f"{seed}/{kind}/{number}")
        print(json.dumps({"number": number}), file=out, flush=True)
        outcome = cases[kind](draw, usual)
        print(json.dumps(outcome._asdict()), file=out, flush=True)


def _in_child(folder: Path, kind: str, seed: int, numbers: tuple[int, int]) -> tuple[list[Outcome], float]:
    """The outcomes of some cases, and the peak memory of their process in GiB; one that crashed is an outcome too."""
    found, (first, last) = list[Outcome](), numbers
    while first < last:
        command = [sys.executable, "-c", CHILD, str(folder), kind, str(seed), str(first), str(last)]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace")
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


def _file(use: str) -> str:
    return use.split(" ")[0]


def _make(folder: Path) -> None:
    """The files, in `folder`."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8), np.arange(40) % 2
    np.savez(folder / "images.npz", x_train=images, y_train=labels, x_test=255 - images, y_test=labels)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    for line in MADE.strip().replace("\n    ", " ").splitlines():
        command = [sys.executable, "-m", "featsplit", *shlex.split(line)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)


def _changed_byte(draw: random.Random, usual: dict[str, str]) -> Outcome:
    use = draw.choice(list(USES))
    file = Path(_file(use))
    content = bytearray(file.read_bytes())
    place = draw.randrange(len(content))
    content[place] ^= draw.randrange(1, 256)
    kept = file.read_bytes()
    try:
        file.write_bytes(content)
        status, out, err = _called(USES[use].format(file))
    finally:
        file.write_bytes(kept)
    wrong = _wrong(status, err)
    if not wrong and status == 0 and file.name in CARRY_DIGESTS and out != usual[use]:
        wrong = "other numbers, and exit status 0"
    return Outcome("bytes", f"{USES[use].format(file)}  (byte {place})", status, wrong)


def _random_line(draw: random.Random, usual: dict[str, str]) -> Outcome:
    from featsplit.commands import COMMANDS

    command = draw.choice(list(COMMANDS))
    flags = _flags(command)
    words = [command, *(draw.choice(NASTY) for _ in range(draw.randrange(3)))]
    for _ in range(draw.randrange(6)):
        words += [draw.choice(flags), *([draw.choice(NASTY)] if draw.random() < 0.9 else [])]
    status, _, err = _main(words)
    return Outcome("lines", shlex.join(words).encode("utf-8", "backslashreplace").decode(), status, _wrong(status, err))


def _flags(command: str) -> list[str]:
    """The flags of a command, from its help."""
    _, out, _ = _main([command, "--help"])
    return [
        word.rstrip(",") for word in out.split() if word.startswith("--") and word not in ("--help", "--follow")
    ] or ["--x"]


def _random_toml(draw: random.Random, usual: dict[str, str]) -> Outcome:
    from featsplit.engine.study import presets

    name = draw.choice(sorted(presets()))
    lines = presets()[name].read_text().splitlines()
    for _ in range(draw.randrange(1, 4)):
        place = draw.randrange(len(lines))
        key = lines[place].partition("=")[0]
        value = draw.choice([one for one in NASTY if "\x00" not in one and "\ud800" not in one])
        lines[place] = draw.choice(
            [f"{key}= {value}", f'{key}= "{value}"', value, f"[{value}]", lines[place][: draw.randrange(30)]]
        )
    Path("random.toml").write_text("\n".join(lines))
    status, _, err = _main(["jobs", "random.toml"])
    return Outcome("toml", f"jobs {name} changed: {lines}"[:200], status, _wrong(status, err))


def _called(line: str) -> tuple[int, str, str]:
    return _main(shlex.split(line))


def _main(words: Sequence[str]) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command line, in this process."""
    from featsplit.commands import main

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    out, err = StringIO(), StringIO()
    arguments, sys.argv = sys.argv, ["featsplit", *words]
    signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(SECONDS)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
        status: Any = 0
    except SystemExit as ended:
        status = ended.code or 0
    except KeyboardInterrupt:
        status = 130
    except BaseException as error:  # noqa: BLE001 (that is what is looked for)
        status = 3
        err.write(f"Traceback: {error!r}")
    finally:
        signal.alarm(0)
        sys.argv = arguments
    return status, out.getvalue(), err.getvalue()


def _wrong(status: int, err: str) -> str:
    if status not in ENDS:
        return f"exit status {status}: {err[-200:]}"
    return next((f"{word}: {err[-300:]}" for word in FORBIDDEN if word in err), "")


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
