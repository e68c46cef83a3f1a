import pytest

from simulator.stream_name import SocketOpening, opening_of, query_pairs, symbol_of


@pytest.mark.parametrize(
    ("target", "opening"),
    [
        ("/ws", SocketOpening((), False)),
        ("/ws/", SocketOpening((), False)),
        ("/ws/a@trade/b@depth", SocketOpening(("a@trade", "b@depth"), False)),
        ("/stream", SocketOpening((), True)),
        ("/stream?streams=a@trade/b@depth", SocketOpening(("a@trade", "b@depth"), True)),
        ("/stream?streams=a%40trade%2Fb%40depth", SocketOpening(("a@trade", "b@depth"), True)),
        ("/ws/a@kline_1d@+08:00", SocketOpening(("a@kline_1d@+08:00",), False)),
    ],
)
def test_every_form_of_url_is_read(target: str, opening: SocketOpening) -> None:
    """Raw, combined, several streams, URL-encoded."""

    assert opening == opening_of(target)


def test_another_path_is_no_websocket() -> None:
    """Only the two endpoints of Binance are one."""

    assert opening_of("/api/v3/ping") is None


def test_plus_signs_in_a_query_stay() -> None:
    """A time zone's plus sign is no blank."""

    assert [("streams", "a@kline_1d@+08:00")] == query_pairs("streams=a@kline_1d@+08:00")


def test_a_stream_of_all_symbols_has_no_symbol() -> None:
    """Streams name their symbol in small letters before the at sign."""

    assert "BTCUSDT" == symbol_of("btcusdt@trade")
    assert "" == symbol_of("!miniTicker@arr")
