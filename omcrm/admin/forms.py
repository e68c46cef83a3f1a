"""What an administrator fills in."""

from decimal import Decimal

from flask_wtf import FlaskForm
from wtforms import DecimalField, Field, IntegerField, SelectField, StringField
from wtforms.validators import (
    DataRequired,
    InputRequired,
    Length,
    NumberRange,
    Optional,
    Regexp,
    ValidationError,
)

from omcrm.market.instrument import AssetClass


def _upper(text: str | None) -> str | None:
    return text.strip().upper() if text else text


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def _lower(text: str | None) -> str | None:
    return text.strip().lower() if text else text


def _fits(form: FlaskForm, field: Field) -> None:
    # The database keeps so many characters of a number.
    if field.data is not None and len(format(field.data, "f")) > 64:
        raise ValidationError("That has too many digits.")


_STREAM_NAME = Regexp(r"^[a-z0-9]{1,20}$", message="Letters and digits only, e.g. btcusdt.")


class InstrumentForm(FlaskForm):  # type: ignore[misc,unused-ignore]
    """A new instrument."""

    symbol = StringField(
        "Symbol",
        filters=[_upper],
        validators=[
            InputRequired("Give the symbol users will see."),
            Regexp(
                r"^[A-Z0-9][A-Z0-9.\-]{0,19}$",
                message="1 to 20 letters, digits, dots or dashes, a letter or digit first.",
            ),
        ],
    )
    name = StringField(
        "Name",
        filters=[_trimmed],
        validators=[DataRequired("Give its full name."), Length(max=120)],
    )
    asset_class = SelectField("Type", choices=[each.value for each in AssetClass])
    decimals = IntegerField(
        "Decimals",
        validators=[InputRequired("Say how many decimals a price has."), NumberRange(0, 10)],
    )
    last_resort_price = DecimalField(
        "Last-resort price",
        places=None,
        validators=[
            Optional(),
            NumberRange(min=Decimal("0.0000000001"), max=Decimal(10**12)),
            _fits,
        ],
    )
    binance_symbol = StringField(
        "Symbol at Binance", filters=[_lower], validators=[Optional(), _STREAM_NAME]
    )
    simulated_symbol = StringField(
        "Symbol at the built-in exchange", filters=[_lower], validators=[Optional(), _STREAM_NAME]
    )

    def validate_binance_symbol(self, field: Field) -> None:
        """Binance trades coins only; nothing else would ever be priced by it."""
        if field.data and self.asset_class.data in (AssetClass.STOCK, AssetClass.FOREX):
            raise ValidationError("Binance has prices of crypto only.")

    @property
    def provider_symbols(self) -> dict[str, str]:
        """What each source calls it, for those that were filled in."""
        given = {"binance": self.binance_symbol.data, "simulated": self.simulated_symbol.data}
        return {source: symbol for source, symbol in given.items() if symbol}
