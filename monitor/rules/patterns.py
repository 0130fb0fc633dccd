"""Check and run regular expressions, each within a limit of time."""

from functools import cache

import regex

from monitor.errors import RuleError
from monitor.reasons import said_by_library
from monitor.rules.words import Pattern
from monitor.texts import listed, sentence

FLAGS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "x": regex.VERBOSE}
# Seconds for one text. The engine looks at its watch between steps and may take three times as long; one that
# was too slow for one field of an entry is not asked about the next, so that an entry waits 50 ms at most.
LIMIT = 0.012


class SlowPatternError(Exception):
    """The limit was over before there was an answer."""


def read_pattern(rule: str, written: str, expression: str, flags: str, column: int) -> Pattern:
    """Check a regular expression that begins at `column` of the word as written. Raises RuleError."""
    for index, flag in enumerate(flags):
        if flag not in FLAGS or flag in flags[:index]:
            what = sentence('behind the last "/" only {flags} may stand, each once', flags=listed(FLAGS))
            fix = sentence('a word with slashes in it begins with "="')
            raise RuleError(rule, written, what, column + len(expression) + 1 + index, fix=fix)
    try:
        _compiled(expression, flags)
    except regex.error as error:
        what = sentence("this regular expression cannot be read: {why}", why=said_by_library(error.msg))
        raise RuleError(rule, written, what, column + min(error.pos or 0, len(expression))) from None
    return Pattern(expression, flags)


def find(pattern: Pattern, text: str) -> list[tuple[int, int]]:
    """Return the spans [start, end) of a pattern in a text, in order and none empty. Raises SlowPatternError."""
    compiled = _compiled(pattern.expression, pattern.flags)
    try:
        # Concurrent: other threads go on meanwhile.
        spans = [match.span() for match in compiled.finditer(text, timeout=LIMIT, concurrent=True)]
    except TimeoutError:
        raise SlowPatternError from None
    return [(start, end) for start, end in spans if start < end]


@cache
def _compiled(expression: str, flags: str) -> "regex.Pattern[str]":
    mask = 0
    for flag in flags:
        mask |= FLAGS[flag]
    return regex.compile(expression, mask)
