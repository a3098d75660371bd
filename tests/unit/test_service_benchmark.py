# SPDX-License-Identifier: Apache-2.0
"""The server's benchmark: it sees what went wrong, and its page says what its results say."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from benchmarks.results import Cell, Results, load
from benchmarks.service import report
from benchmarks.service.cutting import cutting
from benchmarks.service.measures import MEASURES, _misplaced, exactly

from qruntime.core.jobs import EventKind, JobEvent

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def interim(cursor: int, step: int) -> JobEvent:
    return JobEvent(cursor, EventKind.INTERIM_RESULT, json.dumps({"step": step}), NOW)


def test_the_page_says_what_the_results_say():
    text = report.PAGE.read_text()

    assert report.page(text, load(report.RESULTS)) == text


def test_the_results_have_everything_that_is_claimed():
    results = load(report.RESULTS)

    assert [claim.id for claim in report.CLAIMS if not list(claim.cases(results))] == []


def test_a_goal_that_is_missed_is_told():
    facts = {"lost": exactly(1.0), "doubled": exactly(0.0), "jobs": exactly(10_000.0)}
    cells = [Cell("service", "drain", 0, facts=facts)]
    rows = report.goals(Results({}, {}, cells)).splitlines()

    told = {row.split("|")[2].strip(): row.split("|")[4].strip() for row in rows}
    assert (told["lost"], told["doubled"], told["p50, ms"]) == ("**no**", "yes", "not measured")


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ([(1, 0), (2, 1), (3, 2)], 0),
        ([(1, 0), (2, 1)], 1),
        ([(1, 0), (3, 2)], 3),
        ([(1, 0), (2, 2), (3, 1)], 2),
        ([(1, 0), (2, 1), (2, 1), (3, 2)], 3),
    ],
)
def test_what_is_missing_doubled_or_out_of_order_is_counted(events, wrong):
    assert _misplaced([interim(*event) for event in events], 3) == wrong


def test_the_way_to_the_server_is_cut_in_the_middle():
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        for _ in range(2):
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(b"\nid: 1\n" * 3)
            connection.close()

    server = threading.Thread(target=answer, daemon=True)
    server.start()
    with cutting(f"http://127.0.0.1:{listener.getsockname()[1]}", [2]) as way:
        port = int(way.url.rpartition(":")[2])
        endings = []
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"hello")
                endings.append(ending(client))

    listener.close()
    assert endings == ["reset", "whole"]
    assert way.cuts == 1


def ending(client: socket.socket) -> str:
    try:
        while client.recv(100):
            pass
    except ConnectionResetError:
        return "reset"
    return "whole"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_quick_run_measures_everything_and_loses_nothing(tmp_path):
    output = tmp_path / "quick.json"
    command = [sys.executable, "-m", "benchmarks.service", "--quick", "--output", str(output)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    cells = {cell.case: cell.facts for cell in load(output).cells}
    assert set(cells) == set(MEASURES)
    wrong = (cells["drain"]["lost"], cells["drain"]["doubled"], cells["stream"]["wrong"])
    assert [value.middle for value in wrong] == [0.0, 0.0, 0.0]
    assert cells["stream"]["cuts"].middle == 3
