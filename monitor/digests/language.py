"""Format dates, and look up the words of the templates, in a reader's language."""

import gettext
import io
from datetime import date, datetime, timedelta
from functools import cache
from itertools import chain
from pathlib import Path

from babel.dates import format_datetime
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from monitor.assets import TEMPLATES
from monitor.texts import OF_READERS


class Language:
    """The words and date formats of one locale (zh-Hans, zh-Hant or en)."""

    def __init__(self, locale: str, words: gettext.NullTranslations) -> None:
        self.locale = locale
        self.words = words

    def day(self, local: datetime) -> str:
        """Return the date with its weekday: 2026年11月24日 星期二."""
        return self._date(local, self.words.gettext("EEEE, MMMM d, y"))

    def moment(self, local: datetime, today: date) -> str:
        """Return a time of day, with its date unless that is `today`: 16:59, 11月23日 16:59, 2025年3月19日 16:59."""
        return self._date(local, "HH:mm") if local.date() == today else self.dated(local, today)

    def dated(self, local: datetime, today: date) -> str:
        """Return date and time of day, with the year unless it is that of `today`."""
        if local.year == today.year:
            return self._date(local, self.words.gettext("MMM d HH:mm"))
        return self._date(local, self.words.gettext("MMM d, y HH:mm"))

    def recently(self, local: datetime, today: date) -> str:
        """Return what `moment` does, with the word for today or yesterday: 昨日 08:00."""
        if local.date() == today:
            return self._date(local, self.words.gettext("'today' HH:mm"))
        if local.date() == today - timedelta(days=1):
            return self._date(local, self.words.gettext("'yesterday' HH:mm"))
        return self.dated(local, today)

    def _date(self, local: datetime, pattern: str) -> str:
        return format_datetime(local.replace(tzinfo=None), pattern, locale=self.locale.replace("-", "_"))


@cache
def language_of(locale: str) -> Language:
    """Return the language of `locale`; its catalogues in templates/locale are compiled at the first call."""
    name = locale.replace("-", "_")
    first, *others = (_read(TEMPLATES / "locale" / name / "LC_MESSAGES" / file, name) for file in OF_READERS)
    for message in chain.from_iterable(others):
        if message.id:
            first[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, first)
    compiled.seek(0)
    return Language(locale, Translations(compiled))


def _read(path: Path, locale: str) -> Catalog:
    with path.open("rb") as source:
        return read_po(source, locale=locale)
