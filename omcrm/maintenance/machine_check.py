"""Checks what an installation needs of its machine: settings, files, disk."""

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from omcrm.env_file import ROOT
from omcrm.maintenance.database_app import sqlite_path
from omcrm.maintenance.finding import Finding, ok, problem, warning
from omcrm.secret_key import weakness
from omcrm.settings import Settings

# Descriptors that a process needs besides one for each client.
_OWN_FILES = 300
_FEW_FILES, _MANY_FILES = 1_024, 10_000
# In bytes: with less, writes fail soon; with less, look after it.
_FULL, _NEARLY_FULL = 100 * 1024**2, 1024**3
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_RENEW = "python -c 'import secrets; print(secrets.token_urlsafe(48))' prints a new one"


def check_machine(settings: Settings) -> Iterator[Finding]:
    """The findings, one after the other."""
    yield _check_secret_key(settings)
    yield _check_address(settings)
    yield from _check_privacy(settings)
    yield _check_files()
    yield from _check_disks(settings)
    yield _check_state_folder(settings.feed_state_path)


def _check_secret_key(settings: Settings) -> Finding:
    part, path = "secret key", settings.instance_path / "secret_key"
    if settings.secret_key:
        key, place = settings.secret_key, "SECRET_KEY"
    elif not path.exists():
        return ok(part, f"is made at the first start, in {path}")
    else:
        try:
            key, place = path.read_text(errors="replace").strip(), str(path)
        except OSError as error:
            return problem(part, f"{path}: {error.strerror}", "give its owner the right to read it")
    if wrong := weakness(key):
        return problem(part, f"{place}: {wrong}", f"take another one: {_RENEW}")
    return ok(part, f"{place} is strong")


def _check_address(settings: Settings) -> Finding:
    part = "address"
    if settings.public_url:
        if settings.public_url.startswith("https:"):
            return ok(part, settings.public_url)
        return warning(
            part,
            f"{settings.public_url} is not encrypted",
            "put a proxy with TLS in front, and set PUBLIC_URL=https://…",
        )
    if settings.host in _LOOPBACK:
        return ok(part, f"this machine only ({settings.host}:{settings.port})")
    return warning(
        part,
        f"listens on {settings.host}, and PUBLIC_URL is not set",
        "set PUBLIC_URL, so that pages of other hosts are refused and cookies are only sent by TLS",
    )


def _check_privacy(settings: Settings) -> Iterator[Finding]:
    instance = settings.instance_path
    paths = [instance, instance / "secret_key", instance / "omcrm.env", instance / "demo_logins"]
    open_paths = [path for path in [*paths, ROOT / ".env"] if _is_readable_by_others(path)]
    for path in open_paths:
        mode = "700" if path.is_dir() else "600"
        yield warning("privacy", f"other users can read {path}", f"chmod {mode} {path}")
    if not open_paths:
        yield ok("privacy", "other users cannot read the settings and keys")


def _is_readable_by_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _check_files() -> Finding:
    part = "open files"
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return ok(part, "no limit")
    text = f"at most {hard}, for about {max(0, hard - _OWN_FILES)} clients"
    advice = "raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -Hn before the start"
    if hard < _FEW_FILES:
        return problem(part, text, advice)
    return warning(part, text, advice) if hard < _MANY_FILES else ok(part, text)


def _check_disks(settings: Settings) -> Iterator[Finding]:
    places = {"instance": settings.instance_path, "state": settings.feed_state_path}
    if database := sqlite_path(settings):
        places["database"] = database
    devices: dict[int, tuple[str, Path]] = {}
    for name, place in places.items():
        folder = _existing(place)
        devices.setdefault(os.stat(folder).st_dev, (name, folder))
    for name, folder in devices.values():
        yield _disk_finding(f"disk ({name})", folder)


def _disk_finding(part: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**2:.0f} MiB free for {folder}"
    if free < _FULL:
        return problem(part, text, "make room: below 1 MiB nothing is written any more")
    if free < _NEARLY_FULL:
        return warning(part, text, "make room, for the database and its backups grow")
    return ok(part, text)


def _check_state_folder(folder: Path) -> Finding:
    part = "state folder"
    if os.access(_existing(folder), os.W_OK | os.X_OK):
        return ok(part, str(folder))
    return problem(
        part,
        f"{folder} cannot be written",
        "give this user the right to write there, or set FEED_STATE_DIR to another folder",
    )


def _existing(path: Path) -> Path:
    """The path, or the folder above in which it would be made."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path
