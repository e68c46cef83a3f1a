import threading

import pytest

from omcrm.errors import AccessRefused
from omcrm.streaming.page_registry import PageLimits, PageRegistry, PageSession

LIMITS = PageLimits(connections_per_user=20, subscriptions=250)


def page_of(
    sid: str, user_id: int = 1, session_hash: str = "session", is_admin: bool = False
) -> PageSession:
    return PageSession(sid, user_id, session_hash, is_admin)


def opened(
    registry: PageRegistry, pages: int, user_id: int = 1, session_hash: str = "session"
) -> list[PageSession]:
    sessions = [page_of(f"{user_id}-{number}", user_id, session_hash) for number in range(pages)]
    for connection in sessions:
        registry.add(connection)
    return sessions


@pytest.fixture
def registry() -> PageRegistry:
    """An empty registry with the default limits."""
    return PageRegistry(LIMITS)


# Pages


def test_a_page_is_registered_until_it_is_removed(registry: PageRegistry) -> None:
    """It is found by its id, and removing it twice is harmless."""
    (page,) = opened(registry, 1)
    registered = registry.page(page.sid)
    registry.remove(page.sid)
    registry.remove(page.sid)

    assert page is registered
    assert None is registry.page(page.sid)


def test_the_twenty_first_page_is_refused_in_plain_words(registry: PageRegistry) -> None:
    """A user with twenty open pages gets a message to close one."""
    opened(registry, 20)

    with pytest.raises(AccessRefused, match=r"too many open pages \(20\)") as refusal:
        registry.add(page_of("one too many"))

    assert ("LIMIT_EXCEEDED", 429) == (refusal.value.code, refusal.value.status)
    assert None is registry.page("one too many")


def test_other_users_are_not_refused(registry: PageRegistry) -> None:
    """The limit counts the pages of each user separately."""
    opened(registry, 20, user_id=1)
    opened(registry, 20, user_id=2)

    assert 40 == registry.counts()["connections"]


def test_a_closed_page_makes_room(registry: PageRegistry) -> None:
    """A user who closes a page may open another."""
    pages = opened(registry, 20)
    registry.remove(pages[7].sid)
    registry.add(page_of("another"))

    assert 20 == registry.counts()["connections"]


def test_concurrent_pages_do_not_exceed_the_limit(registry: PageRegistry, restless: None) -> None:
    """Pages that open at the same moment cannot exceed it together."""
    refusals: list[str] = []

    def open_ten(number: int) -> None:
        for page in range(10):
            try:
                registry.add(page_of(f"{number}-{page}"))
            except AccessRefused as refusal:
                refusals.append(refusal.code)

    threads = [threading.Thread(target=open_ten, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 20 == registry.counts()["connections"]
    assert ["LIMIT_EXCEEDED"] * 40 == refusals


# Subscriptions


def test_a_page_subscribes_to_symbols(registry: PageRegistry) -> None:
    """Symbols are added in the given order, and subscribing again is harmless."""
    (page,) = opened(registry, 1)

    assert (["BTC", "ETH"], []) == registry.subscribe(page, ["BTC", "ETH"])
    assert (["ETH", "SOL"], []) == registry.subscribe(page, ["ETH", "SOL"])
    assert {"BTC", "ETH", "SOL"} == page.symbols


def test_symbols_beyond_the_limit_are_returned(registry: PageRegistry) -> None:
    """Of three hundred symbols the first two hundred and fifty are accepted."""
    (page,) = opened(registry, 1)
    symbols = [f"S{number}" for number in range(300)]

    assert (symbols[:250], symbols[250:]) == registry.subscribe(page, symbols)
    assert 250 == len(page.symbols)


def test_at_its_limit_a_page_may_subscribe_again(registry: PageRegistry) -> None:
    """Symbols that are subscribed to already do not count twice."""
    (page,) = opened(registry, 1)
    registry.subscribe(page, [f"S{number}" for number in range(250)])

    assert (["S0"], ["new"]) == registry.subscribe(page, ["new", "S0"])


def test_unsubscribing_makes_room(registry: PageRegistry) -> None:
    """An unsubscribed symbol no longer counts; unsubscribing an unknown one is harmless."""
    (page,) = opened(registry, 1)
    registry.subscribe(page, [f"S{number}" for number in range(250)])
    registry.unsubscribe(page, ["S0", "unheard of"])

    assert (["new"], []) == registry.subscribe(page, ["new"])


def test_pages_have_limits_of_their_own(registry: PageRegistry) -> None:
    """The limit counts the symbols of each page separately."""
    first, second = opened(registry, 2)
    symbols = [f"S{number}" for number in range(250)]

    assert [] == registry.subscribe(first, symbols)[1]
    assert [] == registry.subscribe(second, symbols)[1]


# Sessions and counts


def test_pages_by_login_session(registry: PageRegistry) -> None:
    """All pages of an ended login session are returned, and no others."""
    ended = opened(registry, 2, user_id=1, session_hash="ended")
    opened(registry, 1, user_id=2, session_hash="alive")

    assert {"ended", "alive"} == registry.session_hashes()
    assert [connection.sid for connection in ended] == registry.sids_of({"ended"})
    assert [] == registry.sids_of([])


def test_counts_pages_users_and_subscriptions(registry: PageRegistry) -> None:
    """Totals for everybody; numbers per user for administrators."""
    for page in (*opened(registry, 2, user_id=7), *opened(registry, 1, user_id=3)):
        registry.subscribe(page, ["BTC", "ETH"])

    assert {"connections": 3, "users": 2, "subscriptions": 6} == registry.counts()
    assert [
        {"user_id": 3, "connections": 1, "subscriptions": 2},
        {"user_id": 7, "connections": 2, "subscriptions": 4},
    ] == registry.by_user()


def test_an_empty_registry_counts_nothing(registry: PageRegistry) -> None:
    """All numbers are 0."""
    assert {"connections": 0, "users": 0, "subscriptions": 0} == registry.counts()
    assert [] == registry.by_user()
