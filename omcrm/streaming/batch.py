"""Quotes for the wire: encoded once and framed once for all subscribers."""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from omcrm.market.quote import Quote
from omcrm.streaming.frame import deflated_frame, text_frame

# A dialect is a function from a quote to its text message.
EncodeQuote = Callable[[Quote], str]
# The part of a quote whose change is worth a message; None: every quote is.
Facts = Callable[[Quote], Hashable]


class EncodedQuote:
    """A quote in one dialect: as a packet, a frame and, on demand, a compressed frame."""

    __slots__ = ("_deflated", "framed", "packet", "quote")

    def __init__(self, quote: Quote, dialect: EncodeQuote) -> None:
        self.quote = quote
        self.packet = dialect(quote)
        self.framed = text_frame(self.packet.encode())
        self._deflated = b""

    @property
    def deflated(self) -> bytes:
        """The compressed frame."""
        if not self._deflated:
            self._deflated = deflated_frame(self.packet.encode())
        return self._deflated


class Batch:
    """Several quotes that are sent in one write, in the order of their numbers."""

    __slots__ = ("_deflated", "_encoded", "framed", "symbols")

    def __init__(self, encoded: Sequence[EncodedQuote]) -> None:
        self._encoded = encoded
        self.symbols = [message.quote.symbol for message in encoded]
        self.framed = b"".join([message.framed for message in encoded])
        self._deflated = b""

    @property
    def packets(self) -> list[str | bytes]:
        """One text message for each quote."""
        return [message.packet for message in self._encoded]

    @property
    def deflated(self) -> bytes:
        """All messages as compressed frames."""
        if not self._deflated:
            self._deflated = b"".join([message.deflated for message in self._encoded])
        return self._deflated


class FactsRun(NamedTuple):
    """The facts sent last to all subscribers, and the number of the first quote that had them."""

    facts: Hashable
    since: int


class BatchEncoder:
    """Makes batches in one dialect and caches the last encoded quote of each symbol."""

    def __init__(self, dialect: EncodeQuote, facts: Facts | None = None) -> None:
        self._dialect = dialect
        self.facts = facts
        self._encoded: dict[str, EncodedQuote] = {}
        self._runs: dict[str, FactsRun] = {}

    def is_repeated(self, quote: Quote, before: int) -> bool:
        """Whether a quote has the same facts as quote number `before`, and no other facts were sent
        in between.
        """
        if self.facts is None:
            return False
        run = self._runs.get(quote.symbol)
        if run is None or run.facts is None or run.since > before:
            return False
        return self.facts(quote) == run.facts

    def batch(self, quotes: Sequence[Quote]) -> Batch:
        """A batch of these quotes; each quote is encoded once, however often it is asked for."""
        return Batch([self._encode(quote) for quote in quotes])

    def forget(self, symbol: str) -> None:
        """Drop the cached state of a symbol."""
        self._encoded.pop(symbol, None)
        self._runs.pop(symbol, None)

    def _encode(self, quote: Quote) -> EncodedQuote:
        encoded = self._encoded.get(quote.symbol)
        if encoded is None or encoded.quote is not quote:
            encoded = EncodedQuote(quote, self._dialect)
            self._note_facts(quote)
            held = self._encoded.get(quote.symbol)
            if held is None or held.quote.seq < quote.seq:
                self._encoded[quote.symbol] = encoded
        return encoded

    def _note_facts(self, quote: Quote) -> None:
        if self.facts is None:
            return
        facts, run = self.facts(quote), self._runs.get(quote.symbol)
        if run is None or run.facts != facts:
            self._runs[quote.symbol] = FactsRun(facts, quote.seq)
