"""Lists as one word of the command line: "crop,flip", "0.25,8/255", "0,1,2"."""

from fractions import Fraction

from featsplit.errors import FeatsplitError


def words(text: str) -> list[str]:
    """The words in "fgsm,pgd"."""
    return [word.strip() for word in text.split(",") if word.strip()]


def numbers(text: str, place: str) -> list[float]:
    """The numbers in "0.25,8/255"; FeatsplitError at `place` where one is none."""
    try:
        return [float(Fraction(part.strip())) if "/" in part else float(part) for part in text.split(",")]
    except (ValueError, ZeroDivisionError) as error:
        rule = "must be numbers with commas between them, such as 0.25,8/255"
        raise FeatsplitError(f'{place} "{text}": {rule}') from error


def whole_numbers(text: str, place: str) -> list[int]:
    """The whole numbers in "0,1,2", each once; FeatsplitError at `place` where one is none."""
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        raise FeatsplitError(
            f'{place} "{text}": must be whole numbers with commas between them, such as 0,1,2'
        ) from error
