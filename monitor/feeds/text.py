"""Clean text that others wrote: one line, without control and formatting characters; or turn it into HTML.

Apart from sanitize.py, so that who needs only this loads no HTML parser.
"""

import html
import re

# Control and bidi characters, lone surrogates, non-characters: of no use in a line of text, and a danger to
# headers, terminals and databases.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


def clean(text: str) -> str:
    """Return the text as one line without control characters, each run of white space a single space."""
    if text.isprintable() and "  " not in text:  # nearly always: no other white space than single spaces
        return text.strip(" ")
    return " ".join(without_controls(text).split())


def without_controls(text: str) -> str:
    """Return the text without control and bidi characters, lone surrogates and non-characters."""
    return _UNWANTED.sub("", text)


def escaped(text: str) -> str:
    """Return plain text as HTML, a line each."""
    return html.escape(text).replace("\n", "<br>")
