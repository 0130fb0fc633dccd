from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from monitor import assets
from monitor.digests.language import language_of
from monitor.texts import OF_READERS

LOCALES = ("zh-Hans", "zh-Hant", "en")
EVENING = datetime(2026, 11, 23, 16, 59)  # noqa: DTZ001  # local time is what is shown
TODAY = datetime(2026, 11, 24).date()  # noqa: DTZ001  # the same

Key = tuple[str | None, str | tuple[str, ...]]


def used() -> set[Key]:
    """Every message that our templates and our code ask a catalogue for."""
    options = {"**.j2": {"trimmed": "true"}}
    sources = (
        (assets.TEMPLATES, [("**.j2", "jinja2.ext:babel_extract")]),
        (Path(assets.__file__).parent / "digests", [("**.py", "python")]),
    )
    return {
        (context, message if isinstance(message, str) else tuple(message))
        for folder, methods in sources
        for _, _, message, _, context in extract_from_dir(folder, methods, options_map=options)
    }


def translated(locale: str) -> Iterator[Message]:
    for file in OF_READERS:
        path = assets.TEMPLATES / "locale" / locale.replace("-", "_") / "LC_MESSAGES" / file
        with path.open("rb") as source:
            yield from (message for message in read_po(source) if message.id)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_catalogue_has_the_words_that_are_used_and_no_others(locale: str) -> None:
    assert {(message.context, message.id) for message in translated(locale)} == used()


@pytest.mark.parametrize("locale", LOCALES)
def test_every_word_is_translated_in_all_its_forms(locale: str) -> None:
    for message in translated(locale):
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms), message.id
        assert not message.fuzzy
        assert len(forms) == (2 if message.pluralizable and locale == "en" else 1)


@pytest.mark.parametrize(
    ("locale", "day", "moment", "before", "recently"),
    [
        ("zh-Hans", "2026年11月23日星期一", "11月23日 16:59", "2025年11月23日 16:59", "昨日 16:59"),
        ("zh-Hant", "2026年11月23日 星期一", "11月23日 16:59", "2025年11月23日 16:59", "昨日 16:59"),
        ("en", "Monday, November 23, 2026", "Nov 23, 16:59", "Nov 23, 2025, 16:59", "yesterday 16:59"),
    ],
)
def test_dates_are_said_as_the_language_says_them(
    locale: str, day: str, moment: str, before: str, recently: str
) -> None:
    spoken = language_of(locale)
    assert spoken.day(EVENING) == day
    assert spoken.moment(EVENING, TODAY) == moment
    assert spoken.moment(EVENING.replace(year=2025), TODAY) == before
    assert spoken.recently(EVENING, TODAY) == recently


@pytest.mark.parametrize(
    ("locale", "day"), [("zh-Hans", "11月23日"), ("zh-Hant", "11月23日"), ("en", "Nov 23")]
)
def test_a_short_day_has_no_year(locale: str, day: str) -> None:
    assert language_of(locale).short_day(EVENING) == day


@pytest.mark.parametrize(("locale", "today"), [("zh-Hans", "今日 16:59"), ("en", "today 16:59")])
def test_the_date_is_left_out_today(locale: str, today: str) -> None:
    spoken = language_of(locale)
    assert spoken.moment(EVENING, EVENING.date()) == "16:59"
    assert spoken.dated(EVENING, EVENING.date()).endswith("23, 16:59" if locale == "en" else "23日 16:59")
    assert spoken.recently(EVENING, EVENING.date()) == today


def test_longer_ago_than_yesterday_there_is_a_date() -> None:
    assert language_of("zh-Hans").recently(EVENING.replace(day=20), TODAY) == "11月20日 16:59"
