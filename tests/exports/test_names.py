"""Names of classes as folders: safe on any file system, all distinct, in the order of the labels."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featsplit.exports.names import BYTES, folder_names

HOSTILE = ["../../etc", "a/b", "a\\b", "<script>alert(1)</script>", ".hidden", "", "con", "nul.txt", "x" * 500, "a\nb"]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["cat", "dog", "猫"], ("cat", "dog", "猫")),
        (["dog", "cat"], ("0_dog", "1_cat")),
        ([str(digit) for digit in range(10)], tuple("0123456789")),
        (["cat", "Cat"], ("0_cat", "1_Cat")),
        (["Cat", "cat"], ("0_Cat", "1_cat")),
        (["a/b", "a_b"], ("0_a_b", "1_a_b")),
        (["<b>x</b>", "y"], ("_b_x__b_", "y")),
        (["..", "a"], ("_", "a")),
        (["Metadata.csv", "con", "thumbs.db"], ("Metadata.csv_", "con_", "thumbs.db_")),
        ([f"class {n}" for n in range(11)], tuple(f"{n:02d}_class {n}" for n in range(11))),
    ],
)
def test_a_name_is_kept_where_it_can_be(classes: list[str], expected: tuple[str, ...]) -> None:
    assert folder_names(classes) == expected


@given(st.lists(st.one_of(st.text(max_size=150), st.sampled_from(HOSTILE)), min_size=2, max_size=12, unique=True))
def test_whatever_the_classes_are_called(classes: list[str]) -> None:
    names = folder_names(classes)
    assert list(names) == sorted(names), "as torchvision numbers them"
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names}) == len(classes)
    for name in names:
        assert 0 < len(name.encode()) < 255 - len(".partial")
        assert len(name.encode()) <= BYTES + 4
        assert not set(name) & set('/\\<>:"|?*\0\n\r')
        assert not name.startswith(".")
        assert name == name.strip(" .")
