import pytest
from flask import Flask

from omcrm.auth.access import Access
from omcrm.auth.json_route import JsonRoute
from omcrm.auth.permission import Permission
from omcrm.reference.operation import Operation, operations
from omcrm.wire.account import NewToken
from omcrm.wire.answer import JsonDone

# Routes that are no page and do not answer in JSON.
OTHERS = {"/api/asyncapi.yaml": "a document in YAML"}
VALUES = {"portfolio_id": 1, "token_id": 1, "symbol": "BTC"}


def operation(access: Access, **more: object) -> Operation:
    return Operation(
        **{
            "method": "GET",
            "path": "/a",
            "area": "Desk",
            "about": "It.",
            "access": access,
            "route": JsonRoute(answer=JsonDone),
            **more,
        }
    )


def test_every_route_for_programs_states_its_answer(app: Flask) -> None:
    """Beside who may call it; and it has a sentence for the documents."""
    stated = {(item.method, item.path) for item in operations(app)}
    for_programs = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not app.view_functions[rule.endpoint].access.is_page
    }

    assert stated == {(method, path) for method, path in for_programs if path not in OTHERS}
    assert OTHERS.keys() <= {path for _, path in for_programs}
    assert all(item.about.endswith(".") for item in operations(app))


def test_strangers_are_answered_as_described(app: Flask) -> None:
    """Open routes answer; all others refuse before anything else."""
    browser, wrong = app.test_client(), {}
    for item in operations(app):
        answer = browser.open(
            item.address.format(**VALUES),
            method=item.method,
            headers={"Accept": "application/json"},
        )
        expected = {200, *item.refusals()} if item.access.is_public else {401}
        if not answer.is_json or answer.status_code not in expected:
            wrong[item.method, item.path] = answer.status_code

    assert {} == wrong


def test_a_path_names_its_variables() -> None:
    """As OpenAPI writes them, with the type of each."""
    described = operation(Access(), path="/a/<int:number>/b/<symbol>")

    assert "/a/{number}/b/{symbol}" == described.address
    assert [("number", "integer"), ("symbol", "string")] == described.variables()


@pytest.mark.parametrize(
    ("access", "words", "statuses"),
    [
        (Access(is_public=True), "Open to everybody.", set()),
        (Access(), "Needs a login, or an API token with any scope.", {401, 429, 503}),
        (Access(session_only=True), "Needs a login; API tokens are not taken.", {401, 503}),
        (
            Access(permissions=frozenset({Permission.FEEDS_CONTROL})),
            "Needs an administrator's login, or an API token with the scope `feeds:control`.",
            {401, 403, 429, 503},
        ),
    ],
)
def test_who_may_call_is_described(access: Access, words: str, statuses: set[int]) -> None:
    """In a sentence, and in the refusals that follow from it."""
    assert words == operation(access).who_may()
    assert statuses == operation(access).refusals().keys()


def test_refusals_of_a_body_and_of_the_route() -> None:
    """They are added up; an unsafe method may lack its CSRF token."""
    route = JsonRoute(answer=JsonDone, body=NewToken, refusals={400: "No.", 409: "Taken."})
    described = operation(Access(session_only=True), method="POST", route=route).refusals()

    assert {400, 401, 409, 413, 503} == described.keys()
    assert "No. The body is wrong. The CSRF token of a session is missing." == described[400]
