from collections.abc import Iterator
from importlib import import_module

import click
import pytest

from manage import COMMANDS
from omcrm.number_option import Real, Whole

WRONG = ["1_0", "１０", "٣", "1e1", " 10", "10 ", "nan", "inf", "-inf", "1,5", "", "x"]


def numbers() -> Iterator[tuple[str, str, click.ParamType]]:
    """Every option of every command that is a number."""
    for name, module in COMMANDS.items():
        command = getattr(import_module(module), name.replace("-", "_"))
        for option in command.params:
            if isinstance(option.type, click.types.IntParamType | click.types.FloatParamType):
                yield name, str(option.name), option.type


@pytest.mark.parametrize("text", WRONG)
def test_no_command_takes_python_s_spellings(text: str) -> None:
    """A text that only Python reads as a number is refused, with the text."""
    options = list(numbers())
    assert len(options) > 10

    for command, option, kind in options:
        with pytest.raises(click.BadParameter, match="is not a number"):
            print(command, option, kind.convert(text, None, None))


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [(Whole(1, 20), "10", 10), (Real(1, 20), "1.5", 1.5), (Real(), "-1.5", -1.5), (Whole(), 3, 3)],
)
def test_plain_numbers_are_read(kind: click.ParamType, text: str | int, number: float) -> None:
    """Digits are read as their number, and defaults stay as they are."""
    assert number == kind.convert(text, None, None)


@pytest.mark.parametrize(("kind", "text"), [(Whole(1, 9), "10"), (Real(1, 9), "0.5")])
def test_bounds_hold(kind: click.ParamType, text: str) -> None:
    """A number beyond them is refused."""
    with pytest.raises(click.BadParameter, match="not in the range"):
        kind.convert(text, None, None)
