"""The cases of `benchmarks.fuzz`: a file with a changed byte, command lines, TOML files; and what is wrong."""

import os
import random
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import nn

SECONDS = 10
"""After which a case is interrupted, as by Ctrl-C; that is no fault."""
ENDS = (0, 1, 2, 130)
FORBIDDEN = ("Traceback", "not foreseen")
MADE = """
train --data digits --limit 100 --limit-test 50 --arch linear --epochs 1 --device cpu --out model.safetensors
build-robust --data digits --limit 100 --model model.safetensors --trained-with standard --any-model --steps 2
    --device cpu --out set.h5
run gaussians --set eps=[0] --set samples=200 --seeds 0 --workers 1 --out run
export set.h5 --out exported
"""
"""What makes the files, once; commands of several lines are indented."""
OWN = """
from torch import nn

def make(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))
"""
USES = {
    "model.safetensors": "evaluate --model {} --data digits --limit-test 40 --attack fgsm --eps 0.1 --device cpu",
    "set.h5": "train --data {} --no-test --arch linear --epochs 1 --device cpu --overwrite --out trained.safetensors",
    "set.h5 info": "info {}",
    "set.h5 export": "export {} --overwrite --out exported-again",
    "images.npz": "train --data npz:{} --arch linear --epochs 1 --device cpu --overwrite --out trained.safetensors",
    "exported/CIFAR_ims": "import-madrylab exported --data digits --limit 100 --overwrite --out imported.h5",
    "exported/CIFAR_lab": "import-madrylab exported --data digits --limit 100 --overwrite --out imported.h5",
    "weights.pt": "import-model ./own.py:make --weights {} --mean 0.5 --std 0.25 --classes-from digits --overwrite "
    "--out own.safetensors",
    "photos/train/a/0.png": "train --data folder:photos --arch linear --epochs 1 --overwrite --out t.safetensors",
    "run/rows.json": "report run",
    "run/run.json": "report run",
    "run/settings.toml": "jobs {}",
}
"""By file, what reads it; "{}" is the changed copy."""
CARRY_DIGESTS = ("model.safetensors", "set.h5")
NASTY = (
    "", " ", "0", "-1", "1e9", "1e-320", "nan", "inf", "-inf", "9223372036854775807", "1e400", "0x10", "1/0", "8/255",
    "none", "all", "true", "[]", "{}", '"', "'", "\\", "\x00", "\ud800", "é", "日本", "a" * 300, "0,0", ",", "a,b,,c",
    "/dev/null", "/proc/self/mem", "/proc/x", "~nosuchuser/x", "-", "--", ".", "*", "digits", "cifar10", "linear", "l2",
    "linf", "pgd", "folder:.", "npz:images.npz", "npz:set.h5", "set.h5", "model.safetensors", "run", "FILE.h5",
)  # fmt: skip
"""Words in the place of others; none names a place outside of the folder that could be written to."""
INTEGERS = ("0", "-1", "1", "2", "3", "7", "17", "1000", "1000000", "2147483648", "9223372036854775807", "0,1", "0,0,1")
NUMBERS = ("0.0", "-0.5", "0.001", "0.999", "1", "1e-30", "1e30", "1e308", "nan", "inf", "8/255", "0.1,0.2", "0.1,0.1")
FILES = (
    "set.h5",
    "model.safetensors",
    "images.npz",
    "run",
    "exported",
    "run/rows.json",
    "run/settings.toml",
    "nowhere",
)
VALID = """
train --data digits --limit 40 --limit-test 20 --arch linear --epochs 1 --batch-size 20 --lr 0.1
    --overwrite --out t.safetensors
train --data npz:images.npz --arch mlp --width 4 --epochs 1 --adversary pgd --norm l2 --eps 0.5 --steps 1
    --overwrite --out t.safetensors
build-robust --data digits --limit 20 --model model.safetensors --any-model --trained-with standard --steps 2
    --start noise --overwrite --out d.h5
build-nonrobust --data digits --limit 20 --model model.safetensors --method perturb --norm l2 --eps 0.5
    --steps 2 --step-size 0.1 --targets next --overwrite --out d.h5
evaluate --model model.safetensors --data digits --limit-test 20 --attack pgd:l2:0.5,fgsm:linf:8/255
    --steps 2 --out e.json --overwrite
attack --model model.safetensors --data digits --limit-test 20 --attack closest --norm linf --steps 5
    --overwrite --out a.h5
audit model.safetensors --data digits --limit-test 40 --images 20 --norm l2 --eps 0.5 --steps 2
    --out audit
leakage set.h5 --epochs 1 --seeds 0 --norm l2 --eps 0.5 --out leakage.json --overwrite
import-model ./own.py:make --weights weights.pt --mean 0.5 --std 0.25 --data digits --overwrite --out own.safetensors
train --data folder:photos --arch linear --epochs 1 --overwrite --out t.safetensors
export set.h5 --format madrylab --overwrite --out out
import-madrylab exported --data digits --limit 100 --overwrite --out i.h5
info set.h5
verify set.h5
show set.h5 --count 3 --overwrite --out s.png
report run --out r.html
jobs digits --seeds 0,1 --shard 100 --set match.steps=3 --json
run gaussians --set eps=[0] --set samples=100 --seeds 0 --workers 1 --out other
run digits --set data.limit=40 --set data.limit_test=20 --set model.width=2 --set train.epochs=1
    --set train.adversarial.epochs=1 --set train.det.epochs=1 --set train.rand.epochs=1 --set match.steps=2
    --set perturb.steps=2 --set evaluate.steps=1 --workers 1 --out third
"""
"""Command lines that end well: of each some words are replaced."""


