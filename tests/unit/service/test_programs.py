# SPDX-License-Identifier: Apache-2.0
"""The ids of programs."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qruntime.errors import InvalidProgramError
from qruntime.service.programs import program_id_of


@pytest.mark.parametrize(
    ("name", "program_id"),
    [
        ("hello-world", "hello-world"),
        ("My VQE (H2)!", "my-vqe-h2"),
        ("  spaced   out ", "spaced-out"),
        ("v1.2_final", "v1.2_final"),
    ],
)
def test_an_id_is_made_of_the_words_of_the_name(name, program_id):
    assert program_id_of(name) == program_id


@given(st.text(max_size=100))
def test_an_id_is_safe_in_a_path_and_in_a_url_or_refused(name):
    try:
        program_id = program_id_of(name)
    except InvalidProgramError:
        return

    assert set(program_id) <= set(string.ascii_lowercase + string.digits + "-_.")
    assert not program_id.startswith(("-", "."))
    assert program_id_of(program_id) == program_id


@pytest.mark.parametrize("name", ["", "!!!", "..", "x" * 129])
def test_a_name_that_makes_no_id_is_refused(name):
    with pytest.raises(InvalidProgramError, match="makes no id"):
        program_id_of(name)
