# SPDX-License-Identifier: Apache-2.0
"""What the store in a database promises besides: processes, failures, migrations, large values."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from qruntime.core.jobs import IdempotencyKey, Job, JobOptions, JobQuery, JobStatus
from qruntime.errors import InvalidInputError, JobNotFoundError, StoreError
from qruntime.store.bell import QUEUE, Bell
from qruntime.store.sql import SqlStore, current, open_store, upgrade
from qruntime.store.sql import database as database_module
from qruntime.store.sql.database import Database
from qruntime.store.sql.tables import metadata

LONG = "0123456789" * 10_000


def a_job(store, job_id="j", inputs="{}"):
    return Job(job_id, "p", JobOptions("aer"), inputs, store.now())


@pytest.fixture
def opened(url, tmp_path, clock):
    """Open stores on one database, each as another process would."""
    stores = []

    def open_one() -> SqlStore:
        stores.append(open_store(url, str(tmp_path / "blobs"), now=clock))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def postgres_store(request, tmp_path, clock, postgres_database):
    store = open_store(postgres_database, str(tmp_path / "blobs"), now=clock)
    yield store
    store.close()


def scalar(store, statement):
    return store._database.read(lambda transaction: transaction.execute(text(statement)).scalar())


# several stores on one database


def test_of_several_stores_one_starts_each_job_and_cursors_stay_dense(opened):
    stores = [opened() for _ in range(3)]
    for number in range(10):
        stores[0].add_job(a_job(stores[0], f"j{number}"))
    barrier = threading.Barrier(3)
    claimed = []

    def claim_all(store):
        barrier.wait(60)
        won = [state for state in store.unfinished() if store.move(state.job_id, JobStatus.RUNNING)]
        claimed.extend(state.job_id for state in won)

    threads = [threading.Thread(target=claim_all, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)

    assert sorted(claimed) == [f"j{number}" for number in range(10)]
    assert all([e.cursor for e in stores[1].events(job_id)] == [1, 2] for job_id in claimed)


def test_of_several_stores_one_makes_the_job_of_a_key(opened):
    stores = [opened() for _ in range(3)]
    key = IdempotencyKey("ann", "k", "digest")
    barrier = threading.Barrier(3)
    got = []

    def submit(number):
        barrier.wait(60)
        got.append(stores[number].add_job(a_job(stores[number], f"j{number}"), key=key).job_id)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)

    assert [job.job_id for job in stores[0].jobs(JobQuery())] * 3 == got


WRITER = """
import sys
from qruntime.core.jobs import *
from qruntime.store.sql import open_store

url, blobs, name = sys.argv[1:]
store = open_store(url, blobs)
for number in range(100_000):
    job_id = f"{name}-{number}"
    inputs = "{}" if number % 5 else "x" * 100_000
    store.add_job(Job(job_id, "p", JobOptions("aer"), inputs, store.now()))
    store.move(job_id, JobStatus.RUNNING)
    store.append(job_id, 1, [NewEvent(EventKind.LOG, "a"), NewEvent(EventKind.LOG, "b")])
    store.move(job_id, JobStatus.COMPLETED, attempt=1, result=inputs)
    print(job_id, flush=True)
