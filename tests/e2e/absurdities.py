"""Malformed and oversized messages."""

import json
import zlib

from tests.streaming.raw_client import BINARY, TEXT, closing, frame, text


def absurdities() -> dict[str, tuple[bytes, set[int]]]:
    """Frames to send after joining, and the close codes that may answer them."""
    deflater = zlib.compressobj(wbits=-15)
    bomb = (deflater.compress(bytes(50_000_000)) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
    places = [{"_placeholder": True, "num": number} for number in range(11)]
    event = "42/webtrader,"
    return {
        "a frame of 1.1 MB": (frame(BINARY, bytes(1_100_000)), {1009}),
        "half a message too much": (
            frame(TEXT, b"4" * 9000, fin=False) + frame(0, b"2" * 9000),
            {1009},
        ),
        "a bomb": (frame(BINARY, bomb[:15_000], rsv=4), {1002, 1009}),
        "200 000 deep": (text(f"{event}{'[' * 200_000}{']' * 200_000}"), {1009}),
        "8 000 deep": (text(f"{event}{'[' * 8000}{']' * 8000}"), {1000}),
        "700 deep with bytes": (
            text(f'451-/webtrader,["ping",{"[" * 700}{json.dumps(places[0])}{"]" * 700}]')
            + frame(BINARY, b"a"),
            {1000},
        ),
        "8 000 objects deep": (text(f"""{event}{'{"a":' * 3000}"""), {1000}),
        "a number of 10 001 digits": (text(f'{event}["ping",{"1" * 10_001}]'), {1000}),
        "an id of 10 001 digits": (text(f'{event}{"1" * 10_001}["ping"]'), {1000}),
        "11 attachments": (text(f"4511-/webtrader,{json.dumps(['ping', *places])}"), {1000}),
        "99 attachments": (text(f"4599-/webtrader,{json.dumps(['ping', *places])}"), {1000}),
        "text as an attachment": (
            text(f"451-/webtrader,{json.dumps(['ping', places[0]])}") + text("4a"),
            {1000},
        ),
        "bytes without an event": (frame(BINARY, b"a"), {1000}),
        "another namespace": (text('42/elsewhere,["ping"]'), {1000}),
        "no packet": (text("abc"), {1000}),
        "unmasked": (frame(TEXT, b"4", masked=False), {1002}),
        "reserved bits": (frame(TEXT, b"4", rsv=3), {1002}),
        "a reserved opcode": (frame(5, b"4"), {1002}),
        "bad text": (frame(TEXT, b"42\xff"), {1007}),
        "a bad close": (closing(1005), {1002}),
    }
