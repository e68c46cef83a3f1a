"""The key that signs sessions."""

import contextlib
import os
import secrets

from omcrm.errors import SettingError
from omcrm.settings import Settings


def secret_key(settings: Settings) -> str:
    """The key that signs sessions: the one that is set, or the instance's own, made once."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.instance_path / "secret_key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        # Complete or not there: another process may be reading it already.
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()
    if not (key := path.read_text().strip()):
        raise SettingError("SECRET_KEY", f"{path} is empty: delete it, and another is made")
    return key
