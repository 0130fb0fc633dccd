import pytest

from monitor.feeds.document import mend

HEAD = '<?xml version="1.0" encoding="utf-8"?>'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('\n\ufeff <?xml version="1.0" encoding="gb2312" standalone="yes"?>\n<t/>', "\n<t/>"),
        ("<t/>", "<t/>"),
        ("<t>a\0b\x0bc\ud800d\ufffe</t>", "<t>abcd</t>"),
        (
            "<t>&#0;&#x1F;&#xD800;&#xDFFF;&#xFFFF;&#x110000;&#x99999999999;&#9;&#xA;&#x1F600;</t>",
            "<t>&#9;&#xA;&#x1F600;</t>",
        ),
        (
            "<t>R&D, AT&T & co; a&b=c&amp;d&nbsp;&#38;</t>",
            "<t>R&amp;D, AT&amp;T &amp; co; a&amp;b=c&amp;d\xa0&#38;</t>",
        ),
        (
            "<t>&mdash;&ldquo;&hellip;&euro;&AMP;&LT;&lt;&nosuch;&copy</t>",
            "<t>—“…€&amp;&lt;&lt;&amp;nosuch;&amp;copy</t>",
        ),
        ("<t><![CDATA[&mdash;]]></t>", "<t><![CDATA[&mdash;]]></t>"),
        ("<i><pubDate>1</pubDate><pubDate/><dc:date> </dc:date></i>", "<i><pubDate>1</pubDate></i>"),
        ('<!DOCTYPE rss SYSTEM "http://a.test/x>y.dtd"><rss>&eacute;</rss>', "<rss>é</rss>"),
        ('<!DOCTYPE rss [<!ENTITY co "公司">]><rss>&co;&co;</rss>', "<rss>公司公司</rss>"),
        (
            """<!doctype rss [ <!-- ]> --> <!ELEMENT a (b)><!ENTITY a '1&b;'><!ENTITY b "2&#65;">] >\n<a>&a;</a>""",
            "\n<a>12&#65;</a>",
        ),
        (
            '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY % y "z">]><rss>&x;</rss>',
            "<rss>&amp;x;</rss>",
        ),
        ('<!DOCTYPE rss [<!ENTITY a "&b;"><!ENTITY b "&a;">]><rss>&a;</rss>', "<rss>&amp;a;</rss>"),
        (
            '<!DOCTYPE rss [<!ENTITY a "1"><!ENTITY a "2"><!ENTITY lt "3">]><rss>&a;&lt;</rss>',
            "<rss>1&lt;</rss>",
        ),
        (
            "<!-- <!DOCTYPE> --><rss><![CDATA[<!DOCTYPE a>]]></rss>",
            "<!-- <!DOCTYPE> --><rss><![CDATA[<!DOCTYPE a>]]></rss>",
        ),
        ("<!-- 1 --><?a b?>x<!DOCTYPE rss><rss/>", "<!-- 1 --><?a b?>x<rss/>"),
        ("<!DOCTYPE rss [<rss>&amp;</rss>", "<!DOCTYPE rss [<rss>&amp;</rss>"),
        ("<t>a&b<![CDATA[c&d]]>e&f</t>", "<t>a&amp;b<![CDATA[c&d]]>e&amp;f</t>"),
        ("<t><![CDATA[c&d]]</t>", "<t><![CDATA[c&amp;d]]</t>"),
    ],
)
def test_what_spoils_a_document_is_mended(text: str, wanted: str) -> None:
    assert mend(text).decode() == HEAD + wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<rss><item>1</item><item><title>2</title><gu", "<rss><item>1</item>"),
        ("<feed><entry>1</entry>\n<entry\n><title>2</title>", "<feed><entry>1</entry>"),
        ("<rss><channel><item><title>1", "<rss><channel>"),
        ("<rss><item>1</item>", "<rss><item>1</item>"),
        ("<rss><item>1<item>2</channel></rss>", "<rss><item>1<item>2</channel></rss>"),
        ("<rdf:RDF><items><item>1<item>2</rdf:RDF>", "<rdf:RDF><items><item>1<item>2</rdf:RDF>"),
    ],
)
def test_an_entry_that_was_cut_off_is_left_out(text: str, wanted: str) -> None:
    assert mend(text).decode().removeprefix(HEAD).rstrip() == wanted


def test_a_million_open_sections_are_no_trouble() -> None:
    assert len(mend("<![CDATA[" * 1_000_000)) > 9_000_000


def test_a_billion_laughs_are_not_laughed() -> None:
    laughs = '<!ENTITY l0 "ha">' + "".join(
        f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10)
    )
    assert mend(f"<!DOCTYPE rss [{laughs}]><rss>&l9;&l0;</rss>").decode() == f"{HEAD}<rss>&amp;l9;ha</rss>"


def test_many_references_to_a_long_entity_are_no_bomb() -> None:
    document = f'<!DOCTYPE rss [<!ENTITY a "{"x" * 9000}">]><rss>{"&a;" * 100_000}</rss>'
    assert len(mend(document)) < 1_100_000


def test_entities_within_each_other_without_end_are_no_trouble() -> None:
    chain = "".join(f'<!ENTITY e{number} "&e{number + 1};&e{number + 1};">' for number in range(2000))
    assert (
        mend(f'<!DOCTYPE rss [{chain}<!ENTITY e2000 "">]><rss>&e0;</rss>').decode()
        == f"{HEAD}<rss>&amp;e0;</rss>"
    )
