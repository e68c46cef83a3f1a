"""The servers that tests of HTTP run against."""

from collections.abc import Iterator

import pytest

from tests.serving.served import SERVERS, Served


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Each of the servers, for tests that only send requests."""
    with Served(tmp_path_factory.mktemp("served"), request.param) as served:
        yield served
