import re

import pytest

from omcrm.auth.scope import Scope
from omcrm.reference.openapi import document, refusals, who_may
from omcrm.reference.route import Needs
from omcrm.reference.routes import ROUTES
from tests.reference.judge import problems_of_openapi, references, resolved


def test_it_is_openapi() -> None:
    """The official schema finds nothing wrong with it."""
    assert [] == problems_of_openapi(document())


def test_what_is_wrong_would_be_found() -> None:
    """The test above can fail."""
    wrong = document()
    del wrong["paths"]["/healthz"]["get"]["responses"]["200"]["description"]

    assert 1 == len(problems_of_openapi(wrong))


def test_references_lead_somewhere() -> None:
    """A reader finds everything that is named, and no two parts have the same name."""
    whole = document()

    assert len(references(whole)) > 100
    for reference in references(whole):
        assert resolved(whole, reference)
    assert all(re.fullmatch(r"\w+\.\w+", name) for name in whole["components"]["schemas"])


def test_operations_have_names_of_their_own() -> None:
    """Programs are generated from them."""
    names = [
        operation["operationId"]
        for path in document()["paths"].values()
        for operation in path.values()
    ]

    assert len(ROUTES) == len(set(names))
    assert all(re.fullmatch(r"[a-z]\w*", name) for name in names)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_who_may_call_is_said(route) -> None:
    """In words, and in the refusals that follow."""
    found = refusals(route)

    assert who_may(route).endswith(".")
    assert (401 in found) is (route.needs is not Needs.NOTHING)
    assert not isinstance(route.needs, Scope) or 403 in found
    assert (400 in found) or route.method == "GET"
