# SPDX-License-Identifier: Apache-2.0
"""Programs are checked and loaded, and whatever is wrong with one is told in its own terms."""

from __future__ import annotations

import pickle
import sys

import pytest

from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidInputError, InvalidProgramError
from qruntime.program.loader import (
    check_inputs,
    check_program,
    load_program,
    program_traceback,
)

MAIN = "def main(backend, user_messenger, **inputs):\n    return inputs\n"


def source_of(*texts, **files):
    paths = {path.replace("__", "/") + ".py": text.encode() for path, text in files.items()}
    return ProgramSource(
        {**({"program.py": texts[0].encode()} if texts else {}), **paths}, "program.py"
    )


def refusal(text):
    with pytest.raises(InvalidProgramError) as caught:
        check_program(source_of(text))
    return str(caught.value)


def import_failure(text, folder, **files):
    with pytest.raises(InvalidProgramError) as caught:
        load_program(source_of(text, **files), folder)
    return caught.value


def trace_of(text, folder, **files):
    loaded = load_program(source_of(text, **files), folder)
    try:
        loaded.main(None, None)
    except BaseException as error:
        return program_traceback(error, folder)
    raise AssertionError("the program did not raise")


@pytest.mark.parametrize(
    "text",
    [
        MAIN,
        "def main(a, b, c=1): pass",
        "def main(*args): pass",
        "main = print",
        "from helpers import main",
        "from helpers import run as main",
        "from helpers import *",
        "import os as main",
        "if True:\n    def main(backend, user_messenger): pass",
        "try:\n    from a import main\nexcept ImportError:\n    main = None",
        "@wrapped\ndef main(): pass",
        "def main(backend, user_messenger, /, n): pass",
        "class main:\n    pass",
        "a, main = 1, print",
    ],
)
def test_a_program_with_a_fitting_main_passes(text):
    check_program(source_of(text))


@pytest.mark.parametrize("text", ["", "def Main(a, b): pass", "class A:\n    def main(a, b): pass"])
def test_a_program_without_main_is_refused(text):
    assert "program.py defines no main; needed: def main(backend, user_messenger" in refusal(text)


def test_the_functions_that_there_are_instead_of_main_are_named():
    assert "functions in it: run" in refusal("def run(a, b): pass")


@pytest.mark.parametrize(
    "text", ["def main(): pass", "def main(backend): pass", "def main(**x): 0"]
)
def test_a_main_that_takes_too_little_is_refused_with_its_signature(text):
    message = refusal(text)

    assert f"it has main({text[9 : text.index(')')]})" in message
    assert "needed: main(backend, user_messenger" in message


def test_an_async_main_is_refused():
    assert "which is async" in refusal("async def main(backend, user_messenger): pass")


def test_inputs_that_cannot_be_given_by_name_are_refused():
    assert "'n' cannot be given by name" in refusal("def main(a, b, n, /): pass")


def test_a_syntax_error_is_told_with_file_line_and_text():
    with pytest.raises(InvalidProgramError) as caught:
        check_program(source_of(MAIN, helpers="x = 1\ny = = 2\n"))

    assert str(caught.value) == "helpers.py, line 2: invalid syntax\n    y = = 2"


@pytest.mark.parametrize("text", ["x = '\0'", "(" * 5000, "# coding: nonsense\n"])
def test_what_the_parser_cannot_take_is_refused(text):
    assert refusal(text).startswith("program.py")


def test_the_module_is_named_program_and_lies_on_disk(tmp_path):
    loaded = load_program(source_of(f"{MAIN}class A: pass\n"), tmp_path / "p")

    assert loaded.module.A.__module__ == loaded.module.__name__ == "program"
    assert loaded.module.__file__ == str(tmp_path / "p" / "program.py")
    assert loaded.main(None, None, a=1) == {"a": 1}


def test_a_script_guarded_by_name_does_not_run(tmp_path):
    load_program(source_of(f"{MAIN}if __name__ == '__main__':\n    raise SystemExit\n"), tmp_path)


