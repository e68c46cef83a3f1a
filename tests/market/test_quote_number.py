"""The numbers of quotes rise, whoever leads."""

from omcrm.market.quote_number import QuoteNumbers, aged_number


def test_an_aged_quote_is_newer_than_the_quote_and_older_than_the_next() -> None:
    """However often it is aged."""
    numbers = QuoteNumbers()
    first, second = numbers.take(), numbers.take()

    assert first < aged_number(first) < second
    assert aged_number(first) == aged_number(aged_number(first))


def test_a_leader_with_a_higher_token_has_higher_numbers() -> None:
    """Also than what it had before, and than a leader before it had after a long time."""
    before, after = QuoteNumbers(), QuoteNumbers()
    before.begin_above(6)
    after.begin_above(7)
    last = [before.take() for _ in range(1_000)][-1]
    first = after.take()
    after.begin_above(7)

    assert last < first < after.take()


def test_browsers_count_the_numbers_exactly() -> None:
    """Of a hundred thousand leaders one after the other."""
    numbers = QuoteNumbers()
    numbers.begin_above(100_000)

    assert numbers.take() < 2**53
