import contextlib
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from omcrm.errors import MessageRefused
from omcrm.gateways.inbound import Inbound


class Add(Struct, frozen=True, tag_field="do", tag="add"):
    """Two numbers."""

    one: Annotated[int, Meta(ge=0)]
    other: int = 0


class Stop(Struct, frozen=True, tag_field="do", tag="stop"):
    """Nothing more."""


INBOUND: Inbound[Add | Stop] = Inbound(
    Add | Stop, unknown="No such thing", invalid={"add": "Cannot be added"}
)


def refusal(text: str) -> tuple[str, str, str | None]:
    with pytest.raises(MessageRefused) as refused:
        INBOUND.read(text)
    return refused.value.code, refused.value.message, refused.value.detail


def test_each_kind_is_read() -> None:
    """The field says which it is; what a schema does not know is passed over."""
    assert Add(1, 2) == INBOUND.read('{"do":"add","one":1,"other":2,"more":[]}')
    assert Stop() == INBOUND.read('{"do":"stop"}')


def test_one_kind_alone_is_enough() -> None:
    """A dialect may have a single message."""
    alone: Inbound[Stop] = Inbound(Stop, unknown="Unknown", invalid={})

    assert Stop() == alone.read('{"do":"stop"}')


def test_what_is_wrong_is_told_apart() -> None:
    """No JSON, no such message, or wrong fields: each has its code, and names the field."""
    assert ("INVALID_JSON", "Invalid JSON format", None) == refusal("{")
    assert ("INVALID_JSON", "Invalid JSON format", "expected an object") == refusal("7")
    assert ("UNKNOWN_MESSAGE", "No such thing: sing", None) == refusal('{"do":"sing"}')
    assert ("UNKNOWN_MESSAGE", "No such thing: null", None) == refusal("{}")
    assert ("INVALID_MESSAGE", "Cannot be added") == refusal('{"do":"add"}')[:2]
    assert "`$.one`" in str(refusal('{"do":"add","one":-1}')[2])


def test_a_kind_without_words_of_its_own() -> None:
    """It is called by its name."""
    bare: Inbound[Add | Stop] = Inbound(Add | Stop, unknown="Unknown", invalid={})

    with pytest.raises(MessageRefused, match="Invalid add"):
        bare.read('{"do":"add"}')


@given(st.text(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(str))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    """Nothing else is ever raised."""
    with contextlib.suppress(MessageRefused):
        INBOUND.read(text)
