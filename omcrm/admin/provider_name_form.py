"""The form of an instrument's name at a provider, also of one that was added after it."""

from collections.abc import Iterable

from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField, StringField

from omcrm.admin.upstream_name import (
    SIGN_OF_ABSENCE,
    SPELLINGS,
    label_of,
    problem_of,
    sources_of,
    stored_names,
    symbol_of_name,
)
from omcrm.storage.instrument import InstrumentRow


class ProviderNameForm(FlaskForm):  # type: ignore[misc,unused-ignore]
    """Another name of an instrument at one provider; `rows` are the instruments there are."""

    instrument = SelectField("Instrument")
    provider = SelectField(
        "Source", choices=[SelectChoice(name, label_of(name)) for name in SPELLINGS]
    )
    provider_name = StringField(
        "Its name there",
        description=f"Empty: its usual name, if the source has one. {SIGN_OF_ABSENCE}: it is not "
        "traded there.",
    )

    def __init__(self, rows: Iterable[InstrumentRow], **options: object) -> None:
        super().__init__(prefix="name-", **options)
        self._rows = {row.symbol: row for row in rows}
        self.instrument.choices = list(self._rows)

    def change(self) -> InstrumentRow | None:
        """Give the instrument the name; None where the name cannot be one, with the reason in
        `errors`."""
        row, provider = self._rows[self.instrument.data], self.provider.data
        name = SPELLINGS[provider].normalized(self.provider_name.data) or ""
        stored = stored_names(provider, name, row.asset_class)
        problem = problem_of(provider, name, row.asset_class) if name else None
        others = [other.instrument() for other in self._rows.values() if other is not row]
        if problem is None and (taken := symbol_of_name(provider, stored, others)):
            problem = f"{taken} has that name already."
        if problem is not None:
            self.provider_name.errors = [problem]
            return None
        kept = {
            source: text
            for source, text in row.provider_symbols.items()
            if source not in sources_of(provider)
        }
        row.provider_symbols = {**kept, **stored}
        return row
