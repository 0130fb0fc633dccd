"""Write the test mail of send-test: small, with a text and an HTML part, in the reader's language."""

from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from monitor.mail.message import make_mail, new_message_id
from monitor.model.mail import Mail, Rendered
from monitor.texts import in_language, sentence


def trial_mail(
    *, sender: str, to: str, server: str, now: datetime, unique: str, locale: str, zone: str
) -> Mail:
    """Return the test mail from `sender` to `to`, both perhaps with a display name.

    `server` is the mail server as host:port, "" where there is none. `now` is UTC; the mail names
    it in `zone`.
    `unique` tells this mail from others.
    """

    def told(text: str) -> str:
        return in_language(text, locale)

    at = f"{now.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
    subject = told(sentence("Test mail: digests will reach you"))
    lines = [
        told(
            sentence(
                "This is the test mail of feed-monitor. It arrived, so digests will arrive the same way."
            )
        ),
        told(
            sentence("Sent by {server} on {at}.", server=server, at=at)
            if server
            else sentence("Put into the local Maildir on {at}.", at=at)
        ),
        told(
            sentence("If it was in the spam folder, mark it as no spam, and add its sender to your contacts.")
        ),
        told(sentence("Nothing has to be answered.")),
    ]
    paragraphs = "".join(f'<p style="margin:0 0 16px">{escape(line)}</p>' for line in lines)
    body = (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
        "<body style=\"margin:0;padding:24px;font-family:-apple-system,'PingFang SC','Microsoft YaHei',Arial,"
        f'sans-serif;font-size:16px;line-height:26px"><div lang="{locale}"><h1 style="font-size:20px;'
        f'line-height:28px;margin:0 0 16px">{escape(subject)}</h1>{paragraphs}</div></body></html>'
    )
    rendered = Rendered(subject=subject, text="\n\n".join(lines) + "\n", html=body)
    message_id = new_message_id(sender, f"test.{unique}")
    return make_mail(rendered, sender=sender, to=to, message_id=message_id, date=now)
