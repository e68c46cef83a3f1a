"""Socket.IO v5 over sockets: an invalid or early packet ends the connection."""

import pytest

from tests.streaming.conformance.engine_client import EngineClient
from tests.streaming.conformance.talk import Talk, placed

DEEP = 200_000
DIGITS = "1" * 10_001
MALFORMED: dict[str, tuple[str | bytes, ...]] = {
    "unknown type": ("7",),
    "unknown type with data": ('9["echo"]',),
    "no type": ("abc",),
    "nothing": ("",),
    "negative type": ("-1",),
    "other digits": ('²["echo"]',),
    "other digits, which are numbers": ('٢["echo"]',),
    "an error, from a client": ('4{"message":"x"}',),
    "event without data": ("2",),
    "event of an object": ("2{}",),
    "event of a text": ('2"echo"',),
    "event of null": ("2null",),
    "event without a name": ("2[]",),
    "event named null": ("2[null]",),
    "event named by a number": ("2[1]",),
    "event named by an object": ("2[{}]",),
    "event named by an array": ("2[[]]",),
    "event named by a truth": ("2[true]",),
    **{
        f"event named {name}": (f'2["{name}"]',)
        for name in (
            "connect",
            "connect_error",
            "disconnect",
            "disconnecting",
            "newListener",
            "removeListener",
        )
    },
    "cut JSON": ('2["echo"',),
    "JSON and more": ('2["echo"]x',),
    "JSON with a comma too many": ('2["echo",]',),
    "JSON with NaN": ('2["echo",NaN]',),
    "JSON with infinity": ('2["echo",-Infinity]',),
    "number of very many digits": (f'2["echo",{DIGITS}]',),
    "very deep arrays": ('2["echo",' + "[" * DEEP + "]" * DEEP + "]",),
    "very deep objects": ('2["echo",' + '{"a":' * DEEP + "1" + "}" * DEEP + "]",),
    "deep and cut": ("2" + "[" * DEEP,),
    "very deep connect": ('0/custom,{"a":' + "[" * DEEP + "]" * DEEP + "}",),
    "connect with an array": ("0/custom,[]",),
    "connect with a text": ('0/custom,"x"',),
    "connect with null": ("0/custom,null",),
    "connect with cut JSON": ('0/custom,{"token":',),
    "connect without a slash": ("0custom",),
    "connect with an id": ("0/custom,1",),
    "disconnect with data": ("1{}",),
    "disconnect of what is not joined": ("1/custom,",),
    "event without a slash": ('2custom,["echo"]',),
    "event without a comma": ('2/custom["echo"]',),
    "event to what is not joined": ('2/custom,["echo"]',),
    "event to what does not exist": ('2/random,["echo"]',),
    "id of letters": ('2abc["acknowledge"]',),
    "id with a sign": ('2-1["acknowledge"]',),
    "id with a point": ('21.5["acknowledge"]',),
    "id with other digits": ('2٣["acknowledge"]',),
    "id of very many digits": (f'2{DIGITS}["acknowledge"]',),
    "acknowledgement without data": ("31",),
    "acknowledgement of an object": ("31{}",),
    "acknowledgement with letters for an id": ("3x[]",),
    "acknowledgement with very many digits": (f"3{DIGITS}[]",),
    "acknowledgement in what is not joined": ("3/custom,1[]",),
    "attachment that nobody announced": (b"\x01",),
    "no number of attachments": (f'5["echo",{placed(0)}]',),
    "number of attachments without a hyphen": (f'51["echo",{placed(0)}]', b"\x01"),
    "letters for a number of attachments": (f'5x-["echo",{placed(0)}]',),
    "negative number of attachments": (f'5-1-["echo",{placed(0)}]',),
    "broken number of attachments": (f'51.5-["echo",{placed(0)}]',),
    "very many digits of attachments": (f'5{DIGITS}-["echo",{placed(0)}]',),
    "eleven attachments": (f'511-["echo",{placed(*range(11))}]',),
    "eleven attachments of an acknowledgement": (f"611-1[{placed(*range(11))}]",),
    "attachments of a text event": (f'21-["echo",{placed(0)}]', b"\x01"),
    "text for an attachment": (f'51-["echo",{placed(0)}]', '2["echo"]'),
    "place beyond the attachments": (f'51-["echo",{placed(5)}]', b"\x01"),
    "place before the attachments": (f'51-["echo",{placed(-1)}]', b"\x01"),
    "place that is a text": ('51-["echo",{"_placeholder":true,"num":"0"}]', b"\x01"),
    "place that is broken": ('51-["echo",{"_placeholder":true,"num":0.5}]', b"\x01"),
    "place that is a truth": ('51-["echo",{"_placeholder":true,"num":false}]', b"\x01"),
    "place without a number": ('51-["echo",{"_placeholder":true}]', b"\x01"),
    "place for a name": (f"51-[{placed(0)}]", b"\x01"),
    "binary event of an object": (f'51-{{"a":{placed(0)}}}', b"\x01"),
    "binary event with a reserved name": (f'51-["disconnect",{placed(0)}]', b"\x01"),
    "binary event to what is not joined": (f'51-/custom,["echo",{placed(0)}]', b"\x01"),
}


@pytest.mark.parametrize("packets", MALFORMED.values(), ids=MALFORMED)
def test_an_invalid_packet_closes(joined: Talk, packets: tuple[str | bytes, ...]) -> None:
    """No explanation is sent, and later packets are not handled."""
    joined.send(*packets, '2["echo","afterwards"]')

    assert joined.ends()


def test_an_attachment_too_many_closes(joined: Talk) -> None:
    """The event was complete without it."""
    event = f'51-["echo",{placed(0)}]'
    joined.send(event, b"\x01")
    assert [event, b"\x01"] == [joined.receive(), joined.receive()]

    joined.send(b"\x02", '2["echo","afterwards"]')

    assert joined.ends()


FIRST = ['2["echo"]', '21["acknowledge"]', "31[]", "1", '4{"message":"x"}', b"\x01", "abc", ""]


@pytest.mark.parametrize("first", [*FIRST, f'51-["echo",{placed(0)}]'])
def test_a_packet_before_connect_closes(talk: Talk, first: str | bytes) -> None:
    """No other packet is accepted before a namespace is joined."""
    talk.send(first, "0")

    assert talk.ends()


def test_a_malformed_packet_ends_every_namespace(joined: Talk) -> None:
    """The disconnect handler of each is called a single time."""
    sid = joined.join("/custom")

    joined.send("2{}")

    assert joined.ends()
    joined.served.end_of(sid)


def test_an_incomplete_packet_is_dropped(joined: Talk, realtime: EngineClient) -> None:
    """A connection that ends between attachments does not affect the next one."""
    joined.send(f'52-["echo",{placed(0, 1)}]', b"\x01")
    joined.socket.close()

    another = Talk(realtime)
    another.join()
    another.send('2["echo"]')
    assert '2["echo"]' == another.receive()
