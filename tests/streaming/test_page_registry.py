import threading

import pytest

from omcrm.errors import AccessRefused
from omcrm.streaming.desk import Desk, DeskLimits, Seat

LIMITS = DeskLimits(connections_per_user=20, subscriptions=250)


def seat(sid: str, user_id: int = 1, session_hash: str = "session", is_admin: bool = False) -> Seat:
    return Seat(sid, user_id, session_hash, is_admin)


def seated(desk: Desk, pages: int, user_id: int = 1, session_hash: str = "session") -> list[Seat]:
    seats = [seat(f"{user_id}-{number}", user_id, session_hash) for number in range(pages)]
    for connection in seats:
        desk.sit(connection)
    return seats


@pytest.fixture
def desk() -> Desk:
    """A desk with the default limits and nobody at it."""
    return Desk(LIMITS)


# Seats


def test_a_page_has_its_seat_until_it_leaves(desk: Desk) -> None:
    """A seat is found by the page's name, and leaving twice is harmless."""
    (page,) = seated(desk, 1)
    found = desk.seat(page.sid)
    desk.leave(page.sid)
    desk.leave(page.sid)

    assert page is found
    assert None is desk.seat(page.sid)


def test_the_twenty_first_page_is_refused_in_plain_words(desk: Desk) -> None:
    """A user who has twenty pages open is told to close one."""
    seated(desk, 20)

    with pytest.raises(AccessRefused, match=r"too many open pages \(20\)") as refusal:
        desk.sit(seat("one too many"))

    assert ("LIMIT_EXCEEDED", 429) == (refusal.value.code, refusal.value.status)
    assert None is desk.seat("one too many")


def test_other_users_are_not_refused(desk: Desk) -> None:
    """The pages of one user cost no other a seat."""
    seated(desk, 20, user_id=1)
    seated(desk, 20, user_id=2)

    assert 40 == desk.counts()["connections"]


def test_a_closed_page_makes_room(desk: Desk) -> None:
    """Who closes a page may open another."""
    pages = seated(desk, 20)
    desk.leave(pages[7].sid)
    desk.sit(seat("another"))

    assert 20 == desk.counts()["connections"]


def test_many_at_once_get_no_more_seats_than_there_are(desk: Desk, restless: None) -> None:
    """Pages that open at the same moment cannot all slip through."""
    refusals: list[str] = []

    def open_pages(number: int) -> None:
        for page in range(10):
            try:
                desk.sit(seat(f"{number}-{page}"))
            except AccessRefused as refusal:
                refusals.append(refusal.code)

    threads = [threading.Thread(target=open_pages, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 20 == desk.counts()["connections"]
    assert ["LIMIT_EXCEEDED"] * 40 == refusals


# What a page watches


def test_a_page_watches_what_it_asked_for(desk: Desk) -> None:
    """Symbols are added in the order asked, and asking again is harmless."""
    (page,) = seated(desk, 1)

    assert (["BTC", "ETH"], []) == desk.watch(page, ["BTC", "ETH"])
    assert (["ETH", "SOL"], []) == desk.watch(page, ["ETH", "SOL"])
    assert {"BTC", "ETH", "SOL"} == page.symbols


def test_what_is_beyond_the_limit_is_named(desk: Desk) -> None:
    """Of three hundred symbols the first two hundred and fifty are watched."""
    (page,) = seated(desk, 1)
    symbols = [f"S{number}" for number in range(300)]

    assert (symbols[:250], symbols[250:]) == desk.watch(page, symbols)
    assert 250 == len(page.symbols)


def test_at_its_limit_a_page_may_repeat_itself(desk: Desk) -> None:
    """What is watched already costs nothing more."""
    (page,) = seated(desk, 1)
    desk.watch(page, [f"S{number}" for number in range(250)])

    assert (["S0"], ["new"]) == desk.watch(page, ["new", "S0"])


def test_unwatching_makes_room(desk: Desk) -> None:
    """What is let go of leaves a place, and letting go of the unwatched is harmless."""
    (page,) = seated(desk, 1)
    desk.watch(page, [f"S{number}" for number in range(250)])
    desk.unwatch(page, ["S0", "unheard of"])

    assert (["new"], []) == desk.watch(page, ["new"])


def test_pages_have_limits_of_their_own(desk: Desk) -> None:
    """What one page watches counts for it alone."""
    first, second = seated(desk, 2)
    symbols = [f"S{number}" for number in range(250)]

    assert [] == desk.watch(first, symbols)[1]
    assert [] == desk.watch(second, symbols)[1]


# Sessions and counts


def test_pages_are_found_by_their_session(desk: Desk) -> None:
    """Whose session ends, all of its pages are known, and no others."""
    ended = seated(desk, 2, user_id=1, session_hash="ended")
    seated(desk, 1, user_id=2, session_hash="alive")

    assert {"ended", "alive"} == desk.session_hashes()
    assert [connection.sid for connection in ended] == desk.sids_of({"ended"})
    assert [] == desk.sids_of([])


def test_counts_pages_users_and_subscriptions(desk: Desk) -> None:
    """What everybody may know are numbers; who has what is for administrators."""
    for page in (*seated(desk, 2, user_id=7), *seated(desk, 1, user_id=3)):
        desk.watch(page, ["BTC", "ETH"])

    assert {"connections": 3, "users": 2, "subscriptions": 6} == desk.counts()
    assert [
        {"user_id": 3, "connections": 1, "subscriptions": 2},
        {"user_id": 7, "connections": 2, "subscriptions": 4},
    ] == desk.by_user()


def test_an_empty_desk_counts_nothing(desk: Desk) -> None:
    """Nobody is there."""
    assert {"connections": 0, "users": 0, "subscriptions": 0} == desk.counts()
    assert [] == desk.by_user()
