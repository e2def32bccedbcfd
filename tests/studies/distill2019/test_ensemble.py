"""The ensemble of `bugs`: the command trains the networks of a run."""

from pathlib import Path

from featsplit.engine.jobs import Worker
from featsplit.models.checkpoints import load_model, state_digest
from featsplit.runtime import Machine
from featsplit.studies import read_settings
from featsplit.studies.distill2019 import jobs
from featsplit.studies.distill2019.settings import Settings
from tests.least import LEAST, call

SEED = 3


def test_the_ensemble_of_the_command_is_that_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "least.toml").write_text(f'study = "distill2019"\nexperiments = ["bugs"]\n{LEAST}')
    settings = read_settings(str(tmp_path / "least.toml"))
    assert isinstance(settings, Settings)
    by_key, worker = {job.key: job for job in jobs(settings, SEED)}, Worker(tmp_path, Machine(), None, print)
    run = tmp_path / f"seed{SEED}" / "models"
    for name in ("standard", "standard@1", "standard@2"):
        by_key[f"seed{SEED}/{name}"].work(worker)
    words = "--data digits --limit 60 --limit-test 30 --method bugs --ensemble 2 --eps 1.5 --steps 1 --device cpu"
    call(f"build-nonrobust --model {run}/standard.safetensors {words} --seed {SEED} --out {tmp_path}/bugs.h5")
    digests = [state_digest(load_model(tmp_path / "bugs.ensemble" / f"{n}.safetensors")) for n in (1, 2)]
    assert digests == [state_digest(load_model(run / f"standard@{n}.safetensors")) for n in (1, 2)]
    assert len({*digests, state_digest(load_model(run / "standard.safetensors"))}) == 3, "from other weights each"
