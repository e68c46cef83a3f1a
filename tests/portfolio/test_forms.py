from flask import Flask

from omcrm.errors import AccessRefused
from omcrm.portfolio.forms import HoldingForm, _trimmed


def test_a_refusal_is_shown_at_its_field(app: Flask) -> None:
    """A refusal without a field of the form is shown above it."""
    with app.test_request_context():
        form = HoldingForm(formdata=None)
        form.note(AccessRefused("INVALID_PAYLOAD", "Too little.", field="quantity"))
        form.note(AccessRefused("LIMIT_EXCEEDED", "Too many.", 409))

        assert (["Too little."], ["Too many."]) == (form.quantity.errors, form.form_errors)


def test_only_plain_spaces_are_trimmed() -> None:
    """Spaces of other alphabets stay, so that the text is refused as a number."""
    assert ("1", "\u00a01", "1\u2009") == tuple(map(_trimmed, (" 1\t", "\u00a01", "1\u2009 ")))
