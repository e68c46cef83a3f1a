import re

from flask import Flask

from omcrm.reference.openapi import document
from omcrm.reference.operation import operations
from tests.reference.validator import problems_of_openapi, references, resolved


def test_it_is_openapi(described_app: Flask) -> None:
    """It is valid by the official schema."""
    assert [] == problems_of_openapi(document(described_app))


def test_a_wrong_document_is_noticed(described_app: Flask) -> None:
    """The test above can fail."""
    wrong = document(described_app)
    del wrong["paths"]["/healthz"]["get"]["responses"]["200"]["description"]

    assert 1 == len(problems_of_openapi(wrong))


def test_references_lead_somewhere(described_app: Flask) -> None:
    """Every reference has a target, and every part has a short name."""
    whole = document(described_app)

    assert len(references(whole)) > 100
    for reference in references(whole):
        assert resolved(whole, reference)
    assert all(re.fullmatch(r"\w+\.\w+", name) for name in whole["components"]["schemas"])


def test_operations_have_names_of_their_own(described_app: Flask) -> None:
    """Client libraries are generated from them."""
    names = [
        operation["operationId"]
        for path in document(described_app)["paths"].values()
        for operation in path.values()
    ]

    assert len(operations(described_app)) == len(set(names))
    assert all(re.fullmatch(r"[a-z]\w*", name) for name in names)
