from ipaddress import IPv6Address

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix

from omcrm.auth.network import caller_network, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unix:", "unix:"),
        ("x" * 1000, "x" * 64),
        ("", ""),
        (None, ""),
    ],
)
def test_network(address: str | None, network: str) -> None:
    """IPv4 counts exactly, IPv6 by the /64, and a text that is no address as it is."""
    assert network == network_of(address)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_customer_of_ipv6_is_one_network(prefix: int, one: int, other: int) -> None:
    """The lower 64 bits make no other network, unless the address is a mapped IPv4 one."""
    addresses = [IPv6Address((prefix << 64) | host) for host in (one, other)]
    networks = {network_of(str(address)) for address in addresses if address.ipv4_mapped is None}

    assert len(networks) <= 1


@pytest.mark.parametrize(
    ("proxies", "network"), [(0, "127.0.0.1"), (1, "198.51.100.2"), (2, "198.51.100.1")]
)
def test_trusted_proxies_name_the_client(proxies: int, network: str) -> None:
    """As many addresses of the header count as there are proxies; those before them do not."""
    app = Flask("network-test")
    app.add_url_rule("/network", view_func=caller_network)
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies)
    forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1, 198.51.100.2"}
    answer = app.test_client().get("/network", headers=forwarded)

    assert network == answer.text
