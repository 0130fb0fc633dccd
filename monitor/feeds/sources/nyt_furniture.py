"""Recognise the paragraphs of 纽约时报中文网 that are not the article's own."""

import re
from collections.abc import Sequence

_LONGEST_NOTE = 300  # characters; what is longer is the article's

# The paper says about itself, in the middle of texts on AI and in ever other words: （《纽约时报》已起诉OpenAI……）
_ASIDE = re.compile(r"[（(](?:[^（()）]|[（(][^（()）]*[)）]){1,400}[)）]")
_OURSELVES = re.compile("纽约时报|紐約時報|时报|時報")
_LAWSUIT = re.compile("起诉|起訴|提告|控告|控诉|控訴|诉讼|訴訟|侵犯|侵权|侵權")

# Everything from here on points to other articles.
_RELATED = re.compile(r"(?:相关|相關)(?:文章|报道|報道|報導|阅读|閱讀|内容|內容)\s*[:：]?")
_FOOT = re.compile(
    r"(?:纽约时报中文网|紐約時報中文網)$"
    r"|(?:翻译|翻譯|译者|譯者|校对|校對|编译|編譯|责任编辑|責任編輯)\s*[:：]"
    r"|(?:点击|點擊)(?:查看|这里|這裡)|查看(?:本文)?英文|(?:阅读|閱讀)英文"
    r"|(?:本文|此文)(?:最初|首次|原)?(?:发表|發表|刊发|刊發|刊登)"
    r"|(?:欢迎|歡迎).{0,20}(?:关注|關注)|(?:获取|獲取)更多RSS|https?://\S+$"
)
_ROLE = (
    "记者|記者|撰稿人|撰稿者|编辑|編輯|主编|主編|社长|社長|主任|专栏作家|專欄作家|专栏作者|專欄作者|评论员|評論員|"
    "作者|作家|摄影师|攝影師|主持人|通讯员|通訊員|研究员|研究員|委员|委員"
)
_NOTE = re.compile(
    # 某某撰写有关人工智能……的新闻。 某某报道亚洲地区的商业新闻。
    r"^[^，。]{1,40}?(?:撰写|撰寫|报道|報道|報導|负责|負責)(?:有关|有關|关于|關於).{2,}(?:新闻|新聞|报道|報道|文章|领域|領域)"
    # 某某是时报科技记者，常驻台北。 某某(Name)是《纽约时报》驻京记者。
    rf"|^[^，。]{{1,60}}?(?:是|为|為|系|係)(?:[^，。]{{0,20}})(?:时报|時報).{{0,40}}(?:{_ROLE})"
    # 某某对本文有研究贡献。 某某为本文提供报道。 某某自北京、某某自香港报道。
    r"|(?:对|對|为|為)(?:本文|此文).{0,12}(?:贡献|貢獻|报道|報道|報導|研究|翻译|翻譯|协助|協助)"
    r"|^[^，。]{1,60}自[^，。]{1,60}(?:报道|報道|報導)。?$"
)
_ABOUT_AUTHOR = re.compile(
    r"\s*(?:[（(][^（()）]{1,80}[)）])?\s*(?:是|为|為|系|係|于|於|曾|自|从|從|在|现|現|的|撰|报|報|负|負|常|目|\d)"
)


def article(paragraphs: Sequence[str], authors: Sequence[str]) -> list[str]:
    """The article alone: without its foot, author notes, and what the paper says about its own lawsuit.

    Only what stands at the end counts as foot, so that an article about a reporter keeps its sentences.
    """
    kept = list(filter(None, (_without_aside(paragraph) for paragraph in paragraphs)))
    for place, paragraph in enumerate(kept):
        if _RELATED.fullmatch(paragraph):
            del kept[place:]
            break
    names = [author.casefold() for author in authors]
    while kept and _is_foot(kept[-1], names):
        kept.pop()
    return kept


def _without_aside(paragraph: str) -> str:
    if not _OURSELVES.search(paragraph):
        return paragraph
    return _ASIDE.sub(lambda aside: "" if _is_about_lawsuit(aside[0]) else aside[0], paragraph).strip()


def _is_about_lawsuit(aside: str) -> bool:
    return _OURSELVES.search(aside) is not None and _LAWSUIT.search(aside) is not None


def _is_foot(paragraph: str, names: Sequence[str]) -> bool:
    if len(paragraph) > _LONGEST_NOTE:
        return False
    folded = paragraph.casefold()
    about_author = any(
        folded.startswith(name) and _ABOUT_AUTHOR.match(paragraph[len(name) :]) for name in names
    )
    return about_author or _FOOT.match(paragraph) is not None or _NOTE.search(paragraph) is not None
