"""The documents, and an app to judge by them."""

import pytest

from tests.gateways.conftest import here, serve
from tests.reference.judge import Judge

__all__ = ["here", "serve"]


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The documents."""
    return Judge()
