from omcrm.wire.answer import JsonDone, JsonRefused, JsonWrong
from omcrm.wire.encoding import dumps
from omcrm.wire.error_code import ErrorCode


def test_a_refusal_on_the_wire() -> None:
    """With the wrong field, where there is one."""
    code = ErrorCode.INVALID_NAME
    refused = JsonRefused(error=JsonWrong(code=code, message="No."))
    named = JsonRefused(error=JsonWrong(code=code, message="No.", field="name"))

    assert '{"error":{"code":"INVALID_NAME","message":"No."},"success":false}' == dumps(refused)
    assert (
        '{"error":{"code":"INVALID_NAME","field":"name","message":"No."},"success":false}'
        == dumps(named)
    )


def test_success_is_the_first_field() -> None:
    """Of every answer that has it."""
    assert '{"success":true}' == dumps(JsonDone())
