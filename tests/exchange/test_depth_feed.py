from typing import Any


def test_a_local_book_can_be_kept(market, room) -> None:
    """Snapshot and changes fit together without a gap, and bookTicker agrees with them."""
    client = market.connect("/stream?streams=btcusdt@depth@100ms")
    first = room.next_message(client, lambda message: True)["data"]
    snapshot = market.get("/api/v3/depth?symbol=BTCUSDT&limit=1000")
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

    later = market.get("/api/v3/depth?symbol=BTCUSDT&limit=1000")
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


def test_partial_books_have_as_many_levels_as_asked(market, room) -> None:
    """The best levels of both sides, without symbol or time."""
    client = market.connect("/stream?streams=aapl@depth5@100ms/aapl@depth20@100ms/aapl@depth7")
    messages = {}
    while len(messages) < 2:
        message = room.next_message(client, lambda message: True)
        messages[message["stream"]] = message["data"]

    assert {"aapl@depth5@100ms": 5, "aapl@depth20@100ms": 20} == {
        stream: len(data["bids"]) for stream, data in messages.items()
    }
    assert {"lastUpdateId", "bids", "asks"} == set(messages["aapl@depth5@100ms"])


def test_nobody_listening_leaves_nothing_to_remember(market, room) -> None:
    """The changes of a book are kept only as long as somebody wants them."""
    client = market.connect("/ws/btcusdt@depth")
    book = market.exchange.source.listings["BTCUSDT"].book
    room.wait_until(lambda: len(book.watches) == 1)
    client.close(timeout=1)

    room.wait_until(lambda: book.watches == [])
