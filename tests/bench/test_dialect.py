import json
import time

from bench.fanout import dialect
from omcrm.wire.desk import DeskPriceUpdate
from tests.processes import PATIENCE


def test_the_other_servers_send_omcrms_fields() -> None:
    """In the same order, so that their texts are as long as OMCRM's of a live price."""
    assert list(DeskPriceUpdate.__struct_fields__) == [
        *dialect.update("BTC", 1),
        *("recorded_at", "stale_reason", "divergence"),
    ]


def test_the_floors_texts_are_as_long_as_the_others() -> None:
    """Every tick of every server has the same length."""
    lengths = {len(dialect.template("BTC"))}
    for count in range(20):
        body = json.dumps(dialect.update("BTC", count), separators=(",", ":"))
        lengths.add(len(f"{dialect.UPDATE.decode()}{body}]"))

    assert 1 == len(lengths)


def test_the_time_of_an_update() -> None:
    """To the millisecond; None where it has none."""
    text = json.dumps(dialect.update("BTC", 1), separators=(",", ":")).encode()
    moment = dialect.moment(text)

    assert moment is not None
    assert abs(time.time() - moment) < PATIENCE
    assert dialect.moment(b'{"provider_time":null}') is None
