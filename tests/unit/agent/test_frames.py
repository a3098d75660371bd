# SPDX-License-Identifier: Apache-2.0
"""Reading what a worker sends, whoever wrote it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qruntime.agent.frames import Lines, failure_frame, failure_of, read_frame
from qruntime.core.jobs import JobFailure
from qruntime.errors import UndecodableError
from qruntime.worker.task import Frame, FrameKind

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.binary())
def test_bytes_are_a_frame_or_refused(line):
    with contextlib.suppress(UndecodableError):
        assert isinstance(read_frame(line), Frame)


@given(st.sampled_from([*FrameKind]), values | values.map(json.dumps), values)
def test_a_frame_that_is_read_holds_what_its_kind_promises(kind, data, level):
    try:
        frame = read_frame(json.dumps([kind, data, level]).encode())
    except UndecodableError:
        return
    frame.data.encode()
    assert len(frame.level.encode()) <= 40 * 4
    assert frame.kind is not FrameKind.FAILURE or isinstance(failure_of(frame).message, str)
    assert frame.kind is not FrameKind.USAGE or set(json.loads(data)) == {
        "runs",
        "circuits",
        "shots",
    }


@given(st.sampled_from([FrameKind.LOG, FrameKind.RESULT]), st.text())
def test_a_frame_comes_as_it_was_sent(kind, text):
    frame = Frame(kind, text, "STDOUT")

    assert read_frame(frame.to_json().encode()) == frame


def test_an_answer_is_nothing_that_a_worker_sends():
    with pytest.raises(UndecodableError, match="answers nothing"):
        read_frame(Frame(FrameKind.ANSWER, "", "1").to_json().encode())


def test_a_failure_comes_as_it_was_sent():
    failure = JobFailure("program_raised", "message", "trace")

    assert failure_of(read_frame(failure_frame(failure).to_json().encode())) == failure


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_nesting_is_refused(depth):
    with pytest.raises(UndecodableError):
        read_frame(b"[" * depth)


@given(st.lists(st.binary(max_size=8)))
def test_lines_come_whole_however_they_were_cut(parts):
    lines = Lines()

    found = [line for part in parts for line in lines.add(part)]
    pending = lines.pending

    rest = lines.rest()
    assert pending == sum(map(len, rest))
    assert b"\n".join([*found, b"".join(rest)]) == b"".join(parts)
    assert lines.rest() == []