def test_an_assigned_main_must_be_a_function(tmp_path):
    assert "defines no function main" in str(import_failure("main = 3", tmp_path))


def test_an_assigned_main_must_take_a_backend_and_a_messenger(tmp_path):
    message = str(import_failure("main = lambda backend: 1", tmp_path))

    assert "has main(backend); needed: main(backend, user_messenger" in message


def test_an_assigned_main_must_not_be_async(tmp_path):
    text = "async def run(a, b): pass\nmain = run"

    assert "is async" in str(import_failure(text, tmp_path))


def test_an_exception_while_importing_is_told_with_the_programs_own_traceback(tmp_path):
    error = import_failure(f"import json\n{MAIN}x = json.loads('{{')\n", tmp_path)

    assert isinstance(error.__cause__, ValueError)
    assert '  File "program.py", line 4, in <module>\n    x = json.loads' in str(error)
    assert 'File "json/decoder.py"' in str(error)
    assert "qruntime" not in str(error)
    assert str(tmp_path) not in str(error)


def test_a_missing_module_is_named(tmp_path):
    message = str(import_failure(f"import not_there_at_all\n{MAIN}", tmp_path))

    assert "no module 'not_there_at_all' is installed for programs" in message


def test_a_program_cannot_end_the_interpreter_while_it_is_imported(tmp_path):
    assert "ends the interpreter" in str(import_failure(f"{MAIN}raise SystemExit(3)", tmp_path))


def test_loading_leaves_no_module_of_the_program_behind(tmp_path):
    before = set(sys.modules)

    load_program(source_of(f"import helpers_x\n{MAIN}", helpers_x=""), tmp_path)

    assert not {"program", "helpers_x"} & (set(sys.modules) - before)


def test_a_failed_import_leaves_no_module_behind(tmp_path):
    import_failure(f"import helpers_x\n{MAIN}", tmp_path, helpers_x="1/0")

    assert not {"program", "helpers_x"} & set(sys.modules)


def test_data_classes_with_text_annotations_work(tmp_path):
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        f"from typing import ClassVar\n@dataclass\nclass A:\n    n: int\n"
        f"    k: ClassVar[int] = 2\n{MAIN}"
    )

    assert load_program(source_of(text), tmp_path).module.A(1).n == 1


def test_classes_of_a_registered_program_can_be_pickled(tmp_path):
    loaded = load_program(
        source_of(f"from lib_x import A\n{MAIN}", lib_x="class A: pass"), tmp_path
    )

    with loaded.registered():
        copy = pickle.loads(pickle.dumps(loaded.module.A()))

    assert type(copy) is loaded.module.A
    assert "program" not in sys.modules


def main_of(parameters):
    scope = {}
    exec(f"def main({parameters}): pass", scope)
    return scope["main"]


@pytest.mark.parametrize(
    ("parameters", "inputs"),
    [
        ("backend, user_messenger", {}),
        ("b, m, shots", {"shots": 1}),
        ("b, m, shots=1", {}),
        ("b, m, **kw", {"anything": 1}),
        ("b, m, *, n", {"n": 1}),
        ("*args, n=1", {"n": 2}),
        ("b, m, /, **kw", {"b": 1}),
    ],
)
def test_fitting_inputs_pass(parameters, inputs):
    assert check_inputs(main_of(parameters), inputs) == inputs


def test_what_old_clients_add_is_dropped():
    inputs = {"n": 1, "_ParameterNamespace__metadata": {}}

    assert check_inputs(main_of("b, m, n"), inputs) == {"n": 1}


def test_unknown_and_missing_inputs_are_named_together():
    with pytest.raises(InvalidInputError) as caught:
        check_inputs(main_of("b, m, shots, seed=1"), {"shot": 1})

    assert str(caught.value) == (
        "unknown input 'shot'; did you mean 'shots'?; input 'shots' is missing. "
        "Inputs of this program: shots, seed (optional)"
    )


