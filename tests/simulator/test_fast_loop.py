import asyncio
import time

from simulator.fast_loop import fast_loop


def test_its_seconds_are_shorter() -> None:
    """Ten of its seconds pass in a tenth of one."""

    async def sleep() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(10)
        return loop.time() - began

    began = time.monotonic()
    with asyncio.Runner(loop_factory=fast_loop(100.0)) as runner:
        own = runner.run(sleep())
    wall = time.monotonic() - began

    assert own >= 10
    assert 0.1 <= wall < own


def test_sockets_are_read_at_once() -> None:
    """Incoming data does not wait for a timer."""

    async def talk() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        fields = await reader.readline()
        writer.close()
        server.close()
        return fields

    with asyncio.Runner(loop_factory=fast_loop(50.0)) as runner:
        assert b"hello\n" == runner.run(talk())
