"""One file through a private world, from login to download, as a browser would take it."""

import argparse
import contextlib
import json
import random
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import requests

from aws.config import ConfigError
from local import demo_lifecycle
from local.up import ROOT, LocalService, UpError
from local.visitor import RefusedUpload, Visitor

EXAMPLE = ROOT / "ann" / "references" / "rCRS" / "example.vcf"
RESULTS = ROOT / "var" / "demo"
FAULTS = (
    UpError,
    ConfigError,
    TimeoutError,
    demo_lifecycle.LifecycleDemoError,
    requests.RequestException,
)
RUN_S = 600
MAIL_S = 30
FIRST_PORT, LAST_PORT, TRIES = 20000, 32000, 100


@contextlib.contextmanager
def private_world(workers: int | None = None, **settings: str) -> Iterator[LocalService]:
    """A world of its own on free ports, gone afterwards; its log is shown only if it fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        world = LocalService(free_port(), None, workers, log, settings)
        try:
            world.start()
            yield world
        except UpError as fault:
            log.seek(0)
            raise UpError(f"{fault}\n{log.read()[-4000:]}") from None
        finally:
            world.stop()


def free_port() -> int:
    """The first of three neighbouring ports that are free just now, from a random place on."""
    for _ in range(TRIES):
        port = random.randrange(FIRST_PORT, LAST_PORT, 10)  # noqa: S311
        with contextlib.ExitStack() as probes:
            try:
                for neighbour in range(port, port + 3):
                    probe = probes.enter_context(socket.socket())
                    probe.bind(("localhost", neighbour))
            except OSError:
                continue
            return port
    raise UpError("no three neighbouring ports are free")


def annotate(world: LocalService, path: Path, identity: str, folder: Path) -> dict[str, Any]:
    """Take `path` through; return the figures that `--json` prints."""
    began = time.monotonic()
    visitor = Visitor(world.url)
    visitor.sign_in(identity)
    uploading = time.monotonic()
    try:
        job_id = visitor.upload(path)
    except RefusedUpload as refusal:
        return {**report(began), "job_status": "REFUSED", "error": str(refusal)}
    uploaded = time.monotonic()
    status = visitor.wait(job_id, RUN_S)
    seconds = {"upload": round(uploaded - uploading, 3), **spans(status)}
    return {
        **report(began, **seconds),
        "job_id": job_id,
        "job_status": status["job_status"],
        "error": status["error"],
        **(collect(visitor, job_id, folder) if status["job_status"] == "COMPLETED" else {}),
        "mail": mail(world, job_id),
    }


def report(began: float, **seconds: float) -> dict[str, Any]:
    """Every key of the report, with nothing in it yet but the time taken."""
    empty = ("job_id", "job_status", "error", "records", "annotated", "result", "log", "mail")
    seconds = {"upload": 0, "queue": 0, "run": 0, **seconds}
    return {
        **dict.fromkeys(empty),
        "consequences": {},
        "seconds": {**seconds, "total": round(time.monotonic() - began, 3)},
    }


def spans(status: dict[str, Any]) -> dict[str, float]:
    """Seconds in the queue and in the run, from the times on the row."""
    submit, start = status["submit_time"], status["start_time"]
    end = status["complete_time"]
    return {"queue": round(start - submit, 3), "run": round(end - start, 3)}


def collect(visitor: Visitor, job_id: str, folder: Path) -> dict[str, Any]:
    """Download the result and its log; the counts are those of the summary."""
    summary = visitor.get(f"/annotations/{job_id}/summary").json()
    folder.mkdir(parents=True, exist_ok=True)
    name = visitor.status(job_id)["result_name"]
    base = f"/annotations/{job_id}"
    log_name = name.replace(".annot.vcf.gz", ".vcf.count.log")
    return {
        "records": summary["records"],
        "annotated": summary["annotated"],
        "consequences": summary["consequences"],
        "result": str(visitor.download(f"{base}/download", folder / name)),
        "log": str(visitor.download(f"{base}/log?raw=1", folder / log_name)),
    }


def mail(world: LocalService, job_id: str) -> dict[str, str] | None:
    """The mail about this job, once it is there."""
    deadline = time.monotonic() + MAIL_S
    while time.monotonic() < deadline:
        for letter in requests.get(
            f"http://localhost:{world.port + 1}/mail.json", timeout=5
        ).json():
            if job_id in letter["text"]:
                return {"subject": letter["subject"], "recipient": letter["to"]}
        time.sleep(0.1)
    return None


def words(told: dict[str, Any]) -> str:
    """The report as a person reads it."""
    if told["job_status"] != "COMPLETED":
        return f"{told['job_status']}: {told['error']}\n"
    lines = [f"{told['records']} records, {told['annotated']} with a consequence"]
    ordered = sorted(told["consequences"].items(), key=lambda item: -item[1])
    lines += [f"{count:>8}  {term}" for term, count in ordered]
    lines += [f"result  {told['result']}", f"log     {told['log']}"]
    if told["mail"]:
        lines.append(f"mail    {told['mail']['subject']} → {told['mail']['recipient']}")
    return "\n".join(lines) + f"\ntook    {told['seconds']['total']:.1f} s\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./gas demo",
        description="Bring up a private world, sign in, upload FILE, wait, download the result.",
        epilog="example: ./gas demo my.vcf --as free    ./gas demo --lifecycle --backend vault",
    )
    parser.add_argument("file", nargs="?", type=Path, default=EXAMPLE, help="a VCF to annotate")
    parser.add_argument("--as", dest="identity", choices=("free", "premium"), default="premium")
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--lifecycle", action="store_true", help="a free result's whole life")
    parser.add_argument("--backend", choices=("s3", "vault"), default="s3", help="of the archive")
    parser.add_argument(
        "--capacity", choices=("ok", "short"), default="ok", help="of Glacier's Expedited tier"
    )
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas demo`; exits 0 only if the job COMPLETED."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not asked.file.is_file():
        sys.exit(f"gas: {asked.file}: no such file")
    try:
        told, good = _run(asked)
    except FAULTS as fault:
        _fail(asked, str(fault))
    except KeyboardInterrupt:
        sys.exit("gas: interrupted")
    as_words = demo_lifecycle.words if asked.lifecycle else words
    sys.stdout.write(json.dumps(told) + "\n" if asked.json else as_words(told))
    sys.exit(0 if good else 1)


def _run(asked: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    sys.stderr.write("starting a private world …\n")
    if asked.lifecycle:
        with private_world(**demo_lifecycle.settings(asked.backend)) as world:
            sys.stderr.write(f"following a free result through its life at {world.url} …\n")
            told = demo_lifecycle.live(world, asked.file, asked.capacity)
        return told, told["bytes_equal"]
    with private_world() as world:
        sys.stderr.write(f"annotating {asked.file.name} at {world.url} …\n")
        told = annotate(world, asked.file, asked.identity, RESULTS)
    return told, told["job_status"] == "COMPLETED"


def _fail(asked: argparse.Namespace, fault: str) -> NoReturn:
    if asked.json:
        told = {**report(time.monotonic()), "job_status": "FAILED", "error": fault}
        sys.stdout.write(json.dumps(told) + "\n")
    sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
