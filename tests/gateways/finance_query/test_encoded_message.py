import zlib

import pytest

from omcrm.gateways.finance_query.encoded_message import EncodedMessage

METADATA = {"rate_limit": 2000, "remaining_requests": 1999, "reset": 3600}
TOLD = '"metadata":{"rate_limit":2000,"remaining_requests":1999,"reset":3600}'


def test_a_message_is_framed_once() -> None:
    """The plain and the compressed frame contain the whole message."""
    page = EncodedMessage('{"a":"ä"}' * 40)
    body = zlib.decompressobj(-zlib.MAX_WBITS).decompress(page.deflated[2:] + b"\x00\x00\xff\xff")

    assert page.text.encode() == page.payload
    assert page.framed.endswith(page.payload)
    assert page.payload == body
    assert page.deflated is page.deflated


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"symbol":"A"}]', f'[{{{TOLD}}},{{"symbol":"A"}}]'),
        ("[]", f"[{{{TOLD}}}]"),
        ('{"status":"Open"}', f'{{{TOLD},"status":"Open"}}'),
        ("{}", f"{{{TOLD}}}"),
    ],
)
def test_metadata_come_first(text: str, expected: str) -> None:
    """They are the first element of a list, or the first key of an object."""
    assert expected == EncodedMessage(text).with_metadata(METADATA)
