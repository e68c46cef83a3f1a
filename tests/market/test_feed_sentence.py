from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.market.feed_event import (
    FeedCode,
    FeedEvent,
    FeedEventKind,
    FeedFigures,
    FeedProblem,
    SourcePrice,
)
from omcrm.market.feed_sentence import cause_sentence, event_sentence, problem_sentence
from omcrm.market.validation import RejectReason
from tests.values import START

# Of every kind; a code uses some of them.
FIGURES = FeedFigures(
    status=429,
    detail="too many calls",
    seconds=10.4,
    count=400,
    limit=50,
    until=datetime(2026, 1, 5, 14, 30, tzinfo=UTC),
    setting="FINNHUB_API_KEY",
    process="4711",
    price=Decimal("3.00"),
    held=Decimal("1.00"),
    others=(SourcePrice("kraken", Decimal("1.01")), SourcePrice("coinbase", Decimal("0.99"))),
    apart=0.03,
    usual=0.001,
)
FAILOVERS = {
    FeedCode.FIRST_PRICE: "first price",
    FeedCode.SOURCE_DOWN: "binance is down",
    FeedCode.SOURCE_OFF: "binance is off",
    FeedCode.SOURCE_STALE: "binance is stale",
    FeedCode.SOURCE_CONTRADICTED: "binance is contradicted by other sources",
    FeedCode.SOURCE_RECOVERED: "kraken has recovered",
    FeedCode.MARKET_CLOSED: "the market is closed",
}
PRICES = "kraken 1.01, coinbase 0.99"
COMPARISONS = {
    FeedCode.NOT_DECIDED: f"live sources contradict each other, and none is live: {PRICES}",
    FeedCode.OUTVOTED: f"kraken is not live: most sources contradict it: {PRICES}",
    FeedCode.FROZEN: (f"kraken is not live: its price stands still while others move: {PRICES}"),
    FeedCode.FAR_APART: f"3.00% apart, usually 0.10%: {PRICES}",
    FeedCode.AGREED: "the live sources agree again",
    FeedCode.NO_LONGER_COMPARED: "no other live source is left to compare with",
}
REJECTIONS = {FeedCode(reason) for reason in RejectReason}
OTHERS = {*FAILOVERS, *COMPARISONS, *REJECTIONS, FeedCode.NEW_STATE}
PROBLEMS = [code for code in FeedCode if code not in OTHERS]


def event(
    code: FeedCode | None,
    kind: FeedEventKind = FeedEventKind.STATE,
    figures: FeedFigures = FIGURES,
    reason: str = "",
) -> FeedEvent:
    return FeedEvent(
        at=START,
        kind=kind,
        source="kraken",
        before="binance",
        code=code,
        figures=figures,
        reason=reason,
    )


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (FeedCode.SETTING_MISSING, "FINNHUB_API_KEY is not set"),
        (FeedCode.KEY_IN_USE, "process 4711 has the one connection that its key allows"),
        (FeedCode.SYMBOL_LIMIT, "400 symbols wanted, 50 are allowed: the rest is off"),
        (FeedCode.QUOTA_USED_UP, "its quota is used up until 2026-01-05 14:30 UTC"),
        (FeedCode.REFUSED, "refused with 429: too many calls"),
        (FeedCode.NO_FRAME, "no frame for 10 s"),
        (FeedCode.NO_DATA, "connected, but no price for 10 s"),
        (FeedCode.LATE, "its ticks are 10 s late"),
        (FeedCode.CLOCK_OFF, "its times differ by +10.4 s from this machine's clock"),
        (FeedCode.OWN_CLOCK_OFF, "this machine's clock is off by +10.4 s"),
        (FeedCode.CONNECTION_FAILED, "too many calls"),
        (FeedCode.ANSWER_TOO_LARGE, "answer of more than 50 bytes"),
    ],
)
def test_a_problem_has_its_figures_in_words(code: FeedCode, sentence: str) -> None:
    """The sentence is for people, who do not look up a code."""
    assert sentence == problem_sentence(FeedProblem(code, FIGURES))


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_problem_has_a_sentence(code: FeedCode) -> None:
    """No code is shown as it is."""
    sentence = problem_sentence(FeedProblem(code, FIGURES))

    assert sentence
    assert "None" not in sentence


