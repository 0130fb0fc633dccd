"""A title, short enough for a subject line."""

import re

from monitor.digests.phrase import plain
from monitor.digests.wrap import columns

LONGEST = 40  # columns: 20 full-width characters
SHORTEST = 12  # less than that says too little
BY_PAUSE = 20  # and a clause alone, such as 获习近平认可后, has to say more to stand for the whole

_PAUSE = re.compile(r"[：，。？！；]|——|\s[-–—|]\s|[:;,?!]\s")
_PAIRS = tuple(zip("“‘「『《（(【", "”’」』》）)】", strict=True))


def headline(title: str) -> str:
    """`title`, or its beginning up to a pause that fits, or as much as fits and an ellipsis.

    A bracket or quotation mark that opens is closed too, or not in it.
    """
    whole = plain(title[:300])  # hostile feeds have titles without end
    if columns(whole) <= LONGEST:
        return whole
    for pause in reversed(list(_PAUSE.finditer(whole))):
        # A question loses its sense with its mark; other pauses are not missed.
        short = whole[: pause.end() if pause[0] in "？！" else pause.start()]
        if BY_PAUSE <= columns(short) <= LONGEST and _balanced(short):
            return short
    return _fitting(whole) + "…"


def _balanced(text: str) -> bool:
    return all(text.count(opener) <= text.count(closer) for opener, closer in _PAIRS)


def _fitting(text: str) -> str:
    end = len(text)
    while columns(text[:end]) > LONGEST - 2:
        end -= 1
    word = re.search(r"[A-Za-z0-9]+$", text[:end])
    if word and re.match(r"[A-Za-z0-9]", text[end:]) and columns(text[: word.start()]) >= SHORTEST:
        end = word.start()
    opened = [text.rfind(opener, 0, end) for opener, closer in _PAIRS if not _balanced(text[:end])]
    last = max(opened, default=-1)
    if last >= 0 and columns(text[:last]) >= SHORTEST:
        end = last
    return text[:end].rstrip(" ，、；：“‘「『《（(【")
