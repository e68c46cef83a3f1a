"""A page of another host in a real browser, with tokens and with its user's cookie."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateways.conftest import serve
from tests.gateways.here import Make

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["serve"]

# Where other things run at the same time, browsers and servers take long to start.
pytestmark = pytest.mark.timeout(300)

TRY = """
async ([base, token]) => {
  const headers = token ? { "x-api-key": token } : {};
  const read = async (path, options = {}) => {
    try {
      const answer = await fetch(base + path, { headers, ...options });
      return [answer.status, await answer.json()];
    } catch {
      return ["blocked", null];
    }
  };
  const open = (path) => new Promise((resolve) => {
    const socket = new WebSocket(base.replace("http", "ws") + path);
    socket.onopen = () => socket.send('{"type":"ping","data":{}}');
    socket.onmessage = ({ data }) => (resolve(JSON.parse(data).data.user_id), socket.close());
    socket.onerror = () => resolve("refused");
  });
  const [quote] = await read("/api/v1/market/quote/btc");
  const [withCookie] = await read("/webtrader/instruments", { credentials: "include" });
  const [ticketed, answer] = await read("/api/v1/ws-ticket", { method: "POST" });
  return {
    quote,
    withCookie,
    byTicket: ticketed === 200 ? await open(`/ws/realtime/?ticket=${answer.ticket}`) : ticketed,
    byToken: token ? await open(`/ws/realtime/?token=${token}`) : null,
    byCookie: await open("/ws/realtime/"),
  };
}
"""


class Empty(BaseHTTPRequestHandler):
    """Answers every request with an empty page."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>Another host</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def another_host() -> Iterator[str]:
    """The origin of a site whose pages are not ours."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("needs_login", [True, False])
def test_a_page_of_another_host(chromium: "Browser", serve: Make, needs_login: bool) -> None:
    """An allowed page reads by token and connects by ticket; its user's cookie is ignored."""
    with ExitStack() as at_the_end:
        allowed, foreign = (at_the_end.enter_context(another_host()) for _ in range(2))
        here = serve(ALLOWED_ORIGINS=allowed, USE_SECURITY=str(needs_login))
        user = here.create_user()
        token, session = here.token(user), here.session(user).partition("=")[2]
        # Cookies are for all ports of a host: the browser sends it along.
        cookie: Any = {"name": "omcrm_session", "value": session, "url": here.base}
        context = chromium.new_context()
        at_the_end.callback(context.close)
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(allowed)
        with_token = page.evaluate(TRY, [here.base, token])
        without = page.evaluate(TRY, [here.base, ""])
        page.goto(foreign)
        elsewhere = page.evaluate(TRY, [here.base, token])

    by_cookie = "refused" if needs_login else None
    assert {
        "quote": 200,
        "withCookie": "blocked",
        "byTicket": user,
        "byToken": user,
        "byCookie": by_cookie,
    } == with_token
    assert (401, 401, by_cookie) == (without["quote"], without["byTicket"], without["byCookie"])
    assert ("blocked" if needs_login else 200) == elsewhere["quote"]
    assert ("blocked", by_cookie) == (elsewhere["byTicket"], elsewhere["byCookie"])
