from omcrm.exchange.frame_rate import FrameRate


def allowed(rate: FrameRate, *moments: float) -> list[bool]:
    """What each frame was told."""
    return [rate.requires(moment) for moment in moments]


def test_five_a_second_may_go_on_for_ever() -> None:
    """The permitted rate is never cut."""
    rate = FrameRate()

    assert all(allowed(rate, *(second + part / 5 for second in range(20) for part in range(5))))
    assert 5 == rate.peak


def test_a_short_burst_passes() -> None:
    """Ten frames at once are let through, the eleventh is not."""
    rate = FrameRate()

    assert [True] * 10 + [False] == allowed(rate, *[100.0] * 11)
    assert (11, 11) == (rate.total, rate.peak)


def test_a_second_burst_right_after_is_cut() -> None:
    """Too many in two seconds running is too many."""
    rate = FrameRate()
    first = allowed(rate, *[100.0] * 7)
    second = allowed(rate, *[101.0] * 6)

    assert all(first)
    assert [True] * 5 + [False] == second


def test_a_pause_forgives() -> None:
    """A burst after a quiet second is the first one again."""
    rate = FrameRate()
    allowed(rate, *[100.0] * 7)

    assert all(allowed(rate, *[102.5] * 7))
