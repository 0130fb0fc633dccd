"""Make and serve a synthetic feed in the exact shape of the official one; the second visit brings news.

Headlines and texts are invented. The shape is the publisher's: a newline before the declaration, a 12-hour clock
without AM or PM, utm parameters in links, CDATA, an abstract with picture, credit and caption behind it.
"""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_BEIJING = timezone(timedelta(hours=8))
_GREY = "color: gray; font-size: 11px!important; line-height: 10px;"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# When this publisher publishes, the latest first.
_HOURS = (
    time(16, 59, 35),
    time(15, 31, 58),
    time(13, 21, 16),
    time(12, 29, 4),
    time(10, 58, 39),
    time(9, 37, 40),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Article:
    path: str  # section/slug
    category: str
    title: str
    abstract: str
    caption: str
    author: str
    foot: str = ""  # HTML behind the caption
    full_text: str = ""  # HTML in place of abstract and picture
    date: str = ""  # in the path, where it is not the day of publication


def documents(now: datetime) -> tuple[bytes, bytes]:
    """Return the feed at the first visit and at the second; its dates lie in the days before `now`."""
    # An old guid comes back with a new date, as this publisher's do.
    second = (*_NEWS[:3], _RETURNING, *_NEWS[3:], *_KNOWN)
    dated = list(zip(second, _times(now), strict=False))
    known = dated[len(dated) - len(_KNOWN) :]
    returning = (_RETURNING, known[-1][1] - timedelta(days=1))
    old = (_OLD, known[-1][1] - timedelta(days=10))
    return _document([*known, returning, old]), _document([*dated, old])


@contextmanager
def serve_feed(documents: Sequence[bytes]) -> Iterator[str]:
    """Serve the documents on 127.0.0.1, one each visit, the last one from then on; yield the feed's URL.

    A visit that knows the document already is answered with 304, as by the real server.
    """
    upcoming = list(documents)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = upcoming.pop(0) if len(upcoming) > 1 else upcoming[0]
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            unchanged = self.headers.get("If-None-Match") == etag
            self.send_response(304 if unchanged else 200)
            self.send_header("ETag", etag)
            if not unchanged:
                self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not unchanged:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: the demo prints what the service does."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/rss/"
        finally:
            server.shutdown()
            thread.join()


def _times(now: datetime) -> Iterator[datetime]:
    """Yield the publisher's hours before `now`, the latest first."""
    day = now.astimezone(_BEIJING).date()
    while True:
        for hour in _HOURS:
            if (moment := datetime.combine(day, hour, _BEIJING)) < now:
                yield moment
        day -= timedelta(days=1)


def _document(dated: Sequence[tuple[_Article, datetime]]) -> bytes:
    items = "".join(_item(article, published) for article, published in dated)
    return f"""
<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" \
xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel>
    <title>纽约时报中文网 国际纵览</title>
    <link>https://cn.nytimes.com</link>
    <description>纽约时报中文网 国际纵览</description>
    <language>zh</language>
    <ttl>30</ttl>
    <lastBuildDate>{_stamp(dated[0][1])}</lastBuildDate>
    <generator>nytimes_cn_rss_generator</generator>
    <atom:link href="https://cn.nytimes.com/rss.html" rel="self" type="application/rss+xml" />{items}
</channel>
</rss>
""".encode()


def _item(article: _Article, published: datetime) -> str:
    section, slug = article.path.split("/")
    url = f"https://cn.nytimes.com/{section}/{article.date or f'{published:%Y%m%d}'}/{slug}/"
    return f"""
            <item>
            <title><![CDATA[{article.title}]]></title>
            <link><![CDATA[{url}?utm_source=RSS]]></link>
            <description><![CDATA[{_description(article, slug, published)}]]></description>
            <category>{article.category}</category>
            <dc:creator><![CDATA[{article.author}]]></dc:creator>
            <pubDate>{_stamp(published)}</pubDate>
            <guid isPermaLink="true"><![CDATA[{url}]]></guid>
        </item>"""


def _description(article: _Article, slug: str, published: datetime) -> str:
    picture = f"https://static01.nyt.com/images/demo/{slug}-articleLarge.jpg"
    if article.full_text:
        return (
            f"<address>{article.author}</address><time pudate='{published:%Y-%m-%d %H:%M:%S}'></time>"
            f"<figure><img src='{picture}'><figcaption>{article.caption} <cite>示例图片社</cite></figcaption></figure>"
            f"<section>{article.full_text}</section>{article.foot}"
        )
    return f"""{article.abstract}<p><img src='{picture}' alt='{article.caption} 示例图片社'/></p>\
                    <p style='text-align: right; {_GREY}'>示例图片社</p>\
                    <p style='text-align: left; {_GREY}'>{article.caption}</p>{article.foot}\
                    """


def _stamp(moment: datetime) -> str:
    # %I is what makes the publisher's clock ambiguous. Not %a and %b: they speak the operator's language.
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment:%Y %I:%M:%S} +0800"


# Not the article's words, though they stand beneath it.
_BIO = "<p>示例记者甲撰写有关人工智能、无人驾驶汽车、机器人和其他技术新兴领域的新闻。</p><p>翻译：纽约时报中文网</p>"
_ORIGINAL = "<a href='https://www.nytimes.com/2026/01/01/technology/demo-one-room-model.html'>点击查看本文英文版。</a>"

