"""Socket.IO v5 over sockets: namespaces, events and acknowledgements, on both transports.

Long for a reason: one protocol with many short cases.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import socketio

from tests.processes import PATIENCE, close_client, wait_for
from tests.streaming.conformance.engine_client import SEPARATOR, EngineClient
from tests.streaming.conformance.talk import Talk, in_namespace, placed

NAMESPACES = ["/", "/custom"]


# Connecting


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("auth", ["", "{}", '{"token":"123"}', '{"a":[1,{"b":null}]}'])
def test_a_client_connects(talk: Talk, namespace: str, auth: str) -> None:
    """It gets an id in the namespace, and the handler gets the client's auth data."""
    sid = talk.join(namespace, auth)
    where = in_namespace(namespace)

    talk.send(f'2{where}0["auth"]')

    assert f"3{where}0[{auth or '{}'}]" == talk.receive()
    assert sid != talk.socket.sid
    assert ["connect"] == talk.served.events(sid)


def test_the_comma_may_be_left_out(talk: Talk) -> None:
    """A packet may consist of the namespace alone."""
    talk.send("0/custom")

    answer = talk.receive()

    assert str(answer).startswith('0/custom,{"sid":')


def test_a_client_connects_to_several_namespaces(talk: Talk) -> None:
    """They share the connection, and nothing else."""
    sids = [talk.join(), talk.join("/custom", '{"token":"abc"}')]

    talk.send('20["auth"]', '2/custom,0["auth"]')

    assert ["30[{}]", '3/custom,0[{"token":"abc"}]'] == [talk.receive(), talk.receive()]
    assert 2 == len(set(sids))


def test_events_of_a_connect_handler_follow_the_answer(talk: Talk) -> None:
    """A client gets no event before it knows that it is connected."""
    talk.join("/custom", '{"greet":"welcome"}')

    assert '2/custom,["greeting","welcome"]' == talk.receive()


def test_an_unknown_namespace_is_refused(talk: Talk) -> None:
    """The connection goes on."""
    talk.send('0/random,{"token":"123"}')

    assert '4/random,{"message":"Invalid namespace"}' == talk.receive()
    talk.join()


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_connect_handler_may_refuse(talk: Talk, namespace: str) -> None:
    """The client gets the reason, and no event emitted before it."""
    where = in_namespace(namespace)

    talk.send(f'0{where}{{"greet":"welcome","refuse":"not today"}}')

    assert f'4{where}{{"message":"not today"}}' == talk.receive()
    assert talk.join(namespace)


def test_a_second_connect_makes_no_second_client(joined: Talk) -> None:
    """A connected client cannot get another id in the same namespace."""
    before = joined.served.state()["sessions"]

    joined.send("0", '21["auth"]')

    answers = joined.socket.receive_frame()
    assert not answers[1].startswith(b'40{"sid"')
    assert before == joined.served.state()["sessions"]


def test_a_client_that_joins_nothing_is_closed(hasty: EngineClient) -> None:
    """After a timeout; other clients are not affected."""
    staying = Talk(hasty)
    sid = staying.join()
    nobody, refused = Talk(hasty), Talk(hasty)
    refused.send("0/random")

    assert nobody.ends()
    assert '4/random,{"message":"Invalid namespace"}' == refused.receive()
    assert refused.ends()
    staying.send('21["return nothing"]')
    assert "31[]" == staying.receive()
    assert ["connect"] == staying.served.events(sid)


def test_a_polling_client_that_joins_nothing_is_closed(hasty: EngineClient) -> None:
    """The transport makes no difference."""
    session = hasty.polling()

    wait_for(lambda: hasty.request("GET", session.query).status == 400, 5, "the end")
    assert session.is_over()


# Disconnecting


def test_a_client_leaves_one_namespace(joined: Talk) -> None:
    """The others go on."""
    sid = joined.join("/custom")

    joined.send("1/custom,", '2["echo","to main"]')

    assert '2["echo","to main"]' == joined.receive()
    assert "client disconnect" == joined.served.end_of(sid)


def test_a_client_that_left_may_come_back(hasty: EngineClient) -> None:
    """Leaving the last namespace does not end the connection at once."""
    talk = Talk(hasty)
    first = talk.join()
    talk.send("1")

    assert "client disconnect" == talk.served.end_of(first)
    assert first != talk.join()
    talk.send('2["echo"]')
    assert '2["echo"]' == talk.receive()


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_events_before_a_disconnect_precede_it(talk: Talk, namespace: str) -> None:
    """A client that is disconnected has received all earlier events."""
    talk.join(namespace)
    where = in_namespace(namespace)

    talk.send(f'2{where}["echo","because"]', f'2{where}["disconnect me"]')

    assert [f'2{where}["echo","because"]', f"1{where}"] == [talk.receive(), talk.receive()]


