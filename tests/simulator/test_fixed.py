from decimal import Decimal

import pytest

from simulator import fixed


@pytest.mark.parametrize(
    ("text", "value"),
    [("61837.63000000", 6183763000000), ("0.00000001", 1), ("7", 700000000), ("0.5", 50000000)],
)
def test_parse_is_exact(text: str, value: int) -> None:
    """A plain decimal becomes the exact whole number of 1e-8."""

    assert value == fixed.parse(text)


@pytest.mark.parametrize("text", ["", "NaN", "-1", "1e9", "1_0", " 1", ".5", "1.000000001", "٣"])
def test_parse_refuses_what_is_no_plain_decimal(text: str) -> None:
    """Anything but digits and one point is refused."""
    with pytest.raises(ValueError):
        fixed.parse(text)


def test_render_has_eight_decimals_and_a_sign() -> None:
    """Numbers are written as Binance writes them."""

    assert "61837.63000000" == fixed.render(6183763000000)
    assert "-0.00000001" == fixed.render(-1)
    assert "0.00000000" == fixed.render(0)


def test_a_product_is_cut_off_after_eight_decimals() -> None:
    """Price times quantity keeps sixteen decimals inside and shows eight."""
    product = fixed.parse("0.33333333") * fixed.parse("0.1")

    assert "0.03333333" == fixed.render_product(product)


def test_a_decimal_becomes_the_same_number() -> None:
    """Prices of the catalogue come in exactly."""

    assert 109180000 == fixed.from_decimal(Decimal("1.09180"))
