from omcrm.streaming.rate_limiter import RateLimiter, TokenBucket


def test_a_burst_is_accepted_up_to_its_limit() -> None:
    """A page may send forty messages at a time, as after waking from sleep."""
    limiter = RateLimiter()

    assert [True] * 40 + [False] * 5 == [limiter.may_send(100.0) for _ in range(45)]


def test_twenty_a_second_are_always_accepted() -> None:
    """A page that keeps to the rate is never refused."""
    limiter = RateLimiter()

    assert all(limiter.may_send(100 + number / 20) for number in range(2000))


def test_only_the_rate_is_accepted_of_more() -> None:
    """Of a hundred a second, twenty are accepted after the burst is used up."""
    limiter = RateLimiter()
    passed = sum(limiter.may_send(100 + number / 100) for number in range(10_000))

    assert 2038 <= passed <= 2041


def test_silence_earns_no_more_than_a_burst() -> None:
    """After an hour of silence the burst is not larger."""
    limiter = RateLimiter()
    limiter.may_send(0.0)

    assert 40 == sum(limiter.may_send(3600.0) for _ in range(100))


def test_ten_bad_messages_in_ten_seconds_are_too_many() -> None:
    """The tenth within ten seconds exceeds the limit."""
    limiter = RateLimiter()

    assert [False] * 9 + [True] == [limiter.too_many_errors(100 + number) for number in range(10)]


def test_rare_errors_are_accepted() -> None:
    """Nine in any ten seconds may go on for ever."""
    limiter = RateLimiter()

    assert not any(limiter.too_many_errors(number * 1.2) for number in range(1000))


def test_old_errors_do_not_count() -> None:
    """Errors before the window do not add to later ones."""
    limiter = RateLimiter()
    for _ in range(9):
        limiter.too_many_errors(0.0)

    assert [False] * 9 + [True] == [limiter.too_many_errors(1000.0) for _ in range(10)]


# Token buckets


def test_a_bucket_refills_up_to_its_limit() -> None:
    """A refused request takes no tokens, and the bucket never overflows."""
    bucket = TokenBucket(rate=10, most=100)

    assert [True, False, True] == [bucket.take(number, 0.0) for number in (60, 50, 40)]
    assert [False, True] == [bucket.take(number, 1.0) for number in (11, 10)]
    assert [False, True] == [bucket.take(number, 999.0) for number in (101, 100)]
