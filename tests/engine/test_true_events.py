"""Every event and state of a feed is true: over its life against real upstreams."""

import json
import socket
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from omcrm.engine.bus import LocalBus
from omcrm.engine.feed_engine import FeedEngine
from omcrm.feeds.event_log import EventLog
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.timing import FeedClock, SupervisorTiming
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.feed_event import FeedCode, FeedEventKind
from omcrm.market.feed_sentence import event_sentence
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from tests.feeds.upstream import Upstream, http
from tests.processes import Exchange, wait_for

COINS = [instrument for instrument in CATALOGUE if instrument.symbol in ("BTC", "ETH")]
SPEED = 600.0
_PRICE = {"usd": 61000, "last_updated_at": 1_700_000_000}
BOTH = http(json.dumps({"bitcoin": _PRICE, "ethereum": _PRICE}).encode())


class Phase(Struct, frozen=True):
    """What the upstream answers, and how the sentence begins that is true of the feed then."""

    answer: bytes
    sentence: str

    def is_true(self, sentence: str) -> bool:
        return sentence.startswith(self.sentence)


PHASES = {
    "prices": Phase(BOTH, "polling"),
    "one price": Phase(http(json.dumps({"bitcoin": _PRICE}).encode()), "polling"),
    "no price": Phase(http(), "waiting: no price of "),
    "forbidden": Phase(http(b"", "403 No"), "waiting: refused with 403: no reason given"),
    "limited": Phase(http(b"too fast", "429 No"), "waiting: refused with 429: too fast"),
    "failing": Phase(http(b"oh no", "503 No"), "waiting: refused with 503: oh no"),
    "redirected": Phase(
        http(b"", "302 Found", "Location: https://elsewhere.example/?key=1"),
        "waiting: refused with 302: redirects to elsewhere.example",
    ),
    "unreadable": Phase(
        http(b"<html>"),
        "waiting: unreadable answer: DecodeError: ",
    ),
    "cut": Phase(b"", "waiting: connection lost"),
    "not followed": Phase(BOTH, "standby"),
    "stopped": Phase(BOTH, "stopped"),
}


class Life:
    """An engine with CoinGecko alone, whose upstream goes through phases; time passes fast."""

    def __init__(self, upstream: Upstream, folder: Path) -> None:
        began = time.monotonic()
        upstream.serve = self._serve
        self.phase = "stopped"
        self.engine = FeedEngine(
            LocalBus(),
            FeedSettings(urls={"coingecko": f"{upstream.url}/api/v3"}),
            lambda: datetime.now(UTC) + timedelta(seconds=(time.monotonic() - began) * SPEED),
            SupervisorTiming(feed_clock=FeedClock(SPEED)),
            folder,
        )

    def _serve(self, client: socket.socket, request: bytes) -> bool:
        answer = PHASES[self.phase].answer
        client.sendall(answer)
        return bool(answer)

    def enter(self, phase: str) -> None:
        """Let a phase begin, and wait until it is true of the feed."""
        if phase == "stopped":
            self.engine.stop()
        elif phase == "not followed":
            self.engine.follow([])
            self.engine.start()
        # Only now: until its feed was stopped, or followed nothing, its calls had the old answer.
        self.phase = phase
        if phase not in ("stopped", "not followed"):
            self.engine.follow(COINS)
            self.engine.start()
        wait_for(lambda: PHASES[phase].is_true(self.sentence()), what=f"{phase}")

    def sentence(self) -> str:
        """What the status says."""
        status = self.engine.status()["coingecko"]
        log = EventLog()
        log.note_state(datetime.now(UTC), "coingecko", status.state.value, status.cause)
        return event_sentence(log.take()[0])


@settings(max_examples=12)
@given(st.lists(st.sampled_from(list(PHASES)), min_size=2, max_size=6))
def test_every_state_and_its_cause_are_true(phases: list[str]) -> None:
    """Whatever follows upon what: no cause is over, and `polling` gets prices."""
    with tempfile.TemporaryDirectory() as folder, Upstream(lambda *_: False) as upstream:
        life, before, count = Life(upstream, Path(folder)), "stopped", 0
        try:
            for phase in ["prices", *phases, "prices", "stopped"]:
                life.enter(phase)
                events = life.engine.events.recent()[::-1]
                states = [event for event in events[count:] if event.kind is FeedEventKind.STATE]
                others = {event.code for event in events[count:] if event not in states}

                # The call that was under way when the phase began belongs to the one before.
                for event in states:
                    sentence = event_sentence(event)
                    assert PHASES[before].is_true(sentence) or PHASES[phase].is_true(sentence)
                assert others <= {FeedCode.FIRST_PRICE}
                before, count = phase, len(events)
        finally:
            life.engine.stop()


# Several feeds


@pytest.fixture
def engine(exchange: Exchange, tmp_path: Path) -> Iterator[FeedEngine]:
    """Binance, Coinbase and CoinGecko at the built-in exchange; none is started yet."""
    host = exchange.url.removeprefix("ws://")
    urls = {
        "binance": exchange.url,
        "coinbase": f"{exchange.url}/coinbase",
        "coingecko": f"http://{host}/coingecko/api/v3",
    }
    engine = FeedEngine(LocalBus(), FeedSettings(urls=urls), state=tmp_path)
    engine.follow(COINS)
    yield engine
    engine.stop()


def live(engine: FeedEngine) -> bool:
    """Whether all coins are live, and every feed does what it should."""
    return (
        all(
            engine.consolidator.quotes_by_source(coin.symbol)[name].price_class is PriceClass.LIVE
            for coin in COINS
            for name in ("binance", "coinbase")
            if name in engine.consolidator.quotes_by_source(coin.symbol)
        )
        and engine.status()["binance"].active
        and engine.status()["coinbase"].active
    )


def test_a_stop_and_a_start_are_no_failures(engine: FeedEngine) -> None:
    """Then every price becomes stale where it is, and nobody takes over at the stop."""
    quotes: dict[str, Quote] = {}
    engine._bus.subscribe(Quote, lambda quote: quotes.update({quote.symbol: quote}))
    engine.start()
    wait_for(lambda: live(engine), what="live prices")
    wait_for(lambda: {"binance"} == {quote.source.name for quote in quotes.values()}, what="them")
    before = len(engine.events.recent())
    engine.stop()
    at_the_stop, at_stopping = quotes.copy(), engine.events.recent()[:-before]
    engine.start()
    wait_for(lambda: live(engine), what="live prices")
    engine.stop()
    events = engine.events.recent()

    assert {FeedEventKind.STATE, FeedEventKind.BEGAN} >= {event.kind for event in at_stopping}
    assert {PriceClass.STALE} == {quote.price_class for quote in at_the_stop.values()}
    assert {"binance"} == {quote.source.name for quote in at_the_stop.values()}
    # On a slow machine a lesser source may be first, and the better one take over.
    others = [event for event in events if event.kind is not FeedEventKind.TOOK_OVER]
    assert {"streaming", "stopped", "first price"} == set(map(event_sentence, others))
