"""A Socket.IO client on one connection, packet by packet."""

import json

from tests.streaming.conformance.engine_client import EngineClient, Socket


class Talk:
    """A Socket.IO client on a WebSocket."""

    def __init__(self, client: EngineClient) -> None:
        self.served = client.served
        self.socket: Socket = client.websocket()

    def send(self, *packets: str | bytes) -> None:
        """Send packets and their attachments."""
        self.socket.send(
            *(f"4{packet}" if isinstance(packet, str) else packet for packet in packets)
        )

    def receive(self) -> str | bytes:
        """The next packet or attachment; pings are answered on the way."""
        while (message := self.socket.receive()) == "2":
            self.socket.send("3")
        if isinstance(message, str):
            assert "4" == message[:1], message
            return message[1:]
        return message

    def join(self, namespace: str = "/", auth: str = "") -> str:
        """Connect to a namespace; the client's id there."""
        before = "0" if namespace == "/" else f"0{namespace},"
        self.send(before + auth)
        answer = self.receive()
        assert isinstance(answer, str)
        assert answer.startswith(before)
        about = json.loads(answer.removeprefix(before))
        assert ["sid"] == list(about)
        return str(about["sid"])

    def ends(self) -> bool:
        """Wait until the server has closed; whether it sent nothing more."""
        return [] == [packet for packet in self.socket.rest() if packet != "2"]


def placed(*numbers: int) -> str:
    """Placeholders of attachments, as arguments."""
    return ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in numbers)


def in_namespace(namespace: str) -> str:
    """The namespace as packets contain it."""
    return "" if namespace == "/" else f"{namespace},"
