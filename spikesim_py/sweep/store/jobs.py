"""The job table: who works on a study, how far that is, and what others ask of it.

A driver that is killed cannot say so: a job counts as failed as soon as its process is gone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..._processes import is_alive, process_mark
from ...errors import StoreError
from .database import Database
from .problems import decoded

JobKind = Literal["sweep", "cost"]
JobState = Literal["queued", "running", "paused", "cancelled", "done", "failed"]
Request = Literal["pause", "cancel"]

_COLUMNS = "id, kind, state, request, origin, spec, done, total, message, process, created, heartbeat"
_LOST = "its process has ended without a word; what it had finished is stored: resume it"
#: seconds that a queued job has to be taken up by the process that was started for it
_START_S = 300


@dataclass(frozen=True)
class Job:
    """One run of a sweep over a study.

    Attributes:
        kind: `sweep` measures and costs designs, `cost` only costs them, in bulk.
        state: as it is now; one whose process is gone is `failed`.
        request: what somebody asked of it and it has not done yet: `pause` or `cancel`.
        origin: where it was started: `cli`, `app` or `python`.
        spec: how to run it again: the space as plain data, executor, workers.
        done, total: designs. message: what is going on, or what went wrong.
        created, heartbeat: seconds since 1970.
    """

    id: int
    kind: JobKind
    state: JobState
    request: Request | None
    origin: str
    spec: Mapping[str, Any]
    done: int
    total: int
    message: str
    process: str | None
    created: float
    heartbeat: float

    @property
    def active(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def resumable(self) -> bool:
        return self.state in ("paused", "cancelled", "failed")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"spec": dict(self.spec)}


class JobTable:
    """Jobs of one study."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[Job]:
        """Every job, the oldest first."""
        return [_seen(job) for job in self._rows()]

    def _rows(self) -> list[Job]:
        if self._db.version < 2:
            return []
        return [_job(self._db.path, row) for row in self._db.rows(f"SELECT {_COLUMNS} FROM job ORDER BY id")]

    def get(self, number: int) -> Job:
        """One job; raises `StoreError` if there is none of that number."""
        known = {job.id: job for job in self.all()}
        if number not in known:
            given = ", ".join(map(str, known)) or "none"
            raise StoreError(f"{self._db.path}: has no job {number} (jobs: {given})")
        return known[number]

    def add(self, kind: JobKind, spec: Mapping[str, Any], origin: str) -> int:
        """A job that waits to be taken up; its number."""
        now = time.time()
        with self._db.transaction():
            query = "INSERT INTO job (kind, state, origin, spec, created, heartbeat) VALUES (?, 'queued', ?, ?, ?, ?)"
            self._db.put(query, (kind, origin, json.dumps(spec), now, now))
            return int(self._db.rows("SELECT last_insert_rowid()")[0][0])

    def requeue(self, number: int) -> Job:
        """Make a job that was stopped wait again; raises `StoreError` if it was not."""
        with self._db.transaction():
            job = self.get(number)
            if not job.resumable:
                raise StoreError(f"{self._db.path}: job {number} is {job.state}: there is nothing to resume")
            self._set(number, state="queued", request=None, message="", process=None)
            return job

    def begin(self, number: int) -> None:
        """This process takes a job up; raises `StoreError` while another one works on the study."""
        with self._db.transaction():
            for stored in self._rows():
                job = _seen(stored)
                if job.state == "running" and job.id != number:
                    raise StoreError(
                        f"{self._db.path}: job {job.id} ({job.origin}) is at work on this study; wait for it, "
                        f"or `spikesim jobs {self._db.path} --cancel {job.id}`"
                    )
                if job.state != stored.state:  # it has died without a word: said for it
                    self._set(job.id, state=job.state, message=job.message)
            if self.get(number).state != "queued":
                raise StoreError(f"{self._db.path}: job {number} is {self.get(number).state}: it cannot be taken up")
            self._set(number, state="running", process=process_mark(os.getpid()), message="starting")

    def beat(self, number: int, done: int, total: int, message: str) -> Request | None:
        """Say how far a job is; what is asked of it."""
        self._set(number, done=done, total=total, message=message)
        request: Request | None = self._db.rows("SELECT request FROM job WHERE id = ?", number)[0][0]
        return request

    def end(self, number: int, state: JobState, message: str) -> None:
        """A job is over, or rests."""
        self._set(number, state=state, message=message, request=None, process=None)

    def ask(self, number: int, request: Request) -> None:
        """Ask a job that is under way to pause or to end; raises `StoreError` if it is not under way.

        It finishes what its workers have in hand before it pauses, and drops that when it is cancelled. Either way
        all that is stored stays, and the job can be resumed.
        """
        with self._db.transaction():
            job = self.get(number)
            if not job.active:
                raise StoreError(f"{self._db.path}: job {number} is {job.state}: there is nothing to {request}")
            if job.state == "queued":
                self.end(number, "paused" if request == "pause" else "cancelled", "before it was taken up")
            else:
                self._set(number, request=request)

    def _set(self, number: int, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        row = (*values.values(), time.time(), number)
        self._db.put(f"UPDATE job SET {names}, heartbeat = ? WHERE id = ?", row)


def _job(path: Path, row: tuple[Any, ...]) -> Job:
    with decoded(path):
        made = Job(*row)
        return replace(made, spec=dict(json.loads(row[5])))


def _seen(job: Job) -> Job:
    """A job as others see it: one that lost its process has failed."""
    gone = job.state == "running" and not is_alive(job.process)
    late = job.state == "queued" and time.time() - job.heartbeat > _START_S
    return replace(job, state="failed", message=_LOST) if gone or late else job
