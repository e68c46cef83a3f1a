"""The documents, and an app whose messages are validated by them."""

import pytest

from tests.gateways.conftest import here, serve
from tests.reference.validator import DocumentValidator

__all__ = ["here", "serve"]


@pytest.fixture(scope="session")
def validator() -> DocumentValidator:
    """Validates messages and answers by the documents."""
    return DocumentValidator()
