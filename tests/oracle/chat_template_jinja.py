# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/chat_templates/jinja.json: small templates, one for each part of the language, and what jinja2
makes of them in the environment that transformers sets up.

Run: .venv-oracle/bin/python tests/oracle/chat_template_jinja.py
"""

import json

import jinja2
import transformers
from chat_template_common import GOLDEN  # freezes the clock
from transformers.utils.chat_template_utils import _compile_jinja_template

VARIABLES = {
    "s": "  Hello, Wörld 中\n",
    "csv": "a, b,,c ",
    "words": "the quick-brown fox's (tail) ǆ straße",
    "n": 7,
    "x": 2.5,
    "big": 1e22,
    "small": -3e-7,
    "t": True,
    "nothing": None,
    "l": [3, 1, 2],
    "names": ["beta", "Alpha", "alpha", "gamma"],
    "d": {"b": 1, "a": [True, None, 1.0], "items": "own", "k'": "v\"\\"},
    "users": [{"name": "ann", "age": 30, "tags": {"k": [1, 2]}}, {"name": "Bob", "age": None}, {"name": "cy", "age": 7}],
    "html": "<b class=\"x\">'&'</b>",
    "empty": [],
}

# Expressions: each is printed.
EXPRESSIONS = r"""
1 + 2 * 3 - 4 // 3 % 5 | 7 / 2 | 2 ** 3 ** 2 | -7 // 2 | -7 % 3 | 7 % -3 | -2.5 // 1 | 5.5 % -2 | 1e3 + 1_000
-x | +t | 1 == 1.0 == true | 1 < 2 < 3 < 2 | 2 > 1 >= 1 != 0 | not t or n and x | nothing or "b" and "c" | 1 if n > 5 else 2
"a" ~ 1 ~ none ~ x ~ [1, "b'"] ~ {"k": "v"} ~ undef | 1 + 2 ~ 3 | "ab" * 3 | 2 * [1, none] | "%s is %05.2f, %d%% %r %-5s|%5s|%x" % ("a", x, n, "q", "l", "r", 255)
"%(a)s %(b)d" % {"a": 1, "b": 2} | (1, 2) + (3,) | (1,) | () | [] | {} | {"a": 1, 2: none, true: 1.5} | [1, 2] == (1, 2) | {"a": 1.0} == {"a": 1}
"ell" in s | "z" not in s | 2 in l | "a" in d | 1 in d.values() | [1] < [1, 2] | "B" < "a" | "a" "b" 'c'
big | small | 1.0 | 100000000000000000.0 | 123456789.123 | 0.1 + 0.2 | 1e-5 | 1e16 | 1e15 | -0.0 | 3.0 * 2
s[2] | s[-1] | s[1:4] | s[::-1] | s[-3:] | l[0] | l[-1] | l[1:] | l[::2] | l[::-1] | l[5] | l[-4:2] | l[2:0:-1] | "中文字"[1] | csv[:-1] | s[3:1]
d.b | d["a"] | d["items"] | d["items"]|length | d.missing | d["missing"] is defined | users[0].tags.k[1] | users.0.name | d.get("b") | d.get("z") | d.get("z", 5)
d.keys() | d.values() | d.items() | d.items()|list | d|list | d|length | d|items|list | d|dictsort | d|tojson | users|tojson(indent=2) | d|tojson(sort_keys=true, separators=(",", ":"))
html|tojson | s|tojson | s|tojson(ensure_ascii=true) | "😀"|tojson(ensure_ascii=true) | empty|tojson(indent=2) | [big, small, 1.0, n]|tojson | {"a": {}}|tojson(indent=4) | {1: 2, none: 3, true: 4}|tojson
s|trim | s|upper | s|lower | s|length | words|title | words|capitalize | words.title() | words.capitalize() | words.upper() | "ΑΣ"|lower | s|list|length | csv|trim("a, ") | "xxaxx"|trim("x")
csv.split(",") | csv.split() | csv.split(",", 1) | csv.rsplit(",", 1) | csv.split(",")[-1] | " a  b ".split(none, 1) | " a  b c ".rsplit(none, 1) | csv.partition(",") | csv.rpartition(",") | "a\nb\r\nc\n".splitlines() | "a\nb".splitlines(true)
s.strip() | s.lstrip() | s.rstrip("\n") | csv.strip("a ") | csv.startswith("a") | csv.startswith(("x", "a")) | csv.endswith("c ") | csv.find("b") | csv.find("z") | csv.rfind(",") | csv.count(",") | csv.index("b") | csv.replace(",", ";") | csv.replace(",", ";", 1) | "ab".replace("", "-")
"".join(["a", "b"]) | ", ".join(names) | "abc".isalpha() | "12".isdigit() | " ".isspace() | "Ab".isupper() | "ab".islower() | "ab".center(7, "*") | "ab".ljust(4) ~ "|" | "ab".rjust(4) | "-7".zfill(5) | "aBc".swapcase() | "prefix-x".removeprefix("prefix-") | "x.txt".removesuffix(".txt")
"{} {}".format(1, "b") | "{1} {0}".format(1, 2) | "{a} {b!r:>6}".format(a=x, b="q") | "{:>8.3f}|{:<5}|{:^7}|{:+d}|{:,}|{:x}|{:08.2f}|{:e}|{:%}".format(x, "a", "mid", 5, 1234567, 255, -3.14159, 12345.678, 0.25) | "{0.name} {0[age]}".format(users[0]) | "{{}}".format()
l|sort | l|sort(reverse=true) | names|sort | names|sort(case_sensitive=true) | users|sort(attribute="name")|map(attribute="name")|list | names|unique|list | l|sum | l|max | l|min | names|max | users|map(attribute="age")|list | l|sum(start=10) | users|sum(attribute="age", start=0) if false else "skipped"
users|selectattr("age")|map(attribute="name")|join(", ") | users|rejectattr("age", "none")|list|length | users|selectattr("name", "equalto", "Bob")|list | l|select("odd")|list | l|reject("odd")|list | l|select("gt", 1)|list | names|map("upper")|join("-") | users|map(attribute="tags.k")|list | users|map(attribute="z", default="-")|list
names|first | names|last | empty|first | l|reverse|list | s|reverse | l|join | l|join(", ") | users|join("/", attribute="name") | l|length | l|count | l|batch(2)|list | l|batch(2, 0)|list | nothing|default("d") | undef|default("d") | ""|default("d", true) | undef|d("e") | ""|d("f", boolean=true)
"3.7"|int | "x"|int | "x"|int(-1) | "0x1f"|int(base=16) | 3.9|int | "12 "|int | " 2.50"|float | "z"|float(1.5) | -3|abs | 2.567|round(2) | 2.5|round | 42.7|round(0, "floor") | 42.1|round(method="ceil") | 7|string + "!" | t|string | 5|float | "1_000"|int
"a\nb\n\nc"|indent | "a\nb"|indent(2, true) | "a\n\nb"|indent(2, blank=true) | "a\nb"|indent("> ") | "a b"|replace("a", "b") | "aaa"|replace("a", "b", 2) | html|escape | html|e|safe | "a b c"|wordcount | "x"|center(5) | "%s-%s"|format(1, 2) | "<"|safe + "<" | "<" + ">"|safe | ("<"|safe) ~ ">" | "a"|attr("upper") is defined
n is number | n is integer | x is float | t is boolean | t is integer | t is number | s is string | d is mapping | l is sequence | s is sequence | d is iterable | n is iterable | undef is undefined | undef is iterable | nothing is none | nothing is not none | t is true | n is true | n is odd | n is even | n is divisibleby 7 | n is divisibleby(2) | n is eq 7 | n is == 7 | n is in [7, 8] | "A" is upper | "a" is lower | n is sameas 7 | range is callable | n is gt(3) and n is lt 9 | "upper" is filter | "odd" is test | html|e is escaped
range(3)|list | range(1, 8, 3)|list | range(5, 0, -2)|list | range(3) | dict(a=1, **{"b": 2}) | dict([("k", 1)]) | strftime_now("%Y-%m-%d %H:%M:%S %a %A %b %B %j %p %I %y %%") | namespace(a=1).a | [1, 2]|tojson | 1|tojson | undef|length | undef|list | undef|join | true and undef | (undef or 5)
true ~ True ~ none ~ None ~ false | [true, none, "a\n'b'", 1.50] | "\u00e9\x41\t|\\|\'|\101|\q" | "it's" ~ ["it's", 'say "hi"', "both ' \""] | ["\u200b\x00\x7f é 中"] | "\U0001F600"[0] | l.count(1) | l.index(2) | (1, 2, 1).count(1) | users|tojson|length | names|map("length")|sum | [[1, 2], [3]]|sum(start=[]) | {"a": 1}.a is defined and 1 not in [2]
"abc"[1:]|upper|lower|length | -1|abs | "a,b"|upper.split(",") if false else 0 | (n - 1)|string|length | not n is odd | not (n is odd) | n in l is false | l|length > 2 and l[0] == 3 | [1, 2, 3,] | {"a": 1,} | (1 if false) is undefined | "x" if undef is defined else "y" if nothing else "z" | ns | {"b": {"c": "d"}}.b.c | "{" ~ "}" ~ "}}" | {"a": {"b": {}}}
"""

# Whole templates: statements, scopes, white space.
TEMPLATES = [
    "{% for i in l %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for i in l %}{{ loop.index }}/{{ loop.length }} {{ loop.index0 }} {{ loop.revindex }} {{ loop.revindex0 }} {{ loop.first }} {{ loop.last }} {{ loop.previtem }} {{ loop.nextitem }} {{ loop.cycle('a', 'b') }} {{ loop.depth }};{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a + b + c }}{% endfor %}",
    "{% for u in users if u.age %}{{ loop.index }}{{ u.name }} {% else %}none{% endfor %}{% for u in users if u.age == 99 %}x{% else %}none{% endfor %}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in [] %}{% else %}else{% endfor %}{% for c in 'héy' %}[{{ c }}]{% endfor %}{% for k in d %}{{ k }},{% endfor %}{% for q in undef %}{% endfor %}",
    "{% for a in l %}{% for b in l %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}{{ loop is defined }}",
    "{% for a in l %}{% set outer = loop %}{% for b in l %}{{ outer.index }}{% endfor %}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=1, y=[]) %}{% for i in l %}{% set ns.x = ns.x + i %}{% set ns.y = ns.y + [i] %}{% endfor %}{{ ns.x }}{{ ns.y }}{{ ns['x'] }}{{ ns.z is defined }}",
    "{% if n > 5 %}a{% elif n %}b{% else %}c{% endif %}{% if nothing %}a{% elif n %}b{% else %}c{% endif %}{% if empty %}a{% else %}c{% endif %}{% if x is defined %}{% set z = 5 %}{% endif %}{{ z }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = (1, 2) %}{{ c }}{% set e = 1, %}{{ e }}",
    "{% set block %}  text {{ n }}\n{% endset %}[{{ block }}]{% set up | upper | trim %} shout {% endset %}[{{ up }}]",
    "{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}|{% endmacro %}{{ m(1) }}{{ m(1, c=5) }}{{ m(b=0, a='x') }}{{ m() }}{{ m.name }}",
    "{% macro outer(x) %}{% macro inner(y) %}{{ x }}{{ y }}{% endmacro %}{{ inner(1) }}{{ inner(x) }}{% endmacro %}{{ outer('q') }}",
    "{% macro fact(k) %}{% if k > 1 %}{{ k * fact(k - 1)|int }}{% else %}1{% endif %}{% endmacro %}{{ fact(5) }}",
    "{% macro v() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ v(1, 2, a=3) }}",
    "{% macro wrap(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call wrap('b') %}in {{ n }}{% endcall %}",
    "{% macro each(l) %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) each([1, 2]) %}[{{ i }}]{% endcall %}",
    "{% macro late() %}{{ later }}{% endmacro %}{% set later = 3 %}{{ late() }}{% set later = 4 %}{{ late() }}",
    "{% macro no(a) %}{% endmacro %}{{ no(1, 2) }}",
    "{% macro no(a) %}{% endmacro %}{{ no(b=2) }}",
    "{% filter upper %}shout {{ n }} {% endfilter %}|{% with a = 1, b = n %}{{ a + b }}{% endwith %}|{{ a is defined }}",
    "{% generation %}answer {{ n }}{% set q = 1 %}{% endgeneration %}{{ q is defined }}",
    "{% raw %}{{ not }} {% this %}{% endraw %}\n{%- raw -%}  a {{ b }}  {%- endraw %} z",
    "a {# comment {{ x }} #} b\n  {# line #}\nc {#- tight -#} d",
    "  {% if true %}\n  a\n  {% endif %}\nb\n",
    "a\n   {%- if true -%}\n\n  b  \n {%- endif -%}  \n c",
    "a\n  {%+ if true %}x{% endif +%}\n  b",
    "x {{- n -}} y {{ n }}\n{{ n }}\n",
    "{{ n }}\n\n",
    "a\r\nb\rc\n{{ 'x\r\ny' }}",
    "{% for i in l -%}\n  {{ i }}\n{%- endfor %}\nend",
    "  {{ n }}\n  {%- set q = 1 %}\n  {{ q }}",
    "a   {% if t %}b{% endif %}   c",
    "\t {% if t %}\tb\n\t{% endif %}\t c",
    "{{ 'a' }}{% print n, x %}",
    "{% if l | length == 3 and 'a' in d %}yes{% endif %}{{ '%s' % n if n else '' }}",
    "{{ users | selectattr('age') | first | tojson }}{% set g = l | map('string') %}{{ g | join }}{{ g | join }}|{{ g is iterable }}{{ 'yes' if empty | select }}",
    "{{ l | reverse | first }}",
    "{{ undef.x }}", "{{ undef + 1 }}", "{{ d.x.y }}", "{{ d['x']['y'] }}", "{{ nothing.x }}", "{{ nothing.x.y }}", "{{ l.x.y }}", "{{ s.x.y }}", "{{ l[9].y }}",
    "{{ undef() }}", "{{ n() }}", "{{ d.get() }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ [] + 'a' }}", "{{ 'a' < 1 }}", "{{ nothing < 1 }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 in 5 }}", "{{ 5 in 'a' }}", "{{ 1 in nothing }}",
    "{% for i in nothing %}{% endfor %}", "{% for i in 5 %}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, b in [(1,)] %}{% endfor %}", "{{ undef|tojson }}", "{{ n|length }}", "{{ l|select('odd')|length }}",
    "{{ l.append(4) }}", "{{ d.update({}) }}", "{{ d.pop('b') }}", "{{ l.pop is defined }}", "{{ s.__class__ }}", "{{ s.__class__.__mro__ }}", "{{ ''._x is defined }}", "{% set d.x = 1 %}", "{{ range(1000000)|length }}",
    "{{ raise_exception('Stop: ' ~ n) }}", "{% if false %}{{ raise_exception('no') }}{% endif %}ok", "{{ strftime_now('%d %b %Y') }}",
    "{% if false %}{{ n|nofilter }}{% endif %}ok", "{{ n|nofilter }}", "{{ n|nofilter if false else 1 }}", "{% if true %}{{ n|nofilter }}{% endif %}", "{% if false %}{% for i in l %}{{ i|nofilter }}{% endfor %}{% endif %}", "{{ n is notest }}", "{% if false %}{{ n is notest }}{% endif %}ok",
    "{% if %}", "{% if n %}", "{% endif %}", "{% for %}{% endfor %}", "{{ }}", "{{ n", "{% foo %}", "{{ n } }", "{{ (n }}", "{{ 'a }}", "{# x", "{% raw %} x", "{{ n ! }}", "{% set %}", "{% set 1 = 2 %}", "{% set true = 2 %}", "{{ a b }}", "{% break %}", "{{ n is odd is even }}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ {1} }}", "{{ f(a=1, 2) }}", "{% else %}",
]  # fmt: skip


def made(template):
    try:
        return {"text": _compile_jinja_template(template).render(**VARIABLES)}
    except jinja2.exceptions.TemplateSyntaxError as error:
        return {"error": str(error).split("\n")[0], "line": error.lineno, "syntax": True}
    except Exception as error:  # noqa: BLE001: whatever rendering raises
        return {"error": str(error), "raised": type(error) is jinja2.exceptions.TemplateError}


def main():
    expressions = [e.strip() for line in EXPRESSIONS.strip().split("\n") for e in split(line)]
    templates = [f"{{{{ {e} }}}}" for e in expressions] + TEMPLATES
    golden = {
        "made_by": "tests/oracle/chat_template_jinja.py",
        "versions": {"jinja2": jinja2.__version__, "transformers": transformers.__version__},
        "variables": VARIABLES,
        "cases": [{"jinja": template, **made(template)} for template in templates],
    }
    (GOLDEN / "jinja.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
    print(f"{len(templates)} templates, {sum('error' in c for c in golden['cases'])} refused")


def split(line):
    """At " | " outside of quotes and brackets."""
    out, depth, quote, part = [], 0, "", ""
    for at, c in enumerate(line):
        if quote:
            quote = "" if c == quote and line[at - 1] != "\\" else quote
        elif c in "\"'":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if c == "|" and not depth and not quote and line[at - 1 : at + 2] == " | ":
            out.append(part)
            part = ""
        else:
            part += c
    return [*out, part]


if __name__ == "__main__":
    main()
