import pytest

from simulator.parameter import Parameters
from simulator.refusal import RefusedError

KNOWN = frozenset({"symbol", "symbols", "limit"})


def given(*pairs: tuple[str, str]) -> Parameters:
    """The parameters of a call."""
    return Parameters(list(pairs), KNOWN)


def test_good_parameters_are_read() -> None:
    """One symbol, several, or none; a number or its default."""

    assert ["BTCUSDT"] == given(("symbol", "BTCUSDT")).symbols()
    assert ["A", "B"] == given(("symbols", '["A","B"]')).symbols()
    assert given().symbols() is None
    assert (7, 500) == (given(("limit", "7")).number("limit", 1), given().number("limit", 500))


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("symbol", "btcusdt")], -1100),
        ([("symbol", "BTC USDT")], -1100),
        ([("symbol", "")], -1102),
        ([("symbols", '["A", "B"]')], -1100),
        ([("symbols", "A,B")], -1100),
        ([("symbols", "[]")], -1100),
        ([("symbol", "A"), ("symbols", '["A"]')], -1128),
        ([("symbol", "A"), ("symbol", "B")], -1101),
        ([("symbol", "A"), ("colour", "red")], -1104),
    ],
)
def test_errors_have_binances_code(pairs: list[tuple[str, str]], code: int) -> None:
    """Illegal characters, missing, repeated, unknown and contradictory parameters."""
    with pytest.raises(RefusedError) as caught:
        given(*pairs).symbols()

    assert code == caught.value.code


@pytest.mark.parametrize("text", ["x", "-1", "1.5", ""])
def test_a_number_must_be_one(text: str) -> None:
    """Only digits make a whole number."""
    with pytest.raises(RefusedError) as caught:
        given(("limit", text)).number("limit", 1)

    assert -1100 == caught.value.code
