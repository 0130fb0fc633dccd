"""Tell how many mails a mail server is given: as [smtp] says, else as its provider allows."""

from monitor.config.options import SmtpOptions
from monitor.mail.providers import provider_at
from monitor.model.mail import NO_LIMITS, Limits


def limits_of(smtp: SmtpOptions) -> Limits:
    """Return the limits for the server that [smtp] names; there are none for one of which no provider is known."""
    provider = provider_at(smtp.host)
    preset = provider.limits if provider else NO_LIMITS
    return Limits(
        per_minute=_chosen(smtp.per_minute, preset.per_minute),
        per_day=_chosen(smtp.per_day, preset.per_day),
        per_connection=_chosen(smtp.per_connection, preset.per_connection),
        connections=preset.connections,
    )


def _chosen(option: int | str, preset: int | None) -> int | None:
    return option if isinstance(option, int) else preset
