# SPDX-License-Identifier: Apache-2.0
"""The documentation: its code runs, its links lead somewhere, its references are complete.

The ``python`` blocks of a page run in order, in one namespace and one empty folder. A block whose
first line is ``# name.py``, and any block with ``title="name"``, is written to that file instead.
A ``text`` block right after a ``python`` block is what that one prints. A block with
``<!-- not run: reason -->`` on the line before it is left alone.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import shlex
import sys
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import typer.main

import qruntime
from qruntime import errors
from qruntime.cli.main import app
from qruntime.core.programs import ProgramMetadata, ProgramSpec

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [ROOT / "README.md", *DOCS.rglob("*.md")], key=lambda page: page.relative_to(ROOT).as_posix()
)
RUN = [page for page in PAGES if page != DOCS / "reference" / "program-backend.md"]

FENCE = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n)?"
    r"^(?P<fence>```+)(?P<language>\w*)(?P<info>[^\n]*)\n(?P<code>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
FILE_COMMENT = re.compile(r"# (?P<file>[\w./-]+\.py)\n")
TITLE = re.compile(r'title="(?P<file>[\w./-]+)"')
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@dataclass
class Block:
    language: str
    code: str
    line: int
    file: str | None
    runs: bool
    printed: str | None = None


def blocks_of(page):
    text = page.read_text()
    found = []
    end = 0
    for match in FENCE.finditer(text):
        language, code = match["language"], match["code"]
        comment = FILE_COMMENT.match(code) if language == "python" else None
        named = TITLE.search(match["info"]) or comment
        block = Block(
            language,
            code,
            text.count("\n", 0, match.start("code")) + 1,
            named["file"] if named else None,
            language == "python" and not named and match["skip"] is None,
        )
        if (
            language == "text"
            and found
            and found[-1].runs
            and not text[end : match.start()].strip()
        ):
            found[-1].printed = code
        found.append(block)
        end = match.end()
    return found


def name_of(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_code_of_a_page_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded = set(sys.modules)
    output = io.StringIO()
    namespace = {"__name__": "page"}
    try:
        # One redirection for the page: a job that is being stopped may print between two blocks.
        with contextlib.redirect_stdout(output):
            for block in blocks_of(page):
                do(block, namespace, output, name_of(page))
    finally:
        forget_modules_of(tmp_path, loaded)


def do(block, namespace, output, page):
    if block.file is not None:
        Path(block.file).parent.mkdir(parents=True, exist_ok=True)
        Path(block.file).write_text(block.code)
        importlib.invalidate_caches()
    elif block.runs:
        before = len(output.getvalue())
        exec(compile("\n" * (block.line - 1) + block.code, page, "exec"), namespace)
        if block.printed is not None:
            assert output.getvalue()[before:] == block.printed, f"{page}:{block.line}"


def forget_modules_of(folder, loaded):
    for name in set(sys.modules) - loaded:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
            del sys.modules[name]


def test_json_and_toml_blocks_can_be_read():
    readers = {"json": json.loads, "toml": tomllib.loads}
    read = [
        readers[block.language](block.code)
        for page in PAGES
        for block in blocks_of(page)
        if block.language in readers
    ]

    assert read


def command_lines():
    return [
        (name_of(page), line.removeprefix("$ "))
        for page in PAGES
        for block in blocks_of(page)
        if block.language in ("console", "sh")
        for line in block.code.splitlines()
        if line.startswith("$ qruntime ") and "[" not in line
    ]


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_every_command_line_that_is_shown_is_one(page, line):
    group = typer.main.get_command(app)
    _, *arguments = shlex.split(re.split(r"[|>]", line)[0])
    if arguments in (["--help"], ["run", "--help"]):
        return
    name, command, parent = "qruntime", group, None
    while isinstance(command, typer.core.TyperGroup):
        parent = command.make_context(name, list(arguments), parent=parent)
        name, command, arguments = command.resolve_command(parent, arguments)

    assert command.make_context(name, arguments, parent=parent).params is not None


def commands():
    group = typer.main.get_command(app)
    single = {k: v for k, v in group.commands.items() if not isinstance(v, typer.core.TyperGroup)}
    return {"": group, **single}


def subcommands():
    group = typer.main.get_command(app)
    groups = {k: v for k, v in group.commands.items() if isinstance(v, typer.core.TyperGroup)}
    return {f"{name} {sub}": each for name, g in groups.items() for sub, each in g.commands.items()}


def options_of(command):
    return [
        option
        for parameter in command.params
        if parameter.param_type_name == "option"
        for option in [*parameter.opts, *parameter.secondary_opts]
    ]


@pytest.mark.parametrize("name", subcommands())
def test_every_command_of_a_group_is_in_the_reference_with_its_options(name):
    text = (DOCS / "reference" / "cli.md").read_text()
    (row,) = re.findall(rf"^\| `qruntime {name}\b.*$", text, re.MULTILINE)
    own = set(options_of(subcommands()[name])) - {"--url", "--json", "--help"}

    assert [option for option in sorted(own) if f"`{option}" not in row] == []


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_in_the_reference(name):
    text = (DOCS / "reference" / "cli.md").read_text()
    command = commands()[name]
    options = options_of(command)
    section = text if not name else section_of(text, f"qruntime {name}")

    in_tables = "\n".join(re.findall(r"^\|([^|]*)\|", section, re.MULTILINE))
    assert [option for option in options if not re.search(rf"`{option}\b", in_tables)] == []


def section_of(text, heading):
    found = re.search(rf"^## .*\b{re.escape(heading)}\b.*\n", text, re.MULTILINE)
    assert found, f"no section '{heading}'"
    rest = text[found.end() :]
    return rest.partition("\n## ")[0]


def error_classes():
    """Return all but the root, which is never raised as it is."""
    return [
        item
        for item in vars(errors).values()
        if isinstance(item, type)
        and issubclass(item, errors.QRuntimeError)
        and item is not errors.QRuntimeError
    ]


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.__name__)
def test_every_error_is_in_the_tree_and_the_tables_with_its_code(error):
    text = (DOCS / "reference" / "errors.md").read_text()

    assert re.search(rf"^(?:.*── )?{error.__name__}\b", text, re.MULTILINE)
    assert f"| `{error.__name__}` | `{error.code}` |" in text


def test_the_tree_of_errors_is_the_one_in_the_code():
    in_code = [
        re.sub(r"(?<=[\w)]) {2,}.*", "", line.removeprefix("    "))
        for line in (errors.__doc__ or "").splitlines()
        if line.startswith("    ")
    ]

    assert "\n".join(in_code) in (DOCS / "reference" / "errors.md").read_text()


def test_every_public_name_is_in_the_api_once():
    text = (DOCS / "reference" / "api.md").read_text()
    named = re.findall(r"^::: qruntime\.(\w+)$", text, re.MULTILINE)

    assert sorted(named) == sorted(qruntime.__all__)


def metadata_keys():
    top = [field.name for field in fields(ProgramMetadata)]
    return [*top, *(f"spec.{field.name}" for field in fields(ProgramSpec))]


@pytest.mark.parametrize("key", metadata_keys())
def test_every_metadata_key_is_in_the_table(key):
    text = (DOCS / "guides" / "programs.md").read_text()

    assert f"\n| `{key}` |" in text


def links():
    return [
        (page, match["target"])
        for page in PAGES
        for match in LINK.finditer(FENCE.sub("", page.read_text()))
        if "://" not in match["target"]
    ]


@pytest.mark.parametrize(
    ("page", "target"), links(), ids=[f"{name_of(page)}-{target}" for page, target in links()]
)
def test_a_link_leads_to_a_file_and_to_a_heading_in_it(page, target):
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page

    assert file.exists()
    if anchor:
        assert anchor in {slug(match["title"]) for match in HEADING.finditer(file.read_text())}


def slug(title):
    words = re.sub(r"[^\w\s-]", "", title.lower()).strip()
    return re.sub(r"[\s-]+", "-", words)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_every_page_is_in_the_navigation(page):
    text = (ROOT / "mkdocs.yml").read_text()

    assert f": {page.relative_to(DOCS).as_posix()}\n" in text
