import time

import pytest

from darkroom.domain.problem import BadInput, Problem
from darkroom.sheets import Template

CELLS = {
    "title": "Mug",
    "color": "red",
    "Body (HTML)": "<p>Nice &amp; <b>big</b></p>",
    "tags": ["a", "b"],
    "price": "12.5",
    "nothing": None,
    "sale": True,
    "items": "own",
    "class": "c",
}


def rendered(source, cells=CELLS):
    return Template.compile(source).render(cells)


@pytest.mark.parametrize(
    ("source", "prompt"),
    [
        ("a {{ color }} {{ title | lower }}", "a red mug"),
        ('{{ row["Body (HTML)"] | striptags }}', "Nice & big"),
        ("{{ row.color }} {{ row['items'] }} {{ items }} {{ class }}", "red own own c"),
        ("  {% if sale %}on sale{% else %}no{% endif %}\n", "on sale"),
        ("{% for tag in tags %}{{ loop.index }}{{ tag }}{% if not loop.last %}, {% endif %}{% endfor %}", "1a, 2b"),
        ("{{ tags | join(' and ') }}/{{ ', '.join(tags) }}", "a and b/a, b"),
        ("{{ size | default('large') }}{% if size is defined %}!{% endif %}", "large"),
        ("{{ title ~ '-' ~ 3 ~ nothing ~ sale }}", "Mug-3true"),
        ("{{ nothing }}{{ sale }}", "true"),
        ("{{ '%.2f' | format(price | float) }} {{ '%05.1f' % 2.25 }}", "12.50 002.2"),
        ("{{ title.upper() }}{{ title.replace('M', 'H') }}{{ title | replace('u', 'a', 1) }}", "MUGHugMag"),
        ("{{ tags | map('upper') | list | length }}{{ tags | map('upper') | join }}", "2AB"),
        ("{% set n = namespace(t='') %}{% for x in range(3) %}{% set n.t = n.t ~ x %}{% endfor %}{{ n.t }}", "012"),
        ("{% with x = color + '!' %}{{ x }}{% endwith %}", "red!"),
        ("{% for k, v in [('a', color)] %}{{ k }}{{ v }}{% endfor %}", "ared"),
        ("{{ 2 * 3 + 2 ** 3 }} {{ '-' * 3 }} {{ 7 % 4 }}", "14 --- 3"),
        ("<{{ title }}> & {{ '<b>' }}", "<Mug> & <b>"),
        ("{{ tags | map(attribute='x') | list | length if false else 'ok' }}", "ok"),
        ("{% for x in range(10000) %}{% if loop.last %}{{ x }}{% endif %}{% endfor %}", "9999"),
    ],
)  # fmt: skip
def test_a_template_makes_the_prompt(source, prompt):
    assert rendered(source) == prompt


def test_columns_are_those_the_template_mentions():
    source = (
        "{{ title }}{{ row['Body (HTML)'] }}{{ row.color }}{{ row.get('x') }}{{ size | default('') }}"
        "{% set own = 1 %}{{ own }}{% for x in range(2) %}{{ x }}{{ loop.index }}{% endfor %}"
    )
    assert Template.compile(source).columns == {"title", "Body (HTML)", "color", "size"}


@pytest.mark.parametrize(
    ("source", "column", "hint"),
    [
        ("{{ colour }}", "colour", "did you mean {{ color }}?"),
        ("{{ Title | upper }}", "Title", "did you mean {{ title }}?"),
        ("{{ Body_HTML }}", "Body_HTML", 'did you mean {{ row["Body (HTML)"] }}?'),
        ("{{ row['Colour'] }}", "Colour", "did you mean {{ color }}?"),
        ("{{ row.colr ~ 'x' }}", "colr", "did you mean {{ color }}?"),
        ("{% for x in tagz %}{% endfor %}", "tagz", "did you mean {{ tags }}?"),
        ("{% if zzzz == 1 %}{% endif %}", "zzzz", "use one of these"),
    ],
)
def test_a_missing_column_is_named_with_the_nearest_one(source, column, hint):
    problem = rendered(source)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.column) == ("template_missing_column", column)
    assert "title, color, Body (HTML)" in problem.message
    assert problem.message.endswith(hint)


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("a\nb {{ title", 2, "unexpected end of template"),
        ("a {% if x %}", 1, "endif"),
        ("{{ title | uper }}", 1, "did you mean 'upper'?"),
        ("{% if 0 %}\n{{ x | random }}{% endif %}", 2, "there is no filter 'random'"),
        ("{{ x is tasty }}", 1, "No test named 'tasty'"),
        ("{% macro m() %}{% endmacro %}", 1, "no macro"),
        ("{% include 'x' %}", 1, "no include"),
        ("{% for x in y recursive %}{% endfor %}", 1, "no for"),
        ("{% set x %}{% endset %}", 1, "no assignblock"),
        ("{{ " + "(" * 5_000 + ")" * 5_000 + " }}", None, "nested too deep"),
        ("{% for x in y %}" * 30 + "{% endfor %}" * 30, None, "nested too deep"),
        ("x" * 20_001, None, "more than 20,000"),
    ],
)
def test_a_template_that_is_wrong_is_refused(source, line, said):
    with pytest.raises(BadInput) as caught:
        Template.compile(source)
    [problem] = caught.value.problems
    assert problem.line == line
    assert said in problem.message


