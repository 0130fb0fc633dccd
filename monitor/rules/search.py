"""Where in a folded text do any of many words stand? All of them, overlapping ones too."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

try:
    from ahocorasick_rs import AhoCorasick
except ImportError:  # no wheel for this platform: slower, and the same answers
    AhoCorasick = None  # type: ignore[assignment,misc] # make_search asks

Search = Callable[[str], Iterator[tuple[int, int, int]]]  # text -> (number of the word, start, end)


def make_search(words: Sequence[str]) -> Search:
    """The fastest search there is on this machine; a word's number is its place in `words`."""
    return table(words) if AhoCorasick is None else automaton(words)


def automaton(words: Sequence[str]) -> Search:
    """An Aho-Corasick automaton: the time does not grow with the number of words."""
    machine = AhoCorasick(words)
    return lambda text: iter(machine.find_matches_as_indexes(text, overlapping=True))


def table(words: Sequence[str]) -> Search:
    """In Python alone: each place of the text asks for the words that begin with its two signs."""
    single: dict[str, list[tuple[int, str]]] = defaultdict(list)
    double: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, word in enumerate(words):
        (double[word[:2]] if len(word) > 1 else single[word]).append((number, word))

    def search(text: str) -> Iterator[tuple[int, int, int]]:
        for start, sign in enumerate(text):
            for number, word in (*single.get(sign, ()), *double.get(text[start : start + 2], ())):
                if text.startswith(word, start):
                    yield number, start, start + len(word)

    return search
