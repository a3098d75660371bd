# SPDX-License-Identifier: Apache-2.0
"""``Settings`` of a server: the only reader of its environment.

Every field is also a variable: ``QRUNTIME_PORT``, ``QRUNTIME_DATA_DIR``... What is given on the
command line goes before the environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from qruntime.errors import InvalidInputError

_Count = Annotated[int, Field(ge=1)]
_Seconds = Annotated[float, Field(gt=0)]


def default_data_dir() -> Path:
    """Return where a server keeps its data if nobody says where."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "qruntime"


class Settings(BaseSettings):
    """What an operator decides.

    ``memory_mb``, ``cpu_seconds``, ``processes``, ``file_mb`` and ``output_mb`` are limits of one
    job; ``max_job_seconds`` is the longest that any job may run. ``retention_days`` is how long
    ended jobs are kept; None is for ever.
    """

    model_config = SettingsConfigDict(env_prefix="QRUNTIME_", extra="ignore")

    data_dir: Path = Field(default_factory=default_data_dir)
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: _Count = Field(default_factory=lambda: os.cpu_count() or 1)
    isolation: Literal["process"] = "process"
    database_url: str | None = None
    object_store: str | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    memory_mb: _Count | None = 4096
    cpu_seconds: _Seconds | None = None
    processes: _Count | None = 64
    file_mb: _Count | None = 1024
    output_mb: _Count = 16
    threads: _Count = 1
    max_job_seconds: _Seconds | None = None
    grace_seconds: _Seconds = 5.0
    lease_seconds: _Seconds = 15.0
    drain_seconds: Annotated[float, Field(ge=0)] = 10.0
    retention_days: _Seconds | None = None

    body_mb: _Count = 64
    requests_a_minute: _Count = 6000
    queued_jobs_per_user: _Count = 20_000
    running_jobs_per_user: _Count | None = None

    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_keys: str | None = None
    oidc_user_claim: str = "sub"
    oidc_create_users: bool = False

    log_format: Literal["text", "json"] = "text"

    @field_validator("database_url", "object_store", mode="after")
    @classmethod
    def _not_empty(cls, value: str | None) -> str | None:
        return value or None

    @property
    def database(self) -> str:
        """The URL of the database: the one given, or a file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'qruntime.db'}"

    @property
    def blobs(self) -> str:
        """The URL of the object store: the one given, or a folder in the data folder."""
        return self.object_store or str(self.data_dir.absolute() / "blobs")

    @property
    def environments(self) -> Path:
        """Where the environments of programs that declare dependencies are."""
        return self.data_dir.absolute() / "environments"

    @property
    def own_database(self) -> bool:
        """Whether no other server can be using the database."""
        return self.database.startswith("sqlite")


def read_settings(**given: object) -> Settings:
    """Return the settings: what is given, then the environment, then the defaults.

    Raises:
        InvalidInputError: a value is wrong; the message names the setting and what is allowed.
    """
    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(f"setting '{name}': {first['msg']}") from error
