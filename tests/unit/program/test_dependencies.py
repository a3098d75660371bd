# SPDX-License-Identifier: Apache-2.0
"""The block of dependencies at the top of a program."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidProgramError
from qruntime.program.dependencies import Dependencies, check_python, dependencies_of

MAIN = "def main(backend, user_messenger):\n    pass\n"


def source_of(text, path="program.py"):
    return ProgramSource({path: text if isinstance(text, bytes) else text.encode()}, path)


def block(*lines):
    return "".join(f"# {line}\n" if line else "#\n" for line in ("/// script", *lines, "///"))


def declared(*lines):
    return dependencies_of(source_of(block(*lines) + MAIN))


def test_a_program_without_a_block_declares_nothing():
    assert dependencies_of(source_of(MAIN)) is None


def test_a_block_gives_pythons_and_requirements_in_one_spelling():
    found = declared(
        'requires-python = ">=3.11"',
        "dependencies = [",
        '  "Net_WorkX >= 3, <4",',
        "",
        "  'attrs[B,a]; python_version > \"3\"',",
        "]",
    )

    assert found == Dependencies(">=3.11", ('attrs[a,b] ; python_version > "3"', "net-workx<4,>=3"))


def test_the_order_of_requirements_makes_no_difference():
    assert declared('dependencies = ["a", "b>1"]') == declared('dependencies = ["b > 1", "A", "a"]')


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_any_ends_of_lines_will_do(ends):
    text = (block('dependencies = ["a"]') + MAIN).replace("\n", ends)

    assert dependencies_of(source_of(text)) == Dependencies("", ("a",))


def test_a_block_is_found_in_the_encoding_of_the_file():
    text = "# -*- coding: latin-1 -*-\n# \xe9\n" + block('dependencies = ["a"]')

    assert dependencies_of(source_of(text.encode("latin-1"))) == Dependencies("", ("a",))


def test_the_block_of_the_entry_point_is_the_one_that_counts():
    files = {"program.py": MAIN.encode(), "other.py": block('dependencies = ["a"]').encode()}

    assert dependencies_of(ProgramSource(files, "program.py")) is None
    assert dependencies_of(ProgramSource(files, "other.py")) == Dependencies("", ("a",))


def test_blocks_of_other_kinds_and_tables_of_other_tools_are_nobodys_business_here():
    text = "# /// other\n# /// script\n# not toml\n# ///\n\n" + block("[tool.ruff]", "x = 1")

    assert dependencies_of(source_of(text)) == Dependencies()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# /// script\n# dependencies = []\n" + MAIN, "line 1: the block .* has no end"),
        ("# /// script\n#dependencies = []\n# ///\n", "has no end"),
        (block("dependencies = ") + MAIN, "not TOML"),
        (block() + "\n" + block(), "2 blocks"),
        (block('dependecies = ["a"]'), "did you mean 'dependencies'"),
        (block('dependencies = "a"'), "list of texts"),
        (block('dependencies = ["a", 1]'), "list of texts"),
        (block('dependencies = ["a >> 1"]'), "is no dependency"),
        (block('dependencies = ["./a"]'), "is no dependency"),
        (block('dependencies = ["/tmp/a.whl"]'), "is no dependency"),
        (block('dependencies = ["-r other.txt"]'), "is no dependency"),
        (block('dependencies = ["a\\n--index-url https://x"]'), "is no dependency"),
        (block('dependencies = ["git+https://x/a.git"]'), "is no dependency"),
        (block('dependencies = ["a @ https://x/a.whl"]'), "names a place"),
        (block('dependencies = ["a @ file:///a.whl"]'), "names a place"),
        (block('dependencies = ["a @ git+https://x/a.git"]'), "names a place"),
        (block("requires-python = 3"), "requires-python"),
        (block('requires-python = "three"'), "requires-python"),
        (block("[tool.uv]", 'index-url = "https://x"'), "operator"),
        (block("tool = 1"), "operator"),
        (block(f"dependencies = {json.dumps([f'a{n}' for n in range(101)])}"), "100 dependencies"),
    ],
)
def test_a_block_that_cannot_be_honoured_is_refused(text, message):
    with pytest.raises(InvalidProgramError, match=message):
        dependencies_of(source_of(text))


def test_a_name_that_looks_like_a_file_is_a_name():
    found = declared('dependencies = ["evil-1.0-py3-none-any.whl", "x.tar.gz"]')

    assert found is not None
    assert found.requirements == ("evil-1-0-py3-none-any-whl", "x-tar-gz")


def test_a_python_that_the_program_does_not_run_on_is_refused():
    check_python(Dependencies(">=3.11"), "program.py")

    with pytest.raises(InvalidProgramError, match=r"requires Python <3\.11; programs run on 3"):
        check_python(Dependencies("<3.11"), "program.py")


names = st.from_regex(r"[a-z0-9]([a-z0-9]|-[a-z0-9]){0,9}", fullmatch=True)
comments = st.lists(st.sampled_from(["#", "# more", "# ///x", "x = 1", "", "#///"]), max_size=4)


@given(st.sets(names, max_size=6), comments, comments)
def test_what_stands_around_a_block_does_not_change_it(requirements, before, after):
    listed = block(f"dependencies = {json.dumps(sorted(requirements))}")
    text = "\n".join([*before, listed, *after])

    assert dependencies_of(source_of(text)) == Dependencies("", tuple(sorted(requirements)))


@given(st.text(max_size=40))
def test_any_text_as_a_dependency_is_one_line_without_a_path_or_refused(text):
    try:
        found = declared(f"dependencies = [{json.dumps(text)}]")
    except InvalidProgramError:
        return

    assert found is not None
    (line,) = found.requirements
    assert line[0].isalnum()
    assert len(line.splitlines()) == 1
    assert "/" not in line.partition(";")[0]
    assert "@" not in line.partition(";")[0]
