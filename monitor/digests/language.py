"""Format dates, and look up the words of the templates, in a reader's language."""

import gettext
import io
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from itertools import chain
from pathlib import Path

from babel.dates import format_date, format_skeleton, get_datetime_format
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

    def quoted(self, names: Iterable[str]) -> str:
        """Return names, each in quotation marks, as a list: “大模型”、“算力”."""
        mark = self.words.pgettext("quoted", "“%(name)s”")
        return self.words.pgettext("list", ", ").join(mark % {"name": name} for name in names)

    def day(self, local: datetime) -> str:
        """Return the date with its weekday: 2026年11月24日星期二."""
        return format_date(local, "full", locale=self._cldr)

    def short_day(self, local: datetime) -> str:
        """Return the date without year and weekday: 11月24日."""
        return format_skeleton("MMMd", local, locale=self._cldr)

    def month(self, local: datetime) -> str:
        """Return the month with its year: 2026年11月."""
        return format_skeleton("yMMMM", local, locale=self._cldr)

    def moment(self, local: datetime, today: date) -> str:
        """Return a time of day, with its date unless that is `today`: 16:59, 11月23日 16:59, 2025年3月19日 16:59."""
        return self._time(local) if local.date() == today else self.dated(local, today)

    def dated(self, local: datetime, today: date) -> str:
        """Return date and time of day, with the year unless it is that of `today`."""
        day = format_skeleton("MMMd" if local.year == today.year else "yMMMd", local, locale=self._cldr)
        return str(get_datetime_format("medium", locale=self._cldr)).format(self._time(local), day)

    def recently(self, local: datetime, today: date) -> str:
        """Return what `moment` does, with the word for today or yesterday: 昨日 08:00."""
        if local.date() == today:
            return self.words.gettext("today %(time)s") % {"time": self._time(local)}
        if local.date() == today - timedelta(days=1):
            return self.words.gettext("yesterday %(time)s") % {"time": self._time(local)}
        return self.dated(local, today)

    def _time(self, local: datetime) -> str:
        return format_skeleton("Hm", local.replace(tzinfo=None), locale=self._cldr)

    @property
    def _cldr(self) -> str:
        return self.locale.replace("-", "_")


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
