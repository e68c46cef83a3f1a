"""Checks an installation, and says what to do; changes nothing."""

import sys
from collections.abc import Iterator

import click
import msgspec

from omcrm.errors import SettingError
from omcrm.maintenance.bus_check import check_bus
from omcrm.maintenance.database_check import check_database
from omcrm.maintenance.finding import Condition, Finding, ok, problem
from omcrm.maintenance.machine_check import check_machine
from omcrm.maintenance.source_check import check_sources
from omcrm.settings import load


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--offline", is_flag=True, help="Ask no source of prices.")
def doctor(as_json: bool, offline: bool) -> None:
    """Check settings, machine, database, bus, clocks and sources; exit with 1 for a problem."""
    findings = []
    for finding in examine(offline=offline):
        findings.append(finding)
        if not as_json:
            _print(finding)
    wrong = [finding for finding in findings if finding.condition is Condition.PROBLEM]
    if as_json:
        answer = {"ok": not wrong, "findings": findings}
        click.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
    else:
        click.echo(f"{len(wrong)} problems." if wrong else "No problems.")
    sys.exit(1 if wrong else 0)


def examine(*, offline: bool) -> Iterator[Finding]:
    """All findings about the installation that the environment and `.env` describe."""
    try:
        settings = load()
    except SettingError as error:
        yield problem("settings", str(error), "correct it in the environment, .env or omcrm.env")
        return
    yield ok("settings", "all are known and can be read")
    yield from check_machine(settings)
    yield from check_database(settings)
    yield from check_bus(str(getattr(settings, "bus_url", "")))
    if not offline:
        yield from check_sources(settings.feeds, is_demo=settings.demo)


def _print(finding: Finding) -> None:
    click.echo(f"{finding.condition.value:<8} {finding.part:<22} {finding.text}")
    if finding.advice:
        click.echo(f"{'':<8} {'':<22} → {finding.advice}")
