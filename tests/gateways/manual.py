"""The example dialect of the manual, taken from its page."""

import re
from typing import Any

from omcrm.gateways.dialect import Dialect
from tests.processes import ROOT

_CODE = re.compile(r"```python\n(.*?)```", re.S)


def shown() -> type[Dialect]:
    """The class of the page's first code block."""
    code = _CODE.findall((ROOT / "docs" / "dialects.md").read_text())[0]
    module: dict[str, Any] = {"__name__": "ticker"}
    exec(compile(code, "docs/dialects.md", "exec"), module)
    made: type[Dialect] = module["Ticker"]
    return made
