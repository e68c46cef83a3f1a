from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from omcrm.market.quote import Quote
from omcrm.streaming.frame import WINDOW_BITS
from omcrm.streaming.rate_tier import Batch, BatchEncoder, EncodedQuote
from tests.values import quote, trade


def price(seq: int, symbol: str = "BTC") -> Quote:
    return quote(trade("1", seq), symbol=symbol, seq=seq)


class Dialect:
    """Counts how often each text was encoded."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, quote: Quote) -> str:
        text = f"{quote.symbol} {quote.seq} €"
        self.asked[text] += 1
        return text


def read(frames: bytes, *extensions: PerMessageDeflate) -> list[str]:
    """The messages that a client reads from these bytes."""
    client = Protocol(Side.CLIENT, state=State.OPEN)
    client.extensions = list(extensions)
    client.receive_data(frames)
    messages: Sequence[object] = client.events_received()

    assert None is client.parser_exc
    assert all(isinstance(event, Frame) and event.opcode is Opcode.TEXT for event in messages)
    return [bytes(event.data).decode() for event in messages if isinstance(event, Frame)]


def agreed() -> PerMessageDeflate:
    """The negotiated compression."""
    return PerMessageDeflate(True, True, WINDOW_BITS, WINDOW_BITS)


# One quote


def test_an_encoded_quote_has_a_packet_and_frames() -> None:
    """Polling clients need the text, the others a plain or compressed frame."""
    encoded = EncodedQuote(price(1), Dialect())

    assert "BTC 1 €" == encoded.packet
    assert ["BTC 1 €"] == read(encoded.framed)
    assert ["BTC 1 €"] == read(encoded.deflated, agreed())


# Several quotes in one write


def test_a_batch_holds_every_form_in_the_order_given() -> None:
    """Packets and frames are in the given order; the frames are one buffer for one write."""
    batch = BatchEncoder(Dialect()).batch([price(1), price(2, "ETH"), price(3, "SOL")])
    texts = ["BTC 1 €", "ETH 2 €", "SOL 3 €"]

    assert ["BTC", "ETH", "SOL"] == batch.symbols
    assert texts == batch.packets
    assert texts == read(batch.framed)
    assert texts == read(batch.deflated, agreed())


def test_compressed_messages_are_independent() -> None:
    """Any of them can be read by a client that received none of the others."""
    encoder = BatchEncoder(Dialect())
    encoder.batch([price(1)]).deflated  # noqa: B018
    both = encoder.batch([price(1), price(2)]).deflated
    second = encoder.batch([price(2)]).deflated

    assert both.endswith(second)
    assert ["BTC 2 €"] == read(second, agreed())


def test_encoded_forms_are_cached() -> None:
    """Every caller gets the same bytes object."""
    batch = BatchEncoder(Dialect()).batch([price(1), price(2, "ETH")])

    assert batch.framed is batch.framed
    assert batch.deflated is batch.deflated


def test_an_empty_batch_has_no_bytes() -> None:
    """A batch without quotes has no symbols, packets or frames."""
    batch = Batch([])

    assert ([], [], b"", b"") == (batch.symbols, batch.packets, batch.framed, batch.deflated)


# Encoding


def test_a_quote_is_encoded_one_time_for_all_batches() -> None:
    """A quote in several batches is encoded and framed a single time."""
    dialect = Dialect()
    encoder = BatchEncoder(dialect)
    btc, eth = price(1), price(2, "ETH")
    batches = [encoder.batch(group) for group in ([btc], [btc, eth], [eth], [btc])]

    assert {"BTC 1 €": 1, "ETH 2 €": 1} == dialect.asked
    assert batches[0].deflated + batches[2].deflated == batches[1].deflated


def test_the_next_quote_is_encoded_anew() -> None:
    """Only the last quote of a symbol is cached."""
    dialect = Dialect()
    encoder = BatchEncoder(dialect)
    texts = [encoder.batch([update]).packets for update in (price(1), price(2), price(3))]

    assert [["BTC 1 €"], ["BTC 2 €"], ["BTC 3 €"]] == texts
    assert 3 == dialect.asked.total()


def test_an_older_quote_does_not_displace_a_newer_one() -> None:
    """A flush that a snapshot overtakes does not evict the snapshot's encoding."""
    dialect = Dialect()
    encoder = BatchEncoder(dialect)
    older, newer = price(1), price(2)
    texts = [encoder.batch([update]).packets for update in (newer, older, newer)]

    assert [["BTC 2 €"], ["BTC 1 €"], ["BTC 2 €"]] == texts
    assert 1 == dialect.asked["BTC 2 €"]


def test_same_number_is_not_the_same_quote() -> None:
    """Two quotes with the same number are both encoded."""
    first, second = price(7), quote(trade("2", 8), seq=7)
    encoder = BatchEncoder(lambda update: str(update.last))

    assert [["1"], ["2"]] == [encoder.batch([update]).packets for update in (first, second)]


def test_a_forgotten_symbol_is_encoded_again() -> None:
    """Its cached quote is dropped; forgetting an unknown symbol is harmless."""
    dialect = Dialect()
    encoder = BatchEncoder(dialect)
    btc, eth = price(1), price(2, "ETH")
    encoder.batch([btc, eth])
    encoder.forget("BTC")
    encoder.forget("unheard of")
    encoder.batch([btc, eth])

    assert {"BTC 1 €": 2, "ETH 2 €": 1} == dialect.asked


def test_repeated_facts() -> None:
    """Repeated are the facts of the given number, if no others came in between."""
    encoder = BatchEncoder(str, lambda update: str(update.last))

    def numbered(seq: int, number: str) -> Quote:
        return quote(trade(number, seq), seq=seq)

    encoder.batch([numbered(1, "5")])
    assert encoder.is_repeated(numbered(2, "5"), 1)
    assert not encoder.is_repeated(numbered(2, "6"), 1)
    encoder.batch([numbered(2, "6")])
    encoder.batch([numbered(3, "5")])
    assert not encoder.is_repeated(numbered(4, "5"), 1)
    assert encoder.is_repeated(numbered(4, "5"), 3)
    encoder.forget("BTC")

    assert not encoder.is_repeated(numbered(4, "5"), 3)


@pytest.mark.parametrize("facts", [None, lambda update: None])
def test_without_facts_nothing_is_repeated(facts: Any) -> None:
    """Each quote is sent."""
    encoder = BatchEncoder(str, facts)
    encoder.batch([price(1)])

    assert not encoder.is_repeated(price(1), 1)
