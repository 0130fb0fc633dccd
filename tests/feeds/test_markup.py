import pytest

from monitor.feeds.markup import cut_absurd
from tests import make


def channel(items: str) -> str:
    return f"<rss version='2.0'><channel><title>甲</title>{items}</channel></rss>"


@pytest.mark.parametrize(
    "document",
    [
        make.rss("大模型降价", "天气转凉").decode(),
        channel("<item><title>a</title></item>" * 4000),
        channel("<item>" + "".join(f"<category>{number}</category>" for number in range(800)) + "</item>"),
        channel(f"<item><description>{'&lt;p&gt;' * 10_000}</description></item>"),
        channel(f"<item><description><![CDATA[{'<p>段</p>' * 900}<b {'a=1 ' * 900}>]]></description></item>"),
        channel(f"<entry><content type='xhtml'><div>{'<p>段落段落段落</p>' * 2000}</div></content></entry>"),
        "no feed",
        "",
    ],
)
def test_what_feeds_have_stays_as_it_is(document: str) -> None:
    assert cut_absurd(document) == document


def test_a_long_address_is_no_row_of_attributes() -> None:
    tag = f'<enclosure url="http://a.example/?{"a=1&amp;" * 50}" type="audio/mpeg" length="1000000000"/>'
    tag += f'<enclosure url="http://a.example/{"x" * 1000}"/>'
    assert cut_absurd(channel(f"<item>{tag}</item>")) == channel(f"<item>{tag}</item>")


@pytest.mark.parametrize("end", ["/", ""])
def test_hundreds_of_attributes_are_cut(end: str) -> None:
    attributes = " ".join(f"a{number}='1'" for number in range(100))
    assert cut_absurd(channel(f"<item><b {attributes}{end}></item>")) == channel(f"<item><b{end}></item>")


def test_the_first_hundred_elements_of_a_name_stay_in_each_item() -> None:
    item = (
        "<item><title>甲</title>"
        + "<category>新闻</category>" * 2000
        + "<media:thumbnail url='a'/>" * 200
        + "<link>b</link></item>"
    )
    cut = cut_absurd(channel(item + item))
    assert cut.count("<category>") == 200
    assert cut.count("<media:thumbnail") == 200
    assert cut.count("<title>甲</title>") == 3
    assert cut.endswith("<link>b</link></item></channel></rss>")


@pytest.mark.parametrize("tag", ["author", "dc:creator", "managingEditor"])
@pytest.mark.parametrize("begin", ["", "<![CDATA["])
def test_a_name_has_five_hundred_characters_at_most(tag: str, begin: str) -> None:
    end = "]]>" if begin else ""
    cut = cut_absurd(channel(f"<item><{tag}>{begin}{'a.' * 40_000}{end}</{tag}></item>"))
    assert cut == channel(f"<item><{tag}>{begin}{'a.' * 250}{end}</{tag}></item>")


def test_of_too_many_items_the_first_and_the_last_stay() -> None:
    items = [f"<item><guid>{number}</guid></item>" for number in range(5000)]
    assert cut_absurd(channel("".join(items))) == channel("".join(items[:2000] + items[-2000:]))


def test_elements_whose_text_is_marked_as_text_are_counted_too() -> None:
    item = "<item>" + "<category><![CDATA[新闻]]></category>" * 1000 + "</item>"
    assert cut_absurd(channel(item)).count("<category>") == 100
