"""The settings' texts in `.env` and in `omcrm.env` of the instance folder.

`run.py` and gunicorn need some of them before the threads are patched. So nothing is imported here
that would have to be patched: of what python-dotenv imports, the patches renew the only locks.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from omcrm.concurrency import MODES
from omcrm.errors import SettingError

ROOT = Path(__file__).resolve().parent.parent


def file_texts(environ: Mapping[str, str], root: Path = ROOT) -> dict[str, str]:
    """The texts of `.env`, over those of `omcrm.env` in the instance folder.

    OMCRM_INSTANCE is always among them: the folder that was looked into.
    """
    texts = _texts(root / ".env")
    instance = environ.get("OMCRM_INSTANCE") or texts.get("OMCRM_INSTANCE") or "instance"
    return {**_texts(root / instance / "omcrm.env"), **texts, "OMCRM_INSTANCE": instance}


def early_text(name: str, default: str, root: Path = ROOT) -> str:
    """The text of a setting before settings can be imported, from where they will read it."""
    text = os.environ[name] if name in os.environ else file_texts(os.environ, root).get(name)
    return (default if text is None else text).strip()


def configured_mode(root: Path = ROOT) -> str:
    """The value of OMCRM_ASYNC; raises SettingError for one that there is not."""
    mode = early_text("OMCRM_ASYNC", MODES[0], root)
    if mode not in MODES:
        raise SettingError("OMCRM_ASYNC", f"expected one of {', '.join(MODES)}")
    return mode


def _texts(path: Path) -> dict[str, str]:
    return {name: text or "" for name, text in dotenv_values(path).items()}