def test_the_server_disconnects_from_one_namespace(joined: Talk) -> None:
    """The client gets a disconnect packet, and its other namespaces go on."""
    sid = joined.join("/custom")

    joined.send('2/custom,["disconnect me"]', '2["echo","to main"]')

    received = {joined.receive(), joined.receive()}
    assert {"1/custom,", '2["echo","to main"]'} == received
    assert "server disconnect" == joined.served.end_of(sid)


@pytest.mark.parametrize("closes", ["close", "nothing"])
def test_the_end_of_a_connection_ends_every_namespace(joined: Talk, closes: str) -> None:
    """Each disconnect handler is called a single time."""
    sids = [joined.join("/custom")]
    if closes == "close":
        joined.socket.send("1")
        assert joined.ends()
    joined.socket.close()

    expected = "client disconnect" if closes == "close" else "transport close"
    assert [expected] == [joined.served.end_of(sid) for sid in sids]


# Events


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize(
    "arguments",
    ["", ',1,"2",{"3":[true]}', ",null,false,[],{}", ',"€ 😀"', ",1.5,-0.25,12345678901234567890"],
)
def test_events_are_echoed(talk: Talk, namespace: str, arguments: str) -> None:
    """Any number of arguments arrives unchanged."""
    talk.join(namespace)
    packet = f'2{in_namespace(namespace)}["echo"{arguments}]'

    talk.send(packet)

    received = str(talk.receive())
    assert packet.partition("[")[0] == received.partition("[")[0]
    assert json.loads(packet[packet.index("[") :]) == json.loads(received[received.index("[") :])


def test_blanks_in_json_are_allowed(joined: Talk) -> None:
    """Any valid JSON is accepted."""
    joined.send('2 [ "echo" , {"a" : 1} ]')

    assert '2["echo",{"a":1}]' == joined.receive()


def test_events_keep_their_order(realtime: EngineClient) -> None:
    """They are handled one after the other, from the first one on."""
    packets = [f'2["echo",{number}]' for number in range(300)]
    for _ in range(4):
        talk = Talk(realtime)
        talk.join()

        talk.send(*packets)

        assert packets == [talk.receive() for _ in packets]


def test_an_event_without_a_handler_is_ignored(joined: Talk) -> None:
    """The connection stays open."""
    joined.send('2["who knows",1]', '2["echo"]')

    assert '2["echo"]' == joined.receive()


def test_a_lone_surrogate_is_handled(joined: Talk) -> None:
    """It is echoed, or ends the connection."""
    joined.send('2["echo","\\ud800"]')

    opcode, data = joined.socket.receive_frame()
    assert (opcode, data) == (1, b'42["echo","\\ud800"]') or opcode == 8


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_attachments_are_echoed(talk: Talk, namespace: str) -> None:
    """They follow their event, in order."""
    talk.join(namespace)
    packet = f'52-{in_namespace(namespace)}["echo",{placed(0)},{{"a":[{placed(1)}]}}]'

    talk.send(packet, b"\x01\x02\x03", b"")

    assert [packet, b"\x01\x02\x03", b""] == [talk.receive() for _ in range(3)]


def test_ten_attachments_are_accepted(joined: Talk) -> None:
    """The reference server accepts as many."""
    packet = f'510-["echo",{placed(*range(10))}]'
    attachments = [bytes([number]) for number in range(10)]

    joined.send(packet, *attachments)

    assert [packet, *attachments] == [joined.receive() for _ in range(11)]


def test_attachments_may_be_named_in_any_order(joined: Talk) -> None:
    """A placeholder has the number of its attachment."""
    joined.send(f'52-["echo",{placed(1, 0)}]', b"first", b"second")

    received = [joined.receive() for _ in range(3)]
    assert [f'52-["echo",{placed(0, 1)}]', b"second", b"first"] == received


def test_a_pong_may_come_between_attachments(hasty: EngineClient) -> None:
    """The heartbeat does not affect the event."""
    talk = Talk(hasty)
    talk.join()
    assert "2" == talk.socket.receive()

    talk.send(f'51-["echo",{placed(0)}]')
    talk.socket.send("3", b"\x01")

    assert [f'51-["echo",{placed(0)}]', b"\x01"] == [talk.receive(), talk.receive()]


# Acknowledgements


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("number", ["0", "456", "9007199254740"])
def test_events_are_acknowledged(talk: Talk, namespace: str, number: str) -> None:
    """With the event's number and the handler's result."""
    talk.join(namespace)
    where = in_namespace(namespace)

    talk.send(f'2{where}{number}["acknowledge",1,"2",{{"3":[false]}}]')

    assert f'3{where}{number}[1,"2",{{"3":[false]}}]' == talk.receive()


