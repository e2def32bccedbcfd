"""A run from Python: what `featsplit run` does, which returns what it found."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from featsplit.engine.folders import destination, is_finished
from featsplit.engine.results import RUN, Results
from featsplit.files import check_writable
from featsplit.records.engine import EngineOptions
from featsplit.runtime import Machine, resolve_device
from featsplit.studies import engine_of, open_results, read_settings
from featsplit.studies.carry_out import carry_out

ALONE = EngineOptions(workers=1)


def run(
    preset: str,
    *,
    seeds: Sequence[int] = (0,),
    overrides: Sequence[str] = (),
    out: str | Path | None = None,
    device: str = "auto",
    data_root: str | Path | None = None,
    download: bool = False,
    engine: EngineOptions = ALONE,
    say: Callable[[str], None] | None = None,
) -> Results[Any]:
    """Run a study, and return its results: settings, rows, where the files and the page are.

    - preset: the name of a preset, or the path of a TOML file.
    - seeds: a whole run for each.
    - overrides: settings as `--set` takes them, "perturb.eps=0.5".
    - out: the folder; None: datasets_out/PRESET, or one beside it where that holds a run of other settings.
    - device: "auto", "cpu", "cuda" ...
    - data_root, download: where torchvision's data sets lie, and whether one that is absent is fetched.
    - engine: on what it is carried out; here by default in this process alone. With more `workers` the calling script
      must begin its work under `if __name__ == "__main__":`, since they import it.
    - say: takes each line of progress; None: nothing is said.

    What an earlier run of the same settings left there is taken up; a finished one is opened. Raises FeatsplitError for
    a setting out of its range, or data that cannot be loaded.
    """
    heard, settled = say or _nothing, engine_of(preset, engine).on(device)
    settings = read_settings(preset, overrides)
    place = destination(settings, seeds, None if out is None else Path(out))
    for line in place.lines:
        heard(line)
    if not is_finished(place.folder, settings, seeds):
        check_writable(place.folder / RUN, overwrite=True)
        carry_out(
            settings,
            place,
            seeds=seeds,
            machine=Machine(resolve_device(device), settings.precision),
            root=None if data_root is None else Path(data_root),
            download=download,
            engine=settled,
            command=f"featsplit.run({preset!r}, seeds={tuple(seeds)}, overrides={list(overrides)})",
            say=heard,
        )
    return open_results(place.folder)


def _nothing(line: str) -> None:
    """Nobody listens."""
