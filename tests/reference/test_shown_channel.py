"""A field is added to a message in one place: its type."""

from typing import Annotated

from flask import Flask, render_template
from msgspec import Meta, Struct

from omcrm.reference import asyncapi
from omcrm.reference.shown_channel import shown_channels
from omcrm.reference.socket_test import page_data
from omcrm.wire import encoding
from omcrm.wire.channel import SocketChannel, tagged
from omcrm.wire.market_feed import MARKET_FEED


class Toot(Struct, frozen=True, tag_field="type", tag="toot"):
    """Ask for a toot."""


class ShortToy(Struct, frozen=True, kw_only=True, tag_field="type", tag="toy"):
    """A toy."""

    name: str


class LongToy(ShortToy, frozen=True, kw_only=True, tag="toy"):
    """A toy."""

    wheels: Annotated[int, Meta(description="How many it rolls on.")]


def toy_channel(toy: type[ShortToy]) -> SocketChannel:
    """A socket that sends this message."""
    return SocketChannel(
        name="toys",
        title="Toys",
        path="/ws/toys",
        about="Toys.",
        received=(tagged(Toot, Toot(), answers=("toy",)),),
        sent=(tagged(toy),),
    )


def page(app: Flask, channel: SocketChannel) -> str:
    """The page that tries sockets, with this one only."""
    with app.test_request_context():
        return render_template("reference/socket_test.html", **page_data([channel]))


def test_a_field_of_a_type_is_in_the_text_the_document_and_the_page(app: Flask) -> None:
    """The type is the one place where it is written."""
    short, long = ShortToy(name="Car"), LongToy(name="Car", wheels=4)
    channels = [toy_channel(type(toy)) for toy in (short, long)]
    schemas = [asyncapi.document([channel])["components"]["schemas"] for channel in channels]
    without, with_field = (page(app, channel) for channel in channels)

    assert '{"type":"toy","name":"Car"}' == encoding.dumps(short)
    assert '{"type":"toy","name":"Car","wheels":4}' == encoding.dumps(long)
    assert {"type", "name"} == schemas[0]["toys.ShortToy"]["properties"].keys()
    assert (
        "How many it rolls on."
        == (schemas[1]["toys.LongToy"]["properties"]["wheels"]["description"])
    )
    assert "<code>name</code>" in without
    assert "<code>wheels</code>" not in without
    assert "<code>wheels</code>" in with_field
    assert "How many it rolls on." in with_field


def test_a_socket_is_shown_with_its_messages() -> None:
    """In both directions, with their fields in words, and what these refer to."""
    (toys,) = shown_channels([toy_channel(LongToy)])
    feed = shown_channels([MARKET_FEED])[0]

    assert ["toot", "toy"] == [shown.message.name for shown in (*toys.received, *toys.sent)]
    assert [("type", '"toy"'), ("name", "text"), ("wheels", "whole number")] == [
        (field.name, field.words) for field in toys.sent[0].body.fields
    ]
    assert {} == toys.parts
    assert {"market_feed.PriceClass", "market_feed.ErrorCode"} < feed.parts.keys()
