"""Where to go after the login: only to a page of this site."""

_LONGEST = 2000


def local_path(target: str | None) -> str | None:
    """The target if it is an absolute path on this site, else None.

    Browsers read `//host` and `/\\host` as another site and drop tabs and line ends before that,
    so none of these may occur anywhere.
    """
    if not target or len(target) > _LONGEST or not target.startswith("/"):
        return None
    if "//" in target or "\\" in target or not target.isprintable():
        return None
    return target
