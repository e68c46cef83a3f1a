from werkzeug.exceptions import default_exceptions

from omcrm.wire.error_code import ErrorCode


def test_a_code_says_its_own_name() -> None:
    """What programs read is the name in the code."""
    assert all(code.name == code.value.replace("'", "") for code in ErrorCode)


def test_each_http_status_that_can_be_raised_has_a_code() -> None:
    """So that no error page fails for want of a name."""
    names = {error().name.upper().replace(" ", "_") for error in default_exceptions.values()}

    assert not names - set(ErrorCode)
