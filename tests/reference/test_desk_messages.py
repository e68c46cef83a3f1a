from omcrm.wire.desk import DESK
from tests.processes import App, wait_for
from tests.reference.validator import DocumentValidator


def test_a_page_receives_the_described_messages(
    app_on_exchange: App, validator: DocumentValidator
) -> None:
    """Every event of a page that sends every message, and every acknowledgement."""
    browser = app_on_exchange.new_browser()
    with browser.desk() as page:
        page.call("subscribe_to_instruments", {"symbols": ["BTC", "NOPE"], "instrument_ids": [99]})
        wait_for(lambda: page.prices("BTC"), 20, "a price")
        page.call("get_price_history", {"symbol": "BTC", "limit": 5})
        page.call("get_market_status")
        page.call("ping")
        page.call("unsubscribe_from_instruments", {"symbols": ["BTC"]})
        page.call("subscribe_to_instruments", {"symbols": ["NOPE"]})
        page.call("sing", {})
        for since, event in ((99, "reload"), (0, "notice")):
            page.call("resume", {"since": since})
            wait_for(lambda event=event: event in dict(page.events), what=event)
        events = list(page.events)

    received = {name for name, _ in events}
    assert {message.name for message in DESK.sent} - received == set()
    problems = [(name, validator.body("desk", name, body)) for name, body in events]
    assert [] == [problem for problem in problems if problem[1]]
    browser.http.close()
