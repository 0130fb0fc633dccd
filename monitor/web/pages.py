"""Render the pages for readers, in the language of their list, by the templates in templates/web."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monitor.assets import TEMPLATES
from monitor.config.options import Subscription
from monitor.digests.language import language_of
from monitor.model.recipients import LONGEST_PAUSE
from monitor.queries.reader import Reader

_PAUSES = (7, 14, 30)  # days that have a button of their own


@dataclass(frozen=True, slots=True)
class StyleSheet:
    """The one file beside the pages; its name changes with its content, so that it may be kept for ever."""

    name: str
    content: bytes


@cache
def style_sheet() -> StyleSheet:
    """Return the style sheet of the pages."""
    content = (TEMPLATES / "web" / "page.css").read_bytes()
    return StyleSheet(f"page.{hashlib.sha256(content).hexdigest()[:12]}.css", content)


def choice_page(reader: Reader, *, answers: str, now: datetime, done: str = "", problem: str = "") -> str:
    """Return the page of a recipient. `done` is the wish that was just fulfilled, `problem` one that could not be."""
    subscription = reader.subscription or Subscription(name=reader.list_name, to=())
    locale, zone = subscription.locale, ZoneInfo(subscription.timezone)
    language, local, choice = language_of(locale), now.astimezone(zone), reader.choice
    until = choice.paused_until if choice.is_paused(now) else None
    return _fill(
        "choice.html.j2",
        locale,
        reader=reader,
        choice=choice,
        answers=answers,
        done=done,
        problem=problem,
        is_paused=until is not None,
        until=language.dated(until.astimezone(zone), local.date()) if until else "",
        since=language.day(choice.unsubscribed_at.astimezone(zone)) if choice.unsubscribed_at else "",
        pauses=_PAUSES,
        most=LONGEST_PAUSE.days,
    )


def problem_page(problem: str, locale: str) -> str:
    """Return a page that shows no list: "unknown" for a link that is none of ours, "busy" while nothing is known."""
    return _fill("problem.html.j2", locale, problem=problem)


def _fill(template: str, locale: str, **values: object) -> str:
    page = _environment(locale).get_template(template)
    return page.render(locale=locale, style=style_sheet().name, **values)


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(str(TEMPLATES / "web")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(language_of(locale).words, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    return environment
