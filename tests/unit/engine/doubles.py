# SPDX-License-Identifier: Apache-2.0
"""Doubles for the engine's tests: a scripted launcher, a clock that is set, a store that fails."""

from __future__ import annotations

import random
import threading

from qruntime.core.jobs import Job, JobOptions
from qruntime.engine.launchers import Attempt, Launcher
from qruntime.engine.orders import Order
from qruntime.errors import StoreError
from qruntime.store.memory import MemoryStore
from qruntime.worker.task import Frame, FrameKind, Task

WRITES = ("add_job", "move", "append", "beat", "put_session")
READS = ("unfinished", "sessions", "events", "users")


class Clock:
    """Time that stands still until it is set."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class ScriptedAttempt(Attempt):
    stop_seconds = 0.05

    def __init__(self, task, send, *, obedient):
        self.task = task
        self.send = send
        self.stopped = threading.Event()
        self.gone = threading.Event()
        self._obedient = obedient

    def wait(self, seconds):
        return self.gone.wait(seconds)

    def stop(self):
        self.stopped.set()
        if self._obedient:
            self.gone.set()

    def publish(self, *values):
        for value in values:
            self.send(Frame(FrameKind.INTERIM_RESULT, str(value)))

    def finish(self, result="1"):
        self.send(Frame(FrameKind.RESULT, result))
        self.gone.set()


class ScriptedLauncher(Launcher):
    """Keeps its attempts for the test to play, or plays ``script(attempt)`` in their threads."""

    in_process = True
    isolation = "scripted"

    def __init__(self, script=None, *, obedient=True):
        self.attempts = []
        self.launched = threading.Semaphore(0)
        self.closed = False
        self._script = script
        self._obedient = obedient

    def launch(self, task, send):
        attempt = ScriptedAttempt(task, send, obedient=self._obedient)
        self.attempts.append(attempt)
        if self._script is not None:
            threading.Thread(target=self._script, args=(attempt,), daemon=True).start()
        self.launched.release()
        return attempt

    def close(self):
        self.closed = True

    def next(self):
        assert self.launched.acquire(timeout=30), "nothing was launched"
        return self.attempts[-1]


class AnyOrder:
    """The same task for every job, named by the job's id."""

    def __init__(self, limit_seconds=None):
        self.limit_seconds = limit_seconds

    def take(self, job):
        return Order(Task(inputs=job.job_id, backend_name="aer"), self.limit_seconds)


class FaultyStore:
    """A store whose calls fail by a seeded chance: before they happen, or after.

    ``after`` is the share of failures that come after the call has been executed: the caller sees
    an error of something that has happened.
    """

    def __init__(self, store, *, chance, after=0.5, seed=0):
        self._store = store
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self.chance = chance
        self._after = after
        self.failures = 0

    def __getattr__(self, name):
        real = getattr(self._store, name)
        if name not in WRITES + READS:
            return real

        def call(*args, **kwargs):
            with self._lock:
                fails = self._rng.random() < self.chance
                executed = self._rng.random() < self._after
                self.failures += fails
            if fails and not executed:
                raise StoreError(f"{name} failed")
            result = real(*args, **kwargs)
            if fails:
                raise StoreError(f"{name} timed out")
            return result

        return call


def add_job(store: MemoryStore, job_id: str, **options) -> Job:
    owner = options.pop("owner", "ann")
    job = Job(job_id, "p", JobOptions("aer", **options), "{}", store.now(), owner=owner)
    return store.add_job(job)
