# SPDX-License-Identifier: Apache-2.0
"""Jobs over HTTP: submissions, errors, pages, streams."""

from __future__ import annotations

import json

import pytest

from qruntime.core.jobs import EventKind, JobStatus, NewEvent


@pytest.fixture
def ada(api):
    calls = api.as_("ada")
    calls.upload()
    return calls


def ran(api, job_id: str, *, results: int = 2) -> None:
    api.store.move(job_id, JobStatus.RUNNING)
    told = [NewEvent(EventKind.INTERIM_RESULT, str(n)) for n in range(results)]
    api.store.append(job_id, 1, [*told, NewEvent(EventKind.LOG, "a line", "STDOUT")])
    api.store.move(job_id, JobStatus.COMPLETED, attempt=1, result='{"energy": NaN}')


def events_of(text: str) -> list[dict[str, str]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in fields:
            found.append(fields)
    return found


def test_the_same_key_and_body_give_the_same_job(api, ada):
    body = {"program_id": "hello", "inputs": {"n": 3}}
    first = ada("POST", "/jobs", json=body, headers={"Idempotency-Key": "key-12345"})
    again = ada("POST", "/jobs", json=body, headers={"Idempotency-Key": "key-12345"})

    assert first.json()["job_id"] == again.json()["job_id"]
    assert len(api.store.unfinished()) == 1


def test_the_same_key_with_another_body_is_a_conflict(api, ada):
    headers = {"Idempotency-Key": "key-12345"}
    ada("POST", "/jobs", json={"program_id": "hello", "inputs": {"n": 3}}, headers=headers)
    answer = ada("POST", "/jobs", json={"program_id": "hello", "inputs": {"n": 4}}, headers=headers)

    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_conflict"


def test_two_users_may_choose_the_same_key(api, ada):
    api.as_("bob").upload("bobs")
    headers = {"Idempotency-Key": "key-12345"}
    mine = ada("POST", "/jobs", json={"program_id": "hello"}, headers=headers)
    his = api.as_("bob")("POST", "/jobs", json={"program_id": "bobs"}, headers=headers)

    assert (mine.status_code, his.status_code) == (201, 201)
    assert mine.json()["job_id"] != his.json()["job_id"]


@pytest.mark.parametrize(
    ("change", "status", "field", "said"),
    [
        ({"program_id": "helo"}, 404, None, "helo"),
        ({"inputz": {}}, 422, "inputz", "not permitted"),
        ({"inputs": "not json"}, 422, None, "JSON"),
        ({"inputs": "[1]"}, 422, None, "object"),
        ({"inputs": {"x": {"__type__": "os.system", "__value__": 1}}}, 422, None, "os.system"),
        ({"options": {"backend_name": "aer_simulatr"}}, 404, None, "aer_simulator"),
        ({"options": {"backend_options": {"shotz": 3}}}, 422, None, "shots"),
        ({"options": {"backend_options": {"shots": -3}}}, 422, None, "shots"),
        ({"options": {"log_level": "LOUD"}}, 422, "options.log_level", "DEBUG"),
        ({"options": {"max_execution_time": 0}}, 422, "options.max_execution_time", "greater"),
        ({"options": {"image": "a:b"}}, 422, None, "image"),
        ({"options": {"priority": 1000}}, 422, "options.priority", "less"),
        ({"version": "9"}, 404, None, "known: latest, 1"),
        ({"options": {"session_id": "none"}}, 404, None, "session"),
    ],
)
def test_a_wrong_submission_is_told_before_anything_is_queued(
    api, ada, change, status, field, said
):
    answer = ada("POST", "/jobs", json={"program_id": "hello", **change})

    told = answer.json()
    assert (answer.status_code, told.get("field")) == (status, field), told
    assert said in told["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["request_id"] == answer.headers["x-request-id"]
    assert api.store.unfinished() == []


def test_a_circuit_in_the_inputs_is_not_read_by_the_server(api, ada):
    broken = {"__type__": "QuantumCircuit", "__value__": "bm90IGEgY2lyY3VpdA=="}

    answer = ada("POST", "/jobs", json={"program_id": "hello", "inputs": {"n": broken}})

    assert answer.status_code == 201


def test_more_jobs_than_allowed_are_refused_for_now(make_api):
    ada = make_api(queued_jobs=2).as_("ada")
    ada.upload()
    ada.submit()
    ada.submit()

    answer = ada("POST", "/jobs", json={"program_id": "hello"})

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_body_that_is_too_large_is_refused(make_api):
    ada = make_api(body_bytes=1000).as_("ada")

    stated = ada("POST", "/jobs", json={"program_id": "x" * 2000})
    unstated = ada("POST", "/jobs", content=iter([b"x" * 600, b"x" * 600]))

    assert (stated.status_code, unstated.status_code) == (413, 413)
    assert stated.json()["code"] == "too_large"


def test_more_requests_than_allowed_are_refused_for_now(make_api):
    ada = make_api(requests_a_minute=3).as_("ada")

    statuses = [ada("GET", "/me").status_code for _ in range(4)]

    assert statuses == [200, 200, 200, 429]


def test_too_many_wrong_keys_shut_an_address_out_for_a_while(make_api):
    made = make_api(failed_logins_a_minute=2)
    made.keys["eve"] = "qrt_000000000000_guess"

    statuses = [made.as_("eve")("GET", "/me").status_code for _ in range(3)]

    assert statuses == [401, 401, 429]


def test_a_result_is_given_as_the_program_made_it(api, ada):
    job_id = ada.submit()
    ran(api, job_id)

    assert ada("GET", f"/jobs/{job_id}/result").text == '{"energy": NaN}'


def test_a_job_without_a_result_says_where_it_is(ada):
    answer = ada("GET", f"/jobs/{ada.submit()}/result")

    assert answer.status_code == 409
    assert "QUEUED" in answer.json()["detail"]


def test_a_stream_tells_everything_in_order_and_ends(api, ada):
    job_id = ada.submit()
    ran(api, job_id)

    found = events_of(ada("GET", f"/jobs/{job_id}/stream").text)

    assert [int(event["id"]) for event in found] == list(range(1, len(found) + 1))
    assert [event["event"] for event in found] == [
        "status",
        "status",
        "interim_result",
        "interim_result",
        "log",
        "status",
    ]


@pytest.mark.parametrize("cut", range(6))
def test_a_stream_goes_on_after_any_cursor_also_when_the_job_has_ended(api, ada, cut):
    job_id = ada.submit()
    ran(api, job_id)

    by_header = ada("GET", f"/jobs/{job_id}/stream", headers={"Last-Event-ID": str(cut)})
    by_query = ada("GET", f"/jobs/{job_id}/stream?after={cut}")

    assert [int(e["id"]) for e in events_of(by_header.text)] == list(range(cut + 1, 7))
    assert by_header.text == by_query.text


def test_a_stream_of_which_nothing_is_left_says_so(api, ada):
    job_id = ada.submit()
    ran(api, job_id)

    assert ada("GET", f"/jobs/{job_id}/stream?after=6").status_code == 204


def test_events_come_in_pages(api, ada):
    job_id = ada.submit()
    ran(api, job_id, results=20)

    seen: list[int] = []
    while page := ada(
        "GET", f"/jobs/{job_id}/events", params={"after": seen[-1] if seen else 0, "limit": 7}
    ).json():
        seen += [event["cursor"] for event in page]

    assert seen == list(range(1, 25))


def after(seen: list[str]) -> dict[str, str]:
    return {"after": seen[-1]} if seen else {}


def test_jobs_come_in_pages_the_newest_first(api, ada):
    made = [ada.submit(inputs={"n": n}) for n in range(7)]

    seen: list[str] = []
    while page := ada("GET", "/jobs", params={"limit": 3, **after(seen)}).json():
        seen += [job["job_id"] for job in page]

    assert seen == made[::-1]


def test_a_list_of_jobs_says_how_many_there_are(ada):
    for _ in range(3):
        ada.submit()

    answer = ada("GET", "/jobs?limit=1")

    assert answer.headers["X-Total-Count"] == "3"
    assert len(answer.json()) == 1


def test_a_job_that_has_not_ended_cannot_be_deleted(ada):
    assert ada("DELETE", f"/jobs/{ada.submit()}").status_code == 409


def test_a_job_that_has_ended_cannot_be_cancelled(api, ada):
    job_id = ada.submit()
    ran(api, job_id)

    answer = ada("POST", f"/jobs/{job_id}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_state")


def test_no_log_line_holds_inputs_results_or_keys(api, ada, caplog, capsys):
    job_id = ada.submit(inputs={"n": "secret-input"})
    ran(api, job_id)
    ada("GET", f"/jobs/{job_id}/result", params={"token": "secret-query"})

    logged = caplog.text + "".join(capsys.readouterr())
    api.client.app.state.parts.audit.flush()
    audited = repr(api.store._audit)
    for secret in ("secret-input", "secret-query", "energy", api.keys["ada"].rpartition("_")[2]):
        assert secret not in logged + audited


def test_what_changes_something_is_in_the_audit_log(api, ada):
    job_id = ada.submit()
    ada("POST", f"/jobs/{job_id}/cancel")

    newest = api.as_("admin")("GET", "/audit").json()[0]

    assert (newest["user_id"], newest["target"], newest["outcome"]) == ("ada", job_id, "200")
    assert newest["action"].endswith("/cancel")


def test_the_description_is_openapi_3_1_and_names_every_error(api):
    described = api.client.get("/openapi.json").json()

    assert described["openapi"].startswith("3.1")
    for path, item in described["paths"].items():
        for method, operation in item.items():
            assert operation.get("summary"), (method, path)
            if path.startswith("/api/"):
                assert {"401", "403", "404", "422", "429", "503"} <= set(operation["responses"])
    assert json.dumps(described).count('"examples"') > 10
