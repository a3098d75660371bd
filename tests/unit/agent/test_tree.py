# SPDX-License-Identifier: Apache-2.0
"""Seeing and ending processes that this one has started."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from qruntime.agent import tree

pytestmark = pytest.mark.skipif(not tree.LINUX, reason="there is no /proc")

NESTED = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    "print(child.pid, flush=True)\n"
    "child.wait()\n"
)


@pytest.fixture
def nested():
    process = subprocess.Popen([sys.executable, "-c", NESTED], stdout=subprocess.PIPE, text=True)
    inner = int(process.stdout.readline())
    yield process, inner
    tree.send([inner, process.pid], 9)
    process.communicate()


def test_children_of_children_are_found(nested):
    process, inner = nested

    assert {process.pid, inner} <= set(tree.descendants(os.getpid()))
    assert tree.descendants(process.pid) == [inner]


def test_children_are_found_without_the_kernels_list(nested):
    process, inner = nested

    assert tree._of(process.pid) == [inner]


def test_descendants_are_killed_and_the_process_itself_is_not(nested):
    process, _inner = nested

    tree.kill_descendants(process.pid)

    assert process.wait(20) == 0  # its own child is gone, so it ends by itself


def test_a_process_that_is_gone_has_no_children_and_uses_nothing():
    process = subprocess.Popen(["true"])
    process.wait()

    assert tree.children(process.pid) == []
    assert tree.use([process.pid]) == tree.Use(0, 0.0, 0)
    tree.send([process.pid], 9)


def test_memory_and_time_are_counted():
    code = (
        "import time\nkept = b'x' * (64 * 2**20)\n"
        "while time.process_time() < 0.1: pass\nprint('ready', flush=True)\ninput()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()

    used = tree.use([process.pid])
    fair = tree.shared_fairly([process.pid])
    process.communicate("")

    assert used.memory_bytes > 64 * 2**20
    assert fair > 64 * 2**20
    assert used.cpu_seconds >= 0.09
    assert used.processes == 1
