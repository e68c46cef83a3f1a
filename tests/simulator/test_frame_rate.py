from simulator.frame_rate import FrameRate


def allowed(rate: FrameRate, *moments: float) -> list[bool]:
    """Whether each frame is allowed."""
    return [rate.accepts(moment) for moment in moments]


def test_five_a_second_may_go_on_for_ever() -> None:
    """The permitted rate is never refused."""
    rate = FrameRate()

    assert all(
        allowed(rate, *(second + fraction / 5 for second in range(20) for fraction in range(5)))
    )
    assert 5 == rate.peak


def test_a_short_burst_passes() -> None:
    """Ten frames at once are accepted, the eleventh is not."""
    rate = FrameRate()

    assert [True] * 10 + [False] == allowed(rate, *[100.0] * 11)
    assert (11, 11) == (rate.total, rate.peak)


def test_a_second_burst_right_after_is_cut() -> None:
    """The rate may not be exceeded in two consecutive seconds."""
    rate = FrameRate()
    first = allowed(rate, *[100.0] * 7)
    second = allowed(rate, *[101.0] * 6)

    assert all(first)
    assert [True] * 5 + [False] == second


def test_a_pause_resets_the_count() -> None:
    """A burst after a quiet second is accepted again."""
    rate = FrameRate()
    allowed(rate, *[100.0] * 7)

    assert all(allowed(rate, *[102.5] * 7))
