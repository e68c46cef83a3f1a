"""A seeded market: one symbol's prices, trades and book, with the clock passed in.

Each symbol has a random generator of its own, so the same seed gives the same path whatever the
other symbols do and however late a step is made.
"""

import random
from decimal import Decimal

from msgspec import Struct

from omcrm.market.instrument import Instrument
from simulator.fixed import ONE, from_decimal
from simulator.invented_history import invent, invent_days
from simulator.listing import Listing
from simulator.model_profile import PROFILES, names
from simulator.simulated_trade import SimulatedTrade, Top

TRADES_A_SECOND = 1.2
BOOK_CHANGES_A_SECOND = 1.3
STEPS_A_SECOND = TRADES_A_SECOND + BOOK_CHANGES_A_SECOND
SECONDS_A_YEAR = 365 * 24 * 3600
LEVELS = 20
# A market that swings turns round after so many ms.
TURN = 60_000


class Step(Struct, frozen=True):
    """The result of one step: a new best bid and ask, and a trade or none."""

    trade: SimulatedTrade | None
    top: Top


class Model:
    """The market of one instrument; with `swings` it rises for a minute, then falls."""

    def __init__(self, instrument: Instrument, seed: int, *, swings: bool = False) -> None:
        symbol, base, quote = names(instrument)
        self._profile = PROFILES[instrument.asset_class]
        self._random = random.Random(f"{seed}:{symbol}")
        self._days = random.Random(f"{seed}:{symbol}:days")
        step: int = ONE // 10**self._profile.quantity_decimals
        tick: int = ONE // 10**instrument.decimals
        self.listing = Listing(symbol, base, quote, tick=tick, step=step)
        start = from_decimal(instrument.last_resort_price or Decimal(1)) // tick
        self._fair = float(start)
        self._typical = self._profile.typical_steps(start * tick, step)
        self._next_trade_id = 0
        self._deviation = self._profile.volatility * (STEPS_A_SECOND * SECONDS_A_YEAR) ** -0.5
        self._swing = self._profile.swing / STEPS_A_SECOND if swings else 0.0
        self._bid = self._ask = 0

    def begin(self, now: int) -> None:
        """Invent the history before `now` and open the book at the starting price.

        Ids start from `now`, the wall clock in ms, and so keep growing when a process restarts.
        """
        self._next_trade_id = self.listing.book.update_id = now
        price = round(self._fair) * self.listing.tick
        invent(self.listing, self._random, self._profile, price, now)
        invent_days(self.listing, self._days, self._profile)
        self._move_book()
        self._trade(now, self._sells())

    def wait(self) -> float:
        """Draw the seconds until the next step."""
        return min(self._random.expovariate(STEPS_A_SECOND), 4.0)

    def step(self, now: int) -> Step:
        """Make one step at `now`: a trade at bid or ask, or a change of the book."""
        self._move_price(now)
        trades = self._random.random() < TRADES_A_SECOND / STEPS_A_SECOND
        trade = self._trade(now, self._sells()) if trades else None
        self._move_book()
        return Step(trade, self._quote())

    def trade_anew(self, now: int) -> Step:
        """Make a trade at `now`, at another price than the last one."""
        self._move_price(now)
        self._move_book()
        last = self.listing.last
        # Bid and ask are never the same: at least one of them is another price.
        bid, ask = self._bid * self.listing.tick, self._ask * self.listing.tick
        others = [
            sells for sells, price in ((True, bid), (False, ask)) if not last or price != last.price
        ]
        trade = self._trade(now, self._random.choice(others))
        return Step(trade, self._quote())

    def take_trade_id(self) -> int:
        """Return and use up the next trade id."""
        self._next_trade_id += 1
        return self._next_trade_id - 1

    def take_update_id(self) -> int:
        """Return and use up the next book update id."""
        self.listing.book.update_id += 1
        return self.listing.book.update_id

    def _move_price(self, now: int) -> None:
        swing = -self._swing if now // TURN % 2 else self._swing
        self._fair = max(10.0, self._fair * (1 + swing + self._random.gauss(0.0, self._deviation)))

    def _sells(self) -> bool:
        return self._random.random() < 0.5

    def _trade(self, now: int, sells: bool) -> SimulatedTrade:
        price = (self._bid if sells else self._ask) * self.listing.tick
        trade = SimulatedTrade(self.take_trade_id(), price, self._quantity(), now, sells)
        self.listing.record(trade)
        return trade

    def _quantity(self) -> int:
        drawn = self._random.lognormvariate(0.0, 1.2) * self._typical
        return max(1, round(drawn)) * self.listing.step

    def _quote(self) -> Top:
        book, tick = self.listing.book, self.listing.tick
        bid, ask = self._bid * tick, self._ask * tick
        top = Top(book.update_id, bid, book.bids[bid], ask, book.asks[ask])
        self.listing.quote_at(top)
        return top

    # The book: the best prices follow the fair price, deeper levels lie on a fixed grid.

    def _move_book(self) -> None:
        spread = self._random.choice(self._profile.spreads)
        bid = round(self._fair - spread / 2)
        ask = bid + spread
        gap, book, tick = self._profile.level_gap, self.listing.book, self.listing.tick
        first = bid // gap
        bids = {bid, *range((first - LEVELS + 1) * gap, first * gap + 1, gap)}
        first = -(-ask // gap)
        asks = {ask, *range(first * gap, (first + LEVELS - 1) * gap + 1, gap)}
        self._bid, self._ask = bid, ask
        for price in [p for p in book.bids if p // tick not in bids]:
            book.set_bid(price, 0)
        for price in [p for p in book.asks if p // tick not in asks]:
            book.set_ask(price, 0)
        for level in sorted(bids - {price // tick for price in book.bids} | {bid}):
            book.set_bid(level * tick, self._quantity() * 3)
        for level in sorted(asks - {price // tick for price in book.asks} | {ask}):
            book.set_ask(level * tick, self._quantity() * 3)
        book.update_id += self._random.randint(1, 5)
        self._quote()
