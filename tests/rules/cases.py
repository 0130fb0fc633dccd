"""Read words, a headline, and what of it is found: tests/data/rules/cases.jsonl, written by hand."""

import json
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

_FILE = Path(__file__).parent.parent / "data" / "rules" / "cases.jsonl"

# Characters that have been trouble, so that chance meets them: marks, ignorables, spaces, dots, Han, kana, Hangul.
_CHARACTERS = (
    "AaIiHh2０é\u0301\u0323\u0345\u0f73\u3099ﾞ\u200b\u200d\ufe0f\u00ad\ufeff \t\n\u3000\u00a0..．｡-+*=#~@/:"
    "ßſﬁİıΣςж中國国軟软體件智慧能龍①Ⓐ㊙㍿½㎞ガｶか々한\u1112\u1161\u11ab\u314f\uffa0\u09c7\u09beع٥🤖𠮷👩\x00\ud83d\udc4d"
)
texts = st.text(st.one_of(st.sampled_from(_CHARACTERS), st.characters()), max_size=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`found` in the order of the text, as the publisher wrote it."""

    about: str
    words: list[str]
    text: str
    found: list[str]

    def __str__(self) -> str:
        return ascii(f"{'|'.join(self.words)} in {self.text}")


CASES = [Case(**json.loads(line)) for line in _FILE.read_text("utf-8").splitlines()]
