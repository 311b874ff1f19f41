"""What Airflow's rendering does to texts: what it drops is told, and what is no template is refused.

Airflow renders the arguments of a task as Jinja templates, and with ``expand_kwargs`` also the rows that
another task returned. A text with braces that is no template, such as a product text from a database, then
loses its words or fails. No text is rendered differently here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import jinja2
from airflow.providers.common.compat.sdk import BaseOperator, ObjectStoragePath
from jinja2 import meta, nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from pixverse_provider.api.ids import shown
from pixverse_provider.exceptions import PixVerseInvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Protocol

    from airflow.providers.common.compat.sdk import Context

    class Unrendered(Protocol):
        """What Airflow resolves in the place of rendering it, such as ``literal()`` of airflow.sdk."""

        def resolve(self, context: Context) -> Any: ...


__all__ = ["RenderedOperator"]

_REMEDY = (
    "where braces are meant as they stand, wrap the text in literal() of airflow.sdk (the rows of another "
    "task: with .map(), before expand_kwargs)"
)
# How many losses one warning lists.
_MOST_LISTED = 5
# What compiling and rendering a text raises by itself. Jinja turns a template into Python, which has limits
# and errors of its own.
_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)
_HANDLE_WHAT_IS_UNDEFINED = ("default", "d", "defined", "undefined")


class RenderedOperator(BaseOperator):
    """Base of every operator and sensor; its :meth:`_check_rendered` comes first in ``execute``.

    A text that cannot be a template is refused there and not where it is rendered: Airflow renders again when
    a deferred task resumes, and by then the job is paid and needs no text.
    """

    _no_template: PixVerseInvalidRequestError | None = None
    _losses: tuple[str, ...] = ()

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        """Render one argument after the other; the one method that Airflow calls for mapped tasks as well."""
        render = super()._do_render_template_fields
        if parent is not self:
            render(parent, template_fields, context, jinja_env, seen_oids)
            return
        self._no_template, self._losses = None, ()
        for name in template_fields:
            # What comes of another task is in seen_oids where it is not rendered.
            texts = dict(_texts(name, getattr(self, name, None), seen_oids))
            try:
                render(parent, (name,), context, jinja_env, seen_oids)
            except _ERRORS as err:
                refusal = _refusal(err, texts, jinja_env, context)
                if refusal is None:
                    raise
                refusal.__cause__ = err
                self._no_template = self._no_template or refusal
            else:
                whole = getattr(self, name, None)
                rendered = dict(_leaves(name, whole))
                self._losses += tuple(
                    f"{', '.join(lost)} from {path}"
                    for path, text in texts.items()
                    if (lost := _lost(text, rendered.get(path, whole), jinja_env, context))
                )
        self._keep_rendered()

    def _keep_rendered(self) -> None:
        """Change what was rendered into what Airflow can keep; called when all arguments are."""

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render as Airflow does, and a ``pathlib.Path`` as its text, which Airflow leaves as it is."""
        render = super().render_template
        if not isinstance(content, PurePath):
            return render(content, context, jinja_env, seen_oids)
        text = os.fspath(content)
        if id(content) in (seen_oids or ()) or not _may_be_template(
            text, jinja_env or self.get_template_env()
        ):
            return content
        return type(content)(str(render(text, context, jinja_env, seen_oids)))

    def _check_rendered(self, *, warn: bool = True) -> None:
        """Refuse what could not be rendered, and warn, once, of words that rendering has dropped.

        :param warn: False where the user has been warned before, in the same attempt.
        :raises PixVerseInvalidRequestError: names the argument and the remedy.
        """
        if self._no_template is not None:
            raise self._no_template
        if warn and self._losses:
            more = len(self._losses) - _MOST_LISTED
            self.log.warning(
                "Rendering has dropped %s%s, which reads as a Jinja template: %s.",
                "; ".join(self._losses[:_MOST_LISTED]),
                f"; and more from {more} others" if more > 0 else "",
                _REMEDY,
            )


def _leaves(path: str, value: object, skip: Collection[int] = ()) -> Iterator[tuple[str, object]]:
    """Yield what Airflow would render of an argument, each with its name, such as ``frames[1].prompt``.

    :param skip: ids of values that are not rendered.
    """
    if id(value) in skip:
        return
    within = {*skip, id(value)}
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(f"{path}[{index}]", item, within)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}", item, within)
    else:
        yield path, str(value) if isinstance(value, ObjectStoragePath) else value


def _texts(path: str, value: object, skip: Collection[int]) -> Iterator[tuple[str, str]]:
    return ((name, leaf) for name, leaf in _leaves(path, value, skip) if isinstance(leaf, str))


def _may_be_template(text: str, env: jinja2.Environment) -> bool:
    marks = (
        env.block_start_string,
        env.variable_start_string,
        env.comment_start_string,
        env.line_statement_prefix,
        env.line_comment_prefix,
    )
    return any(mark and mark in text for mark in marks)


