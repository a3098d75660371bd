# SPDX-License-Identifier: Apache-2.0
"""A program imports its own files from a table of its own, and everything else as usual."""

from __future__ import annotations

import sys
import threading

import pytest

from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidProgramError
from qruntime.program.loader import load_program


def load(folder, entry_point="program.py", /, **files):
    paths = {f"{path.replace('__', '/')}.py": text.encode() for path, text in files.items()}
    return load_program(ProgramSource(paths, entry_point), folder)


def result(folder, **files):
    return load(folder, **files).main(None, None)


MAIN = "def main(b, m):\n    return "


@pytest.mark.parametrize(
    ("statement", "expression"),
    [
        ("import helpers", "helpers.value"),
        ("import helpers as h", "h.value"),
        ("from helpers import value", "value"),
        ("from helpers import *", "value"),
        ("from . import helpers", "helpers.value"),
        ("from .helpers import value", "value"),
        ("import pkg.deep.leaf", "pkg.deep.leaf.value"),
        ("import pkg.deep.leaf as leaf", "leaf.value"),
        ("from pkg.deep import leaf", "leaf.value"),
        ("from pkg.deep.leaf import value", "value"),
        ("from pkg.user import value", "value"),
        ("from pkg import user", "user.value"),
        ("from plain import inside", "inside.value"),
        ("import plain.inside", "plain.inside.value"),
    ],
)
def test_every_form_of_import_finds_the_programs_own_files(statement, expression, tmp_path):
    files = {
        "helpers.py": "value = 7",
        "pkg/__init__.py": "",
        "pkg/deep/__init__.py": "",
        "pkg/deep/leaf.py": "value = 7",
        "pkg/user.py": "from . import deep\nfrom ..helpers import value",
        "plain/inside.py": "value = 7",
        "program.py": f"{statement}\n{MAIN}{expression}\n",
    }
    source = ProgramSource({path: text.encode() for path, text in files.items()}, "program.py")

    assert load_program(source, tmp_path).main(None, None) == 7


def test_two_programs_with_files_of_one_name_do_not_meet(tmp_path):
    text = f"import helpers\n{MAIN}helpers.value\n"

    first = load(tmp_path / "1", program=text, helpers="value = 1")
    second = load(tmp_path / "2", program=text, helpers="value = 2")

    assert (first.main(None, None), second.main(None, None)) == (1, 2)


def test_an_import_inside_a_function_finds_the_programs_own_files_later(tmp_path):
    loaded = load(
        tmp_path,
        program="def main(b, m):\n    import helpers\n    return helpers.value\n",
        helpers="value = 3",
    )

    assert loaded.main(None, None) == 3
    assert "helpers" not in sys.modules


def test_a_module_runs_once(tmp_path):
    files = {
        "a": "import count",
        "count": "from tally import seen\nseen.append(1)",
        "tally": "seen=[]",
    }
    program = f"import a, count, tally\nfrom a import count as c\n{MAIN}len(tally.seen)\n"

    assert result(tmp_path, program=program, **files) == 1


def test_files_may_import_each_other_and_the_program(tmp_path):
    files = {"a": "import b\nimport program\ndef f():\n    return program.K", "b": "import a"}

    assert result(tmp_path, program=f"K = 4\nimport a\n{MAIN}a.f()\n", **files) == 4


def test_the_entry_point_is_one_module_under_both_its_names(tmp_path):
    loaded = load(
        tmp_path, "vqe.py", vqe=f"import a\nseen = []\n{MAIN}a.same()\n",
        a="def same():\n    import vqe, program\n    return vqe is program\n",
    )  # fmt: skip

    assert loaded.main(None, None) is True


def test_a_file_of_the_program_hides_an_installed_module_from_the_program_only(tmp_path):
    import colorsys

    assert (
        result(tmp_path, program=f"import colorsys\n{MAIN}colorsys.value\n", colorsys="value=1")
        == 1
    )
    assert sys.modules["colorsys"] is colorsys


def test_a_folder_without_init_does_not_hide_an_installed_package(tmp_path):
    files = {"json__data": "x = 1"}

    assert result(tmp_path, program=f"import json\n{MAIN}json.dumps(1)\n", **files) == "1"


def test_an_entry_point_in_a_folder_sees_its_neighbours(tmp_path):
    loaded = load(
        tmp_path, "src/run.py", src__run=f"import near, far\n{MAIN}near.v + far.v\n",
        src__near="v = 1", far="v = 2",
    )  # fmt: skip

    assert loaded.main(None, None) == 3


def test_a_file_that_fails_can_be_imported_again(tmp_path):
    text = "def main(b, m):\n    for _ in range(2):\n        try:\n            import bad\n"
    text += "        except ZeroDivisionError:\n            n = _\n    return n\n"

    assert result(tmp_path, program=text, bad="1/0") == 1


def test_a_missing_part_of_the_program_is_named(tmp_path):
    with pytest.raises(InvalidProgramError, match=r"no module 'pkg\.gone'"):
        load(tmp_path, program=f"import pkg.gone\n{MAIN}1\n", pkg__here="")


def test_a_missing_name_is_an_import_error(tmp_path):
    text = "def main(b, m):\n    try:\n        from helpers import gone\n"
    text += "    except ImportError:\n        return 'refused'\n"

    assert result(tmp_path, program=text, helpers="") == "refused"


def test_a_relative_import_cannot_leave_the_program(tmp_path):
    with pytest.raises(InvalidProgramError, match="beyond the top"):
        load(tmp_path, program=f"from .. import a\n{MAIN}1\n", a="")


def test_a_module_knows_its_file_and_package(tmp_path):
    text = f"from pkg import mod\n{MAIN}(mod.__file__, mod.__package__, mod.__name__)\n"

    found = result(tmp_path, program=text, pkg__mod="")

    assert found == (str(tmp_path / "pkg" / "mod.py"), "pkg", "pkg.mod")


def test_the_builtins_of_others_stay_as_they_are(tmp_path):
    import builtins

    before = dict(vars(builtins))

    load(tmp_path, program=f"import numpy\n{MAIN}1\n")

    assert dict(vars(builtins)) == before


def test_a_thread_waits_for_a_file_that_another_thread_is_importing(tmp_path):
    loaded = load(
        tmp_path,
        program="def main(b, m):\n    import slow\n    return slow.value\n",
        slow="for _ in range(500_000):\n    pass\nvalue = 5",
    )
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(loaded.main(None, None))) for _ in "abcd"
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [5] * 4
