"""The options that fit every source: classes, holdout, limit, resize."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as oracle

from featsplit.data.images import ImageData, Split
from featsplit.data.selection import apportion, class_named, hold_out, keep_classes, limit_split, resize_split, resized
from featsplit.errors import FeatsplitError


def numbered(labels: list[int]) -> Split:
    """One-pixel images that hold their own index."""
    return Split(torch.arange(len(labels)).view(-1, 1, 1, 1) / 1e4, torch.tensor(labels))


def indices(split: Split) -> list[int]:
    return [round(value * 1e4) for value in split.images.flatten().tolist()]


def data(labels: list[int], test: list[int], classes: tuple[str, ...] = ("cat", "dog", "fox")) -> ImageData:
    return ImageData("made-up", classes, numbered(labels), numbered(test))


def chosen(split: Split, size: int, classes: int = 3, seed: int = 0) -> Split:
    return limit_split(split, size, classes=classes, seed=seed, place="data.limit")


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=2, max_size=8), st.data())
def test_apportion_gives_each_class_its_share(counts: list[int], draw: st.DataObject) -> None:
    size = draw.draw(st.integers(len(counts), sum(counts)))
    taken = apportion(torch.tensor(counts), size).tolist()
    shares = [count * size / sum(counts) for count in counts]
    assert sum(taken) == size
    assert all(1 <= took <= count for took, count in zip(taken, counts, strict=True))
    if min(shares) >= 1:
        assert all(abs(took - share) < 1 for took, share in zip(taken, shares, strict=True))


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=2, max_size=8), st.data())
def test_apportion_is_the_nearest_to_the_shares(counts: list[int], draw: st.DataObject) -> None:
    """No image moved from one class to another brings the numbers nearer to the shares."""
    size = draw.draw(st.integers(len(counts), sum(counts)))
    taken = apportion(torch.tensor(counts), size).tolist()
    excess = [took * sum(counts) - count * size for took, count in zip(taken, counts, strict=True)]
    movable = [over for over, took in zip(excess, taken, strict=True) if took > 1]
    assert not movable or max(movable) - min(excess) <= sum(counts)


def test_apportion_by_hand() -> None:
    assert apportion(torch.tensor([50, 30, 20]), 10).tolist() == [5, 3, 2]
    assert apportion(torch.tensor([10, 10, 10]), 5).tolist() == [2, 2, 1]
    assert apportion(torch.tensor([98, 1, 1]), 3).tolist() == [1, 1, 1]
    assert apportion(torch.tensor([98, 0, 2]), 4).tolist() == [3, 0, 1]


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), min_size=3, max_size=60), st.integers(3, 60), st.integers(0, 3))
def test_limit_keeps_the_order_and_the_exact_number(labels: list[int], size: int, seed: int) -> None:
    split = numbered(labels)
    kept = chosen(split, size, seed=seed)
    rows = indices(kept)
    assert len(kept) == min(size, len(labels))
    assert rows == sorted(set(rows))
    assert kept.labels.tolist() == [labels[row] for row in rows]
    assert rows == indices(chosen(split, size, seed=seed))


def test_limit_depends_on_the_seed_and_a_smaller_one_is_part_of_a_larger() -> None:
    split = numbered([0, 1, 2] * 100)
    assert indices(chosen(split, 30)) != indices(chosen(split, 30, seed=1))
    assert set(indices(chosen(split, 30))) < set(indices(chosen(split, 60)))
    assert chosen(split, 30).labels.bincount().tolist() == [10, 10, 10]


def test_limit_draws_from_the_whole_split() -> None:
    split = numbered([0, 1] * 500)
    rows = torch.tensor(indices(chosen(split, 200, classes=2))).float()
    assert rows.mean().item() == pytest.approx(500, abs=80)


def test_limit_below_one_image_a_class() -> None:
    with pytest.raises(FeatsplitError) as error:
        limit_split(numbered([0] * 20), 3, classes=10, seed=0, place="data.limit")
    assert str(error.value) == "data.limit = 3: must be at least 10, one image a class"


def test_classes_are_kept_and_relabelled_in_the_order_given() -> None:
    kept = keep_classes(data([0, 1, 2, 0, 2], [2, 1, 0]), ("fox", "cat"))
    assert kept.classes == ("fox", "cat")
    assert (indices(kept.train), kept.train.labels.tolist()) == ([0, 2, 3, 4], [1, 0, 1, 0])
    assert (indices(kept.test), kept.test.labels.tolist()) == ([0, 2], [0, 1])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("cat", "dig"), 'data.classes = "dig": must be one of cat, dog, fox; did you mean "dog"?'),
        (("cat", "dog", "cat"), 'data.classes: "cat" is given 2 times; give each class once'),
        (("cat",), "data.classes has 1 class; a classifier needs at least 2"),
    ],
)
def test_classes_that_do_not_fit(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        keep_classes(data([0, 1, 2], [0, 1, 2]), names)
    assert str(error.value) == message


MNIST = ("0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six")
PETS = ("cat", "cat, wild", "catfish", "dog", "10", "1 of all", "2 cows", "1")


@pytest.mark.parametrize(
    ("classes", "word", "label"),
    [
        (MNIST, "3", 3),
        (MNIST, 3, 3),
        (MNIST, "5 - f", 5),
        (MNIST[3:], "3", 0),  # the first word of a name is more than a number
        (MNIST[3:], "0", 0),
        (MNIST[3:], "4", 1),
        (PETS, "cat", 0),  # a whole name is more than a beginning
        (PETS, "cat,", 1),
        (PETS, "catf", 2),
        (PETS, "d", 3),
        (PETS, "3", 3),
        (PETS, "1", 7),  # the class that is called so, not number 1
        (PETS, "10", 4),
        (PETS, "2", 6),
        (PETS, 0, 0),
        (("a", "12 men", "b"), "1", 1),  # the beginning and the number mean the same
        (("cars", "cared"), "car", None),  # neither has it as a word of its own
        (("car red", "cars"), "car", 0),
    ],
)
def test_a_class_is_meant_by_its_name_its_beginning_or_its_number(
    classes: tuple[str, ...], word: str | int, label: int | None
) -> None:
    if label is None:
        with pytest.raises(FeatsplitError):
            class_named(word, classes)
    else:
        assert class_named(word, classes) == label


@settings(deadline=None)
@given(st.lists(st.text("ab1 0", min_size=1, max_size=4), min_size=1, max_size=12, unique=True))
def test_the_whole_name_of_a_class_always_means_it(classes: list[str]) -> None:
    assert [class_named(name, classes) for name in classes] == list(range(len(classes)))


@pytest.mark.parametrize(
    ("classes", "word", "message"),
    [
        (MNIST, "11", 'data.classes = "11": must be one of 0 - zero, 1 - one, '),
        (MNIST, "03", 'data.classes = "03": must be one of'),
        (MNIST, "", 'data.classes = "": must be one of'),
        (MNIST, -1, 'data.classes = "-1": must be one of'),
        (MNIST, "\u0663", "must be one of"),  # a digit, in Arabic
        (MNIST, "9" * 5000, "must be one of"),
        (PETS, "ca", 'data.classes = "ca": may be "cat" (number 0), "cat, wild" (number 1), "catfish" (number 2); '),
        (
            ("12 men", "b"),
            "1",
            'data.classes = "1": may be "12 men" (number 0), "b" (number 1); write more of the name',
        ),
        ([f"x{n}" for n in range(20)], "x", '"x7" (number 7) and 12 more; write more of the name'),
    ],
)
def test_a_word_that_means_no_class_or_several(classes: tuple[str, ...], word: str | int, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        class_named(word, classes)
    assert message in str(error.value)


def test_two_words_for_one_class_are_refused() -> None:
    with pytest.raises(FeatsplitError) as error:
        keep_classes(data([0, 1, 2], [0, 1, 2]), ("fox", "c", 0))
    assert str(error.value) == 'data.classes: "cat" is given 2 times, as c and 0; give each class once'


def test_classes_that_were_meant_have_their_whole_names() -> None:
    kept = keep_classes(data([0, 1, 2, 0, 2], [2, 1, 0]), (2, "c"))
    assert kept.classes == ("fox", "cat")
    assert (indices(kept.train), kept.train.labels.tolist()) == ([0, 2, 3, 4], [1, 0, 1, 0])


def test_holdout_parts_the_train_split() -> None:
    labels = [0] * 20 + [1] * 40 + [2] * 60
    held = hold_out(data(labels, [0, 1, 2]), 0.25, seed=0)
    assert sorted(indices(held.train) + indices(held.test)) == list(range(120))
    assert indices(held.train) == sorted(indices(held.train))
    assert held.test.labels.bincount().tolist() == [5, 10, 15]
    assert held.test.labels.tolist() == [labels[row] for row in indices(held.test)]
    assert indices(held.test) == indices(hold_out(data(labels, [0, 1, 2]), 0.25, seed=0).test)
    assert indices(held.test) != indices(hold_out(data(labels, [0, 1, 2]), 0.25, seed=1).test)


@pytest.mark.parametrize(
    ("fraction", "message"),
    [
        (0.2, "data.holdout = 0.2: gives 2 of 10 images; must give at least 3, one image a class"),
        (0.5, 'data.holdout = 0.5: leaves class "fox" no image to train on; make it smaller or drop the class'),
    ],
)
def test_holdout_that_does_not_fit(fraction: float, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        hold_out(data([0, 0, 0, 0, 0, 1, 1, 1, 1, 2], [0]), fraction, seed=0)
    assert str(error.value) == message


def images(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("size", [5, 20])
def test_resize_is_that_of_torchvision_with_antialiasing(dtype: torch.dtype, size: int) -> None:
    raw = images(1100, 3, 12, 9)
    split = Split(raw if dtype == torch.uint8 else raw / 255, torch.zeros(1100))
    expected = oracle.resize(split.images, [size, size], antialias=True)
    assert resize_split(split, size).images.dtype == dtype
    torch.testing.assert_close(resize_split(split, size).images, expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_resize_by_a_whole_factor_is_pillows_box_filter(dtype: torch.dtype) -> None:
    raw = images(600, 3, 12, 8)
    boxes = [Image.fromarray(i.permute(1, 2, 0).numpy()).resize((4, 4), Image.Resampling.BOX) for i in raw]
    expected = torch.stack([torch.from_numpy(np.array(box)).permute(2, 0, 1) for box in boxes])
    found = resize_split(Split(raw if dtype == torch.uint8 else raw / 255, torch.zeros(600)), 4).images
    assert found.dtype == dtype
    difference = (found.float() * (1 if dtype == torch.uint8 else 255) - expected.float()).abs().max()
    assert float(difference) <= 1  # Pillow rounds a half up, torch to even


def test_resize_keeps_floats_in_the_pixel_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "resize", lambda part, size, antialias: part[:, :, :2, :2] * 3 - 1)
    out = resize_split(Split(torch.linspace(0, 1, 9).view(1, 1, 3, 3), torch.zeros(1)), 2).images
    assert torch.equal(out.flatten(), (torch.tensor([0, 1, 3, 4]) / 8 * 3 - 1).clamp(0, 1))


def test_resize_leaves_images_of_that_size_alone() -> None:
    split = Split(images(2, 3, 7, 7), torch.zeros(2))
    assert resize_split(split, 7).images is split.images


@pytest.mark.parametrize("shape", [(12, 9), (9, 12), (11, 8), (8, 8), (5, 20)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_crop_is_torchvisions_center_crop_and_then_resize(shape: tuple[int, int], dtype: torch.dtype) -> None:
    raw = images(600, 3, *shape)
    split = Split(raw if dtype == torch.uint8 else raw / 255, torch.zeros(600))
    expected = oracle.resize(oracle.center_crop(split.images, [min(shape)] * 2), [6, 6], antialias=True)
    torch.testing.assert_close(resize_split(split, 6, "crop").images, expected)


def test_a_crop_of_that_size_is_not_resampled() -> None:
    raw = images(2, 3, 7, 10)
    cropped = resize_split(Split(raw, torch.zeros(2)), 7, "crop").images
    assert torch.equal(cropped, oracle.center_crop(raw, [7, 7]))
    square = images(2, 3, 9, 9)
    assert torch.equal(resized(square, 3, "crop"), resized(square, 3))