def _refusal(
    error: Exception, texts: Mapping[str, str], env: jinja2.Environment, context: Context
) -> PixVerseInvalidRequestError | None:
    """Return what to raise where a text fails by itself, whatever the run is; None where it is the run."""
    for path, text in texts.items():
        cause = _own_error(error, text, env, context) if _may_be_template(text, env) else None
        if cause is not None:
            said = getattr(cause, "msg", None) or getattr(cause, "message", None) or str(cause)
            reason = re.split(r"\.?\n|\. |\.$", str(said), maxsplit=1)[0][:100]
            return PixVerseInvalidRequestError(
                f"{path} cannot be rendered as a Jinja template ({reason}): {_REMEDY}."
            )
    return None


def _own_error(error: Exception, text: str, env: jinja2.Environment, context: Context) -> Exception | None:
    """Return the error of a text that can be rendered in no run."""
    try:
        template = env.from_string(text)
        tree = env.parse(text)
        if not _known(tree, env, context) - DEFAULT_NAMESPACE.keys():
            # Nothing of the run is asked for, so this does nothing but fail or not.
            template.render()
        elif isinstance(error, jinja2.UndefinedError) and _undefined(tree, env, context):
            return error
    except _ERRORS as err:
        return err
    return None


@dataclass
class _Piece:
    """A part of a template as it was written: ``data`` between the braces, or what is within some."""

    kind: str
    source: str
    names: set[str] = field(default_factory=set)


def _pieces(text: str, env: jinja2.Environment) -> list[_Piece]:
    """Take a template apart, in its order."""
    pieces: list[_Piece] = []
    inside = False
    for _, kind, source in env.lex(text):
        begins = kind.endswith("_begin")
        if begins or not inside:
            pieces.append(_Piece(kind.removesuffix("_begin"), ""))
        pieces[-1].source += source
        if kind == "name":
            pieces[-1].names.add(source)
        inside = (inside or begins) and not kind.endswith("_end")
    return pieces


def _lost(text: str, rendered: object, env: jinja2.Environment, context: Context) -> list[str]:
    """Return what rendering has dropped from a text that nobody wrote as a template.

    A text that asks for something of the run (``{{ ds }}``), prints anything at all (``{{ "{" }}``) or uses
    ``{% raw %}`` is a template on purpose, and so are its comments and blocks.
    """
    if not _may_be_template(text, env):
        return _lost_as_literal(text, rendered, env)
    try:
        pieces = _pieces(text, env)
        tree = env.parse(text)
    except (jinja2.TemplateError, RecursionError):
        # It has been rendered all the same, as where an extension of Jinja rewrites it first.
        return []
    # Else it would not have been rendered, or with every word.
    drops = not issubclass(env.undefined, jinja2.StrictUndefined | jinja2.DebugUndefined)
    undefined = _undefined(tree, env, context) if drops else set()
    deliberate = bool(_known(tree, env, context)) or any(
        (piece.kind == "variable" and not piece.names & undefined)
        # At the very end of a text Jinja lets one stay open.
        or (piece.kind == "raw" and "endraw" in piece.source)
        for piece in pieces
    )
    left = _words(rendered)
    lost = {
        piece.source.strip(): None
        for piece in pieces
        if piece.names & undefined
        or (not deliberate and (piece.kind != "data" or _words(piece.source) not in left))
    }
    return [shown(source) for source in lost]


def _lost_as_literal(text: str, rendered: object, env: jinja2.Environment) -> list[str]:
    """Return what ``render_template_as_native_obj`` drops: quotes, and what Python takes for a comment."""
    whole = "\n".join(re.split("\r\n|\r|\n", text))
    if not env.keep_trailing_newline:
        whole = whole.removesuffix("\n")
    if rendered is None:
        return [shown(text)]
    if not isinstance(rendered, str) or rendered.replace(env.newline_sequence, "\n") == whole:
        return []
    return [f"all but {shown(rendered)}"]


def _known(tree: nodes.Template, env: jinja2.Environment, context: Context) -> set[str]:
    """Return the names that the run, the DAG or Jinja itself defines."""
    used = {name.name for name in tree.find_all(nodes.Name)}
    # What is a global of Jinja is nowhere undeclared.
    return (meta.find_undeclared_variables(tree) & context.keys()) | (used & env.globals.keys())


def _undefined(tree: nodes.Template, env: jinja2.Environment, context: Context) -> set[str]:
    """Return the names that nothing defines, but for those that the template says what to do without."""
    handled = {
        name.name
        for node in tree.find_all((nodes.Filter, nodes.Test))
        if node.name in _HANDLE_WHAT_IS_UNDEFINED
        for name in node.find_all(nodes.Name)
    }
    return meta.find_undeclared_variables(tree) - handled - context.keys()


def _words(value: object) -> str:
    return " ".join(str(value).split())
