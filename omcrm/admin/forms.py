"""The form of a new instrument."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

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

from omcrm.admin.upstream_name import ANYWHERE, SPELLINGS, classes_of, sources_of, spelled_for
from omcrm.market.instrument import AssetClass, canonical_symbol
from omcrm.market.parsing import plain, whole

Number = TypeVar("Number", int, Decimal)


def _canonical(text: str | None) -> str | None:
    return canonical_symbol(text) if text else text


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


class _WholeField(IntegerField):  # type: ignore[misc,unused-ignore]
    """A whole number in ASCII digits."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = _read(whole, valuelist, "Not a whole number.")


class _PlainField(DecimalField):  # type: ignore[misc,unused-ignore]
    """A number in ASCII digits with at most one sign and one point."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = _read(plain, valuelist, "Not a number.")


def _read(read: Callable[[str], Number], texts: list[str], problem: str) -> Number | None:
    if not texts:
        return None
    try:
        return read(texts[0].strip(" \t\r\n"))
    except ValueError:
        raise ValueError(problem) from None


def _fits(form: FlaskForm, field: Field) -> None:
    # The length of the database column.
    if field.data is not None and len(format(field.data, "f")) > 64:
        raise ValidationError("That has too many digits.")


def _can_be_shown(form: FlaskForm, field: Field) -> None:
    if not field.data.isprintable():
        raise ValidationError("That has characters that cannot be shown.")


def _spelled(source: str) -> Callable[[FlaskForm, Field], None]:
    """A check that the source can have this name for an instrument of the chosen class."""
    spelling, known = SPELLINGS[source], classes_of(source)

    def check(form: FlaskForm, field: Field) -> None:
        if not spelling.fits(field.data):
            raise ValidationError(
                f"{spelling.label}: that is no name there. One would be {spelling.example}."
            )
        chosen = form.asset_class.data
        if chosen in iter(AssetClass) and chosen not in known:
            raise ValidationError(f"{spelling.label}: prices of {' and '.join(known)} only.")

    return check


class InstrumentForm(FlaskForm):  # type: ignore[misc,unused-ignore]
    """A new instrument."""

    symbol = StringField(
        "Symbol",
        filters=[_canonical],
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
        validators=[DataRequired("Give its full name."), Length(max=120), _can_be_shown],
    )
    asset_class = SelectField("Type", choices=[asset_class.value for asset_class in AssetClass])
    decimals = _WholeField(
        "Decimals",
        validators=[InputRequired("Say how many decimals a price has."), NumberRange(0, 10)],
    )
    last_resort_price = _PlainField(
        "Last-resort price",
        places=None,
        validators=[
            Optional(),
            NumberRange(min=Decimal("0.0000000001"), max=Decimal(10**12)),
            _fits,
        ],
    )

    def upstream(self, source: str) -> Field:
        """The field of the instrument's name at a source."""
        return self[f"{source}_symbol"]

    @property
    def groups(self) -> list[tuple[str, list[Field]]]:
        """The fields of names, by their asset class, and those for all classes at the end."""
        groups = [(asset_class.value, spelled_for(asset_class)) for asset_class in AssetClass]
        return [
            (name, [self.upstream(source) for source in sources])
            for name, sources in [*groups, ("", ANYWHERE)]
        ]

    @property
    def provider_symbols(self) -> dict[str, str]:
        """The instrument's name at each source whose field has one."""
        return {
            name: self.upstream(source).data
            for source in SPELLINGS
            for name in sources_of(source)
            if self.upstream(source).data
        }


for _source, _spelling in SPELLINGS.items():
    setattr(
        InstrumentForm,
        f"{_source}_symbol",
        StringField(
            _spelling.label,
            filters=[_spelling.normalized],
            validators=[Optional(), _spelled(_source)],
            description=f"For example {_spelling.example}.",
        ),
    )
