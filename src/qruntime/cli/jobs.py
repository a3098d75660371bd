# SPDX-License-Identifier: Apache-2.0
"""``qruntime jobs``: those of a server."""

from __future__ import annotations

from typing import Annotated

import typer

from qruntime.cli.remote import AsJson, Limit, Url, connect, show_one, show_rows

app = typer.Typer(help="Jobs on a server.", no_args_is_help=True)

_COLUMNS = ("job_id", "status", "program_id", "options.backend_name", "owner", "created")
JobId = Annotated[str, typer.Argument(help="The job's id.")]


@app.command("ls")
def list_jobs(
    *,
    program: Annotated[str | None, typer.Option(help="Of this program.")] = None,
    status: Annotated[str | None, typer.Option(help="In this state, such as RUNNING.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="With this tag; may be repeated.")] = None,
    pending: Annotated[
        bool | None, typer.Option("--pending/--ended", help="Not ended yet, or ended.")
    ] = None,
    limit: Limit = 20,
    json: AsJson = False,
    url: Url = None,
) -> None:
    """List jobs, the newest first."""
    params = {
        "program_id": program,
        "status": status,
        "tag": tag,
        "pending": pending,
        "limit": min(limit, 200),
    }
    rows = connect(url).call("GET", "/jobs", params=params)
    show_rows(rows, _COLUMNS, as_json=json, empty="no jobs")


@app.command()
def show(job_id: JobId, *, json: AsJson = False, url: Url = None) -> None:
    """Show a job."""
    from qruntime.client.request import part

    show_one(connect(url).call("GET", f"/jobs/{part(job_id)}"), as_json=json)


@app.command()
def watch(job_id: JobId, *, json: AsJson = False, url: Url = None) -> None:
    """Follow a job to its end and print its result; Ctrl-C leaves the job running."""
    from qruntime.cli.follow import follow
    from qruntime.client.job import RuntimeJob

    raise typer.Exit(follow(RuntimeJob(connect(url), job_id), as_json=json, cancel=False))


@app.command()
def logs(job_id: JobId, *, url: Url = None) -> None:
    """Print what a job's program printed and logged so far."""
    from qruntime.client.job import RuntimeJob

    typer.echo(RuntimeJob(connect(url), job_id).logs(), nl=False)


@app.command()
def result(job_id: JobId, *, url: Url = None) -> None:
    """Print the result of a job that has completed, as JSON."""
    typer.echo(connect(url).result(job_id))


@app.command()
def cancel(job_id: JobId, *, url: Url = None) -> None:
    """Cancel a job that has not ended."""
    connect(url).cancel(job_id)


@app.command("rm")
def delete_job(job_id: JobId, *, url: Url = None) -> None:
    """Delete a job that has ended."""
    connect(url).delete_job(job_id)
