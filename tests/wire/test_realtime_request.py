import msgspec
import pytest

from omcrm.wire.realtime_request import PortfolioRef, RealtimeResume


def test_a_resume_may_come_without_data() -> None:
    """It means from now on."""
    resume = msgspec.json.decode('{"type":"resume"}', type=RealtimeResume)

    assert None is resume.data.since


@pytest.mark.parametrize("number", ["1\n", "-1", "1e3", "1" * 11])
def test_the_text_of_a_portfolio_is_digits(number: str) -> None:
    """At most ten of them."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"portfolio_id": number}, PortfolioRef)
