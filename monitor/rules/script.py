"""Which signs are Chinese, and how does the other side of the strait write them?"""

import re
from functools import cache

import opencc

# Ideographs, kana and bopomofo: written without spaces, so words have no edges there.
_HAN = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    "\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U000323af]"
)


@cache
def is_han(sign: str) -> bool:
    """Is this a character of a script that is written without spaces between words?"""
    return _HAN.match(sign) is not None


@cache
def simplified(sign: str) -> str:
    """The simplified form of one character, itself where there is none.

    Sign by sign: OpenCC's phrases would change lengths, and see words across the seams of others.
    """
    return _converter("t2s").convert(sign) if is_han(sign) else sign


@cache
def vocabulary(word: str) -> tuple[str, ...]:
    """What Taiwan calls the same thing (人工智慧 for 人工智能), and the mainland, each as it writes it."""
    if not any(map(is_han, word)):
        return ()
    return tuple(dict.fromkeys(_converter(way).convert(word) for way in ("s2twp", "tw2sp")))


@cache
def _converter(way: str) -> opencc.OpenCC:
    return opencc.OpenCC(way)