@pytest.mark.parametrize("source", ["", "  \n", "{{ nothing }}", "{% if not sale %}x{% endif %}"])
def test_an_empty_prompt_is_a_problem(source):
    assert rendered(source).code == "empty_prompt"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ tags }}", "join it"),
        ("{{ row }}", "writes out an object"),
        ("{{ title.__class__.__mro__ }}", "unsafe"),
        ("{{ row.clear() }}", "unsafe"),
        ("{{ title | truncate(1) }}", "expected length"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ title + 1 }}", "can only concatenate str"),
        ("{{ title.foo }}", "has no attribute 'foo'"),
        ("{{ '{}'.format(title) }}", "no .format()"),
    ],
)
def test_what_cannot_be_filled_in_is_a_problem(source, said):
    problem = rendered(source)
    assert problem.code in {"template_refused", "template_failed"}
    assert said in problem.message


LONG = {
    "x": "a" * 199_999,
    "long": "b" * 5_000_000,
    "many": list(range(20_000)),
    "n": 10**9,
    "q": '"\\' * 60,
}


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**9 }}",
        "{{ n * 'a' }}",
        "{{ [1] * n }}",
        "{{ ([1] * 9000) * 9000 }}",
        "{{ 10 ** (10 ** 9) }}",
        "{{ (2 ** 4000) * (2 ** 4000) }}",
        "{{ x + x }}",
        "{{ x ~ x }}",
        "{% for i in range(10001) %}{% endfor %}",
        "{% for i in many %}{% endfor %}",
        "{% for c in long %}{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) if j < 0 %}{% endfor %}{% endfor %}",
        "{% for i in range(1000) %}{{ x }}{% endfor %}",
        "{% set n = namespace(t='ab') %}{% for i in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t }}",
        "{% set n = namespace(t=[1]) %}{% for i in range(99) %}{% set n.t = n.t + n.t %}{% endfor %}{{ n.t | length }}",
        "{% set n = namespace(t=[1]) %}{% for i in range(99) %}{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.t | string }}",
        "{% set n = namespace(t=(1,)) %}{% for i in range(99) %}{% set n.t = n.t, n.t %}{% endfor %}{{ n.t == n.t }}",
        "{% set n = namespace(t={}) %}{% for i in range(99) %}{% set n.t = {1: n.t, 2: n.t} %}{% endfor %}{{ n.t | tojson }}",
        "{% set n = namespace(t={}) %}{% for i in range(99) %}{% set n.t = dict(a=n.t, b=n.t) %}{% endfor %}{{ n.t | tojson }}",
        "{% set n = namespace() %}" + "{% set n = namespace(a=n, b=n) %}" * 40 + "{{ n }}",
        "{{ q" + " | tojson" * 40 + " }}",
        "{{ range(9999) | join(x) }}",
        "{{ x.join(range(9999)) }}",
        "{{ x | replace('a', x) }}",
        "{{ x | replace('', x) }}",
        "{{ x.replace('a', x) }}",
        "{{ 'a'.ljust(n) }}",
        "{{ 'a'.center(n) }}",
        "{{ 'a'.zfill(n) }}",
        "{{ '\t'.expandtabs(n) }}",
        "{{ 'a'['ljust'](n) }}",
        "{{ (1).to_bytes(n) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (n, 1) }}",
        "{{ '%.1000000000f' % 1 }}",
        "{{ '%-+1000000000d' | format(1) }}",
        "{{ '%((a))1000000000d' | format(**{'(a)': 1}) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{a:1000000000}'.format_map({'a': 1}) }}",
        "{{ 1.5 | round(99999999, 'ceil') }}",
        "{{ long }}",
        "{{ long | upper }}",
        "{{ range(9999) | map('string') | map('replace', '', x) | list }}",
        "{{ " + " + ".join(["x | length | string"] * 5) + " ~ x }}",
    ],
)  # fmt: skip
def test_no_template_takes_the_machine_down(source):
    began = time.process_time()
    problem = rendered(source, LONG)
    assert isinstance(problem, Problem), str(problem)[:80]
    assert problem.code in {"template_refused", "template_failed"}
    assert len(problem.message) < 300
    assert time.process_time() - began < 2


def test_long_cells_that_are_only_asked_about_do_no_harm():
    assert rendered("{% if long | default('') %}{{ long | length }}{% endif %}", LONG) == "5000000"
