"""The words of a page become those to run: what stands for something, what is left out, and what makes it small."""

import re
import shlex

from tests.docs.commands import Command

STANDS_FOR = {
    "RUN": "datasets_out/digits",
    "PRESET": "digits",
    "PRESET|FILE.toml": "digits",
    "NAME": "digits",
    "FOLDER/settings.toml": "datasets_out/digits/settings.toml",
    "FOLDER": "folder",
    "NEW": "new",
    "PATH": "imagenet",
    "FILE": "D_det.h5",
    "FILE...": "D_rand.h5",
    "MODEL...": "standard.safetensors",
    "SRC": "digits",
    "COMMAND": "verify D_det.h5",
    "$preset": "digits",
    "$@": "",
}
"""The words in capitals, or of a shell, that a reader puts something in the place of."""
RUN_OF = {"photos": "datasets_out/kurakin2017-digits"}
"""Commands for which not every run will do."""
LEFT_OUT = {
    "train": ("--data digits", "--arch linear", "--out line{line}.safetensors"),
    "build-nonrobust": ("--data digits", "--model standard.safetensors", "--out line{line}.h5"),
}
"""What `...` at the end of a command stands for, as far as the command does not say it."""
SMALL = {
    "init": "--budget 1m",
    "train": "--epochs 1 --device cpu",
    "build-robust": "--steps 2 --device cpu",
    "build-nonrobust": "--device cpu",
    "attack": "--steps 4 --limit-test 10 --device cpu",
    "evaluate": "--limit-test 10 --device cpu",
    "transfer": "--epochs 1 --steps 1 --device cpu",
    "audit": "--steps 1 --images 20 --device cpu",
    "run": "--device cpu",
}
"""What is added to a command so that it takes a second; data and presets are small by themselves."""

SHORT = " ".join(
    f"--set {setting}"
    for setting in (
        *("train.epochs=1", *(f"train.{name}.epochs=1" for name in ("standard", "adversarial", "rand", "det"))),
        *("train.robust.epochs=1", "train.nonrobust.epochs=1", "match.steps=2", "perturb.steps=2", "evaluate.steps=1"),
    )
)
"""The same for a run of a file that `init` wrote, with the epochs of every network."""


def filled(command: Command) -> list[str]:
    """The words of a command from the name of the program on, with something in every place that is left open."""
    words = command.words
    words = words[: words.index(">")] if ">" in words else words
    if command.program == "torchrun" or words[1:3] == ["-m", "featsplit"]:
        words = words[words.index("-m") + 1 :]
    name = words[1] if len(words) > 1 else ""
    stands_for = {**STANDS_FOR, **({"RUN": RUN_OF[name]} if name in RUN_OF else {})}
    placed = [part for word in words for part in shlex.split(_placed(word, stands_for))]
    if placed[-1] == "...":
        placed = placed[:-1]
        missing = [more for more in LEFT_OUT[name] if more.split()[0] not in placed]
        placed += " ".join(missing).format(line=command.line).split()
    return placed


def small(command: Command) -> list[str]:
    """The words after `featsplit` to run the command in little time."""
    words = filled(command)[1:]
    more = SHORT if words[0] == "run" and words[1].endswith(".toml") and "/" not in words[1] else ""
    return [*words, *SMALL.get(words[0], "").split(), *more.split()]


def _placed(word: str, stands_for: dict[str, str]) -> str:
    """`word` with what it stands for, whole or behind `=`, `:`."""
    if word in stands_for:
        return stands_for[word]
    return shlex.quote(re.sub(r"(?<=[:=])[A-Z]+$", lambda found: stands_for.get(found[0], found[0]), word))