"""


@pytest.mark.slow
def test_what_was_acknowledged_survives_the_death_of_its_writer(url, tmp_path, opened):
    acknowledged = []
    for lives in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(tmp_path / "blobs"), f"w{lives}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        acknowledged += [writer.stdout.readline().strip() for _ in range(3 + 4 * lives)]
        writer.kill()
        acknowledged += writer.communicate()[0].split()

    store = opened()

    assert len(acknowledged) >= 55
    for job_id in acknowledged:
        job = store.job(job_id)
        assert job.status is JobStatus.COMPLETED
        assert job.result == job.inputs
        assert [event.cursor for event in store.events(job_id)] == [1, 2, 3, 4, 5]
    whole = {"QUEUED": {1}, "RUNNING": {2, 4}, "COMPLETED": {5}}
    for job in store.jobs(JobQuery()):
        assert store.job(job.job_id).inputs
        assert len(store.events(job.job_id)) in whole[job.status]


def test_a_change_in_another_store_rings_here(postgres_store, tmp_path, postgres_database):
    other = open_store(postgres_database, str(tmp_path / "blobs"))
    job_id = f"job of {tmp_path}"
    seen = {topic: other.bell.count(topic) for topic in (job_id, QUEUE)}

    postgres_store.add_job(a_job(postgres_store, job_id))

    for topic, count in seen.items():
        assert other.bell.wait(topic, count, 60) != count
    other.close()


def test_a_bell_whose_connection_breaks_rings_for_all_and_listens_again(
    postgres_store, tmp_path, postgres_database
):
    other = open_store(postgres_database, str(tmp_path / "blobs"))
    seen = other.bell.count("anything")
    listeners = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    )
    assert scalar(postgres_store, listeners) == 2

    assert other.bell.wait("anything", seen, 60) != seen
    seen = other.bell.count("j")
    postgres_store.add_job(a_job(postgres_store, f"job of {tmp_path}"))
    assert other.bell.wait(QUEUE, seen, 60) != seen
    other.close()


def test_what_is_undone_rings_nobody(opened):
    store = opened()
    before = store.bell.count("topic")

    def work(transaction):
        transaction.ring("topic")
        raise JobNotFoundError("no job")

    with pytest.raises(JobNotFoundError):
        store._database.write(work)

    assert store.bell.count("topic") == before


# failures


def test_a_transaction_that_met_another_is_repeated_and_rings_once(postgres_store):
    tries = []

    def work(transaction):
        transaction.ring("topic")
        tries.append(1)
        if len(tries) < 3:
            transaction.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"))
        return "done"

    assert postgres_store._database.write(work) == "done"
    assert len(tries) == 3


def test_a_connection_that_broke_before_the_commit_is_replaced(postgres_store):
    tries = []

    def work(transaction):
        tries.append(1)
        if len(tries) == 1:
            transaction.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return transaction.execute(text("SELECT 1")).scalar()

    assert postgres_store._database.write(work) == 1


def test_repeating_has_an_end_and_the_error_names_no_values(postgres_store):
    def work(transaction):
        transaction.execute(
            text("DO $$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = '40P01'; END $$")
        )

    with pytest.raises(StoreError, match=r"^the database failed at writing: \w+ 40P01$"):
        postgres_store._database.write(work)


def test_a_database_that_stays_locked_is_a_store_error(tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "_BUSY_SECONDS", 0.01)
    url = f"sqlite:///{tmp_path}/store.db"
    upgrade(url)
    held, other = Database(url, Bell()), Database(url, Bell())
    refused = []

    def work(_transaction):
        with pytest.raises(StoreError, match="SQLITE_BUSY"):
            other.write(lambda transaction: transaction.execute(text("DELETE FROM jobs")).close())
        refused.append(True)

    held.write(work)

    assert refused
    held.close()
    other.close()


def test_a_constraint_that_is_broken_names_no_values(opened):
    store = opened()
    broken = "INSERT INTO versions (program_id, version) VALUES ('secret', 'secret')"

    with pytest.raises(StoreError) as caught:
        store._database.write(lambda transaction: transaction.execute(text(broken)).close())

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a\0b", "half \ud800"])
def test_a_name_that_no_database_holds_is_refused_everywhere(opened, name):
    store = opened()

    for call in (
        lambda: store.job(name),
        lambda: store.jobs(JobQuery(tags=(name,))),
        lambda: store.add_job(a_job(store, name)),
        lambda: store.move(name, JobStatus.RUNNING),
        lambda: store.program(name),
        lambda: store.key_by_prefix(name),
    ):
        with pytest.raises(InvalidInputError, match="Unicode text without zero bytes"):
            call()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://me:hunter2@host/db",
        "postgresql://me:hunter2@host",
        "postgresql+asyncpg://me:hunter2@host/db",
    ],
)
def test_another_kind_of_database_is_refused_and_no_password_is_shown(url):
    with pytest.raises(InvalidInputError, match="allowed: 'sqlite:///") as caught:
        current(url)

    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_store_error(tmp_path):
    with pytest.raises(StoreError, match="the database failed") as caught:
        upgrade(f"postgresql://me:hunter2@/db?host={tmp_path}")

    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_a_store_error(tmp_path):
    (tmp_path / "store.db").write_bytes(b"no database, but long enough to be taken for one" * 40)

    with pytest.raises(StoreError, match="SQLITE_NOTADB"):
        open_store(f"sqlite:///{tmp_path}/store.db", "memory://")


# one commit for many threads


@pytest.fixture
def sqlite_store(tmp_path, sqlite_template, clock):
    store = open_store(f"sqlite:///{tmp_path}/store.db", "memory://", now=clock)
    yield store
    store.close()


def test_sqlite_waits_for_the_disk_and_checks_references(sqlite_store):
    for pragma, wanted in (("synchronous", 2), ("journal_mode", "wal"), ("foreign_keys", 1)):
        assert scalar(sqlite_store, f"PRAGMA {pragma}") == wanted


def test_threads_that_write_together_share_a_commit_and_fail_alone(sqlite_store):
    database = sqlite_store._database
    commits = []
    event.listen(database.engine, "commit", lambda connection: commits.append(1))
    leading, go = threading.Event(), threading.Event()

    def lead(_transaction):
        leading.set()
        assert go.wait(60)

    def write_and_fail(transaction):
        transaction.execute(text("INSERT INTO checks VALUES (7, 7)"))
        raise JobNotFoundError("no job")

    results = {}

    def act(number):
        try:
            if number == 3:
                database.write(write_and_fail)
            results[number] = sqlite_store.add_job(a_job(sqlite_store, f"j{number}")).job_id
        except JobNotFoundError as error:
            results[number] = error

    leader = threading.Thread(target=lambda: database.write(lead))
    leader.start()
    assert leading.wait(60)
    followers = [threading.Thread(target=act, args=(number,)) for number in range(6)]
    for thread in followers:
        thread.start()
    while len(database._group._waiting) < 6:
        leading.wait(0)
    go.set()
    for thread in (leader, *followers):
        thread.join(60)

    assert len(commits) == 2
    assert isinstance(results.pop(3), JobNotFoundError)
    assert sorted(results.values()) == ["j0", "j1", "j2", "j4", "j5"]
    assert sqlite_store.count_jobs(JobQuery()) == 5
    assert scalar(sqlite_store, "SELECT count(*) FROM checks") == 0


def test_a_failure_of_the_database_hits_only_the_thread_that_caused_it(sqlite_store):
    database = sqlite_store._database
    works = [
        lambda transaction: transaction.execute(text("SELECT 1")).scalar(),
        lambda transaction: transaction.execute(text("SELECT * FROM nowhere")),
        lambda transaction: transaction.execute(text("SELECT 3")).scalar(),
    ]
    from qruntime.store.sql.group import GroupCommit, _Entry

    group = GroupCommit(database._together)
    entries = [_Entry(work) for work in works]
    group._settle(entries)

    assert [entries[0].outcome, entries[2].outcome] == [1, 3]
    assert isinstance(entries[1].outcome, Exception)


def test_the_look_for_unfinished_jobs_uses_its_index_and_reads_no_inputs(sqlite_store):
    from qruntime.store.sql.jobs import _UNFINISHED

    plan = "EXPLAIN QUERY PLAN " + str(_UNFINISHED.compile(sqlite_store._database.engine))

    read = sqlite_store._database.read(lambda t: t.execute(text(plan)).all())

    assert ["ix_jobs_unfinished" in row[-1] for row in read] == [True]


# large values


def test_a_value_is_in_its_row_up_to_64_kilobytes_and_a_blob_beyond(opened):
    store = opened()
    for job_id, size in (("short", 65_536), ("long", 65_537)):
        store.add_job(a_job(store, job_id, "x" * size))

    assert scalar(store, "SELECT count(*) FROM payloads WHERE blob IS NULL") == 1
    assert scalar(store, "SELECT count(*) FROM blobs") == 1
    assert len(store.job("long").inputs) == 65_537


def files(tmp_path):
    return [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_a_damaged_value_is_an_error_and_not_a_result(opened, tmp_path):
    store = opened()
    store.add_job(a_job(store, inputs=LONG))
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])

    with pytest.raises(StoreError, match="damaged"):
        store.job("j")


def test_equal_values_are_kept_once_and_forgotten_with_their_last_job(opened, tmp_path, clock):
    store = opened()
    for job_id in ("a", "b"):
        store.add_job(a_job(store, job_id, LONG))
        store.move(job_id, JobStatus.CANCELLED)
    assert len(files(tmp_path)) == 1
    store.delete_job("a")
    clock.later(days=2)
    store.forget_before(store.job("b").ended)
    assert store.job("b").inputs == LONG

    store.forget_before(store.now())

    assert files(tmp_path) == []
    assert scalar(store, "SELECT count(*) FROM blobs") == 0


def test_a_value_that_nobody_refers_to_yet_is_left_alone_for_a_day(opened, tmp_path, clock):
    store = opened()
    store.add_job(a_job(store, inputs=LONG))
    store.move("j", JobStatus.CANCELLED)
    store.delete_job("j")

    clock.later(hours=23)
    store.forget_before(store.now())
    assert len(files(tmp_path)) == 1
    clock.later(hours=2)
    store.forget_before(store.now())
    assert files(tmp_path) == []


def test_a_value_deleted_between_being_put_and_being_referred_to_is_put_again(
    opened, tmp_path, clock, monkeypatch
):
    store, cleaner = opened(), opened()
    put = store._values.objects.put
    calls = []

    def put_and_dawdle(content):
        digest = put(content)
        calls.append(digest)
        if len(calls) == 1:
            clock.later(days=2)
            cleaner.forget_before(cleaner.now())
            assert files(tmp_path) == []
        return digest

    monkeypatch.setattr(store._values.objects, "put", put_and_dawdle)

    store.add_job(a_job(store, inputs=LONG))

    assert len(calls) == 2
    assert cleaner.job("j").inputs == LONG


# migrations


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    return request.getfixturevalue("empty_postgres")


def test_an_empty_database_is_made_by_the_migrations(empty):
    assert current(empty) is None

    revision = upgrade(empty)

    assert current(empty) == revision == upgrade(empty)


def test_the_migrations_make_the_tables_that_the_code_knows(url):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    database = Database(url, Bell())
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    database.close()

    assert differences == []


def test_servers_that_start_at_once_migrate_once(empty):
    barrier = threading.Barrier(4)
    found = []

    def run():
        barrier.wait(60)
        found.append(upgrade(empty))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)

    assert found == [current(empty)] * 4


def test_a_database_of_a_newer_release_is_refused_and_left_as_it_is(empty, tmp_path):
    upgrade(empty)
    database = Database(empty, Bell())
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    database.write(lambda transaction: transaction.execute(newer).close())
    database.close()

    with pytest.raises(StoreError, match="newer release of qruntime"):
        open_store(empty, str(tmp_path / "blobs"))

    assert current(empty) == "9999"


def test_jobs_are_kept_when_a_store_is_opened_again(url, tmp_path):
    first = open_store(url, str(tmp_path / "blobs"))
    job = first.add_job(a_job(first, inputs=LONG))
    first.close()

    second = open_store(url, str(tmp_path / "blobs"))

    assert second.job("j") == job
    assert second.now() - job.created < timedelta(hours=1)
    second.close()
