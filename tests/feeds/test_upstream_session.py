import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from omcrm.feeds.dialer import Dialer
from omcrm.feeds.upstream_session import UpstreamSession, _tls, is_proxied, proxies_for
from tests.feeds.upstream import Upstream, answering, http
from tests.processes import PATIENCE


@pytest.fixture
def session() -> Iterator[UpstreamSession]:
    """A session in a call that has time."""
    dialer = Dialer()
    dialer.begin(PATIENCE, 1000)
    with closing(UpstreamSession(dialer)) as session:
        yield session


@pytest.fixture(autouse=True)
def proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment that nobody is."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example,10.0.0.0/8")


@pytest.mark.parametrize(
    ("host", "proxied"),
    [
        ("upstream.example", True),
        ("93.184.215.14", True),
        ("localhost.example", True),
        ("www.inside.example", False),
        ("10.1.2.3", False),
        ("localhost", False),
        ("a.localhost", False),
        ("127.0.0.2", False),
        ("[::1]", False),
    ],
)
def test_the_environment_names_the_proxies(host: str, *, proxied: bool) -> None:
    """Not for hosts in NO_PROXY, and never for this machine."""
    for scheme in ("http", "https"):
        url = f"{scheme}://{host}:8080/path"
        assert proxied is is_proxied(url, proxies_for(url))


def test_no_other_file_or_variable_counts(
    session: UpstreamSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords in .netrc are for other programs."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Upstream(answering(http())) as upstream:
        session.get(upstream.url).close()

    assert b"authorization" not in upstream.requests[0].lower()


def test_cookies_are_not_sent_back(session: UpstreamSession) -> None:
    """An upstream cannot recognize this installation by one."""
    with Upstream(answering(http(b"{}", "200 OK", "Set-Cookie: a=b"))) as upstream:
        for _ in range(2):
            session.get(upstream.url).close()

    assert not any(b"cookie" in request.lower() for request in upstream.requests)


def test_a_redirect_is_neither_followed_nor_read(session: UpstreamSession) -> None:
    """Whatever it says."""
    moved = http(b"x" * 1000, "302 Found", "Location: http://[", "Content-Encoding: gzip")
    with Upstream(answering(moved)) as upstream, session.get(upstream.url, stream=True) as answer:
        assert 302 == answer.status_code

    assert 1 == len(upstream.requests)


def test_the_libraries_log_nothing(
    session: UpstreamSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Their logs would have URLs in them."""
    caplog.set_level(logging.DEBUG)
    with Upstream(answering(http(b"{}", "200 OK", "no header at all"))) as upstream:
        session.get(upstream.url, params={"token": "secret"}).close()

    assert "secret" not in caplog.text


def test_certificates_are_loaded_once() -> None:
    """All sessions have the same; urllib3 adds none to them."""
    count = _tls().cert_store_stats()
    for _ in range(2):
        with closing(UpstreamSession(Dialer())) as session:
            adapter = session.get_adapter("https://upstream.example")
            adapter.cert_verify(None, "https://upstream.example", True, None)

    assert _tls() is _tls()
    assert count == _tls().cert_store_stats()
