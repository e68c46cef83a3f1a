from flask import Flask

from omcrm.errors import AccessRefused
from omcrm.portfolio.forms import HoldingForm


def test_a_refusal_is_shown_at_its_field(app: Flask) -> None:
    """One that names no field of the form stands above it."""
    with app.test_request_context():
        form = HoldingForm(formdata=None)
        form.note(AccessRefused("INVALID_PAYLOAD", "Too little.", field="quantity"))
        form.note(AccessRefused("LIMIT_EXCEEDED", "Too many.", 409))

        assert (["Too little."], ["Too many."]) == (form.quantity.errors, form.form_errors)
