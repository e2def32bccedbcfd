"""python -m benchmarks.walks [NAME ...]: do what docs/first-ten-minutes.md and the notebooks say, step by step.

Each page is gone through in an empty folder; what is printed is put back into the page, below the step that printed
it, with the minutes where a section has a line of them, and the times go to benchmarks/results. A page's steps are its
blocks of `sh`, and its blocks of `python`: those that begin with the name of a file are written to that file, the
others run one after the other in one namespace.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine, told
from featsplit.report.cells import as_markdown

ROOT = Path(__file__).parents[1]
PAGES = {
    "first-ten-minutes": ROOT / "docs" / "first-ten-minutes.md",
    "split-digits": ROOT / "docs" / "notebooks" / "split-digits.md",
    "own-network": ROOT / "docs" / "notebooks" / "own-network.md",
}
BLOCK = re.compile(r"```(sh|python)\n(.*?)```\n(?:\n```text\n.*?```\n)?", re.DOTALL)
OUTPUT = re.compile(r"```text\n(.*?)```", re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
MINUTES = re.compile(r"^\*\*Minutes\*\*: [\d.]+", re.MULTILINE)
SECTION = re.compile(r"(?=^## )", re.MULTILINE)
ACTIVATE = "if [ -f .venv/bin/activate ]; then . .venv/bin/activate; fi\n"
FIRST, LAST = 4, 40
"""Lines of a long output that are shown, from its beginning and from its end."""
Step = Callable[[str, str], str]
"""Does a step, of a kind and a text, and returns what it printed."""


def walked(text: str, step: Step) -> tuple[str, dict[str, float]]:
    """The page `text` with what each of its steps prints, and the seconds of each section that has any."""
    sections, seconds = list[str](), dict[str, float]()
    for section in SECTION.split(text):
        began = time.perf_counter()
        done = BLOCK.sub(lambda found: _with_output(found[1], found[2], step(found[1], found[2])), section)
        took = time.perf_counter() - began
        if BLOCK.search(section):
            seconds[section.splitlines()[0].lstrip("# ")] = took
        sections.append(MINUTES.sub(f"**Minutes**: {took / 60:.1f}", done))
    return "".join(sections), seconds


def in_shell(folder: Path) -> Step:
    """Steps of a page that is followed in a shell, in `folder`."""

    def step(kind: str, text: str) -> str:
        if kind == "python":
            if named := FILE.match(text):
                (folder / named[1]).write_text(text)
            return ""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = ["bash", "-e", "-c", ACTIVATE + text]
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise SystemExit(f"{text}{ran.stdout}{ran.stderr}")
        return ran.stdout

    return step


def in_namespace(folder: Path) -> Step:
    """Steps of a notebook, which share their names and run in `folder`."""
    names: dict[str, Any] = {"__name__": "__main__"}

    def step(kind: str, text: str) -> str:
        printed = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
            exec(compile(text, "cell", "exec"), names)
        return printed.getvalue()

    return step


def _with_output(kind: str, text: str, printed: str) -> str:
    lines = printed.rstrip().lstrip("\n").splitlines()
    if len(lines) > FIRST + LAST:
        lines = [*lines[:FIRST], "...", *lines[-LAST:]]
    shown = "\n".join(line.rstrip() for line in lines)
    return f"```{kind}\n{text}```\n" + (f"\n```text\n{shown}\n```\n" if lines else "")


def _measure(name: str, results: Path) -> None:
    """Go through the page `name`, and write it again with what it printed; the times to `results`."""
    page = PAGES[name]
    with TemporaryDirectory() as place:
        folder = Path(place) / "featsplit"
        if "notebooks" in page.parts:
            folder.mkdir()
            text, seconds = walked(page.read_text(), in_namespace(folder))
        else:
            subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{ROOT}", folder], check=True)
            text, seconds = walked(page.read_text(), in_shell(folder))
    page.write_text(text)
    seen = machine()
    content: dict[str, Any] = {"command": f"python -m benchmarks.walks {name}", "machine": seen, "seconds": seconds}
    content["printed"] = OUTPUT.findall(text)
    (results / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    lines = [["step", "seconds", "minutes"]]
    lines += [[step, f"{took:.0f}", f"{took / 60:.1f}"] for step, took in [*seconds.items(), _whole(seconds)]]
    head = f"# {text[text.index('# ') + 2 :].splitlines()[0]}"
    link = f"[the page]({os.path.relpath(page, results)})"
    said = f"`{content['command']}`: what {link} says, done in an empty folder, whatever else the machine did."
    told_lines = [head, said, f"Machine: {told(seen)}.", as_markdown(lines)]
    (results / f"{name}.md").write_text("\n\n".join(told_lines) + "\n")


def _whole(seconds: dict[str, float]) -> tuple[str, float]:
    return "the whole", sum(seconds.values())


if __name__ == "__main__":
    for each in sys.argv[1:] or PAGES:
        _measure(each, Path(__file__).parent / "results")