def test_an_empty_acknowledgement_is_one(joined: Talk) -> None:
    """A handler without a result acknowledges the event as well."""
    joined.send('27["return nothing"]')

    assert "37[]" == joined.receive()


def test_attachments_are_acknowledged(joined: Talk) -> None:
    """Bytes are attachments of the acknowledgement."""
    joined.send(f'52-789["acknowledge",{placed(0, 1)}]', b"\x01\x02\x03", b"\x04")

    received = [joined.receive() for _ in range(3)]
    assert [f"62-789[{placed(0, 1)}]", b"\x01\x02\x03", b"\x04"] == received


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_clients_acknowledge(talk: Talk, namespace: str) -> None:
    """The acknowledgement reaches the callback, with and without attachments."""
    talk.join(namespace)
    where = in_namespace(namespace)
    for packets, answered in (
        (('3{}["yes",2]',), [f'2{where}["answered","yes",2]']),
        (("3{}[]",), [f'2{where}["answered"]']),
        (
            ("61-{}[" + placed(0) + "]", b"\x01"),
            [f'51-{where}["answered",{placed(0)}]', b"\x01"],
        ),
    ):
        talk.send(f'2{where}["ask","?"]')
        question = str(talk.receive())
        number = question.removeprefix(f"2{where}").removesuffix('["question","?"]')
        assert number.isdecimal(), question
        answer, *attachments = packets
        talk.send(str(answer).replace("{}", where + number, 1), *attachments)
        assert answered == [talk.receive() for _ in answered]


def test_an_unexpected_acknowledgement_is_ignored(joined: Talk) -> None:
    """It may be late; the connection stays open."""
    joined.send('312345["late"]', '2["echo"]')

    assert '2["echo"]' == joined.receive()


# By polling


def test_everything_works_by_polling(realtime: EngineClient) -> None:
    """Packets are the same on both transports."""
    session = realtime.polling()
    assert "ok" == session.post('40/custom,{"token":"abc"}').body
    connected = session.packets(1)[0]
    assert connected.startswith('40/custom,{"sid":')
    event = f'451-/custom,["echo",{placed(0)}]'

    session.post(SEPARATOR.join(['42/custom,0["auth"]', event, "bAQID", "41/custom,"]))

    assert ['43/custom,0[{"token":"abc"}]', event, "bAQID"] == session.packets(3)
    sid = json.loads(connected.removeprefix("40/custom,"))["sid"]
    assert "client disconnect" == realtime.served.end_of(sid)


@pytest.mark.parametrize("packet", ["4abc", "42{}", "bAQID", '42abc["echo"]'])
def test_a_malformed_packet_ends_polling(realtime: EngineClient, packet: str) -> None:
    """The session ends on this transport as well."""
    session = realtime.polling()
    session.post("40")
    sid = json.loads(session.packets(1)[0].removeprefix("40"))["sid"]

    session.post(packet)

    realtime.served.end_of(sid)
    assert session.is_over()


def test_a_client_is_upgraded(realtime: EngineClient) -> None:
    """Namespaces joined by polling stay joined on the WebSocket."""
    session = realtime.polling()
    session.post('40{"token":"123"}')
    session.packets(1)

    socket = realtime.upgrade(session)
    socket.send('420["auth"]')

    assert '430[{"token":"123"}]' == socket.receive()


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]])
def test_a_library_client_is_served(realtime: EngineClient, transports: list[str]) -> None:
    """Events, bytes, acknowledgements and the disconnect work with python-socketio's client."""
    client = socketio.Client(reconnection=False)
    answered: list[Any] = []
    note: Callable[..., None] = lambda *data: answered.append(data)  # noqa: E731
    client.on("question", lambda *data: ["indeed", b"\x02"], namespace="/custom")
    client.on("answered", note, namespace="/custom")
    client.connect(
        f"http://127.0.0.1:{realtime.served.port}/",
        transports=transports,
        namespaces=["/", "/custom"],
        auth={"token": "123"},
        wait_timeout=PATIENCE,
    )
    try:
        assert {"token": "123"} == client.call("auth", timeout=PATIENCE)
        assert (b"\x01", "€") == client.call("acknowledge", (b"\x01", "€"), timeout=PATIENCE)
        client.emit("ask", "really?", namespace="/custom")
        wait_for(lambda: answered, 5, "the answer")
        sid = client.get_sid("/custom")
        assert sid
    finally:
        close_client(client)
    assert [(["indeed", b"\x02"],)] == answered
    assert realtime.served.end_of(sid)
