"""The documents, and an app whose messages are validated by them."""

import pytest
from flask import Flask

from omcrm import create_app
from omcrm.settings import load
from tests.gateways.conftest import here, serve
from tests.reference.validator import DocumentValidator, RouteValidator

__all__ = ["here", "serve"]


@pytest.fixture(scope="session")
def described_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An app that serves nobody, for the documents about it."""
    folder = tmp_path_factory.mktemp("described")
    return create_app(load({"OMCRM_INSTANCE": str(folder), "DATABASE_URL": "sqlite://"}))


@pytest.fixture(scope="session")
def validator() -> DocumentValidator:
    """Validates messages by the documents."""
    return DocumentValidator()


@pytest.fixture(scope="session")
def route_validator(described_app: Flask) -> RouteValidator:
    """Validates answers of routes by the documents."""
    return RouteValidator(described_app)
