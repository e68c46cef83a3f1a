from omcrm.reference.route import Needs, Route


def test_a_path_names_its_variables() -> None:
    """As OpenAPI writes them, with the type of each."""
    route = Route(
        method="GET",
        path="/a/<int:number>/b/<symbol>",
        area="A",
        about="It.",
        needs=Needs.NOTHING,
        answer=None,
    )

    assert "/a/{number}/b/{symbol}" == route.address
    assert [("number", "integer"), ("symbol", "string")] == route.variables()
