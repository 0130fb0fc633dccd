"""A Digest becomes subject, text and HTML."""

import re
import traceback
from collections.abc import Callable
from typing import Any

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from monitor.assets import TEMPLATES
from monitor.digests.language import Language, language
from monitor.digests.view import DigestView, view
from monitor.digests.wrap import columns, wrap
from monitor.errors import DigestError
from monitor.model.digests import Digest
from monitor.model.mail import Notice, Rendered

Render = Callable[[Digest], Rendered]
RenderNotice = Callable[[Notice], Rendered]

LARGEST = 90_000  # bytes of HTML: Gmail cuts a mail off at about 102 kB, and the end with it
# Items shown whole, and by title, in the first of these that stays below that.
_BUDGETS = ((60, 60), (45, 45), (30, 30), (20, 20), (10, 10), (5, 5))

# What a template of the operator's can run into besides Jinja's own errors: {{ 1 / 0 }}, {{ "a" + 1 }}, a
# file that is not UTF-8 or may not be read.
_FAILURES = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, OSError)


def templates(directory: str = "") -> Render:
    """How to render a digest, by the operator's templates in `directory` where it has them, else by ours.

    The function returned raises DigestError, naming the template and its line, when a template fails.
    """
    places = [directory, str(TEMPLATES)] if directory else [str(TEMPLATES)]
    environments: dict[str, Environment] = {}
    inliner = CSSInliner(load_remote_stylesheets=False, minify_css=True)

    def render(digest: Digest) -> Rendered:
        spoken = language(digest.subscription.locale)
        if spoken.locale not in environments:
            environments[spoken.locale] = _environment(places, spoken)
        for full, titles in _BUDGETS:
            shown = view(digest, spoken, full=full, titles=titles)
            rendered = _rendered(environments[spoken.locale], inliner, shown)
            if len(rendered.html.encode()) <= LARGEST:
                break
        return rendered

    return render


def notices(directory: str = "") -> RenderNotice:
    """How to put a notice to the operator into words, which are English as those of the log.

    The function returned raises DigestError when a template fails.
    """
    places = [directory, str(TEMPLATES)] if directory else [str(TEMPLATES)]

    def render(notice: Notice) -> Rendered:
        environment = _environment(places, language("en"))
        subject = " ".join(_fill(environment, "notice.subject.j2", notice=notice).split())
        text = _fill(environment, "notice.txt.j2", notice=notice, subject=subject)
        return Rendered(subject=subject, text=_set(text), html="")

    return render


def _environment(places: list[str], spoken: Language) -> Environment:
    # Sandboxed: an operator's template reads what it is given, and reaches nothing else.
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(places),
        autoescape=_is_html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(spoken.words, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    environment.filters["wrapped"] = wrap
    environment.filters["columns"] = columns
    return environment


def _rendered(environment: Environment, inliner: CSSInliner, shown: DigestView) -> Rendered:
    subject = " ".join(_fill(environment, "digest.subject.j2", digest=shown).split())
    text = _fill(environment, "digest.txt.j2", digest=shown, subject=subject)
    html = _fill(environment, "digest.html.j2", digest=shown, subject=subject)
    return Rendered(subject=subject, text=_set(text), html=_without_indent(inliner.inline(html)))


def _is_html(name: str | None) -> bool:
    # select_autoescape() looks at the very end of the name, and takes digest.html.j2 for plain text.
    return name is not None and name.endswith(".html.j2")


def _fill(environment: Environment, name: str, **values: Any) -> str:
    try:
        return environment.get_template(name).render(**values)
    except _FAILURES as error:
        line = next((at for file, at in _places(error) if file.endswith(name)), None)
        where = f"template {name}, line {line}" if line else f"template {name}"
        noun = name.partition(".")[0]  # digest or notice
        raise DigestError(f"{where}: {error}. The {noun} waits until the template is fixed.") from error


def _places(error: BaseException) -> list[tuple[str, int]]:
    """The files and lines an error came through, the innermost first."""
    own = (
        [(error.filename or error.name or "", error.lineno)] if isinstance(error, TemplateSyntaxError) else []
    )
    return own + [
        (frame.filename, frame.lineno or 0) for frame in reversed(traceback.extract_tb(error.__traceback__))
    ]


def _set(text: str) -> str:
    """No spaces at the ends of lines, at most one blank line in a row, and a line end at the end."""
    trimmed = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", trimmed).strip("\n") + "\n"


def _without_indent(html: str) -> str:
    # Gmail clips by bytes: the indent that makes the template readable need not travel.
    return re.sub(r"\n\s*", "\n", html)
