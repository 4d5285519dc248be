"""`onlyme redact --ray`: one recording is one task of Ray, with its cores declared; Ray says where and when it runs.

A task is tried again when its node or its process dies. A mistake or a failure of a recording is its outcome, not a death.
"""

from __future__ import annotations

import logging
import socket
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from typing import Any

from common.errors import ConfigError, SourceError, UserError
from common.readable import readable
from common.redaction import ray_task
from common.redaction.key import output_key
from common.redaction.one import Job, check_paths, refuse_existing
from common.redaction.outcome import EXIT_FAILED, EXIT_MISTAKE, Progress
from common.redaction.progress import Reporter
from common.redaction.shelf import Outcome, Plan
from common.runtime.environment import variables
from common.runtime.install import CODE, RAY_COMMAND

AUTO = "auto"
DEATHS = 3  # of nodes or processes under one task; another one makes it an outcome
CONNECT_S = 5.0
POLL_S = 1.0
CANCEL_S = 15.0  # in which the stages of cancelled tasks end


def connect(address: str, workers: int) -> None:
    """Connect this process to a Ray that runs.

    Args:
        address: HOST:PORT of its head, or "auto": the one that this machine is a node of.
        workers: Cores that each task needs.

    Raises:
        ConfigError: Ray is not installed, does not answer or cannot be used.
    """
    try:
        import ray
    except ImportError:
        raise ConfigError(f"--ray: expected Ray to be installed, got none; run {RAY_COMMAND}") from None
    if address == AUTO:
        address = variables().get("RAY_ADDRESS", AUTO)
    if address != AUTO:
        _reach(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            "--ray: expected this machine to be a node of that Ray, with the same versions of Ray and Python, got "
            f"{_one_line(error)}; see ray status"
        ) from None
    largest = int(max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]))
    if workers > largest:
        ray.shutdown()
        raise ConfigError(
            f"--workers: expected at most {largest}, the cores of the largest node of Ray, got {workers}; lower it, or add a node"
        )


def run_all(planned: Plan, reporter: Reporter) -> list[Outcome]:
    """Do all jobs as tasks of the Ray that this process is connected to; then leave it.

    Raises:
        KeyboardInterrupt: Ctrl-C; the tasks were cancelled.
    """
    with redirect_stdout(sys.stderr):  # where a program wants JSON lines, Ray prints what it has to say of its nodes
        return _run_all(planned, reporter)


def _run_all(planned: Plan, reporter: Reporter) -> list[Outcome]:
    import ray

    ray.cloudpickle.register_pickle_by_value(ray_task)
    # where this process is: if that node dies, nobody asks any more
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=False
    )
    again = {"max_restarts": -1, "max_task_retries": -1}  # it only loses what nobody has asked for yet
    board = ray.remote(ray_task.Board).options(num_cpus=0, scheduling_strategy=here, **again).remote()
    task = ray.remote(ray_task.redact)
    outcomes: list[Outcome] = []
    running: dict[Any, Job] = {}

    def end(outcome: Outcome) -> None:
        planned.record(outcome)
        reporter.outcome(outcome)
        outcomes.append(outcome)

    try:
        key = output_key("", planned.jobs[0].settings) if planned.jobs else ""  # all have the same settings
        for job in planned.jobs:
            try:
                arguments = _arguments(job, key)
                planned.begin(job)
            except UserError as error:
                end(Outcome(job.source, job.out, EXIT_MISTAKE, str(error)))
                continue
            options = {"num_cpus": job.workers, "max_retries": DEATHS, "retry_exceptions": False}
            running[task.options(**options).remote(*arguments, board)] = job
        while running:
            ended, _ = ray.wait(list(running), timeout=POLL_S)
            sources = {str(job.source.absolute()): job.source for job in running.values()}
            for source, *rest in ray.get(board.take.remote()):
                if source in sources:  # it may have ended before this came
                    reporter.progress(Progress(sources[source], *rest))
            for each in ended:
                end(outcome_of(each, running.pop(each)))
    finally:
        for each in running:
            ray.cancel(each)
        if running:
            ray.wait(list(running), num_returns=len(running), timeout=CANCEL_S)
        ray.shutdown()
    return outcomes


def _arguments(job: Job, key: str) -> tuple[str, dict[str, Any], tuple[int, str]]:
    """Return the arguments of a task: where onlyme is, the job, and what must be the same there.

    Raises:
        UserError: The job cannot be done anywhere.
    """
    check_paths(job)
    refuse_existing(job)  # here: to an attempt on a node it may be what another one has just published
    with readable("IN", job.source, SourceError):
        size = job.source.stat().st_size
    there = replace(job, source=job.source.absolute(), out=job.out.absolute())
    return str(CODE), asdict(there), (size, key)


def outcome_of(task: Any, job: Job) -> Outcome:
    """Return what became of a task that has ended, with the paths of the job as it was asked for."""
    import ray

    try:
        told = ray.get(task)
    except ray.exceptions.RayTaskError as error:
        return Outcome(job.source, job.out, EXIT_FAILED, f"{job.source}: {error.cause!r}", log=str(error).splitlines())
    except ray.exceptions.RayError as error:
        died = f"{job.source}: Ray has given it up after {DEATHS + 1} attempts: {_one_line(error)}"
        return Outcome(job.source, job.out, EXIT_FAILED, died)
    if isinstance(told, str):
        return Outcome(job.source, job.out, EXIT_MISTAKE, told)
    outcome: Outcome = replace(told, source=job.source, out=job.out)
    if outcome.redaction is None:
        return outcome
    if job.out not in job.out.parent.iterdir():  # which, unlike stat(2), asks a file server
        unseen = f"{job.out}: made on a node, but this machine does not see it; keep outputs on a file system that every node has"
        return Outcome(job.source, job.out, EXIT_MISTAKE, unseen)
    return replace(outcome, redaction=replace(outcome.redaction, out=job.out, report=job.report))


def _reach(address: str) -> None:
    """Make sure that something answers at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ConfigError(f"--ray: expected HOST:PORT of Ray's head, or auto, got {address!r}; see ray status")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"--ray: expected Ray's head to answer at {address}, got {error}; start it with ray start --head"
        ) from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
