"""Write templates/locale/zh_Hant: the operator's texts in traditional Chinese, from the simplified ones by OpenCC."""

from collections.abc import Iterator
from pathlib import Path

import opencc

from monitor.texts import OF_READERS

LOCALE = Path(__file__).parent.parent / "templates" / "locale"
_QUOTATION_MARKS = str.maketrans("“”‘’", "「」『』")


def make_texts() -> dict[Path, str]:
    """Return each catalogue that is made, by its path."""
    sources = sorted((LOCALE / "zh_Hans" / "LC_MESSAGES").glob("*.po"))
    return {
        LOCALE / "zh_Hant" / "LC_MESSAGES" / source.name: "".join(_converted(source.read_text("utf-8")))
        for source in sources
        if source.name not in OF_READERS  # written by hand in each language
    }


def _converted(catalogue: str) -> Iterator[str]:
    """Yield the lines of a catalogue, the translations in the characters, words and marks of Taiwan.

    Names in braces are ASCII, and so stay; English sentences are what they are looked up by.
    """
    converter = opencc.OpenCC("s2twp")
    is_translation = False
    for line in catalogue.splitlines(keepends=True):
        if line.startswith("# Simplified Chinese"):
            made = " Made by docs/make_texts.py from the simplified texts.\n"
            yield line.replace("Simplified", "Traditional").rstrip("\n") + made
            continue
        if line.startswith("msg"):
            is_translation = line.startswith("msgstr")
        if is_translation:
            line = converter.convert(line).translate(_QUOTATION_MARKS)
        yield line.replace("Language: zh_Hans", "Language: zh_Hant")


if __name__ == "__main__":
    for path, text in make_texts().items():
        path.write_text(text, encoding="utf-8")
