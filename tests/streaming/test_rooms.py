"""Membership of rooms, also with clients that come and go concurrently."""

import itertools
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from omcrm.streaming.rooms import Rooms
from omcrm.streaming.socketio_packet import StrictPacket

DESK = "/desk"


@pytest.fixture
def rooms() -> Rooms:
    """Rooms of a server that only records what it is to send."""
    made, numbers, sent = Rooms(), itertools.count(), list[Any]()

    def send_event(eio_sid: str, namespace: str, packet: Any) -> None:
        sent.append((eio_sid, packet))

    made.set_server(
        SimpleNamespace(
            eio=SimpleNamespace(generate_id=lambda: f"s{next(numbers)}"),
            packet_class=StrictPacket,
            send_event=send_event,
            sent=sent,
            logger=None,
        )
    )
    return made


def join(rooms: Rooms, eio_sid: str, *more: str) -> str:
    sid: str = rooms.pre_connect(eio_sid, DESK)
    rooms.connect(sid, DESK)
    for room in more:
        rooms.enter_room(sid, DESK, room)
    return sid


def recipients(rooms: Rooms) -> list[str]:
    names = [eio_sid for eio_sid, _ in rooms.server.sent]
    rooms.server.sent.clear()
    return names


def test_an_event_goes_to_a_room(rooms: Rooms) -> None:
    """Each member gets it a single time; a client is a room of its own; nobody else gets it."""
    one, two, three = join(rooms, "e1", "a"), join(rooms, "e2", "a", "b"), join(rooms, "e3")
    rooms.emit("hello", "x", DESK, room="a")
    assert ["e1", "e2"] == recipients(rooms)
    rooms.emit("hello", "x", DESK, to="a", skip_sid=one)
    assert ["e2"] == recipients(rooms)
    rooms.emit("hello", "x", DESK, to=three)
    assert ["e3"] == recipients(rooms)
    rooms.emit("hello", "x", "/elsewhere", to="a")
    rooms.emit("hello", "x", DESK, to="nobody")

    assert [] == recipients(rooms)
    assert {two, "a", "b"} == {*rooms.get_rooms(two, DESK)}


def test_all_members_get_the_same_packet(rooms: Rooms) -> None:
    """It is encoded a single time; attachments follow their text."""
    for number in range(3):
        join(rooms, f"e{number}", "a")
    rooms.emit("hello", ("x", b"y"), DESK, room="a")
    packets = [packet for _, packet in rooms.server.sent]

    assert 2 == len({id(packet) for packet in packets})
    assert '451-/desk,["hello","x",{"_placeholder":true,"num":0}]' == packets[0].encode()
    assert b"y" == packets[1].encode()


def test_a_client_that_left_gets_nothing(rooms: Rooms) -> None:
    """After leaving a room, or disconnecting; no state is left of a disconnected client."""
    sid = join(rooms, "e1", "a", "b")
    rooms.leave_room(sid, DESK, "a")
    rooms.emit("hello", None, DESK, room="a")
    assert [] == recipients(rooms)
    rooms.pre_disconnect(sid, DESK)
    rooms.disconnect(sid, DESK)
    rooms.emit("hello", None, DESK, room="b")

    assert [] == recipients(rooms)
    assert ({}, {}, {}, {}) == (
        rooms.rooms,
        rooms._rooms_of,
        rooms.pending_connect,
        rooms.pending_disconnect,
    )


def test_leaving_twice_is_harmless(rooms: Rooms) -> None:
    """Also leaving a room that the client was never in."""
    sid = join(rooms, "e1")
    rooms.leave_room(sid, DESK, "a")
    rooms.disconnect(sid, DESK)
    rooms.disconnect(sid, DESK)
    rooms.disconnect("unknown", DESK)
    rooms.leave_room(sid, DESK, "a")

    assert {} == rooms.rooms
    assert {} == rooms._rooms_of


@pytest.mark.usefixtures("restless")
def test_many_clients_come_and_go_concurrently(rooms: Rooms) -> None:
    """In several threads: no client is lost, refused, or left over."""
    failed: list[str] = []

    def visit(name: str) -> None:
        try:
            for number in range(30):
                sid = join(rooms, f"{name}{number}", "desk")
                rooms.emit("hello", None, DESK, room="desk")
                if not rooms.is_connected(sid, DESK):
                    failed.append("lost")
                rooms.pre_disconnect(sid, DESK)
                rooms.disconnect(sid, DESK, ignore_queue=True)
        except Exception as error:
            failed.append(repr(error))

    for _ in range(20):
        threads = [threading.Thread(target=visit, args=(name,)) for name in "abcdef"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [] == failed
    assert {} == rooms.rooms
    assert {} == rooms._rooms_of
