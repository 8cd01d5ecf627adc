"""One file through a private world, from login to download, as a browser would take it."""

import argparse
import contextlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import requests

from aws.config import ConfigError
from aws.machine.stop_request import StopRequest
from local import demo_lifecycle
from local.addresses import free_port
from local.arguments import OneLineParser
from local.errors import Interrupted, UpError
from local.service import LocalService
from local.visitor import RefusedUpload, Visitor
from vcf.variants_tsv import tsv_lines

ROOT = Path(__file__).resolve().parent.parent
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
LOOK_S = 0.1
Result = TypeVar("Result")


@contextlib.contextmanager
def private_world(
    settings: dict[str, str] | None = None,
    *,
    workers: int | None = None,
    stopping: StopRequest | None = None,
) -> Iterator[LocalService]:
    """A world of its own on free ports, gone afterwards; its log is shown only if it fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        world = LocalService(free_port(), None, workers, log, settings, stopping=stopping)
        try:
            world.start()
            yield world
        except UpError as fault:
            log.seek(0)
            raise UpError(f"{fault}\n{log.read()[-4000:]}") from None
        finally:
            world.stop()


def annotate(
    world: LocalService,
    path: Path,
    identity: str,
    folder: Path,
    tsv: Path | None = None,
    annotation: Path | None = None,
    tag: str = "",
) -> dict[str, Any]:
    """Take `path` through; return the figures that `--json` prints. `tsv` is for the variants.

    `annotation` is a BED or a VCF to be matched, under `tag` or one made of its name.
    """
    began = time.monotonic()
    visitor = Visitor(world.url)
    visitor.sign_in(identity)
    uploading = time.monotonic()
    try:
        job_id = visitor.upload(path, annotation=annotation, tag=tag)
    except RefusedUpload as refusal:
        return {**report(began), "job_status": "REFUSED", "error": str(refusal)}
    uploaded = time.monotonic()
    status = visitor.wait(job_id, RUN_S)
    seconds = {"upload": round(uploaded - uploading, 3), **spans(status)}
    if tsv and status["job_status"] == "COMPLETED":
        write_tsv(visitor, job_id, tsv)
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


def write_tsv(visitor: Visitor, job_id: str, to: Path) -> None:
    """Make a TSV of the job's table of variants."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "variants.parquet"
        visitor.download(f"/annotations/{job_id}/variants/parquet", table)
        with to.open("w", encoding="utf-8") as out:
            out.writelines(tsv_lines(table))


def mail(world: LocalService, job_id: str) -> dict[str, str] | None:
    """The mail about this job, once it is there."""
    deadline = time.monotonic() + MAIL_S
    while time.monotonic() < deadline:
        for letter in requests.get(f"{world.aws_url}/mail.json", timeout=5).json():
            if job_id in letter["text"]:
                return {"subject": letter["subject"], "recipient": letter["to"]}
        time.sleep(0.1)
    return None


def words(figures: dict[str, Any]) -> str:
    """The report as a person reads it."""
    if figures["job_status"] != "COMPLETED":
        return f"{figures['job_status']}: {figures['error']}\n"
    lines = [f"{figures['records']} records, {figures['annotated']} with a consequence"]
    ordered = sorted(figures["consequences"].items(), key=lambda item: -item[1])
    lines += [f"{count:>8}  {term}" for term, count in ordered]
    lines += [f"result  {figures['result']}", f"log     {figures['log']}"]
    if figures["mail"]:
        lines.append(f"mail    {figures['mail']['subject']} → {figures['mail']['recipient']}")
    return "\n".join(lines) + f"\ntook    {figures['seconds']['total']:.1f} s\n"


def _arguments() -> argparse.Namespace:
    parser = OneLineParser(
        prog="./gas demo",
        description="Bring up a private world, sign in, upload FILE, wait, download the result.",
        epilog="examples: ./gas demo my.vcf --as free; ./gas demo --lifecycle --backend vault",
    )
    parser.add_argument("file", nargs="?", type=Path, default=EXAMPLE, help="a VCF to annotate")
    parser.add_argument("--as", dest="identity", choices=("free", "premium"), default="premium")
    parser.add_argument("--tsv", type=Path, metavar="FILE", help="write the variants here, as TSV")
    parser.add_argument(
        "--annotation", type=Path, metavar="FILE", help="a BED or VCF of your own to match"
    )
    parser.add_argument("--tag", metavar="NAME", help="the annotation's tag in the result")
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--lifecycle", action="store_true", help="a free result's whole life")
    parser.add_argument("--backend", choices=("s3", "vault"), default="s3", help="of the archive")
    parser.add_argument(
        "--capacity", choices=("ok", "short"), default="ok", help="of Glacier's Expedited tier"
    )
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas demo`; exits 0 only if the job COMPLETED."""
    stopping = StopRequest().on_signals()
    args = _arguments()
    for path in (args.file, args.annotation):
        if path and not path.is_file():
            sys.exit(f"gas: {path}: {'no file to annotate' if path.exists() else 'no such file'}")
    try:
        figures, is_good = _run(args, stopping)
    except FAULTS as fault:
        _fail(args, str(fault))
    except Interrupted:
        sys.exit("gas: interrupted")
    as_words = demo_lifecycle.words if args.lifecycle else words
    sys.stdout.write(json.dumps(figures) + "\n" if args.json else as_words(figures))
    sys.exit(0 if is_good else 1)


def _run(args: argparse.Namespace, stopping: StopRequest) -> tuple[dict[str, Any], bool]:
    """The figures, and whether all went well."""
    sys.stderr.write("starting a private world …\n")
    settings = demo_lifecycle.settings(args.backend) if args.lifecycle else None
    with private_world(settings, stopping=stopping) as world:
        return _until_stopped(stopping, lambda: _visit(args, world))


def _until_stopped(stopping: StopRequest, work: Callable[[], Result]) -> Result:
    """Return what `work` returns; it has a thread of its own, which a stop leaves behind.

    Raises what it raises, and Interrupted.
    """
    future: Future[Result] = Future()
    thread = threading.Thread(target=_complete, args=(future, work), daemon=True)
    thread.start()
    while thread.is_alive():
        if stopping.is_set():
            raise Interrupted
        thread.join(LOOK_S)
    return future.result()


def _complete(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as fault:
        future.set_exception(fault)


def _visit(args: argparse.Namespace, world: LocalService) -> tuple[dict[str, Any], bool]:
    if args.lifecycle:
        sys.stderr.write(f"following a free result through its life at {world.url} …\n")
        figures = demo_lifecycle.live(world, args.file, args.capacity)
        return figures, figures["bytes_equal"]
    sys.stderr.write(f"annotating {args.file.name} at {world.url} …\n")
    figures = annotate(
        world, args.file, args.identity, RESULTS, args.tsv, args.annotation, args.tag or ""
    )
    return figures, figures["job_status"] == "COMPLETED"


def _fail(args: argparse.Namespace, fault: str) -> NoReturn:
    if args.json:
        figures = {**report(time.monotonic()), "job_status": "FAILED", "error": fault}
        sys.stdout.write(json.dumps(figures) + "\n")
    sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
