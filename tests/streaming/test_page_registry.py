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
    open_pages: PageRegistry, pages: int, user_id: int = 1, session_hash: str = "session"
) -> list[PageSession]:
    seats = [page_of(f"{user_id}-{number}", user_id, session_hash) for number in range(pages)]
    for connection in seats:
        open_pages.enter(connection)
    return seats


@pytest.fixture
def open_pages() -> PageRegistry:
    """A desk with the default limits and nobody at it."""
    return PageRegistry(LIMITS)


# Seats


def test_a_page_has_its_seat_until_it_leaves(open_pages: PageRegistry) -> None:
    """A seat is found by the page's name, and leaving twice is harmless."""
    (page,) = opened(open_pages, 1)
    found = open_pages.page_of(page.sid)
    open_pages.leave(page.sid)
    open_pages.leave(page.sid)

    assert page is found
    assert None is open_pages.page_of(page.sid)


def test_the_twenty_first_page_is_refused_in_plain_words(open_pages: PageRegistry) -> None:
    """A user who has twenty pages open is told to close one."""
    opened(open_pages, 20)

    with pytest.raises(AccessRefused, match=r"too many open pages \(20\)") as refusal:
        open_pages.enter(page_of("one too many"))

    assert ("LIMIT_EXCEEDED", 429) == (refusal.value.code, refusal.value.status)
    assert None is open_pages.page_of("one too many")


def test_other_users_are_not_refused(open_pages: PageRegistry) -> None:
    """The pages of one user cost no other a seat."""
    opened(open_pages, 20, user_id=1)
    opened(open_pages, 20, user_id=2)

    assert 40 == open_pages.counts()["connections"]


def test_a_closed_page_makes_room(open_pages: PageRegistry) -> None:
    """Who closes a page may open another."""
    pages = opened(open_pages, 20)
    open_pages.leave(pages[7].sid)
    open_pages.enter(page_of("another"))

    assert 20 == open_pages.counts()["connections"]


def test_many_at_once_get_no_more_seats_than_there_are(
    open_pages: PageRegistry, restless: None
) -> None:
    """Pages that open at the same moment cannot all slip through."""
    refusals: list[str] = []

    def open_pages(number: int) -> None:
        for page in range(10):
            try:
                open_pages.enter(page_of(f"{number}-{page}"))
            except AccessRefused as refusal:
                refusals.append(refusal.code)

    threads = [threading.Thread(target=open_pages, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 20 == open_pages.counts()["connections"]
    assert ["LIMIT_EXCEEDED"] * 40 == refusals


# What a page watches


def test_a_page_watches_what_it_asked_for(open_pages: PageRegistry) -> None:
    """Symbols are added in the order asked, and asking again is harmless."""
    (page,) = opened(open_pages, 1)

    assert (["BTC", "ETH"], []) == open_pages.watch(page, ["BTC", "ETH"])
    assert (["ETH", "SOL"], []) == open_pages.watch(page, ["ETH", "SOL"])
    assert {"BTC", "ETH", "SOL"} == page.symbols


def test_what_is_beyond_the_limit_is_named(open_pages: PageRegistry) -> None:
    """Of three hundred symbols the first two hundred and fifty are watched."""
    (page,) = opened(open_pages, 1)
    symbols = [f"S{number}" for number in range(300)]

    assert (symbols[:250], symbols[250:]) == open_pages.watch(page, symbols)
    assert 250 == len(page.symbols)


def test_at_its_limit_a_page_may_repeat_itself(open_pages: PageRegistry) -> None:
    """What is watched already costs nothing more."""
    (page,) = opened(open_pages, 1)
    open_pages.watch(page, [f"S{number}" for number in range(250)])

    assert (["S0"], ["new"]) == open_pages.watch(page, ["new", "S0"])


def test_unwatching_makes_room(open_pages: PageRegistry) -> None:
    """What is let go of leaves a place, and letting go of the unwatched is harmless."""
    (page,) = opened(open_pages, 1)
    open_pages.watch(page, [f"S{number}" for number in range(250)])
    open_pages.unwatch(page, ["S0", "unheard of"])

    assert (["new"], []) == open_pages.watch(page, ["new"])


def test_pages_have_limits_of_their_own(open_pages: PageRegistry) -> None:
    """What one page watches counts for it alone."""
    first, second = opened(open_pages, 2)
    symbols = [f"S{number}" for number in range(250)]

    assert [] == open_pages.watch(first, symbols)[1]
    assert [] == open_pages.watch(second, symbols)[1]


# Sessions and counts


def test_pages_are_found_by_their_session(open_pages: PageRegistry) -> None:
    """Whose session ends, all of its pages are known, and no others."""
    ended = opened(open_pages, 2, user_id=1, session_hash="ended")
    opened(open_pages, 1, user_id=2, session_hash="alive")

    assert {"ended", "alive"} == open_pages.session_hashes()
    assert [connection.sid for connection in ended] == open_pages.sids_of({"ended"})
    assert [] == open_pages.sids_of([])


def test_counts_pages_users_and_subscriptions(open_pages: PageRegistry) -> None:
    """What everybody may know are numbers; who has what is for administrators."""
    for page in (*opened(open_pages, 2, user_id=7), *opened(open_pages, 1, user_id=3)):
        open_pages.watch(page, ["BTC", "ETH"])

    assert {"connections": 3, "users": 2, "subscriptions": 6} == open_pages.counts()
    assert [
        {"user_id": 3, "connections": 1, "subscriptions": 2},
        {"user_id": 7, "connections": 2, "subscriptions": 4},
    ] == open_pages.by_user()


def test_an_empty_desk_counts_nothing(open_pages: PageRegistry) -> None:
    """Nobody is there."""
    assert {"connections": 0, "users": 0, "subscriptions": 0} == open_pages.counts()
    assert [] == open_pages.by_user()
