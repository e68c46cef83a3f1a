import pytest

from omcrm.market.comparison import DisputeRule
from omcrm.market.explanation import Explanation, SourceVerdict
from omcrm.market.explanation_sentence import rule_sentence, stale_sentence, verdict_sentence
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import StaleReason
from tests.values import START, quote, trade


def explained(price_class: PriceClass | None, rule: DisputeRule | None = None) -> Explanation:
    shown = price_class and quote(trade("100"), price_class=price_class)
    return Explanation(symbol="BTC", at=START, quote=shown, rule=rule, sources=(), history=())


@pytest.mark.parametrize("rule", [None, *DisputeRule])
@pytest.mark.parametrize("price_class", [None, *PriceClass])
def test_every_rule_has_a_sentence(price_class: PriceClass | None, rule: DisputeRule) -> None:
    """Whatever is shown, and whatever decided."""
    assert rule_sentence(explained(price_class, rule)).endswith(".")


def test_every_code_has_a_sentence_of_its_own() -> None:
    """No two verdicts, and no two reasons of a stale price, read alike."""
    verdicts = {verdict_sentence(verdict) for verdict in SourceVerdict}
    reasons = {stale_sentence(reason) for reason in StaleReason}

    assert len(SourceVerdict) == len(verdicts)
    assert len(StaleReason) == len(reasons)


def test_a_dispute_is_named_before_the_choice() -> None:
    """What sources contradict comes first, then why the shown price is shown."""
    sentence = rule_sentence(explained(PriceClass.LIVE, DisputeRule.MAJORITY))

    assert sentence.startswith("Live sources contradict each other: those that most")
    assert sentence.endswith(rule_sentence(explained(PriceClass.LIVE)))


def test_without_a_price_there_is_no_rule() -> None:
    """The sentence says so."""
    assert "No source has sent a price yet." == rule_sentence(explained(None))
