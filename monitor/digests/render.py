"""Render a digest, or a notice to the operator, by templates: subject, text and HTML."""

import re
import traceback
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from css_inline import CSSInliner
from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
)

from monitor.assets import TEMPLATES
from monitor.digests.archive import POLICY, ArchivedIssue, IndexView, RenderArchive
from monitor.digests.language import Language, language_of
from monitor.digests.limits import LimitedEnvironment, TooMuchError, limited, time_limit
from monitor.digests.outside import foreign_language, is_right_to_left
from monitor.digests.room import RenderDigest, RenderNotice
from monitor.digests.shorten import unshouted
from monitor.digests.view import DigestView, digest_view
from monitor.digests.wrap import columns, wrap
from monitor.errors import DigestError
from monitor.model.digests import Digest
from monitor.model.mail import Rendered
from monitor.model.notices import Notice
from monitor.reasons import reason_of
from monitor.texts import ENGLISH, in_language, sentence

_SUBJECT = 200  # characters; what a template makes longer is cut

# Errors that an operator's template can cause besides Jinja's own errors: {{ 1 / 0 }}, {{ "a" + 1 }},
# {{ "a title"|truncate(2) }}, a file that is not UTF-8 or may not be read.
_FAILURES = (
    TemplateError,
    TooMuchError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
    OSError,
)


def digest_renderer(directory: str = "") -> RenderDigest:
    """Return a function that renders a digest by the templates in `directory`; by ours for those it does not have.

    The function raises DigestError, naming the template and its line, when a template fails.
    """
    environments: dict[str, Environment] = {}
    inliner = CSSInliner(load_remote_stylesheets=False, minify_css=True)

    def render(digest: Digest) -> Rendered:
        language = language_of(digest.subscription.locale)
        if language.locale not in environments:
            environments[language.locale] = _environment(directory, language)
        return _rendered(environments[language.locale], inliner, digest_view(digest, language))

    return render


def archive_renderer(directory: str = "") -> RenderArchive:
    """Return what renders the pages of the archive by the templates in `directory`/archive, by ours for the others.

    The digest's own template, which those build on, is always ours: the operator's need not have the blocks.
    """
    environments: dict[str, Environment] = {}

    def environment(locale: str) -> Environment:
        if locale not in environments:
            language, folders = language_of(locale), [str(TEMPLATES)]
            environments[locale] = _new_environment(folders, language)
            if directory:
                own = PrefixLoader({"archive": FileSystemLoader(str(Path(directory) / "archive"))})
                environments[locale].loader = ChoiceLoader([own, FileSystemLoader(folders)])
        return environments[locale]

    def issue(digest: Digest) -> ArchivedIssue:
        language = language_of(digest.subscription.locale)
        view = digest_view(digest, language)
        title = view.headline or view.name
        values = {"digest": view, "policy": POLICY, "subject": f"{title} · {view.name}"}
        return ArchivedIssue(
            title=title,
            items=view.count,
            html=_page(environment(language.locale), "archive/issue.html.j2", **values),
            content=_page(environment(language.locale), "archive/content.html.j2", digest=view),
        )

    def index(view: IndexView) -> str:
        values = {"digest": view, "policy": POLICY, "subject": view.name}
        return _page(environment(view.locale), "archive/index.html.j2", **values)

    return RenderArchive(issue=issue, index=index)


def notice_renderer(directory: str = "", locale: str = ENGLISH) -> RenderNotice:
    """Return a function that renders a notice to the operator, in the language of `locale`.

    The function raises DigestError, naming the template and its line, when a template fails.
    """

    def render(notice: Notice) -> Rendered:
        environment = _environment(directory, language_of(locale))
        subject = " ".join(_fill(environment, "notice.subject.j2", notice=notice).split())[:_SUBJECT]
        text = _fill(environment, "notice.txt.j2", notice=notice, subject=subject)
        return Rendered(subject=subject, text=_trimmed(text), html="")

    return render


