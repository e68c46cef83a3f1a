"""An installation whose upstreams are all at the built-in exchange."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask import Flask

from omcrm import create_app
from omcrm.extensions import db, limiter
from omcrm.market.catalogue import CATALOGUE
from omcrm.services import services_of
from omcrm.settings import load
from omcrm.storage.instrument import InstrumentRow
from tests.processes import Exchange
from tests.upstreams import at_the_exchange


@pytest.fixture
def environ(tmp_path: Path, exchange: Exchange) -> Mapping[str, str]:
    """The settings of an operator."""
    return at_the_exchange(exchange, tmp_path)


@pytest.fixture
def priced(environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The app with the catalogue, inside its context; its feeds do not run."""
    monkeypatch.setenv("ALPHA_VANTAGE_API_KEY", environ["ALPHA_VANTAGE_API_KEY"])
    app = create_app(load(environ))
    with app.app_context():
        db.create_all()
        db.session.add_all(map(InstrumentRow.of, CATALOGUE))
        db.session.commit()
        yield app
        services_of(app).manager.stop()
        db.session.remove()
        db.engine.dispose()
        limiter.reset()
