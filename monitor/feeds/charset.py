"""Tell the encoding of Chinese, Japanese and Korean text by its bytes, where what is declared is wrong."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_JAPANESE = ("euc_jp", "cp932")
_KOREAN = ("cp949",)
_CHINESE = ("gb18030", "big5hkscs")
_SAMPLE = 200_000  # bytes
_LEAST = 2  # ideographs: one proves nothing
# Of Chinese text in the right encoding, nearly all ideographs are among the common half of its character set, and
# about half among the few hundred below. In a wrong one, and of text in another script, it is not both.
_LEAST_SUM = 0.9
_LEAST_FREQUENT = 0.15
_LEAST_FREQUENT_AGAINST_LABEL = 0.3
# From, to, and how much of what is not ASCII at least: of Chinese text, none is hiragana, and half is Hangul.
_HIRAGANA = ("\u3041", "\u3096", 0.2)
_HANGUL = ("\uac00", "\ud7a3", 0.85)
_LEAST_LETTERS = 4
_MOST_FAULTS = 0.05  # of the characters that are not ASCII

_FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去"
    "法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关"
    "点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通"
    "教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期"
    "市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边"
    "死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运米智网络技术系统报道中国公司新闻人工模型"
    "這個們來為國說時會對後過發裡經現當沒動還進樣開從實軍無與長機關點業間問應戰頭體見產話內給門東聲員論處義幾條氣題爾別變總電數報結"
    "務場計資許統區隊決馬書則聽達強難權記張該規萬覺術領確傳師觀讓識導爭運網絡與聞據據這兩將並種著麼學於"
)


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well bytes fit an encoding of Chinese."""

    codec: str
    ideographs: int
    faults: float  # of what is not ASCII
    common: float  # of the ideographs
    frequent: float  # likewise

    def is_chinese(self, least_frequent: float) -> bool:
        """Return whether the bytes are Chinese in this encoding, beyond reasonable doubt."""
        return (
            self.ideographs >= _LEAST
            and self.faults <= _MOST_FAULTS
            and self.frequent >= least_frequent
            and self.common + self.frequent >= _LEAST_SUM
        )


def codec_of(body: bytes, *, against_label: bool = False) -> str:
    """Return the codec in which the bytes are Chinese, Japanese or Korean text; "" where they are none of these.

    `against_label`: they are declared to be something else than what is taken for a mere default (UTF-8, Latin-1). Then
    only Chinese is told, and more surely.
    """
    sample = body[:_SAMPLE]
    if not against_label and (japanese := _written_in(sample, _JAPANESE, _HIRAGANA)):
        return japanese
    least = _LEAST_FREQUENT_AGAINST_LABEL if against_label else _LEAST_FREQUENT
    fits = [fit for codec in _CHINESE if (fit := _fit(sample, codec)).is_chinese(least)]
    if fits:
        return max(fits, key=lambda fit: fit.common + fit.frequent).codec
    return "" if against_label else _written_in(sample, _KOREAN, _HANGUL)


def _written_in(body: bytes, codecs: Sequence[str], letters: tuple[str, str, float]) -> str:
    """Return the first of the codecs in which enough of what is not ASCII are these letters; "" for none."""
    for codec in codecs:
        text = [character for character in body.decode(codec, "replace") if character > "\x7f"]
        number = sum(letters[0] <= character <= letters[1] for character in text)
        faults = sum(map(_is_fault, text)) - 1
        if number >= max(_LEAST_LETTERS, letters[2] * len(text)) and faults <= _MOST_FAULTS * len(text):
            return codec
    return ""


def _fit(body: bytes, codec: str) -> _Fit:
    counts = Counter(character for character in body.decode(codec, "replace") if character > "\x7f")
    total = sum(counts.values())
    ideographs = {
        character: count for character, count in counts.items() if "\u3400" <= character <= "\u9fff"
    }
    number = sum(ideographs.values())
    # A character that is cut at the end of the sample is no fault of the document.
    faults = sum(count for character, count in counts.items() if _is_fault(character)) - 1
    return _Fit(
        codec=codec,
        ideographs=number,
        faults=max(0, faults) / max(1, total),
        common=_share(ideographs, number, lambda character: _is_common(character, codec)),
        frequent=_share(ideographs, number, _FREQUENT.__contains__),
    )


def _share(counts: Mapping[str, int], number: int, counts_in: Callable[[str], bool]) -> float:
    return sum(count for character, count in counts.items() if counts_in(character)) / max(1, number)


def _is_fault(character: str) -> bool:
    return character == "\ufffd" or "\ue000" <= character <= "\uf8ff" or character < "\xa0"


def _is_common(character: str, codec: str) -> bool:
    """Return whether a character is of the first, common level of GB 2312 or Big5."""
    try:
        lead = character.encode("gb2312" if codec == "gb18030" else "big5")[0]
    except UnicodeEncodeError:
        return False
    return 0xB0 <= lead <= 0xD7 if codec == "gb18030" else 0xA4 <= lead <= 0xC6