def test_a_missing_input_is_named_where_any_other_is_allowed():
    with pytest.raises(InvalidInputError, match=r"input 'n' is missing\. .*: n, any other"):
        check_inputs(main_of("b, m, n, **kw"), {"x": 1})


@pytest.mark.parametrize("parameters", ["backend, m", "backend, m, **kw"])
def test_what_the_runtime_gives_cannot_be_an_input(parameters):
    with pytest.raises(InvalidInputError, match="'backend' is given by the runtime"):
        check_inputs(main_of(parameters), {"backend": 1})


def test_a_traceback_shows_the_programs_frames_and_one_line_of_a_library(tmp_path):
    text = "import json\ndef main(b, m):\n    helper()\ndef helper():\n    json.loads('{')\n"

    trace = trace_of(text, tmp_path)

    lines = trace.splitlines()
    assert lines[1:3] == ['  File "program.py", line 3, in main', "    helper()"]
    assert [line for line in lines if "json/" in line] == [
        line for line in lines if line.startswith('  File "json/decoder.py"')
    ]
    assert lines[-1].startswith("json.decoder.JSONDecodeError: Expecting property name")


def test_a_traceback_leaves_out_a_library_between_frames_of_the_program(tmp_path):
    text = "import json\ndef main(b, m):\n    json.dumps({1}, default=cost)\n"
    text += "def cost(x):\n    return 1 / 0\n"

    trace = trace_of(text, tmp_path)

    assert "in main" in trace
    assert "in cost" in trace
    assert "json/" not in trace


def test_a_traceback_keeps_causes_contexts_and_notes(tmp_path):
    text = (
        "def main(b, m):\n    try:\n        try:\n            1 / 0\n"
        "        except ZeroDivisionError:\n            [][1]\n"
        "    except IndexError as error:\n        error.add_note('seen at night')\n"
        "        raise ValueError('outer') from error\n"
    )

    trace = trace_of(text, tmp_path)

    order = ["division by zero", "During handling", "IndexError", "seen at night", "direct cause"]
    places = [trace.index(part) for part in [*order, "ValueError: outer"]]
    assert places == sorted(places)


def test_a_traceback_shows_a_syntax_error(tmp_path):
    trace = trace_of("def main(b, m):\n    exec('x = = 1')\n", tmp_path)

    assert "    x = = 1\n" in trace
    assert trace.endswith("SyntaxError: invalid syntax\n")


def test_paths_in_a_traceback_of_a_second_file_are_relative(tmp_path):
    text = "from lib.steps import go\ndef main(b, m):\n    go()\n"

    trace = trace_of(text, tmp_path, lib__steps="def go():\n    raise KeyError('k')\n")

    assert '  File "lib/steps.py", line 2, in go\n    raise KeyError' in trace


@pytest.mark.parametrize(
    "body",
    [
        "def __str__(self): raise ValueError",
        "def __str__(self): raise KeyboardInterrupt",
        "def __str__(self): return 3",
        "__notes__ = property(lambda self: 1 / 0)",
        "__notes__ = 7",
        "__module__ = property(lambda self: 1 / 0)",
        "def __getattribute__(self, name): raise ValueError",
        "def __eq__(self, other): raise ValueError",
        "__cause__ = 5",
    ],
)
def test_a_hostile_exception_cannot_break_the_traceback(body, tmp_path):
    text = f"class Evil(Exception):\n    {body}\ndef main(b, m):\n    raise Evil\n"

    trace = trace_of(text, tmp_path)

    assert 'File "program.py", line 4, in main' in trace
    assert "Evil" in trace


def test_a_huge_message_is_shortened(tmp_path):
    trace = trace_of("def main(b, m):\n    raise ValueError('x' * 5_000_000)\n", tmp_path)

    assert len(trace) < 110_000
    assert "characters left out" in trace


def test_endless_recursion_gives_a_short_traceback(tmp_path):
    trace = trace_of("def main(b, m):\n    main(b, m)\n", tmp_path)

    assert "Previous line repeated" in trace
    assert len(trace) < 3_000
