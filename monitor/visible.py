"""Tell which characters of a text that others wrote can be seen: a title of the others alone is no title.

Below all packages, since subjects, pages and terminals show such texts alike.
"""

import re
import unicodedata
from collections.abc import Iterator

# Unicode's Default_Ignorable_Code_Point and the format characters, among them what reorders text: bidi controls.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_JOINERS = frozenset("\u200c\u200d\u180b\u180c\u180d\u180e\u180f")  # seen by what they do to their neighbours
_STYLES = frozenset("\ufe0e\ufe0f")  # as text or as picture
_KEYCAP = "\u20e3"


def visible(text: str) -> str:
    """Return the text without the characters that cannot be seen, blank ones (U+2800) as spaces."""
    if text.isascii():
        return text
    hidden = hidden_places(text)
    kept = (
        "".join(character for place, character in enumerate(text) if place not in hidden) if hidden else text
    )
    return kept.replace("\u2800", " ")


def is_blank(character: str) -> bool:
    """Return whether a character shows nothing but room."""
    return character.isspace() or character == "\u2800"


def hidden_places(text: str) -> frozenset[int]:
    """Return the places of the characters that cannot be seen; joiners within emoji and joined scripts are not."""
    return frozenset() if text.isascii() else frozenset(_hidden_places(text))


def _hidden_places(text: str) -> Iterator[int]:
    last_hidden = -1
    for found in _HIDDEN.finditer(text):
        place, character = found.start(), found[0]
        left = text[place - 1] if place and last_hidden != place - 1 else ""
        right = text[place + 1 : place + 2]
        if character in _JOINERS and _is_joined(left) and _is_joined(right):
            continue
        if character in _STYLES and (right == _KEYCAP or _is_sign(left)):
            continue
        last_hidden = place
        yield place


def _is_joined(character: str) -> bool:
    """Is it a picture, or of a script whose letters are joined? Not a letter of Latin or Chinese."""
    if not character:
        return False
    category = unicodedata.category(character)
    if category == "Lo":
        return unicodedata.east_asian_width(character) not in "WF"
    return category in ("So", "Sk", "Mn", "Mc") or character in _STYLES


def _is_sign(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character)[0] in "SP"
