"""A digest of made-up news looks like one of a good morning."""

from monitor.digests.parts import split
from monitor.digests.render import digest_renderer
from monitor.digests.sample import made_up_digest
from tests import make


def test_made_up_news_fill_a_digest_of_the_subscription() -> None:
    digest = made_up_digest(make.subscription("周报"), make.NOW, next_at=None)
    assert [section.rule for section in digest.sections] == ["人工智能", "芯片"]
    (part,) = split(digest, digest_renderer()).parts
    assert part.rendered.subject.endswith(" · 周报 · 11月24日")
    assert all(item.entry.title in part.rendered.text for item in digest.items)
    assert all(item.entry.published and item.entry.published < make.NOW for item in digest.items)
