"""The forms of portfolios; `bounds` validates their fields, as it does for the JSON API."""

from flask_wtf import FlaskForm
from wtforms import StringField

from omcrm.errors import AccessRefused

# Only these are stripped: spaces of other alphabets make a number invalid.
_SPACES = " \t\r\n"


def _trimmed(text: str | None) -> str | None:
    return text.strip(_SPACES) if text else text


class _CheckedForm(FlaskForm):  # type: ignore[misc,unused-ignore]
    """A form whose errors come from the service's refusals."""

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
    """The quantity and the cost of a holding."""

    symbol = StringField("Instrument")
    quantity = StringField("Quantity", filters=[_trimmed])
    average_cost = StringField("Average cost per unit", filters=[_trimmed])