def reliable_notice_renderer(directory: str = "", locale: str = ENGLISH) -> RenderNotice:
    """Return a function that renders a notice by the templates in `directory`, and by ours when those fail.

    The notice then says so: that a template is broken must not keep the operator from learning of a trouble.
    """
    render, render_by_ours = notice_renderer(directory, locale), notice_renderer("", locale)

    def render_anyway(notice: Notice) -> Rendered:
        try:
            return render(notice)
        except DigestError as error:
            rendered = render_by_ours(notice)
            return replace(rendered, text=f"{rendered.text}\n{in_language(error.text, locale)}\n")

    return render_anyway


def _environment(directory: str, language: Language) -> Environment:
    if not directory:
        return _shipped_environment(language.locale)
    return _new_environment([directory, str(TEMPLATES)], language)


@cache
def _shipped_environment(locale: str) -> Environment:
    """Return the environment of our own templates, which need to be compiled once only: they do not change."""
    return _new_environment([str(TEMPLATES)], language_of(locale))


def _new_environment(directories: list[str], language: Language) -> Environment:
    # Sandboxed: an operator's template reads what it is given, and reaches nothing else.
    environment = LimitedEnvironment(
        loader=FileSystemLoader(directories),
        autoescape=_is_html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(language.words, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    environment.add_filter("wrapped", wrap)
    environment.add_filter("columns", columns)
    environment.add_filter("foreign_language", partial(foreign_language, locale=language.locale))
    environment.add_filter("right_to_left", is_right_to_left)
    environment.add_filter("translated", partial(in_language, locale=language.locale))
    return environment


def _rendered(environment: Environment, inliner: CSSInliner, view: DigestView) -> Rendered:
    filled = " ".join(_fill(environment, "digest.subject.j2", digest=view).split())
    subject = unshouted(filled[:_SUBJECT])
    text = _fill(environment, "digest.txt.j2", digest=view, subject=subject)
    html = _fill(environment, "digest.html.j2", digest=view, subject=subject)
    return Rendered(subject=subject, text=_trimmed(text), html=_without_indent(inliner.inline(html)))


def _page(environment: Environment, name: str, **values: object) -> str:
    return _without_indent(_fill(environment, name, **values)).strip() + "\n"


def _is_html(name: str | None) -> bool:
    # select_autoescape() looks at the very end of the name, and takes digest.html.j2 for plain text.
    return name is not None and name.endswith(".html.j2")


def _fill(environment: Environment, name: str, **values: object) -> str:
    try:
        with time_limit():
            return limited(environment.get_template(name).generate(**values))
    except RecursionError:
        raise DigestError(
            sentence(
                "template {name}: it includes or calls itself without an end. {consequence}",
                name=name,
                consequence=_consequence(name),
            )
        ) from None
    except _FAILURES as error:
        line = next((number for file, number in _locations(error) if file.endswith(name)), None)
        values = {
            "name": name,
            "line": line,
            "why": reason_of(error),
            "consequence": _consequence(name),
        }
        if line:
            what = sentence("template {name}, line {line}: {why}. {consequence}", **values)
        else:
            what = sentence("template {name}: {why}. {consequence}", **values)
        raise DigestError(what) from error


def _consequence(name: str) -> str:
    if name.startswith("notice."):
        return sentence("Notices are made by the built-in template until it is fixed.")
    if name.startswith("archive/"):
        return sentence("The archive waits until the template is fixed.")
    return sentence("Digests are made by the built-in templates until it is fixed.")


def _locations(error: BaseException) -> list[tuple[str, int]]:
    """Return the files and lines an error passed through, the innermost first."""
    syntax_error = [(error.filename or "", error.lineno)] if isinstance(error, TemplateSyntaxError) else []
    return syntax_error + [
        (frame.filename, frame.lineno or 0) for frame in reversed(traceback.extract_tb(error.__traceback__))
    ]


def _trimmed(text: str) -> str:
    """Return `text` without spaces at line ends, with one blank line at most in a row, and a final line end."""
    lines = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"


def _without_indent(html: str) -> str:
    # Gmail clips by bytes: the indent that makes the template readable need not travel.
    return re.sub(r"\n\s*", "\n", html)
