"""Sentences for people: written in English where they arise, read in the reader's language where they are shown.

A `Text` is a str, and reads in English. It keeps its template and the values that stand in it, so that whoever shows
it can look the template up in the catalogues of a language: templates/locale/*/LC_MESSAGES/*.po, those of the
operator's texts. The database keeps both (`kept`, `revived`), where somebody is to read them.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any

from monitor.assets import TEMPLATES
from monitor.masking import mask

ENGLISH = "en"
# The language in which this process shows texts: a locale of config.toml ("zh-Hans", "zh-Hant", "en").
SHOWN_IN: ContextVar[str] = ContextVar("SHOWN_IN", default=ENGLISH)
_TEMPLATE = "sentence"
_MARK = f'{{"{_TEMPLATE}": '  # how a kept Text begins
OF_READERS = ("digest.po", "web.po")  # the words of templates for readers, which digests/language.py reads


class Text(str):
    """An English sentence, with the template and the values that it was made of."""

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, values: Mapping[str, object]) -> "Text":
        """Make the sentence: each {name} in the template stands for a value, {{ and }} for braces."""
        made = super().__new__(cls, template.format_map(values))
        made.template, made.values = template, values
        return made

    def __getnewargs__(self) -> tuple[str, Mapping[str, object]]:  # type: ignore[override] # of str: (str,)
        """Let a process that receives the text make it again."""
        return self.template, self.values


def sentence(template: str, /, **values: object) -> Text:
    """Return a sentence of a literal template, which the catalogues translate (a test compares them)."""
    return Text(template, values)


def joined(separator: str, texts: Iterable[str]) -> Text:
    """Return texts as one, each in the reader's language when the whole is."""
    values = {f"part{number}": part for number, part in enumerate(texts)}
    return Text(
        separator.replace("{", "{{").replace("}", "}}").join(f"{{{name}}}" for name in values), values
    )


def listed(items: Iterable[object]) -> str:
    """Return items as a list in one line, with what stands between the items of one in the reader's language."""
    return _halved(list(items), lambda first, rest: sentence("{first}, {rest}", first=first, rest=rest))


def in_quotes(value: object) -> str:
    """Return a value as Python writes it, a text between the quotation marks of the reader's language."""
    written = repr(value)
    if not (isinstance(value, str) and written.startswith("'")):
        return written
    return sentence("'{value}'", value=written[1:-1])


def clauses(items: Iterable[str]) -> str:
    """Return clauses as one sentence, parted by semicolons, in the reader's language."""
    return _halved(list(items), lambda first, rest: sentence("{first}; {rest}", first=first, rest=rest))


def _halved(items: Sequence[object], put_together: Callable[[str, str], str]) -> str:
    """Return items put together; half by half, so that many are not nested deeply."""
    if len(items) < 2:
        return next((item if isinstance(item, str) else str(item) for item in items), "")
    half = len(items) // 2
    return put_together(_halved(items[:half], put_together), _halved(items[half:], put_together))


def in_language(words: str, locale: str) -> str:
    """Return a text in a language; in English what is no Text, or stands in no catalogue of that language."""
    if not isinstance(words, Text) or locale == ENGLISH:
        return str(words)
    template = _catalogue(locale).get(words.template) or words.template
    return template.format_map({name: _value(value, locale) for name, value in words.values.items()})


def said(error: Exception) -> str:
    """Return the words of an error, a Text where it was raised with one."""
    return error.args[0] if error.args and isinstance(error.args[0], str) else str(error)


def shown(words: str) -> str:
    """Return a text in the language in which this process shows texts."""
    return in_language(words, SHOWN_IN.get())


def looked_up(words: str) -> str:
    """Return a literal text that another library wants as a plain str, in the language in which this process shows."""
    locale = SHOWN_IN.get()
    return words if locale == ENGLISH else _catalogue(locale).get(words) or words


def masked(words: str) -> str:
    """Return a text with *** in place of each secret; a Text where the secrets stand within its values."""
    return changed(words, mask)


def changed(words: str, change: Callable[[str], str]) -> str:
    """Return what `change` makes of a text; a Text where it changes nothing but values."""
    whole = change(words)
    if not isinstance(words, Text):
        return whole
    values = {
        name: changed(value, change) if isinstance(value, str) else value
        for name, value in words.values.items()
    }
    made = Text(words.template, values)
    return made if made == whole else whole


def kept(words: str) -> str:
    """Return a text as the database keeps it: a Text with its template and values, as JSON; another as it is.

    What somebody else said is never taken for a template of ours (which could ask for a gigabyte of spaces), though it
    begins like one.
    """
    if not isinstance(words, Text):
        if not words.startswith(_MARK):
            return words
        words = Text("{words}", {"words": words})
    stored = json.dumps(_plain(words), ensure_ascii=False)
    return (
        stored if revived(stored) == words else str(words)
    )  # a value that JSON does not have, in a format of its own


def revived(stored: str) -> str:
    """Return the text that `kept` was given."""
    if not stored.startswith(_MARK):
        return stored
    try:
        value = json.loads(stored)
        return Text(value[_TEMPLATE], {name: _from_plain(each) for name, each in value["values"].items()})
    except (ValueError, LookupError, TypeError, AttributeError):
        return stored  # of a version that kept such words as they were


def _plain(value: object) -> object:
    if isinstance(value, Text):
        return {
            _TEMPLATE: value.template,
            "values": {name: _plain(each) for name, each in value.values.items()},
        }
    return value if isinstance(value, int | float) else str(value)


def _from_plain(value: Any) -> object:
    if isinstance(value, dict):
        return Text(value[_TEMPLATE], {name: _from_plain(each) for name, each in value["values"].items()})
    return value


def locale_of(environment: Mapping[str, str]) -> str:
    """Return the locale that LC_ALL, LC_MESSAGES or LANG ask for (POSIX, in this order); English for none of ours."""
    return locale_named(_asked(environment)) or ENGLISH


def asks_for_language(environment: Mapping[str, str]) -> bool:
    """Return whether LC_ALL, LC_MESSAGES or LANG name a language; C and POSIX are none."""
    return _asked(environment).partition(".")[0] not in ("", "C", "POSIX")


def _asked(environment: Mapping[str, str]) -> str:
    return next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )


def locale_named(name: str) -> str:
    """Return the locale that a language tag or POSIX name means: zh_CN.UTF-8 is zh-Hans, zh-TW zh-Hant; else ""."""
    parts = name.partition(".")[0].partition("@")[0].replace("_", "-").lower().split("-")
    if parts[0] == "en":
        return ENGLISH
    if parts[0] != "zh":
        return ""
    return "zh-Hant" if {"hant", "tw", "hk", "mo"} & set(parts) else "zh-Hans"


def _value(value: object, locale: str) -> object:
    return in_language(value, locale) if isinstance(value, str) else value


@cache
def _catalogue(locale: str) -> Mapping[str, str]:
    """Return the translations of a language, by their English template."""
    from babel.messages.pofile import read_po  # not for English: it takes longer than most commands

    catalogue: dict[str, str] = {}
    for path in sorted((TEMPLATES / "locale" / locale.replace("-", "_") / "LC_MESSAGES").glob("*.po")):
        if path.name not in OF_READERS:
            with path.open("rb") as source:
                catalogue |= {
                    str(message.id): str(message.string) for message in read_po(source) if message.id
                }
    return catalogue
