"""The form of a new instrument."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms import DecimalField, Field, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import (
    DataRequired,
    InputRequired,
    Length,
    NumberRange,
    Optional,
    Regexp,
    ValidationError,
)

from omcrm.admin.upstream_name import (
    ANYWHERE,
    SIGN_OF_ABSENCE,
    SPELLINGS,
    classes_of,
    label_of,
    problem_of,
    spelled_for,
    stored_names,
)
from omcrm.feeds.declaration import Spelling
from omcrm.market.catalogue import DEFAULTS, UNKNOWN_SCALE, step_of
from omcrm.market.currency import pair_currency
from omcrm.market.instrument import AssetClass, Instrument, canonical_symbol
from omcrm.market.parsing import plain, whole
from omcrm.market.session import Calendar

Number = TypeVar("Number", int, Decimal)

_SMALLEST, _LARGEST = Decimal("0.0000000001"), Decimal(10**12)
_LARGEST_SCALE = 12


def _canonical(text: str | None) -> str | None:
    return canonical_symbol(text) if text else text


def _upper(text: str | None) -> str | None:
    return text.strip().upper() if text else text


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


class _WholeField(IntegerField):  # type: ignore[misc,unused-ignore]
    """A whole number in ASCII digits."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = _read(whole, valuelist, f"{self.label.text}: not a whole number.")


class _PlainField(DecimalField):  # type: ignore[misc,unused-ignore]
    """A number in ASCII digits with at most one sign and one point."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = _read(plain, valuelist, f"{self.label.text}: not a number.")


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

    def check(form: FlaskForm, field: Field) -> None:
        if problem := problem_of(source, field.data, form.asset_class.data):
            raise ValidationError(problem)

    return check


def _hint(source: str, spelling: Spelling) -> str:
    example = f"For example {spelling.example}."
    if not spelling.usual:
        return example
    is_for_all = spelling.usual.keys() >= set(classes_of(source))
    which = "" if is_for_all else f", of {' and '.join(spelling.usual)}"
    return f"{example} Empty: its usual name{which}. {SIGN_OF_ABSENCE}: it is not traded there."


def _amount_field(label: str) -> _PlainField:
    return _PlainField(label, places=None, validators=[Optional(), _bounded])


def _bounded(form: FlaskForm, field: Field) -> None:
    if field.data is None:
        return
    if not _SMALLEST <= field.data <= _LARGEST or field.data % _SMALLEST:
        bounds = f"more than zero, at most {_LARGEST:,}, with at most ten decimals"
        raise ValidationError(f"{field.label.text}: {bounds}.")


class InstrumentForm(FlaskForm):  # type: ignore[misc,unused-ignore]
    """A new instrument; most fields may be empty and get the usual value of its asset class."""

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
        validators=[Optional(), NumberRange(_SMALLEST, _LARGEST), _fits],
    )
    currency = StringField(
        "Currency",
        filters=[_upper],
        validators=[
            Optional(),
            Regexp(r"^[A-Z]{3}\Z", message="Currency: three letters, for example USD."),
        ],
    )
    calendar = SelectField(
        "Calendar",
        choices=[
            SelectChoice("", "Usual for its type"),
            *(SelectChoice(calendar.value) for calendar in Calendar),
        ],
        default="",
    )
    price_step = _amount_field("Price step")
    quantity_step = _amount_field("Quantity step")
    minimum_quantity = _amount_field("Minimum quantity")
    maximum_quantity = _amount_field("Maximum quantity")
    storage_scale = _WholeField(
        "Storage scale",
        validators=[
            Optional(),
            NumberRange(
                0, _LARGEST_SCALE, message=f"Storage scale: from 0 to {_LARGEST_SCALE} decimals."
            ),
        ],
    )

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Check each field, then whether they go together."""
        if not super().validate(extra_validators):
            return False
        for field, problem in _contradictions(self.instrument()):
            self[field].errors = [problem]
        return not self.errors

    def instrument(self) -> Instrument:
        """The instrument that the fields, each of them valid, describe."""
        usual = DEFAULTS[AssetClass(self.asset_class.data)]
        names, decimals = self.provider_symbols, int(self.decimals.data or 0)
        price_step = self.price_step.data or step_of(decimals)
        quantity_step = self.quantity_step.data or usual.quantity_step
        scale = self.storage_scale.data
        pair = pair_currency([self.symbol.data, *names.values()])
        return Instrument(
            symbol=self.symbol.data,
            name=self.name.data,
            asset_class=AssetClass(self.asset_class.data),
            decimals=decimals,
            currency=self.currency.data or usual.currency or pair,
            price_step=price_step,
            quantity_step=quantity_step,
            minimum_quantity=self.minimum_quantity.data or quantity_step,
            maximum_quantity=self.maximum_quantity.data or usual.maximum_quantity,
            storage_scale=_usual_scale(price_step) if scale is None else scale,
            calendar=Calendar(self.calendar.data or usual.calendar),
            last_resort_price=self.last_resort_price.data,
            provider_symbols=names,
        )

    def upstream(self, source: str) -> Field:
        """The field of the instrument's name at a source."""
        return self[f"{source}_symbol"]

    @property
    def groups(self) -> list[tuple[str, list[Field]]]:
        """The fields of names, by their asset classes with spaces between them, and those for all
        classes at the end."""
        together = dict.fromkeys(tuple(classes_of(source)) for source in SPELLINGS)
        groups = [
            (" ".join(asset_classes), spelled_for(asset_classes))
            for asset_classes in sorted(together, key=_first_and_few)
            if len(asset_classes) < len(AssetClass)
        ]
        return [
            (name, [self.upstream(source) for source in sources])
            for name, sources in [*groups, ("", ANYWHERE)]
        ]

    @property
    def provider_symbols(self) -> dict[str, str]:
        """The instrument's name at each source whose field has one."""
        names: dict[str, str] = {}
        for source in SPELLINGS:
            names |= stored_names(source, self.upstream(source).data, self.asset_class.data)
        return names


def _first_and_few(asset_classes: tuple[AssetClass, ...]) -> tuple[int, int]:
    return list(AssetClass).index(asset_classes[0]), len(asset_classes)


def _usual_scale(price_step: Decimal) -> int:
    return next(scale for scale in count(UNKNOWN_SCALE) if not price_step % step_of(scale))


def _contradictions(instrument: Instrument) -> Iterator[tuple[str, str]]:
    """The fields that do not go with the others, each with the problem."""
    least, most = instrument.minimum_quantity, instrument.maximum_quantity
    if instrument.price_step % step_of(instrument.storage_scale):
        scale = instrument.storage_scale
        yield "price_step", f"Price step: more decimals than the storage scale, which is {scale}."
    if least % instrument.quantity_step:
        step = f"{instrument.quantity_step:f}"
        yield "minimum_quantity", f"Minimum quantity: no multiple of the quantity step, {step}."
    if most < least:
        yield "maximum_quantity", f"Maximum quantity: less than the minimum, {least:f}."


for _source, _spelling in SPELLINGS.items():
    setattr(
        InstrumentForm,
        f"{_source}_symbol",
        StringField(
            label_of(_source),
            filters=[_spelling.normalized],
            validators=[Optional(), _spelled(_source)],
            description=_hint(_source, _spelling),
        ),
    )
