"""Single options that several commands share; without torch, as the help of `run` and `show` is."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Seed = Annotated[int, {"help": "Decides everything random."}]
Overwrite = Annotated[bool, {"help": "Replace what is at --out.", "group": "Output"}]
BatchSize = Annotated[
    int | None,
    {
        "help": "Images at a time; from 17 on it decides nothing but rounding.",
        "default": "by their size; GPU 512",
        "min": 1,
        "group": "Machine",
    },
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for other programs.", rich_help_panel="Output")]
Device = Annotated[
    str,
    {"help": "auto, cpu, cuda, cuda:1 ...; auto takes a GPU where there is one.", "unit": "NAME", "group": "Machine"},
]
DataRoot = Annotated[
    Path | None,
    {"help": "Where torchvision's data sets lie.", "default": "$FEATSPLIT_DATA", "group": "Data"},
]
Download = Annotated[bool, {"help": "Download a data set that is not there.", "group": "Data"}]
Log = Annotated[
    Literal["tensorboard"] | None,
    {"help": "Keep the curves too, as TensorBoard reads them: OUT.tensorboard.", "default": "not", "group": "Output"},
]
Source = Annotated[
    str | None,
    {"help": "Where the source of a derived set lies now; must be the same images.", "unit": "SRC", "group": "Data"},
]
