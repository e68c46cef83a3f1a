from omcrm.streaming.manners import Bucket, Manners


def test_a_burst_is_let_through_and_then_it_is_enough() -> None:
    """A page may say forty things at once, as when it comes back after sleep."""
    manners = Manners()

    assert [True] * 40 + [False] * 5 == [manners.may_speak(100.0) for _ in range(45)]


def test_twenty_a_second_are_let_through_for_ever() -> None:
    """Who keeps to the rate is never refused."""
    manners = Manners()

    assert all(manners.may_speak(100 + number / 20) for number in range(2000))


def test_of_more_than_the_rate_only_the_rate_is_let_through() -> None:
    """Of a hundred a second, twenty pass once the burst is used up."""
    manners = Manners()
    passed = sum(manners.may_speak(100 + number / 100) for number in range(10_000))

    assert 2038 <= passed <= 2041


def test_silence_earns_no_more_than_a_burst() -> None:
    """Who was quiet for an hour may not say everything at once."""
    manners = Manners()
    manners.may_speak(0.0)

    assert 40 == sum(manners.may_speak(3600.0) for _ in range(100))


def test_ten_bad_messages_in_ten_seconds_are_too_many() -> None:
    """The tenth within ten seconds is the last."""
    manners = Manners()

    assert [False] * 9 + [True] == [manners.misbehaved(100 + number) for number in range(10)]


def test_slow_mistakes_are_forgiven() -> None:
    """Nine in any ten seconds may go on for ever."""
    manners = Manners()

    assert not any(manners.misbehaved(number * 1.2) for number in range(1000))


def test_a_burst_of_mistakes_after_a_long_time_counts_by_itself() -> None:
    """What was wrong yesterday does not add to today."""
    manners = Manners()
    for _ in range(9):
        manners.misbehaved(0.0)

    assert [False] * 9 + [True] == [manners.misbehaved(1000.0) for _ in range(10)]


# Other allowances


def test_a_bucket_gives_what_is_in_it() -> None:
    """What is not there costs nothing, and it fills up with time, but not over."""
    bucket = Bucket(rate=10, most=100)

    assert [True, False, True] == [bucket.take(number, 0.0) for number in (60, 50, 40)]
    assert [False, True] == [bucket.take(number, 1.0) for number in (11, 10)]
    assert [False, True] == [bucket.take(number, 999.0) for number in (101, 100)]
