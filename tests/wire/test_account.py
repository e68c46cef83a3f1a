import msgspec
import pytest

from omcrm.wire.account import JsonToken, JsonTokenMade, NewToken
from omcrm.wire.encoding import dumps


def test_a_new_token_on_the_wire() -> None:
    """The fields are in this order; unknown ones are null."""
    token = JsonToken(
        id=1,
        name="sheet",
        prefix="omcrm_abcdef",
        scopes=["market:read"],
        state="active",
        created_at="2026-03-04T15:00:00.000Z",
        expires_at="2026-04-03T15:00:00.000Z",
        revoked_at=None,
        last_used_at=None,
        last_used_addr=None,
    )

    assert (
        '{"secret":"omcrm_x","success":true,"token":{"created_at":"2026-03-04T15:00:00.000Z",'
        '"expires_at":"2026-04-03T15:00:00.000Z","id":1,"last_used_addr":null,'
        '"last_used_at":null,"name":"sheet","prefix":"omcrm_abcdef","revoked_at":null,'
        '"scopes":["market:read"],"state":"active"}}'
    ) == dumps(JsonTokenMade(secret="omcrm_x", token=token))


def test_a_token_has_one_expiry() -> None:
    """A number of days, or a last day."""
    with pytest.raises(msgspec.ValidationError, match="not both"):
        msgspec.json.decode(
            b'{"name":"a","scopes":[],"expires_in_days":7,"expires_on":"2026-03-05"}',
            type=NewToken,
        )
