"""The commands, as the help lists them: what each is in a line, and under which heading it stands."""

COMMANDS = {
    "init": "Settings that suit your data and machine.",
    "run": "A study, by a preset or a TOML file.",
    "train": "A classifier, standard or adversarial.",
    "build-robust": "D_R, by representation matching.",
    "build-nonrobust": "D_rand, D_det and D_NR.",
    "attack": "The nearest adversarial image of each image.",
    "evaluate": "Models x data sets x attacks.",
    "transfer": "What each set is worth to each architecture.",
    "audit": "How useful and how robust each unit is.",
    "leakage": "What robust features leak of the labels.",
    "jobs": "What a run consists of, before it is begun.",
    "status": "What a run is doing, and for how long yet.",
    "report": "The page of a run; runs side by side.",
    "photos": "Adversarial images to print and photograph.",
    "import-model": "A network trained elsewhere as a file of ours.",
    "probe": "A linear head on a network's representation.",
    "import-madrylab": "A published set as a file of ours.",
    "export": "A set in other people's formats, with a card.",
    "info": "What a file or a data set holds.",
    "verify": "Whether a set is still what was written.",
    "show": "Examples of a data set as a picture.",
}
"""Each command in a line; its module is imported when it is asked for."""
GROUPS = {
    "First steps": ("run", "init", "info", "show"),
    "Sets": ("build-robust", "build-nonrobust", "verify", "export", "import-madrylab"),
    "Networks": ("train", "import-model", "probe"),
    "Measure": ("evaluate", "attack", "transfer", "audit", "leakage", "photos"),
    "Runs and clusters": ("jobs", "status", "report"),
}
"""Under which heading of the help each command stands."""
