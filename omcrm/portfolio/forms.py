"""What a user fills in; `bounds` judges it, for forms and programs alike."""

from flask_wtf import FlaskForm
from wtforms import StringField

from omcrm.errors import AccessRefused

# Those of other alphabets are no part of a number.
_SPACES = " \t\r\n"


def _trimmed(text: str | None) -> str | None:
    return text.strip(_SPACES) if text else text


class _CheckedForm(FlaskForm):  # type: ignore[misc,unused-ignore]
    """A form that is told by the service what is wrong with which field."""

    def note(self, refused: AccessRefused) -> None:
        """Show the refusal at its field, or above the form where it has none."""
        if refused.field in self._fields:
            self[refused.field].errors = [refused.message]
        else:
            self.form_errors.append(refused.message)


class NameForm(_CheckedForm):
    """The name of a portfolio."""

    name = StringField("Name")


class HoldingForm(_CheckedForm):
    """How much of an instrument is held, and what it cost."""

    symbol = StringField("Instrument")
    quantity = StringField("Quantity", filters=[_trimmed])
    average_cost = StringField("Average cost per unit", filters=[_trimmed])
