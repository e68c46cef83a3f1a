from omcrm.wire.client_counts import ClientCounts, DeliveryCounts, PageCounts, UserClients
from omcrm.wire.encoding import dumps


def test_single_users_are_absent_where_nobody_may_see_them() -> None:
    """An administrator sees strangers as one user without a number."""
    strangers = UserClients(user_id=None, connections=2, subscriptions=0)

    assert '{"connections":1,"users":1,"subscriptions":3}' == dumps(
        PageCounts(connections=1, users=1, subscriptions=3)
    )
    assert (
        '{"connections":2,"owners":1,"subscriptions":0,"dialects":{"quotes":{"connections":2}},'
        '"refused":{},"by_user":[{"user_id":null,"connections":2,"subscriptions":0}]}'
    ) == dumps(
        ClientCounts(
            connections=2,
            owners=1,
            subscriptions=0,
            dialects={"quotes": {"connections": 2}},
            refused={},
            by_user=[strangers],
        )
    )


def test_deliveries_on_the_wire() -> None:
    """What was skipped for slow readers has the name that programs know."""
    counts = DeliveryCounts(quotes=4, updates=3, conflated=2, skipped=1)

    assert '{"quotes":4,"updates":3,"conflated":2,"missed":1}' == dumps(counts)
