"""The forms of the login and of a new API token; their CSRF token comes from Flask-WTF."""

from flask_wtf import FlaskForm
from wtforms import DateField, PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from omcrm.auth.api_token import DAYS
from omcrm.auth.passwords import LONGEST_PASSWORD
from omcrm.auth.permission import ABOUT, grantable
from omcrm.market.parsing import whole
from omcrm.storage.api_token import NAME_LENGTH
from omcrm.storage.user import EMAIL_LENGTH, Role


class LoginForm(FlaskForm):  # type: ignore[misc]
    """E-mail and password."""

    email = StringField("E-mail", validators=[InputRequired(), Length(max=EMAIL_LENGTH)])
    password = PasswordField("Password", validators=[InputRequired(), Length(max=LONGEST_PASSWORD)])


def _days(choice: str | int) -> int:
    return choice if isinstance(choice, int) else whole(choice)


class TokenForm(FlaskForm):  # type: ignore[misc]
    """A new API token; `expires_on`, where it is given, replaces `expires_in_days`."""

    name = StringField(
        "Name", validators=[InputRequired("Give it a name."), Length(max=NAME_LENGTH)]
    )
    scopes = SelectMultipleField(
        "It may",
        validators=[InputRequired("Choose at least one.")],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    expires_in_days = SelectField(
        "Expires after",
        coerce=_days,
        choices=[SelectChoice(days, f"{days} days") for days in DAYS],
        default=30,
    )
    expires_on = DateField("or at the end of", validators=[Optional()])

    def set_scopes(self, role: Role) -> None:
        """Show only the scopes that such an account may grant."""
        self.scopes.choices = [SelectChoice(scope.value, ABOUT[scope]) for scope in grantable(role)]
