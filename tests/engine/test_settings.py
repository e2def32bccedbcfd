"""Settings from TOML to records and back: nothing is lost, and what does not fit is refused by its place."""

import dataclasses
import tomllib
import types
import typing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from featsplit.engine.settings import as_toml, flat, overridden, record
from featsplit.engine.study import presets
from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import Fields
from featsplit.records.data import DataSpec
from featsplit.studies import STUDIES, read_settings, study_named
from tests.rows import read


@pytest.mark.parametrize("name", presets())
def test_settings_of_every_preset_come_back_from_toml(name: str, tmp_path: Path) -> None:
    settings = read_settings(name)
    (tmp_path / "settings.toml").write_text(as_toml(settings.plain()), encoding="utf-8")
    assert read_settings(str(tmp_path / "settings.toml")) == settings


SCALARS = st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False)
VALUES = SCALARS | st.lists(st.text()) | st.lists(st.floats(allow_nan=False))


@example({"data": {"source": 'npz:C:\\a "b"\x7f\t\x00\n\u2028\U0001f642.npz'}})
@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]+", fullmatch=True),
        VALUES | st.none() | st.dictionaries(st.from_regex(r"[a-z_]+", fullmatch=True), VALUES),
    )
)
def test_any_plain_settings_come_back_from_toml(mapping: dict[str, Any]) -> None:
    assert tomllib.loads(as_toml(mapping)) == {key: value for key, value in mapping.items() if value is not None}


@pytest.mark.parametrize("written", ["[3, 5, 8]", '["3", "5", "8"]', '[3, "5", 8]'])
def test_classes_may_be_numbers_in_toml_and_are_the_same_settings(tmp_path: Path, written: str) -> None:
    robust = "[train.adversarial]\nadversary = { eps = 0.5 }\n"
    (tmp_path / "a.toml").write_text(f'[data]\nsource = "mnist"\nclasses = {written}\n{robust}')
    settings = read_settings(str(tmp_path / "a.toml"))
    assert settings.source() == DataSpec("mnist", classes=("3", "5", "8"))
    (tmp_path / "b.toml").write_text(as_toml({**settings.plain(), "name": "a"}), encoding="utf-8")
    assert read_settings(str(tmp_path / "b.toml")) == settings
    assert record(DataSpec, overridden({"source": "mnist"}, [f"classes={written}"]), "data") == settings.source()


@pytest.mark.parametrize("written", ["[3.5]", "[true]", "[[3]]", "3"])
def test_classes_that_are_neither_names_nor_numbers_are_refused(written: str) -> None:
    with pytest.raises(FeatsplitError, match=r"^data.classes(\[0\])? = .*: must be a (text|list)$"):
        record(DataSpec, overridden({"source": "mnist"}, [f"classes={written}"]), "data")


def test_a_text_that_is_no_unicode_is_refused_by_its_place() -> None:
    """A file name of another encoding: TOML is UTF-8."""
    with pytest.raises(FeatsplitError) as caught:
        as_toml({"data": {"source": "npz:caf\udce9.npz"}})
    assert str(caught.value) == (
        r"data.source = 'npz:caf\udce9.npz': is no text in UTF-8, as settings must be; rename it"
    )


def test_every_setting_that_may_be_none_is_so_by_default() -> None:
    """Else None, which TOML cannot say, would not come back."""

    def walk(kind: Any) -> None:
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            options = typing.get_args(hints[field.name]) if isinstance(hints[field.name], types.UnionType) else ()
            if type(None) in options:
                assert field.default is None, f"{kind.__name__}.{field.name}"
            for option in (hints[field.name], *options):
                if dataclasses.is_dataclass(option):
                    walk(option)

    for name in STUDIES:
        walk(study_named(name).Settings)


@pytest.mark.parametrize("prefix", ["folder:", "npz:", "imagenet:", "restricted-imagenet:", ""])
def test_settings_name_their_data_from_anywhere(prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read("digits")
    own = replace(settings, data=replace(settings.data, source=f"{prefix}mine/own.h5"))
    assert own.settled().data.source == f"{prefix}{tmp_path}/mine/own.h5"
    assert own.settled().settled() == own.settled()
    assert settings.settled() == settings


@dataclass(frozen=True)
class Inner:
    """What is inside."""

    rate: float = 0.1
    kind: Literal["one", "two"] = "one"


@dataclass(frozen=True)
class Outer:
    """What is outside."""

    count: int
    inner: Inner = Inner()
    names: tuple[str, ...] = ()
    on: bool = False
    least: float | None = None


def test_a_record_has_what_is_given_and_else_its_defaults() -> None:
    given: Fields = {"count": 3, "inner": {"rate": 1}, "names": ["a", "b"], "least": 2}
    assert record(Outer, given, "") == Outer(3, Inner(1.0), ("a", "b"), least=2.0)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({}, "count: is missing; it has no default"),
        ({"count": 1.5}, "count = 1.5: must be a whole number"),
        ({"count": True}, "count = True: must be a whole number"),
        ({"count": 1, "on": 1}, "on = 1: must be true or false"),
        ({"count": 1, "names": "a"}, "names = 'a': must be a list"),
        ({"count": 1, "names": ["a", 2]}, "names[1] = 2: must be a text"),
        ({"count": 1, "inner": 2}, "inner = 2: must be a table"),
        ({"count": 1, "inner": {"rate": "x"}}, "inner.rate = 'x': must be a number"),
        ({"count": 1, "inner": {"kind": "tow"}}, 'inner.kind = "tow": must be one of one, two; did you mean "two"?'),
        ({"count": 1, "inner": {"rat": 1}}, 'inner: key = "rat": must be one of rate, kind; did you mean "rate"?'),
        ({"cont": 1}, 'key = "cont": must be one of count, inner, names, on, least; did you mean "count"?'),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(mapping: Fields, message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        record(Outer, mapping, "")
    assert str(caught.value) == message


def test_an_override_reaches_one_setting() -> None:
    mapping: Fields = {"a": {"b": 1, "c": 2}, "d": 3}
    assert overridden(mapping, ["a.b=[1, 2]", "e.f=text", "d = 0.5"]) == {
        "a": {"b": [1, 2], "c": 2},
        "d": 0.5,
        "e": {"f": "text"},
    }
    assert mapping == {"a": {"b": 1, "c": 2}, "d": 3}
    assert flat(overridden(mapping, ["a.b=5"])) == {"a.b": 5, "a.c": 2, "d": 3}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("eps", '--set "eps": write it as section.key=value, such as perturb.eps=0.5'),
        ("=1", '--set "=1": write it as section.key=value, such as perturb.eps=0.5'),
        ("d.x=1", "--set d.x: d is a value, not a section"),
    ],
)
def test_an_override_that_is_none_is_refused(setting: str, message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        overridden({"d": 3}, [setting])
    assert str(caught.value) == message
