"""The key that signs logins."""

import contextlib
import os
import secrets
from itertools import pairwise

from omcrm.errors import SettingError
from omcrm.settings import Settings

SHORTEST = 32
_FEWEST_CHARACTERS = 8
# Keys in tutorials and examples, without spaces, signs and capitals.
_KNOWN = (
    "changeit",
    "changeme",
    "changethis",
    "defaultkey",
    "developmentkey",
    "devkey",
    "devsecret",
    "djangoinsecure",
    "examplekey",
    "insecurekey",
    "mysecret",
    "notasecret",
    "pleasechange",
    "replaceme",
    "replacethis",
    "secretkey",
    "sosecret",
    "supersecret",
    "testkey",
    "topsecret",
    "verysecret",
    "yourkey",
    "yoursecret",
)
_REMEDY = """
1. Make a new key: python -c 'import secrets; print(secrets.token_urlsafe(48))'
2. Put it in the place of the old one, in the environment, .env or omcrm.env of the instance \
folder; or remove SECRET_KEY there, and OMCRM makes a key of its own in the instance folder.
3. Start OMCRM again. Everybody has to log in once more; nothing else is lost."""


def secret_key(settings: Settings) -> str:
    """The key that signs logins: the one that is set, or the instance's own, created once.

    Raises SettingError for a weak one.
    """
    if key := settings.secret_key:
        if problem := weakness(key):
            raise SettingError("SECRET_KEY", f"{problem}.{_REMEDY}")
        return key
    path = settings.instance_path / "secret_key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        # Created with its content: another process may read it at the same time.
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()
    key = path.read_text(errors="replace").strip()
    if problem := weakness(key):
        remedy = "delete it, and another is made at the next start; everybody logs in once more"
        raise SettingError("SECRET_KEY", f"{path}: {problem}: {remedy}")
    return key


def weakness(key: str) -> str | None:
    """Why a key could be guessed, without the key itself; None for a strong one."""
    if len(key) < SHORTEST:
        return f"the key has fewer than {SHORTEST} characters"
    letters = "".join(filter(str.isalnum, key.lower()))
    if any(known in letters for known in _KNOWN):
        return "the key is one from examples"
    if len(set(key)) < _FEWEST_CHARACTERS or _is_regular(key):
        return "the key repeats itself"
    return None


def _is_regular(key: str) -> bool:
    """Whether it repeats one text, or follows the alphabet."""
    steps = {ord(after) - ord(before) for before, after in pairwise(key)}
    return key in (key + key)[1:-1] or len(steps) < _FEWEST_CHARACTERS
