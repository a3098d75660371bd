# SPDX-License-Identifier: Apache-2.0
"""Rewriting a program changes the reading of a few attributes, and nothing else."""

from __future__ import annotations

import ast
import builtins
import inspect
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qruntime.program.legacy.attributes import NAMES
from qruntime.program.legacy.rewrite import HELPER, compile_program, rewrite

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
MODULES = ("argparse", "ast", "dataclasses", "fractions", "json/decoder", "statistics", "typing")
ALL = frozenset({"append", "format", "index", "items", "name", "value", "args", "kind", "group"})


def run(text, names=ALL, helper=getattr):
    scope = {"__builtins__": {**vars(builtins), HELPER: helper}, "__name__": "sample"}
    exec(compile_program(text.encode(), "sample.py", names), scope)
    return scope


def positions(tree):
    kept = ("lineno", "col_offset", "end_lineno", "end_col_offset")
    return {
        tuple(getattr(node, field) for field in kept)
        for node in ast.walk(tree)
        if hasattr(node, "lineno")
    }


def undo(tree):
    """Put the attributes back where the helper is called."""

    class Back(ast.NodeTransformer):
        def visit_Call(self, node):
            self.generic_visit(node)
            if isinstance(node.func, ast.Name) and node.func.id == HELPER:
                return ast.Attribute(node.args[0], node.args[1].value, ast.Load())
            return node

    return Back().visit(tree)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("names", [NAMES, ALL])
def test_only_attribute_reads_differ_and_positions_stay(module, names):
    text = (LIBRARY / f"{module}.py").read_text()
    tree = ast.parse(text)

    rewrite(tree, names)

    assert positions(tree) <= positions(ast.parse(text))
    assert ast.dump(undo(tree)) == ast.dump(ast.parse(text))


@pytest.mark.parametrize(
    ("module", "expression"),
    [
        ("fractions", "str(Fraction('3/4') + Fraction(1, 4))"),
        ("statistics", "median([3, 1, 2]), mean([1, 2, 6])"),
        ("textwrap", "wrap('a b c d e f', 3), dedent('  x')"),
        ("string", "Template('$a').substitute(a=1), Formatter().format('{0}', 2)"),
        ("heapq", "list(merge([1, 4], [2, 3]))"),
        ("shlex", "split('a \"b c\" d')"),
    ],
)
def test_rewritten_library_modules_do_what_they_did(module, expression):
    text = (LIBRARY / f"{module}.py").read_text()
    plain = {"__name__": "sample"}
    exec(compile(text, "sample.py", "exec"), plain)

    assert eval(expression, run(text)) == eval(expression, plain)


def test_a_module_without_such_names_is_compiled_as_it_is():
    text = b"x = [1]\nx.append(2)\n"

    assert compile_program(text, "a.py", frozenset()) == compile(
        text, "a.py", "exec", dont_inherit=True
    )


def test_the_helper_gets_owner_and_name_once():
    calls = []
    helper = lambda owner, name: calls.append((owner, name)) or 5  # noqa: E731

    assert run("x = 'abc'.index\n", helper=helper)["x"] == 5
    assert calls == [("abc", "index")]


def test_writing_and_deleting_an_attribute_stay_direct():
    text = "class A: pass\na = A()\na.value = 1\na.value += 2\nb = vars(a).copy()\ndel a.value\n"

    scope = run(text, helper=lambda *_: pytest.fail("read"))

    assert scope["b"] == {"value": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import re\nr = [m.group(0) for m in re.finditer('a', 'aba')]", ["a", "a"]),
        ("d = {1: 2}\nr = {k: v for k, v in d.items()}", {1: 2}),
        ("r = f\"{'a-b'.format():>5}|{'x'.index!r:.3}\"", "  a-b|<bu"),
        ("r = (lambda s: s.index('b'))('ab')", 1),
        ("class A:\n    __x = 'ab'\n    r = __x.index('b')\nr = A.r", 1),
        ("r = []\nr.append(r.index)\nr = len(r)", 1),
        ("x = 'ab'\nr = x.index(*['b'], **{})", 1),
        ("async def f(x): return x.index\nr = f.__name__", "f"),
        ("r = 'a'.upper().index('A')", 0),
        (
            "class A:\n    index = 4\nclass B(A):\n    def f(s): return super().index\nr = B().f()",
            4,
        ),
    ],
)
def test_every_kind_of_expression_works(text, expected):
    assert run(text)["r"] == expected


def test_patterns_stay_patterns():
    text = (
        "import ast, enum\nclass K(enum.Enum):\n    value_ = 1\n    name = 2\n"
        "def f(x):\n    match x:\n        case K.name: return 'name'\n"
        "        case ast.Name(id=i): return i\n"
        "        case {'k': v} if v.index(1): return 'guard'\n"
        "        case _: return x.index\n"
    )

    scope = run(text, helper=lambda owner, name: getattr(owner, name, "helped"))

    assert scope["f"](scope["K"].name) == "name"
    assert scope["f"](ast.Name("q")) == "q"
    assert scope["f"]({"k": [0, 1]}) == "guard"
    assert scope["f"](3) == "helped"


def test_annotations_that_are_kept_as_text_stay_as_written():
    text = "from __future__ import annotations\ndef f(x: np.index) -> np.name: pass\ny: np.value\n"

    scope = run(text)

    assert scope["f"].__annotations__ == {"x": "np.index", "return": "np.name"}
    assert scope["__annotations__"] == {"y": "np.value"}


def test_annotations_that_are_evaluated_go_through_the_helper():
    text = "def f(x: np.index): pass\nr = f.__annotations__['x']"

    scope = {"__builtins__": {HELPER: lambda *_: "helped"}, "np": None, "__name__": "s"}
    exec(compile_program(text.encode(), "s.py", ALL), scope)

    assert scope["r"] == "helped"


def test_lines_of_errors_stay():
    scope = run("def f(x):\n    return (\n        x\n        .index\n    )\n")

    with pytest.raises(AttributeError) as caught:
        scope["f"](3)

    assert caught.tb.tb_next.tb_lineno == 3


def test_docstrings_and_encodings_stay():
    text = '# -*- coding: latin-1 -*-\n"""Größe."""\nx = "ß".index\n'.encode("latin-1")
    scope = {"__builtins__": {HELPER: getattr}, "__name__": "s"}

    exec(compile_program(text, "s.py", ALL), scope)

    assert scope["__doc__"] == "Größe."
    assert inspect.isbuiltin(scope["x"])


def test_deep_expressions_are_no_obstacle():
    text = f"x = ['ab'.index('b') {' + 1' * 600}]\n"

    assert run(text)["x"] == [601]


OWNERS = st.sampled_from(["a", "a.index", "(a + b)", "f(a)", "a[0]", "(lambda: a)()"])
READS = st.recursive(
    OWNERS,
    lambda inner: st.one_of(
        st.builds("{}.index".format, inner),
        st.builds("{}.other".format, inner),
        st.builds("g({}, k={})".format, inner, inner),
        st.builds("[{} for y in {}]".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(READS)
def test_any_expression_can_be_put_back(text):
    tree = ast.parse(f"x = {text}\n")

    rewrite(tree, ALL)

    assert not any(isinstance(n, ast.Attribute) and n.attr in ALL for n in ast.walk(tree))
    assert ast.dump(undo(tree)) == ast.dump(ast.parse(f"x = {text}\n"))