def test_a_problem_of_the_proxy_says_so() -> None:
    """The upstream itself may be well."""
    problem = FeedProblem(FeedCode.TIMED_OUT, FeedFigures(by_proxy=True))

    assert "its proxy: timed out" == problem_sentence(problem)


def test_words_of_an_upstream_are_no_template() -> None:
    """Braces in them stay."""
    problem = FeedProblem(FeedCode.REFUSED, FeedFigures(status=400, detail="{seconds} {x}"))

    assert "refused with 400: {seconds} {x}" == problem_sentence(problem)


@pytest.mark.parametrize(
    ("code", "detail", "sentence", "cause"),
    [
        (FeedCode.NEW_STATE, None, "waiting", None),
        (FeedCode.REFUSED, "no", "waiting: refused with 401: no", "refused with 401: no"),
    ],
)
def test_a_new_state_has_its_cause(
    code: FeedCode, detail: str | None, sentence: str, cause: str | None
) -> None:
    """The sentence has both; the cause alone is for those who show the state themselves."""
    changed = event(code, figures=FeedFigures(state="waiting", status=401, detail=detail))

    assert (sentence, cause) == (event_sentence(changed), cause_sentence(changed))


@pytest.mark.parametrize("code", PROBLEMS)
def test_no_problem_has_an_empty_detail(code: FeedCode) -> None:
    """Where the upstream gives no reason and no number, the sentence says so."""
    silent = structs.replace(FIGURES, detail="", status=0, process="")
    sentence = problem_sentence(FeedProblem(code, silent))

    assert sentence.strip(" :()") == sentence.removesuffix(")")
    assert not {"None", "0", ""} & set(sentence.replace(":", "").split(" "))


def test_a_refusal_without_a_number_has_none() -> None:
    """In a frame there may be only words, and in an answer only a number."""
    refused = {
        FeedFigures(status=0, detail="unknown symbol"): "refused: unknown symbol",
        FeedFigures(status=503, detail=""): "refused with 503: no reason given",
    }

    for figures, sentence in refused.items():
        assert sentence == problem_sentence(FeedProblem(FeedCode.REQUEST_REJECTED, figures))


@pytest.mark.parametrize(("code", "sentence"), FAILOVERS.items())
def test_a_failover_names_its_source(code: FeedCode, sentence: str) -> None:
    """The one that failed, or the one that is back."""
    failover = event(code, FeedEventKind.TOOK_OVER, FeedFigures())

    assert (sentence, None) == (event_sentence(failover), cause_sentence(failover))


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (FeedFigures(price=Decimal("3.00")), "price 3.00"),
        (FeedFigures(bid=Decimal(3), ask=Decimal(4)), "book 3 / 4"),
        (FeedFigures(price=Decimal(3), bid=Decimal(2), ask=Decimal(4)), "price 3"),
        (FeedFigures(), "book"),
        (
            FIGURES,
            "price 3.00; its last price was 1.00; kraken says 1.01; coinbase says 0.99",
        ),
    ],
)
def test_a_rejected_price_is_named_with_what_it_was_compared_with(
    figures: FeedFigures, words: str
) -> None:
    """The price as it was sent, the source's own last one, and those of the other sources."""
    rejection = event(FeedCode.JUMP, FeedEventKind.QUARANTINE, figures)

    assert (f"jump: {words}", None) == (event_sentence(rejection), cause_sentence(rejection))


def test_an_event_without_a_code_keeps_its_sentence() -> None:
    """It was stored by a version that had no codes."""
    old = event(None, reason="waiting: refused with 429: limited")

    assert "waiting: refused with 429: limited" == event_sentence(old)
    assert cause_sentence(old) is None
