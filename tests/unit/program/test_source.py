# SPDX-License-Identifier: Apache-2.0
"""Program sources are read from every form, and nothing hostile in one gets through."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidProgramError
from qruntime.program import source as sources
from qruntime.program.source import read_source, write_source

MAIN = "def main(backend, user_messenger):\n    return 1\n"


def zipped(files, *, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def refusal(data, **options):
    with pytest.raises(InvalidProgramError) as caught:
        read_source(data, **options)
    return str(caught.value)


def put(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_a_file_is_a_program(tmp_path):
    path = put(tmp_path, {"vqe.py": MAIN}) / "vqe.py"

    assert read_source(str(path)) == ProgramSource({"vqe.py": MAIN.encode()}, "vqe.py")


def test_source_text_is_a_program():
    assert read_source(MAIN) == ProgramSource({"program.py": MAIN.encode()}, "program.py")


def test_source_text_of_one_line_is_a_program():
    text = "def main(backend, user_messenger): return 1"

    assert read_source(text).files == {"program.py": text.encode()}


def test_source_bytes_are_a_program():
    assert read_source(MAIN.encode()).files == {"program.py": MAIN.encode()}


def test_a_zip_and_its_folder_give_equal_programs(tmp_path):
    files = {"program.py": MAIN, "helpers/__init__.py": "", "data.txt": "x"}
    folder = put(tmp_path / "p", files)
    (tmp_path / "p.zip").write_bytes(zipped(files))

    assert read_source(folder).digest == read_source(tmp_path / "p.zip").digest
    assert read_source(folder).digest == read_source(zipped(files)).digest


def test_a_zip_of_one_folder_is_that_folder():
    assert read_source(zipped({"p/program.py": MAIN, "p/a.py": ""})).entry_point == "program.py"


def test_a_missing_path_is_said_to_be_missing_with_the_nearest_name(tmp_path):
    put(tmp_path, {"vqe.py": MAIN})

    message = refusal(str(tmp_path / "vqee.py"))

    assert message.startswith("no such file or folder")
    assert "did you mean 'vqe.py'?" in message


@pytest.mark.parametrize("data", ["nowhere.py", "nowhere", "some/folder", "nowhere.zip"])
def test_text_that_looks_like_a_path_is_not_taken_for_source(data):
    assert refusal(data).startswith("no such file or folder")


@pytest.mark.parametrize("data", [1, None, ["a"]])
def test_other_types_are_refused(data):
    assert "not as" in refusal(data)


def test_binary_rubbish_is_refused():
    assert "neither a zip file nor" in refusal(b"\0\1\2")


def test_a_file_that_is_not_python_is_refused(tmp_path):
    assert "a Python file (.py)" in refusal(put(tmp_path, {"a.txt": "x"}) / "a.txt")


def test_a_folder_without_python_is_refused(tmp_path):
    assert "holds no Python file" in refusal(put(tmp_path, {"a.txt": "x"}))


@pytest.mark.parametrize(
    ("files", "entry_point"),
    [
        ({"program.py": "", "main.py": MAIN, "a.py": MAIN}, "program.py"),
        ({"main.py": "", "a.py": MAIN}, "main.py"),
        ({"a.py": "", "a.txt": ""}, "a.py"),
        ({"a.py": MAIN, "b.py": "", "c/d.py": MAIN}, "a.py"),
    ],
)
def test_the_entry_point_is_found(files, entry_point, tmp_path):
    assert read_source(put(tmp_path, files)).entry_point == entry_point


@pytest.mark.parametrize("files", [{"a.py": MAIN, "b.py": MAIN}, {"a.py": "", "b.py": ""}])
def test_an_entry_point_in_doubt_is_refused_with_the_candidates(files, tmp_path):
    message = refusal(put(tmp_path, files))

    assert "name the entry point; Python files: a.py, b.py" in message


def test_a_given_entry_point_wins(tmp_path):
    folder = put(tmp_path, {"program.py": MAIN, "lib/other.py": MAIN})

    assert read_source(folder, entry_point="lib/other.py").entry_point == "lib/other.py"


def test_a_given_entry_point_must_exist(tmp_path):
    folder = put(tmp_path, {"program.py": MAIN})

    assert "did you mean 'program.py'?" in refusal(folder, entry_point="progam.py")


def test_caches_hidden_files_and_environments_are_left_out(tmp_path):
    ignored = {
        "__pycache__/a.py": "",
        ".git/config": "",
        ".hidden.py": "",
        "venv/lib/x.py": "",
        "mine/pyvenv.cfg": "",
        "mine/lib/x.py": "",
        "old.pyc": "",
    }

    assert set(read_source(put(tmp_path, {"program.py": MAIN, **ignored})).files) == {"program.py"}


def test_what_is_written_is_what_was_read(tmp_path):
    source = read_source(zipped({"program.py": MAIN, "lib/a.py": "x = 1\n"}))

    write_source(source, tmp_path / "out")

    assert read_source(tmp_path / "out") == source


@pytest.mark.parametrize("path", ["../a.py", "/a.py", "a/../../b.py", "c:/a.py", "a\\b.py", "a\0b"])
def test_nothing_is_written_outside_the_folder(path, tmp_path):
    with pytest.raises(InvalidProgramError):
        write_source(ProgramSource({"program.py": b"", path: b""}, "program.py"), tmp_path / "out")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("../evil.py", "leads out of the program"),
        ("a/../../evil.py", "leads out of the program"),
        ("/etc/evil.py", "is absolute"),
        ("C:/evil.py", "is absolute"),
        ("a\\evil.py", "backslash"),
    ],
)
def test_a_zip_cannot_reach_out(path, told):
    assert told in refusal(zipped({"program.py": MAIN, path: "x"}))


def with_entry(change):
    info = zipfile.ZipInfo("odd.py")
    change(info)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("program.py", MAIN)
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def test_a_link_in_a_zip_is_refused():
    data = with_entry(lambda info: setattr(info, "external_attr", (stat.S_IFLNK | 0o777) << 16))

    assert "symbolic link: 'odd.py'" in refusal(data)


def test_a_device_in_a_zip_is_refused():
    data = with_entry(lambda info: setattr(info, "external_attr", (stat.S_IFCHR | 0o777) << 16))

    assert "not a file: 'odd.py'" in refusal(data)


def test_an_encrypted_zip_is_refused():
    data = bytearray(zipped({"program.py": MAIN}))
    data[data.index(b"PK\x01\x02") + 8] |= 1

    assert "encrypted" in refusal(bytes(data))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_a_zip_has_twice_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("program.py", MAIN)
        archive.writestr("./program.py", "evil")

    assert "'program.py' twice" in refusal(buffer.getvalue())


def test_a_name_that_is_file_and_folder_is_refused():
    assert "both as a file and as a folder" in refusal(zipped({"a.py": MAIN, "a.py/b/c.py": ""}))


def test_a_zip_that_declares_too_much_is_refused():
    assert "50 MB at most" in refusal(zipped({"program.py": MAIN, "zeros": bytes(50_000_001)}))


def test_a_zip_that_lies_about_its_size_is_refused():
    data = bytearray(zipped({"program.py": MAIN, "zeros": bytes(1_000_000)}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")

    assert "zip" in refusal(bytes(data))


def test_a_bomb_is_stopped_at_the_real_size(monkeypatch):
    monkeypatch.setattr("qruntime.program.archive.MAX_BYTES", 20_000)
    bomb = zipped({f"{number}.py": bytes(10_000) for number in range(3)})

    assert "larger than" in refusal(bomb)


def test_too_many_files_are_refused():
    files = {f"f{number}.py": "" for number in range(sources.MAX_FILES + 1)}

    assert "1000 files at most" in refusal(zipped(files))


def test_a_broken_zip_is_refused():
    assert "broken" in refusal(zipped({"program.py": MAIN})[:-30])


def test_other_compression_methods_are_refused():
    data = zipped({"program.py": MAIN}, compression=zipfile.ZIP_BZIP2)

    assert "another method than deflate" in refusal(data)


def test_a_folder_beyond_the_limit_is_refused(tmp_path):
    with (put(tmp_path, {"program.py": MAIN}) / "big").open("wb") as file:
        file.truncate(sources.MAX_BYTES + 1)

    assert "50 MB at most" in refusal(tmp_path)


def test_a_link_out_of_a_folder_is_refused(tmp_path):
    put(tmp_path, {"secret": "x", "p/program.py": MAIN})
    (tmp_path / "p" / "link").symlink_to(tmp_path / "secret")

    assert "leads out of the program's folder" in refusal(tmp_path / "p")
