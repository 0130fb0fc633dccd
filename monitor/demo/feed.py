"""A synthetic feed in the exact shape of the official one, which brings news at the second visit.

Headlines and texts are invented. The shape is the publisher's: a newline before the declaration, a 12-hour clock
without AM or PM, utm parameters in links, CDATA, an abstract with picture, credit and caption behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

_BEIJING = timezone(timedelta(hours=8))
_GREY = "color: gray; font-size: 11px!important; line-height: 10px;"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Article:
    path: str  # section/slug
    category: str
    title: str
    abstract: str
    caption: str
    author: str
    age: timedelta  # at the second visit
    foot: str = ""  # HTML behind the caption
    date: str = ""  # in the path, where it is not the day of publication

    def item(self, now: datetime) -> str:
        """The item as the official feed writes it."""
        local = (now - self.age).astimezone(_BEIJING)
        section, slug = self.path.split("/")
        url = f"https://cn.nytimes.com/{section}/{self.date or f'{local:%Y%m%d}'}/{slug}/"
        # %I is what makes the publisher's clock ambiguous.
        stamp = (
            f"{_DAYS[local.weekday()]}, {local.day:02} {_MONTHS[local.month - 1]} {local:%Y %I:%M:%S} +0800"
        )
        picture = f"https://static01.nyt.com/images/demo/{slug}-articleLarge.jpg"
        return f"""
            <item>
            <title><![CDATA[{self.title}]]></title>
            <link><![CDATA[{url}?utm_source=RSS]]></link>
            <description><![CDATA[{self.abstract}<p><img src='{picture}' alt='{self.caption} 示例图片社'/></p>\
                    <p style='text-align: right; {_GREY}'>示例图片社</p>\
                    <p style='text-align: left; {_GREY}'>{self.caption}</p>{self.foot}\
                    ]]></description>
            <category>{self.category}</category>
            <dc:creator><![CDATA[{self.author}]]></dc:creator>
            <pubDate>{stamp}</pubDate>
            <guid isPermaLink="true"><![CDATA[{url}]]></guid>
        </item>"""


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def documents(now: datetime) -> tuple[bytes, bytes]:
    """The feed at the first visit and at the second; its dates lie before `now`."""
    # An old guid comes back with a new date, as this publisher's do.
    back_again = replace(_RETURNING, age=timedelta(hours=4, minutes=40))
    later = sorted((*_NEWS, back_again, *_KNOWN), key=lambda article: article.age)
    return _document((*_KNOWN, _RETURNING, _OLD), now), _document((*later, _OLD), now)


def _document(articles: Sequence[_Article], now: datetime) -> bytes:
    items = "".join(article.item(now) for article in articles)
    return f"""
<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" \
xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel>
    <title>纽约时报中文网 国际纵览</title>
    <link>https://cn.nytimes.com</link>
    <description>纽约时报中文网 国际纵览</description>
    <language>zh</language>
    <ttl>30</ttl>
    <generator>nytimes_cn_rss_generator</generator>
    <atom:link href="https://cn.nytimes.com/rss.html" rel="self" type="application/rss+xml" />{items}
