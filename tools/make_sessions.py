"""Write omcrm/market/sessions.json from exchange-calendars, a tool of development only.

Run it as `python tools/make_sessions.py` after raising a year below or the library's version.
"""

import json
from pathlib import Path
from typing import Any

import exchange_calendars  # type: ignore[import-untyped]
import pandas as pd  # type: ignore[import-untyped]

TARGET = Path(__file__).resolve().parents[1] / "omcrm" / "market" / "sessions.json"
EXCHANGE = "XNYS"
FROM = "2020-01-01"
UNTIL = "2031-12-31"

# The library has names of rules, not of days: these are shown instead.
SHOWN = {
    "Dr. Martin Luther King Jr. Day": "Martin Luther King Jr. Day",
    "President's Day": "Washington's Birthday",
    "Juneteenth National Independence Day": "Juneteenth",
    "July 4th": "Independence Day",
    "Black Friday": "Day after Thanksgiving",
    "Mondays, Tuesdays, and Thursdays Before Independence Day": "Day before Independence Day",
    "Wednesdays Before Independence Day including and after 2013": "Day before Independence Day",
}

# The library gives ad hoc days no name; one that is missing here stops the tool.
AD_HOC = {"2025-01-09": "National Day of Mourning for Jimmy Carter"}


def exchange_calendar() -> Any:
    """The library's calendar for the years of the file."""
    return exchange_calendars.get_calendar(EXCHANGE, start=FROM, end=UNTIL)


def named(rules: Any) -> dict[str, str]:
    """Each day of these rules, with its shown name."""
    days = rules.holidays(FROM, UNTIL, return_name=True)
    return {f"{day:%Y-%m-%d}": SHOWN.get(name, name) for day, name in days.items()}


def holidays(calendar: Any) -> dict[str, str]:
    """The weekdays without a session; the sessions decide, the rules only have the names."""
    sessions = {f"{day:%Y-%m-%d}" for day in calendar.sessions}
    names = named(calendar.regular_holidays) | AD_HOC
    weekdays = pd.bdate_range(FROM, UNTIL)
    closed = [day for day in weekdays.strftime("%Y-%m-%d") if day not in sessions]
    return {day: names[day] for day in closed}


def early_closes(calendar: Any) -> dict[str, tuple[str, str]]:
    """The sessions that end early, each with its local closing time and its name."""
    names = {
        day: name for _, rules in calendar.special_closes for day, name in named(rules).items()
    }
    local = calendar.closes[calendar.early_closes].dt.tz_convert(calendar.tz)
    closes = {f"{close:%Y-%m-%d}": f"{close:%H:%M}" for close in local}
    return {day: (close, names[day]) for day, close in closes.items()}


def document() -> str:
    """The file's text, with one day in each line, so that a diff shows the changed days."""
    calendar = exchange_calendar()
    lines = [
        "{",
        f'  "generated_by": "exchange-calendars {exchange_calendars.__version__}",',
        f'  "{EXCHANGE}": {{',
        f'    "timezone": "{calendar.tz.key}",',
        f'    "open": "{calendar.open_times[-1][1]:%H:%M}",',
        f'    "close": "{calendar.close_times[-1][1]:%H:%M}",',
        f'    "from": "{FROM}",',
        f'    "until": "{UNTIL}",',
        *block("holidays", holidays(calendar), ","),
        *block("early_closes", early_closes(calendar), ""),
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def block(name: str, days: dict[str, Any], end: str) -> list[str]:
    """One object of the file, a line for each of its days."""
    entries = [f'      "{day}": {json.dumps(value)}' for day, value in days.items()]
    return [f'    "{name}": {{', *",\n".join(entries).split("\n"), f"    }}{end}"]


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
