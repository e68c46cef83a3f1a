from typing import Any


def test_a_local_book_can_be_kept(running, room) -> None:
    """Snapshot and changes fit without a gap, and bookTicker agrees with them."""
    client = running.connect("/stream?streams=btcusdt@depth@100ms")
    first = room.next_message(client, lambda message: True)["data"]
    snapshot = running.get("/api/v3/depth?symbol=BTCUSDT&limit=1000")
    book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    last, seen = snapshot["lastUpdateId"], 0
    assert first["U"] <= last
    while seen < 5:
        event = room.next_message(client, lambda message: True)["data"]
        if event["u"] <= last:
            continue
        assert event["U"] <= last + 1
        last, seen = event["u"], seen + 1
        _apply(book, event)
        best_bid, best_ask = max(map(float, book["bids"])), min(map(float, book["asks"]))

        assert best_bid < best_ask

    later = running.get("/api/v3/depth?symbol=BTCUSDT&limit=1000")
    while last < later["lastUpdateId"]:
        event = room.next_message(client, lambda message: True)["data"]
        last = event["u"]
        _apply(book, event)

    assert last > later["lastUpdateId"] or book == {
        side: dict(later[side]) for side in ("bids", "asks")
    }


def _apply(book: dict[str, dict[str, str]], event: Any) -> None:
    for side, key in (("bids", "b"), ("asks", "a")):
        for price, quantity in event[key]:
            book[side][price] = quantity
            if float(quantity) == 0:
                del book[side][price]


def test_partial_books_have_as_many_levels_as_asked(running, room) -> None:
    """The best levels of both sides, without symbol or time."""
    client = running.connect("/stream?streams=aapl@depth5@100ms/aapl@depth20@100ms/aapl@depth7")
    messages = {}
    while len(messages) < 2:
        message = room.next_message(client, lambda message: True)
        messages[message["stream"]] = message["data"]

    assert {"aapl@depth5@100ms": 5, "aapl@depth20@100ms": 20} == {
        stream: len(data["bids"]) for stream, data in messages.items()
    }
    assert {"lastUpdateId", "bids", "asks"} == set(messages["aapl@depth5@100ms"])


def test_changes_are_kept_for_subscribers_only(running, room) -> None:
    """Without a subscriber the changes of a book are not collected."""
    client = running.connect("/ws/btcusdt@depth")
    book = running.server.source.listings["BTCUSDT"].book
    room.wait_until(lambda: len(book.subscriptions) == 1)
    client.close(timeout=1)

    room.wait_until(lambda: book.subscriptions == [])
