"""The login form; its CSRF token comes from Flask-WTF."""

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from omcrm.auth.passwords import LONGEST_PASSWORD
from omcrm.storage.user import EMAIL_LENGTH


class LoginForm(FlaskForm):
    """E-mail and password."""

    email = StringField("E-mail", validators=[InputRequired(), Length(max=EMAIL_LENGTH)])
    password = PasswordField("Password", validators=[InputRequired(), Length(max=LONGEST_PASSWORD)])
