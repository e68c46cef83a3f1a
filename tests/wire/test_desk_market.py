from msgspec import structs

from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.session import Calendar, session_state
from omcrm.wire.desk_market import DeskFeedStatus, DeskMarketState
from tests.values import START, sent


def test_the_status_of_a_feed_has_all_its_fields() -> None:
    """Times are texts, and states their words."""
    status = FeedStatus(
        state=FeedState.STREAMING, active=True, type="websocket", connected_since=START
    )
    body = sent(DeskFeedStatus.of(status))

    assert list(structs.asdict(status)) == list(body)
    assert ("streaming", "2026-03-04T15:00:00.000Z", None) == (
        body["state"],
        body["connected_since"],
        body["last_message_at"],
    )


def test_a_problem_has_its_code_and_only_its_figures() -> None:
    """Programs decide by the code."""
    problem = FeedProblem(FeedCode.REFUSED, FeedFigures(status=429, detail="limited"))
    status = FeedStatus(state=FeedState.WAITING, active=False, type="http", problem=problem)

    assert {"code": "refused", "figures": {"status": 429, "detail": "limited"}} == sent(
        DeskFeedStatus.of(status)
    )["problem"]


def test_a_market_that_is_open() -> None:
    """On a Wednesday at ten in New York."""
    body = sent(DeskMarketState.of(session_state(Calendar.XNYS, START)))

    assert (True, "regular", "2026-03-04T21:00:00.000Z") == (
        body["is_open"],
        body["session"],
        body["closes_at"],
    )