_NEWS = (
    _Article(
        path="technology/one-room-model",
        category="科技",
        title="旧机房里的大模型：算力不够，就把题目改小",
        abstract="",
        full_text=(
            "<p>去年冬天，一所省属大学的计算中心腾出半间旧机房，装上四十块退役的显卡。学校买不起新芯片，却想让学生亲手训练一个模型。</p>"
            "<p>一年之后，他们的大模型只会做一件事：读地方志。它认得三百年间的异体字，也认得同一条河的七个名字。</p>"
            "<p>“大家都在比谁的模型什么都会，”一名参加项目的研究生说，“我们想知道，只会一件事的模型能小到什么程度。”</p>"
            "<p>（《纽约时报》已起诉OpenAI和微软，称其训练人工智能系统时侵犯了新闻内容的版权。两家公司否认了这些指控。）</p>"
            "<p>下一步，他们打算把训练方法写成讲义，放到网上，供别的学校使用。</p>"
        ),
        foot=f"<footer>{_BIO}{_ORIGINAL}</footer>",
        caption="半间旧机房，摄于去年冬天。",
        author="示例记者甲, 示例记者乙",
    ),
    _Article(
        path="opinion/homework-after-chatbots",
        category="观点与评论",
        title="学生用AI写作业之后，老师们改了什么",
        abstract="三所大学的经验是，与其禁止聊天机器人，不如重新设计作业。口头答辩回来了，闭卷考试也回来了，学生的反应比校方预想的平静，有人说早该如此。",
        caption="一间阶梯教室里，学生在准备口头答辩。",
        author="示例作者丙",
    ),
    _Article(
        path="culture/airbnb-lake-house",
        category="文化",
        title="Airbnb上的湖景房，和一座人工湖的前世今生",
        abstract="四十年前为灌溉而挖的水塘，如今成了周末度假的去处。当地人说，湖水还是那些湖水，只是看湖的人换了，看湖的理由也换了，连湖名都改过两回。",
        caption="傍晚的湖面，远处是改建成民宿的旧泵站。",
        author="示例记者丁",
    ),
    _Article(
        path="business/waiting-for-licenses",
        category="商业与经济",
        title="等一张许可证：英伟达芯片的买家学会了算账",
        abstract="逐单申请，没有期限。对买家来说，比等待更难的是不知道要等多久。有人改租算力，有人把旧显卡又用了一年，也有人发现自己其实用不了那么多。",
        caption="展会上的一块加速卡。",
        author="示例记者戊",
    ),
    _Article(
        path="china/deepseek-county-hospital",
        category="中国",
        title="一家县医院装上DeepSeek之后",
        abstract="医生用它整理病历，也用它核对药方，院方说每天省下两个小时。年轻医生担心的却是另一件事：几年之后，自己还会不会从头写好一份病历。",
        caption="门诊大厅里的自助终端。",
        author="示例记者己",
    ),
)

_KNOWN = (
    _Article(
        path="world/coastal-railway-reopens",
        category="国际",
        title="停运九年，一条海岸铁路重新通车",
        abstract="首班列车上坐满了沿线小镇的居民。有人带来当年的旧车票，有人只是想再看一次从隧道口突然展开的海。车速比记忆里慢了一些，没有人抱怨。",
        caption="列车驶出隧道。",
        author="示例记者庚",
    ),
    _Article(
        path="usa/library-night-shift",
        category="美国",
        title="图书馆的夜班：谁在凌晨两点借书",
        abstract="一座城市把总馆改成通宵开放，最先来的是护士和司机。馆员发现，夜里借出的书比白天更厚，归还得也更准时，一年下来几乎没有开过罚单。",
        caption="凌晨的阅览室。",
        author="示例记者辛",
    ),
    _Article(
        path="business/noodle-price-war",
        category="商业与经济",
        title="一碗面的价格战，打到了县城",
        abstract="两家连锁面馆在同一条街上相互压价，三个月里各开了四家店。附近的小店主说，客人没有变多，只是每一碗都比过去便宜两块钱，辣酱倒是越给越多。",
        caption="午间的面馆。",
        author="示例记者甲",
        foot=_BIO,
    ),
    _Article(
        path="sports/goalkeeper-at-forty",
        category="体育",
        title="四十岁的门将还想再踢一年",
        abstract="他的扑救反应比十年前慢了零点一秒，站位却准了半步。教练组用录像说服了俱乐部，合同续到明年夏天，条件是他每周带一次少年队的守门训练。",
        caption="赛前热身。",
        author="示例记者壬",
    ),
    _Article(
        path="culture/paper-maps-return",
        category="文化",
        title="纸质地图为什么又卖得动了",
        abstract="买的人不是为了认路。一家书店把它们和游记摆在一起，销量翻了三倍。出版社说，新来的订单里有一半写明，要那条高速公路还没有修通的旧版。",
        caption="书店橱窗里的旧地图。",
        author="示例记者癸",
    ),
    _Article(
        path="opinion/slow-letters",
        category="观点与评论",
        title="我为什么重新开始写信",
        abstract="信写到一半常常停下来，因为忽然不知道对方此刻在做什么。在随时可以联络的日子里，这种不知道，已经是一种少见的体贴，值得为它买几张邮票。",
        caption="桌上的信纸。",
        author="示例作者子",
    ),
)

_RETURNING = _Article(
    path="business/phone-maker-cars",
    category="商业与经济",
    title="一家手机厂商如何用三年造出汽车",
    abstract="供应链上的老熟人换了新名片，从前做屏幕的如今做仪表盘。工程师说，最难的不是造出第一辆车，而是让第一万辆和它一模一样，连关门声也一样。",
    caption="总装线末端。",
    author="示例记者丑",
    date="20250303",
)

# Older than first_visit: remembered, not mailed.
_OLD = _Article(
    path="technology/chatbot-exam",
    category="科技",
    title="人工智能聊天机器人参加了一场高考",
    abstract="阅卷老师事先并不知情。作文得了四十八分，评语是“工整，没有体温”。数学的分却丢在一道看图题上：它把抛物线的开口看反了，还写了很长的理由。",
    caption="考场外的家长。",
    author="示例记者寅",
)
