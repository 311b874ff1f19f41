"""A text that rendering costs words is warned of; one that is a template on purpose is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
from airflow.sdk import DAG, BaseOperator, ObjectStoragePath, literal
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pixverse_provider.exceptions import PixVerseInvalidRequestError
from pixverse_provider.rendering import RenderedOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

RUN: dict[str, Any] = {
    "ds": "2026-11-27",
    "params": {"who": "Ada", "nobody": "", "text": "Use {# sharp #} words"},
    "task": "talk",
}
LENIENT = {"template_undefined": jinja2.Undefined}
NATIVE = {"render_template_as_native_obj": True}
MACROS = {"user_defined_macros": {"shout": str.upper, "brand": "PixVerse"}}


class Say(RenderedOperator):
    template_fields: Sequence[str] = ("text", "other")

    def __init__(self, *, text: Any, other: Any = None, **arguments: Any) -> None:
        super().__init__(task_id="say", **arguments)
        self.text = text
        self.other = other

    def execute(self, context: Context) -> Any:
        self._check_rendered()
        return self.text


class PlainSay(BaseOperator):
    template_fields = ("text",)

    def __init__(self, *, text: Any, **arguments: Any) -> None:
        super().__init__(task_id="say", **arguments)
        self.text = text


def rendered(kind: type[Any], *, dag: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """Return an operator as Airflow has it before ``execute``."""
    with DAG("texts", schedule=None, **(dag or {})) as its_dag:
        operator = kind(**arguments)
    operator.render_template_fields(dict(RUN), its_dag.get_template_env())
    return operator


@pytest.mark.parametrize("native", [False, True])
def test_a_path_is_rendered_as_its_text_is(tmp_path: Path, *, native: bool) -> None:
    dag = NATIVE if native else {}
    template = tmp_path / "{{ ds }}" / "{{ params.who }}.mp4"
    landing = rendered(Say, dag=dag, text=template, other=[template, Path("plain.mp4"), Path("a{b}")])
    place = tmp_path / "2026-11-27" / "Ada.mp4"
    assert landing.text == place
    assert landing.other == [place, Path("plain.mp4"), Path("a{b}")]


def test_a_path_that_does_not_exist_is_no_question_to_the_machine() -> None:
    assert rendered(Say, text=Path("/no/such/folder/clip.mp4")).text == Path("/no/such/folder/clip.mp4")


def run(operator: Any) -> tuple[Any, list[str]]:
    """Return what a task makes of its text, and what it logs."""
    with capture_logs() as lines:
        value = operator.execute.__wrapped__(operator, {})
    assert {line["log_level"] for line in lines} <= {"warning"}
    return value, [line["event"] for line in lines]


def said(text: Any, other: Any = None, **dag: Any) -> tuple[Any, list[str]]:
    return run(rendered(Say, text=text, other=other, dag=dag))


@pytest.mark.parametrize(
    ("text", "becomes", "dag"),
    [
        ("A paper boat.", "A paper boat.", {}),
        ("50% {off} }} #} %} {a} #1 { {b} }", "50% {off} }} #} %} {a} #1 { {b} }", {}),
        ("select.sql", "select.sql", {}),
        ("The numbers of {{ ds }}.", "The numbers of 2026-11-27.", {}),
        ("{{ params.text }}", "Use {# sharp #} words", {}),
        # What the value is, is the run's affair.
        ("Hello {{ params.nobody }}", "Hello ", {}),
        ("{{ ds }}{# the day #}", "2026-11-27", {}),
        ("{# who #}{% if params.who %}Hi{% endif %}{% if not task %}Bye{% endif %}", "Hi", {}),
        ("{% set who = params.who %}Hi {{ who }}", "Hi Ada", {}),
        ("{% for n in range(2) %}{{ n }}{% endfor %}", "01", {}),
        ("{{ '{#' }} sharp {{ '#}' }}", "{# sharp #}", {}),
        ("{% raw %}Use {# sharp #} words{% endraw %}{# so #}", "Use {# sharp #} words", {}),
        ("Hi {{ who | default('you') }}", "Hi you", {}),
        ("Hi {{ who | d('you') }}", "Hi you", LENIENT),
        ("Hi{% if who is defined %} {{ who }}{% endif %}", "Hi", LENIENT),
        ("Hi {{ who }}", "Hi {{ who }}", {"template_undefined": jinja2.DebugUndefined}),
        ("Hi{% if params.nobody %} {{ who }}{% endif %}", "Hi", {}),
        ("{{ shout('hi') }} {{ brand }}{# loud #}", "HI PixVerse", MACROS),
        ("{% if brand %}Hi{% endif %}", "Hi", MACROS),
        ("One.\r\nTwo.\n", "One.\nTwo.", {}),
        ("One.\r\nTwo.\n", "One.\nTwo.", NATIVE),
        ("(One, 2) # 3", "(One, 2) # 3", NATIVE),
        ("[1, 2]", [1, 2], NATIVE),
        ("{{ params.who }}", "Ada", NATIVE),
    ],
)
def test_nothing_is_said_of_a_template_or_of_a_text_that_stays_as_it_is(
    text: str, becomes: Any, dag: dict[str, Any]
) -> None:
    assert said(text, **dag) == (becomes, [])


@pytest.mark.parametrize(
    ("text", "becomes", "lost", "dag"),
    [
        ("Use {# sharp #} words", "Use  words", "'{# sharp #}'", {}),
        ("Use {#- sharp -#} words", "Usewords", "'{#- sharp -#}'", {}),
        ("{# sharp #}", "", "'{# sharp #}'", {}),
        ("{##}:-)", ":-)", "'{##}'", {}),
        ("a {# b #} c {# d #} e {# b #}", "a  c  e ", "'{# b #}', '{# d #}'", {}),
        ("Ends in {#", "Ends in ", "'{#'", {}),
        ("Ends in {% raw %}", "Ends in ", "'{% raw %}'", {}),
        ("{% set mood = 'calm' %}Sea", "Sea", "\"{% set mood = 'calm' %}\"", {}),
        ("{% if 0 %}Rain{% endif %}!", "!", "'{% if 0 %}', 'Rain', '{% endif %}'", {}),
        ("{% macro m() %}Hi{% endmacro %}", "", "'{% macro m() %}', 'Hi', '{% endmacro %}'", {}),
        ("{% block title %}Sale{% endblock %}", "Sale", "'{% block title %}', '{% endblock %}'", {}),
        ("Hello {{ name }}!", "Hello !", "'{{ name }}'", LENIENT),
        ("Hello {{ name }} on {{ ds }}!{# so #}", "Hello  on 2026-11-27!", "'{{ name }}'", LENIENT),
        ("Hello {{ name }}{# so #}!", "Hello !", "'{{ name }}', '{# so #}'", LENIENT),
        ("Hi{% if name %} you{% endif %}!{# b #}", "Hi!", None, LENIENT),
        ("[[ name ]] [# sharp #]", "[[ name ]] ", "'[# sharp #]'", {"comments": "[# #]"}),
        ("one\n## two\nthree", "one\n\nthree", "'## two'", {"line_comments": "##"}),
        ('"Hello" # there', "Hello", "all but 'Hello'", NATIVE),
        ("'Hello' 'there'", "Hellothere", "all but 'Hellothere'", NATIVE),
        ("Use {# sharp #} words", "Use  words", "'{# sharp #}'", NATIVE),
        ("None", None, "'None'", NATIVE),
    ],
)
def test_words_that_no_template_asked_to_drop_are_told(
    text: str, becomes: str | None, lost: str | None, dag: dict[str, Any]
) -> None:
    dag = dict(dag)
    options: dict[str, Any] = {}
    if "comments" in dag:
        options["comment_start_string"], options["comment_end_string"] = dag.pop("comments").split()
    if "line_comments" in dag:
        options["line_comment_prefix"] = dag.pop("line_comments")
    value, (warning,) = said(text, **dag, jinja_environment_kwargs=options)
    assert value == becomes
    lost = lost or "'{% if name %}', 'you', '{% endif %}', '{# b #}'"
    assert warning.startswith(f"Rendering has dropped {lost} from text, which reads as a Jinja template: ")
    assert "literal() of airflow.sdk" in warning


def test_one_warning_names_every_argument_and_item_of_a_list() -> None:
    frames = [{"img_id": 1, "prompt": "a {# b #} c"}, {"img_id": 2, "prompt": "{{ ds }}"}]
    value, (warning,) = said(frames, other=("x{# y #}", literal("{# z #}")))
    assert value == [{"img_id": 1, "prompt": "a  c"}, {"img_id": 2, "prompt": "2026-11-27"}]
    assert "dropped '{# b #}' from text[0].prompt; '{# y #}' from other[0], which" in warning


def test_a_long_list_makes_no_long_warning() -> None:
    _, (warning,) = said([f"{{# {n} #}}" for n in range(1000)])
    assert "'{# 4 #}' from text[4]; and more from 995 others, which" in warning
    assert len(warning) < 500


def test_what_is_dropped_is_shown_in_one_line_and_not_in_full() -> None:
    _, (warning,) = said("Use {# sharp\n" + "x" * 1000 + " #} words")
    assert r"'{# sharp\nxxx" in warning
    assert len(warning) < 400


def test_a_path_is_a_text_too() -> None:
    path, (warning,) = said(ObjectStoragePath("/data/clip{#1#}.mp4"))
    assert str(path).endswith("/data/clip.mp4")
    assert "'{#1#}' from text, " in warning
    with pytest.raises(PixVerseInvalidRequestError, match=r"^text\[0\] cannot be rendered .*tag 'off'"):
        said([ObjectStoragePath("/data/{% off %}.mp4")])


@pytest.mark.parametrize("value", [literal("{# a #}{% b %}"), lambda context, jinja_env: "{# a #}{% b %}"])
def test_what_airflow_does_not_render_is_not_looked_at(value: Any) -> None:
    assert said(value) == ("{# a #}{% b %}", [])


@pytest.mark.parametrize(
    ("text", "reason", "dag"),
    [
        ("50 {% off %}", "Encountered unknown tag 'off'", {}),
        ("{% for all %}", "expected token 'in', got 'end of statement block'", {}),
        ("{% if a %} b", "Unexpected end of template", {}),
        ("{{ a b }}", "expected token 'end of print statement', got 'b'", {}),
        ("{{}}", "Expected an expression, got 'end of print statement'", {}),
        ("{{", "unexpected 'end of template'", {}),
        ("{%", "tag name expected", {}),
        ("Song {# 1", "Missing end of comment tag", {}),
        ("{% raw %}a", "Missing end of raw directive", {}),
        ("{{ ds | shiny }}", "No filter named 'shiny'", {}),
        ("{{ name }}", "'name' is undefined", {}),
        ("{{ name.first }} on {{ ds }}", "'name' is undefined", {}),
        ("{{ name.first }}", "'name' is undefined", LENIENT),
        ("{{ 1 / 0 }}", "division by zero", {}),
        ("{{ -'a' }}", "bad operand type for unary -: 'str'", {}),
        ("{{ range(10 ** 9) }}", "Range too big", {}),
        ("{{ ds(a=1, a=1) }}", "keyword argument repeated: a", {}),
        ("{{ 'a' | ds }}", "'str' object has no attribute 'strftime'", {}),
        ("{{" + "(" * 5000, "maximum recursion depth exceeded", {}),
        ("{{ ''.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe", {}),
        ("{% include 'secret.txt' %}", "'secret.txt' not found in search path", {}),
        ("a\ud800{{", "unexpected 'end of template'", {}),
    ],
)
def test_a_text_that_can_be_rendered_in_no_run_is_refused_in_one_sentence(
    text: str, reason: str, dag: dict[str, Any]
) -> None:
    with pytest.raises(PixVerseInvalidRequestError) as caught:
        said(["{{ ds }}", text], **dag)
    says = str(caught.value)
    assert says.startswith(f"text[1] cannot be rendered as a Jinja template ({reason}")
    assert "literal() of airflow.sdk" in says
    assert "\n" not in says
    assert len(says) < 400
    assert caught.value.__cause__ is not None


def test_the_first_of_two_arguments_that_cannot_be_rendered_is_named_and_the_others_are_rendered() -> None:
    with pytest.raises(PixVerseInvalidRequestError, match=r"^text .*tag 'b'"):
        said("{% b %}", "{% c %}")
    assert rendered(Say, text="{% b %}", other="{{ ds }}").other == "2026-11-27"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{ params.who.first.name }}", jinja2.UndefinedError),
        ("{{ 1 / params.nobody }}", TypeError),
        ("{{ fail() }}", KeyError),
        ("{{ params.who }}{{ fail() }}", KeyError),
    ],
)
def test_a_template_that_fails_for_what_the_run_has_fails_as_airflow_lets_it(
    text: str, error: type[Exception]
) -> None:
    def fail() -> None:
        raise KeyError("no such XCom")

    with pytest.raises(error):
        rendered(Say, text=text, dag={"user_defined_macros": {"fail": fail}})


def test_a_text_that_is_rendered_again_is_judged_again() -> None:
    operator = rendered(Say, text="{# a #}", other="{% b %}")
    operator.text, operator.other = "c", "d"
    operator.render_template_fields(dict(RUN))
    assert run(operator) == ("c", [])


FRAGMENTS = ["{{", "}}", "{%", "%}", "{#", "#}", "-", " ", "\n", "a", "off", "if", "else", "endif", "set"]
FRAGMENTS += ["raw", "endraw", "'", '"', "=", "1", "+", "(", ")", ".", "|", "[", "]", "block", "do", "not"]
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(" ".join)


@given(text=texts | st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join), lenient=st.booleans())
def test_any_text_is_rendered_as_airflow_does_or_refused_and_no_word_goes_unsaid(
    text: str, *, lenient: bool
) -> None:
    dag = LENIENT if lenient else {}
    try:
        expected = rendered(PlainSay, text=text, dag=dag).text
    except Exception:  # noqa: BLE001 - whatever a text makes Airflow raise, the user gets one of the family
        with pytest.raises(PixVerseInvalidRequestError, match=r"^text cannot be rendered"):
            said(text, **dag)
        return
    value, warnings = said(text, **dag)
    assert value == expected
    if "{{" not in text and "raw" not in text and text.split() != value.split():
        assert len(warnings) == 1
    if text == value:
        assert warnings == []
    assert said(literal(text), **dag) == (text, [])
