"""What commands of the pages print, where a page tells a number of it: `python -m benchmarks printed`.

Each is run as the page has it, one after the other in one folder, by the seed that it has by itself.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import machine, told

COMMANDS = (
    "run digits",
    "audit datasets_out/digits/seed0/models/standard.safetensors"
    " datasets_out/digits/seed0/models/adversarial.safetensors --data digits --eps 0.5 --out audit",
    "train --data digits --arch resnet8 --epochs 2 --schedule one-cycle --out early.safetensors",
    "build-nonrobust --data digits --model early.safetensors --method mislabelled --out wrong.h5",
    "transfer wrong.h5 --arch resnet8 --out wrong/",
    "run planted --set train.adversarial.adversary.norm=l2 --set train.adversarial.adversary.eps=1",
    *(
        line.format(data)
        for data in ("planted:nonrobust=0", "planted:nonrobust=0,robust_agrees=1")
        for line in (
            "train --data {} --arch mlp --width 64 --epochs 20 --lr 0.05 --schedule one-cycle --overwrite"
            " --out without.safetensors",
            "evaluate --model without.safetensors --data {} --attack pgd --norm linf --eps 0.01,0.03",
        )
    ),
    "run digits --workers 2 --shard 360 --out times",
    "jobs paper-cifar10 --images 50000 --seeds 0,1,2,3,4 --simulate 64 --times times",
    "jobs restricted-imagenet --images 257748 --simulate 64 --times times",
)


def measure(results: Path) -> bool:
    """Run `COMMANDS`, and write what each prints to `results`; whether all ended well, known answers apart."""
    printed = dict[str, str]()
    with TemporaryDirectory() as folder:
        for line in COMMANDS:
            command = [sys.executable, "-m", "featsplit", *shlex.split(line)]
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if ended.returncode not in (0, 1):
                raise SystemExit(f"featsplit {line}: {ended.stderr}")
            printed[line] = ended.stdout.strip()
    seen = machine()
    content = {"command": "python -m benchmarks printed", "machine": seen, "printed": printed}
    (results / "printed.json").write_text(json.dumps(content, indent=1) + "\n")
    blocks = [f"`featsplit {line}`\n\n```\n{text}\n```" for line, text in printed.items()]
    head = ["# What commands of the pages print", "`python -m benchmarks printed`.", f"Machine: {told(seen)}."]
    (results / "printed.md").write_text("\n\n".join([*head, *blocks]) + "\n")
    return True
