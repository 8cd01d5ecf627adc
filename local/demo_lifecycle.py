"""A free result's whole life in a private world: archived, refused, restored, thawed."""

import hashlib
import time
from pathlib import Path
from typing import Any

import requests

from local.service import LocalService
from local.visitor import Visitor

AFTER_S = 3
"""The retention of the demonstration; five minutes in earnest."""
STAGE_S = 120


def settings(backend: str) -> dict[str, str]:
    """The settings of the private world."""
    return {"GAS_ARCHIVE_BACKEND": backend, "GAS_ARCHIVE_AFTER_S": str(AFTER_S)}


def live(world: LocalService, path: Path, capacity: str) -> dict[str, Any]:
    """Take one free user's result through its life; return the stages, timed from the upload.

    Raises TimeoutError or LifecycleDemoError where a stage is not reached or has a fault.
    """
    control = f"{world.aws_url}/_gas/settings"
    requests.put(control, json={"capacity": capacity}, timeout=5).raise_for_status()
    visitor = Visitor(world.url)
    visitor.sign_in("free")
    demo = LifecycleDemo(visitor, visitor.upload(path))
    return {"backend": world.config().archive.backend, **demo.run()}


class LifecycleDemoError(RuntimeError):
    """A result did not go through its life as it must."""


class LifecycleDemo:
    """One job's stages, each noted when it is reached."""

    def __init__(self, visitor: Visitor, job_id: str) -> None:
        self.visitor, self.job_id = visitor, job_id
        self.began = time.monotonic()
        self.stages: list[dict[str, Any]] = []
        self.tier: str | None = None

    def run(self) -> dict[str, Any]:
        """Every stage in its order."""
        self._until("completed", lambda s: s["job_status"] == "COMPLETED")
        first = self._download()
        self._until("archived", lambda s: s["existed"] is False)
        self._demand_refused()
        self._note("refused")
        self.visitor.submit(self.visitor.page("/subscribe"), "/subscribe")
        self._note("subscribed")
        self._until("restoring", lambda s: s["retrieval"] or s["existed"])
        self._until("thawed", self._has_thawed)
        second = self._download()
        self._note("downloaded")
        return {
            "job_id": self.job_id,
            "tier": self.tier,
            "stages": self.stages,
            "bytes_equal": first == second,
            "sha256": hashlib.sha256(second).hexdigest(),
        }

    def _until(self, stage: str, reached: Any) -> dict[str, Any]:
        status = self.visitor.wait_until(self.job_id, reached, STAGE_S)
        self._note(stage)
        return status

    def _has_thawed(self, status: dict[str, Any]) -> bool:
        """Note the tier that Glacier granted, while the status shows one."""
        if status["retrieval"]:
            self.tier = status["retrieval"]["tier"]
        return bool(status["existed"])

    def _note(self, stage: str) -> None:
        at_s = round(time.monotonic() - self.began, 3)
        self.stages.append({"stage": stage, "at_s": at_s})

    def _download(self) -> bytes:
        response = self.visitor.get(f"/annotations/{self.job_id}/download")
        response.raise_for_status()
        return response.content

    def _demand_refused(self) -> None:
        """While it is archived there is no download, but log and summary are read as before."""
        base = f"/annotations/{self.job_id}"
        codes = [self.visitor.get(base + p).status_code for p in ("/download", "/log", "/summary")]
        if codes != [409, 200, 200]:
            raise LifecycleDemoError(f"while archived, download, log and summary answered {codes}")


def words(figures: dict[str, Any]) -> str:
    """The stages as a person reads them."""
    lines = [f"archive backend {figures['backend']}, retrieval tier {figures['tier']}"]
    lines += [f"{stage['at_s']:>8.1f} s  {stage['stage']}" for stage in figures["stages"]]
    equal = "equal to the first download" if figures["bytes_equal"] else "NOT THE SAME BYTES"
    return "\n".join([*lines, f"result {equal}, SHA-256 {figures['sha256']}"]) + "\n"
