import contextlib
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from omcrm.errors import MessageRefused
from omcrm.gateways.inbound import Inbound
from omcrm.wire.channel import tagged
from tests.gateways.clients import channel


class Add(Struct, frozen=True, tag_field="do", tag="add"):
    """Two numbers."""

    one: Annotated[int, Meta(ge=0)]
    other: int = 0


class Stop(Struct, frozen=True, tag_field="do", tag="stop"):
    """A message without fields."""


BOTH = channel("sums", "/sums", (tagged(Add), tagged(Stop)))
INBOUND: Inbound[Add | Stop] = Inbound(
    BOTH, unknown="No such thing", invalid={"add": "Cannot be added"}
)


def refusal(text: str) -> tuple[str, str, str | None]:
    with pytest.raises(MessageRefused) as refused:
        INBOUND.read(text)
    return refused.value.code, refused.value.message, refused.value.detail


def test_messages_are_decoded_by_their_tag() -> None:
    """Unknown fields are ignored."""
    assert Add(1, 2) == INBOUND.read('{"do":"add","one":1,"other":2,"more":[]}')
    assert Stop() == INBOUND.read('{"do":"stop"}')


def test_a_single_message_type_is_enough() -> None:
    """A dialect may have one message only."""
    alone: Inbound[Stop] = Inbound(
        channel("stop", "/stop", (tagged(Stop),)), unknown="Unknown", invalid={}
    )

    assert Stop() == alone.read('{"do":"stop"}')


def test_each_kind_of_error_has_its_code() -> None:
    """Invalid JSON, an unknown message, or wrong fields, which are named."""
    assert ("INVALID_JSON", "Invalid JSON format", None) == refusal("{")
    assert ("INVALID_JSON", "Invalid JSON format", "expected an object") == refusal("7")
    assert ("UNKNOWN_MESSAGE", "No such thing: sing", None) == refusal('{"do":"sing"}')
    assert ("UNKNOWN_MESSAGE", "No such thing: null", None) == refusal("{}")
    assert ("INVALID_MESSAGE", "Cannot be added") == refusal('{"do":"add"}')[:2]
    assert "`$.one`" in str(refusal('{"do":"add","one":-1}')[2])


def test_a_type_without_an_error_message() -> None:
    """The error names the type."""
    bare: Inbound[Add | Stop] = Inbound(BOTH, unknown="Unknown", invalid={})

    with pytest.raises(MessageRefused, match="Invalid add"):
        bare.read('{"do":"add"}')


@given(st.text(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(str))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    """No other exception is raised."""
    with contextlib.suppress(MessageRefused):
        INBOUND.read(text)
