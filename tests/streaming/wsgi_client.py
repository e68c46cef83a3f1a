"""Sends requests to an Engine.IO server as a WSGI server would."""

import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from omcrm.streaming.engine import EngineServer

OPEN = "EIO=4&transport=polling"


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def refusal(self) -> tuple[int, str]:
        """The code and message of a refusal."""
        answer = json.loads(self.body)
        return answer["code"], answer["message"]


Ask = Callable[..., Answer]


def wsgi_client(server: EngineServer) -> Ask:
    def ask(query: str = OPEN, body: bytes | None = None, **more: Any) -> Answer:
        """The answer to a GET, or with a body to a POST."""
        environ = {
            "REQUEST_METHOD": "GET" if body is None else "POST",
            "PATH_INFO": "/socket.io/",
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body or b""),
            **({} if body is None else {"CONTENT_LENGTH": str(len(body))}),
            **more,
        }
        answer: list[Any] = []
        chunks = server.handle_request(environ, lambda *head: answer.extend(head))
        return Answer(int(answer[0].split()[0]), dict(answer[1]), b"".join(chunks))

    return ask


def open_session(ask: Ask) -> str:
    """Open a session; the query of its further requests."""
    return f"{OPEN}&sid={json.loads(ask().body[1:])['sid']}"
