"""Short presets: for each of featsplit's a run of the same study and name that takes a second or two."""

from pathlib import Path

from featsplit.engine.settings import as_toml
from featsplit.engine.study import presets
from featsplit.studies import read_settings
from tests.conftest import EVERY_EXPERIMENT
from tests.least import LEAST
from tests.studies.carlini2017.test_carlini_run import SETTINGS as CARLINI
from tests.studies.goodfellow2015.test_run import CHANGED as GOODFELLOW
from tests.studies.kurakin2017.conftest import SMALL as KURAKIN
from tests.studies.li2023.test_run import TINY as LI
from tests.studies.szegedy2014.test_run import SMALL as SZEGEDY

FILES = {
    "ilyas2019": LEAST,
    "distill2019": EVERY_EXPERIMENT.replace(
        '"noise", "splits", "control", "architectures", "steps", "autoattack", "distance", ', ""
    ).replace("limit = 120", "limit = 60"),
    "li2023": f'study = "li2023"\n{LI}',
}
"""Of studies that have no small preset: a file."""
CHANGED = {
    "gaussians": ("samples=2000",),
    "squares": ("size=8", "channels=1", "train=60", "test=40", "epochs=2", 'arms=["mlp"]'),
    "planted": (
        *("data.source=planted:size=8,classes=4,train=80,test=40", "amplitudes=[0.03]", "train.epochs=1"),
        *("match.steps=2", "perturb.steps=2", "evaluate.steps=1", "evaluate.restarts=1"),
    ),
    "szegedy2014": tuple(word for word in SZEGEDY if "=" in word),
    "goodfellow2015": tuple(GOODFELLOW),
    "kurakin2017": tuple(word for word in KURAKIN.split() if "=" in word),
    "carlini2017": CARLINI,
}
"""Of the others what is set, of the preset of the digits, or that is named like the study."""


def write_presets(folder: Path) -> dict[str, Path]:
    """A TOML file in `folder` for each preset, by its name; its jobs are done in this process."""
    return {name: _written(folder / f"{name}.toml", read_settings(name).study) for name in presets()}


def _written(path: Path, name: str) -> Path:
    small = f"{name}-digits"
    if name in FILES:
        path.write_text(FILES[name])
        settings = read_settings(str(path))
    else:
        settings = read_settings(small if small in presets() else name, CHANGED[name])
    path.write_text(as_toml({**settings.plain(), "name": path.stem, "engine": {"workers": 1}}))
    return path
