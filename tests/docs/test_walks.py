"""Pages that are followed: the notebooks run as they stand, and what a step prints comes below it."""

import re
from pathlib import Path

import pytest

from benchmarks import walks

PAGE = """# Page

```python
a = 1
```

## One

```python
print("one", a)
```

```text
old
```

Text.

```python
print("\\n".join(map(str, range(50))))
```
"""


def test_an_output_is_put_below_its_step_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    text, seconds = walks.walked(PAGE, walks.in_namespace(tmp_path))
    assert "```text\nold" not in text
    assert 'print("one", a)\n```\n\n```text\none 1\n```\n\nText.' in text
    assert "```text\n0\n1\n2\n3\n...\n10\n" in text
    assert list(seconds) == ["Page", "One"]
    assert walks.walked(text, walks.in_namespace(tmp_path))[0] == text


def test_steps_in_a_shell_share_a_folder_and_stop_at_a_failure(tmp_path: Path) -> None:
    page = "## A\n\n```python\n# two.py\nprint(2)\n```\n\n```sh\npython3 two.py\n```\n"
    text, _ = walks.walked(page, walks.in_shell(tmp_path))
    assert text.endswith("```sh\npython3 two.py\n```\n\n```text\n2\n```\n")
    timed, _ = walks.walked("## A\n\n**Minutes**: 9.9\n\n```sh\necho 1\n```\n", walks.in_shell(tmp_path))
    assert "\n**Minutes**: 0.0\n" in timed
    with pytest.raises(SystemExit, match="no-such-command"):
        walks.walked("## A\n\n```sh\nno-such-command\n```\n", walks.in_shell(tmp_path))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", ["split-digits", "own-network"])
def test_a_notebook_runs_and_prints_what_it_shows_but_for_the_numbers(name: str, tmp_path: Path) -> None:
    page = walks.PAGES[name].read_text()
    text, _ = walks.walked(page, walks.in_namespace(tmp_path))
    assert _without_numbers(text) == _without_numbers(page)


def test_a_notebook_uses_public_names_alone() -> None:
    for name in ("split-digits", "own-network"):
        code = "\n".join(found[1] for found in walks.BLOCK.findall(walks.PAGES[name].read_text()))
        assert "import featsplit as fs" in code
        assert not re.search(r"from featsplit|featsplit\.\w+ import", code)


def _without_numbers(text: str) -> str:
    return re.sub(r"[ -]*\d+(\.\d+)?|-{3,}| {2,}", "#", text)