</channel>
</rss>
""".encode()


_BIO = "<p>示例记者甲撰写有关人工智能、无人驾驶汽车、机器人和其他技术新兴领域的新闻。</p><p>翻译：纽约时报中文网</p>"
_ORIGINAL = (
    "<footer><p>翻译：纽约时报中文网</p>"
    '<a href="https://www.nytimes.com/2026/01/01/technology/demo-open-models.html">点击查看本文英文版。</a></footer>'
)

_NEWS = (
    _Article(
        path="technology/open-models-fewer-chips",
        category="科技",
        title="开源大模型的重心正在转移：两千块芯片如何追上一万六千块",
        abstract="研究者说，出口管制迫使一些团队用更少的算力训练模型，并把结果公开。这让“只有最大的公司才做得出最先进系统”的看法受到质疑。",
        caption="一处数据中心的机房，摄于去年冬天。",
        author="示例记者甲, 示例记者乙",
        age=timedelta(minutes=50),
        foot=_ORIGINAL,
    ),
    _Article(
        path="opinion/homework-after-chatbots",
        category="观点与评论",
        title="用AI写作业之后，老师们改了什么",
        abstract="三所大学的课程调整显示，禁止聊天机器人不如重新设计作业。口头答辩回来了，闭卷考试也回来了，学生的反应却比预想的平静。",
        caption="一间阶梯教室里，学生在准备口头答辩。",
        author="示例作者丙",
        age=timedelta(hours=2, minutes=5),
    ),
    _Article(
        path="culture/airbnb-lake-house",
        category="文化",
        title="Airbnb上的湖景房，和一座人工湖的前世今生",
        abstract="四十年前为灌溉而挖的水塘，如今成了周末度假的去处。当地人说，湖水还是那些湖水，只是看湖的人换了，看湖的理由也换了。",
        caption="傍晚的湖面，远处是改建成民宿的旧泵站。",
        author="示例记者丁",
        age=timedelta(hours=2, minutes=50),
    ),
    _Article(
        path="business/nvidia-licenses-wait",
        category="商业与经济",
        title="英伟达对华芯片许可再生变数",
        abstract="新规要求逐单申请，审批时间没有上限。对中国的买家来说，比等待更难的是不知道要等多久，一些公司已开始改写训练计划。",
        caption="展会上的一块加速卡。",
        author="示例记者戊",
        age=timedelta(hours=3, minutes=30),
    ),
    _Article(
        path="china/deepseek-county-hospital",
        category="中国",
        title="一家县医院装上DeepSeek之后",
        abstract="医生用它整理病历，也用它核对药方。院方说每天省下两个小时；年轻医生担心的是，几年之后自己还会不会从头写一份病历。",
        caption="门诊大厅里的自助终端。",
        author="示例记者己",
        age=timedelta(hours=5, minutes=15),
    ),
)

_KNOWN = (
    _Article(
        path="world/coastal-railway-reopens",
        category="国际",
        title="停运九年，一条海岸铁路重新通车",
        abstract="首班列车上坐满了沿线小镇的居民。有人带来了当年的旧车票，有人只是想再看一次从隧道口突然展开的海，车速比记忆里慢一些。",
        caption="列车驶出隧道。",
        author="示例记者庚",
        age=timedelta(hours=6, minutes=20),
    ),
    _Article(
        path="usa/library-night-shift",
        category="美国",
        title="图书馆的夜班：谁在凌晨两点借书",
        abstract="一座城市把总馆改成通宵开放，最先来的是护士和司机。馆员发现，夜里借出的书比白天更厚，归还得也更准时，几乎没有罚款。",
        caption="凌晨的阅览室。",
        author="示例记者辛",
        age=timedelta(hours=8, minutes=10),
    ),
    _Article(
        path="business/noodle-price-war",
        category="商业与经济",
        title="一碗面的价格战，打到了县城",
        abstract="两家连锁面馆在同一条街上相互压价，三个月里各开了四家店。附近的小店主说，客人没有变多，只是每一碗都比过去便宜了两块钱。",
        caption="午间的面馆。",
        author="示例记者甲",
        age=timedelta(hours=20),
        foot=_BIO,
    ),
    _Article(
        path="sports/goalkeeper-at-forty",
        category="体育",
        title="四十岁的门将还想再踢一年",
        abstract="他的扑救反应比十年前慢了零点一秒，站位却准了半步。教练组用录像说服了俱乐部，合同续到明年夏天，附带一条助教条款。",
        caption="赛前热身。",
        author="示例记者壬",
        age=timedelta(hours=22, minutes=30),
    ),
    _Article(
        path="culture/paper-maps-return",
        category="文化",
        title="纸质地图为什么又卖得动了",
        abstract="买的人不是为了认路。一家书店把它们和游记摆在一起，销量翻了三倍；出版社说，回来的订单里，一半写明要最旧的那个版本。",
        caption="书店橱窗里的旧地图。",
        author="示例记者癸",
        age=timedelta(hours=27),
    ),
    _Article(
        path="opinion/slow-letters",
        category="观点与评论",
        title="我为什么重新开始写信",
        abstract="信写到一半常常停下来，因为忽然不知道对方此刻在做什么。这种不知道，在随时可以联络的日子里，已经是一种少见的体贴和耐心。",
        caption="桌上的信纸。",
        author="示例作者子",
        age=timedelta(hours=31),
    ),
)

_RETURNING = _Article(
    path="business/phone-maker-cars",
    category="商业与经济",
    title="一家手机厂商如何用三年造出汽车",
    abstract="供应链上的老熟人换了新名片，从前做屏幕的如今做仪表盘。工程师说，最难的不是造出第一辆车，而是让第一万辆和它一模一样。",
    caption="总装线末端。",
    author="示例记者丑",
    age=timedelta(hours=44),
    date="20250303",
)

# Older than first_visit: remembered, not mailed.
_OLD = _Article(
    path="technology/chatbot-exam",
    category="科技",
    title="人工智能聊天机器人参加了一场高考",
    abstract="阅卷老师事先并不知情。作文得了四十八分，理由是“工整而没有体温”；数学却扣在一道看图题上，它把抛物线的开口看反了方向。",
    caption="考场外的家长。",
    author="示例记者寅",
    age=timedelta(days=10),
)