class Outcome(NamedTuple):
    """A case: what `kind` it is, its command line, its exit status (None: the process crashed), and what is wrong."""

    kind: str
    line: str
    status: int | None
    wrong: str


def make(folder: Path) -> None:
    """The files, in `folder`."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8), np.arange(40) % 2
    np.savez(folder / "images.npz", x_train=images, y_train=labels, x_test=255 - images, y_test=labels)
    (folder / "own.py").write_text(OWN)
    torch.save(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).state_dict(), folder / "weights.pt")
    for part, name, number in product(("train", "test"), "ab", range(2)):
        path = folder / "photos" / part / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    for line in MADE.strip().replace("\n    ", " ").splitlines():
        words = [sys.executable, "-m", "featsplit", *shlex.split(line)]
        subprocess.run(words, cwd=folder, check=True, capture_output=True, env=environment)


def file_of(use: str) -> str:
    """The file that a key of `USES` is of."""
    return use.split(" ")[0]


Usual = Mapping[str, str]
"""What each of `USES` prints where no byte is changed."""


def changed_byte(draw: random.Random, usual: Usual) -> Outcome:
    """A file of which one byte is changed, read by what reads such files."""
    use = draw.choice(list(USES))
    file = Path(file_of(use))
    content = bytearray(file.read_bytes())
    place = draw.randrange(len(content))
    content[place] ^= draw.randrange(1, 256)
    kept = file.read_bytes()
    try:
        file.write_bytes(content)
        status, out, err = called(USES[use].format(file))
    finally:
        file.write_bytes(kept)
    wrong = wrong_in(status, err)
    if not wrong and status == 0 and file.name in CARRY_DIGESTS and out != usual[use]:
        wrong = "other numbers, and exit status 0"
    return Outcome("bytes", f"{USES[use].format(file)}  (byte {place})", status, wrong)


def random_line(draw: random.Random, usual: Usual) -> Outcome:
    """A command with random flags and values."""
    from featsplit.commands.listed import COMMANDS

    name = draw.choice(list(COMMANDS))
    flags = _flags(name)
    words = [name, *(draw.choice(NASTY) for _ in range(draw.randrange(3)))]
    for _ in range(draw.randrange(6)):
        words += [draw.choice(flags), *([draw.choice(NASTY)] if draw.random() < 0.9 else [])]
    status, _, err = command(words)
    return Outcome(
        "lines", shlex.join(words).encode("utf-8", "backslashreplace").decode(), status, wrong_in(status, err)
    )


def _flags(name: str) -> list[str]:
    """The flags of the command `name`, from its help."""
    _, out, _ = command([name, "--help"])
    return [
        word.rstrip(",") for word in out.split() if word.startswith("--") and word not in ("--help", "--follow")
    ] or ["--x"]


def nasty_line(draw: random.Random, usual: Usual) -> Outcome:
    """A command line that ends well, of which a value or two are others of its kind; or it has one flag more."""
    words = shlex.split(draw.choice(VALID.strip().replace("\n    ", " ").splitlines()))
    for _ in range(draw.choice((1, 1, 2))):
        place = draw.choice([row for row, word in enumerate(words) if row and not word.startswith("--")] or [1])
        key, equals, value = words[place].rpartition("=")
        if draw.random() < 0.25:
            words += [draw.choice(_flags(words[0])), draw.choice((*INTEGERS, *NASTY))]
        else:
            words[place] = f"{key}{equals}{_other(draw, value)}"
    status, _, err = command(words)
    return Outcome(
        "nasty", shlex.join(words).encode("utf-8", "backslashreplace").decode(), status, wrong_in(status, err)
    )


def _other(draw: random.Random, value: str) -> str:
    """Another value of the kind of `value`, as far as one sees it."""
    kinds = ((str.isdecimal, INTEGERS), (lambda text: text.replace(".", "").isdecimal(), NUMBERS), (_is_there, FILES))
    known = next((values for is_of, values in kinds if is_of(value)), NASTY)
    return draw.choice(known if draw.random() < 0.9 else NASTY)


def _is_there(value: str) -> bool:
    return Path(value).exists()


def random_toml(draw: random.Random, usual: Usual) -> Outcome:
    """A preset some lines of which are changed."""
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
    status, _, err = command(["jobs", "random.toml"])
    return Outcome("toml", f"jobs {name} changed: {lines}"[:200], status, wrong_in(status, err))


def called(line: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command line, in this process."""
    return command(shlex.split(line))


def command(words: Sequence[str]) -> tuple[int, str, str]:
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


def wrong_in(status: int, err: str) -> str:
    """What must not be in how a command ended; nothing else."""
    if status not in ENDS:
        return f"exit status {status}: {err[-200:]}"
    return next((f"{word}: {err[-300:]}" for word in FORBIDDEN if word in err), "")


Case = Callable[[random.Random, Usual], Outcome]
CASES: dict[str, Case] = {
    "bytes": changed_byte,
    "lines": random_line,
    "nasty": nasty_line,
    "toml": random_toml,
}
