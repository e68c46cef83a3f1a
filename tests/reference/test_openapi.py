import re

import pytest

from omcrm.auth.permission import Permission
from omcrm.reference.openapi import document, refusals, who_may
from omcrm.reference.route import Needs
from omcrm.reference.routes import ROUTES
from tests.reference.validator import problems_of_openapi, references, resolved


def test_it_is_openapi() -> None:
    """It is valid by the official schema."""
    assert [] == problems_of_openapi(document())


def test_a_wrong_document_is_noticed() -> None:
    """The test above can fail."""
    wrong = document()
    del wrong["paths"]["/healthz"]["get"]["responses"]["200"]["description"]

    assert 1 == len(problems_of_openapi(wrong))


def test_references_lead_somewhere() -> None:
    """Every reference has a target, and every part has a short name."""
    whole = document()

    assert len(references(whole)) > 100
    for reference in references(whole):
        assert resolved(whole, reference)
    assert all(re.fullmatch(r"\w+\.\w+", name) for name in whole["components"]["schemas"])


def test_operations_have_names_of_their_own() -> None:
    """Client libraries are generated from them."""
    names = [
        operation["operationId"]
        for path in document()["paths"].values()
        for operation in path.values()
    ]

    assert len(ROUTES) == len(set(names))
    assert all(re.fullmatch(r"[a-z]\w*", name) for name in names)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_who_may_call_is_described(route) -> None:
    """In a sentence, and in the refusals that follow from it."""
    statuses = refusals(route)

    assert who_may(route).endswith(".")
    assert (401 in statuses) is (route.needs is not Needs.NOTHING)
    assert not isinstance(route.needs, Permission) or 403 in statuses
    assert (400 in statuses) or route.method == "GET"
