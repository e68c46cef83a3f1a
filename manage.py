"""OMCRM's commands: `python manage.py --help`."""

import sys
from importlib import import_module

import click

from omcrm.errors import SettingError

# The module of each command; only that of the called one is imported.
COMMANDS = {
    "run": "omcrm.launch",
    "setup": "omcrm.installation",
    "exchange": "simulator.command",
    "drill": "simulator.drill.command",
    "drill-day": "simulator.drill.day_command",
    "drill-processes": "simulator.drill.processes.command",
    "engine": "omcrm.pricing.engine_process",
    "record": "omcrm.webtrader.record",
    "update_asset_prices": "omcrm.pricing.command",
    "start_price_feed": "omcrm.pricing.price_feed",
    "create-user": "omcrm.auth.command",
    "set-password": "omcrm.auth.command",
    "disable-user": "omcrm.auth.command",
    "enable-user": "omcrm.auth.command",
    "copy-database": "omcrm.maintenance.command",
    "backup": "omcrm.maintenance.command",
    "restore": "omcrm.maintenance.command",
    "doctor": "omcrm.maintenance.doctor",
    "env-example": "omcrm.installation",
    "api-docs": "omcrm.reference.command",
}


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[name]), name.replace("-", "_"))
        return command

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except SettingError as error:
            raise click.UsageError(str(error)) from None


@click.command(cls=_Commands)
def main() -> None:
    """OMCRM, the self-hosted trading desk."""


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        # It patches the threads, which must come before the import of the command.
        import run  # noqa: F401
    main()
