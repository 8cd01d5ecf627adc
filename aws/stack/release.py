"""Builds the artefact that an instance installs: the code, and the wheels of its requirements."""

import argparse
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aws.stack.template import HERE

ROOT = HERE.parents[1]
FOLDERS = ("aws", "ann", "util", "vcf", "web")
FILES = (
    "gas",
    "config.ini",
    "pyproject.toml",
    "requirements.txt",
    "requirements-local.txt",
    "README.md",
)
LEFT_OUT = {"__pycache__", "simulate", "web_load.py", "ann_load.py", "load_common.py"}
"""Names of files and folders in FOLDERS that no instance needs."""
PYTHON = "3.11"
"""The version of Debian 12, the template's image."""
PLATFORMS = {
    "x86_64": ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    "aarch64": ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64"),
}
TIME = 315532800
"""1980-01-01, the time of every file, so that the same sources give the same bytes."""


class ReleaseError(RuntimeError):
    """The artefact cannot be built; the message gives the reason."""


@dataclass(frozen=True)
class Artefact:
    """A built artefact; instances check the file against `sha256`."""

    path: Path
    sha256: str


def build(to: Path, machine: str, agents: Sequence[Path] = (), root: Path = ROOT) -> Artefact:
    """Write `to/gas-<version>-<checksum>.tar.gz` and its `.sha256`; raises ReleaseError."""
    with TemporaryDirectory(prefix="gas-release-") as folder:
        wheels = Path(folder)
        download(wheels, machine, root)
        members = {**sources(root), **{f"wheels/{w.name}": w for w in wheels.iterdir()}}
        members |= {f"agent/{agent.name}": agent for agent in agents}
        body = packed(members)
    sha256 = hashlib.sha256(body).hexdigest()
    path = to / f"gas-{version(root)}-{sha256[:12]}.tar.gz"
    to.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    path.with_name(f"{path.name}.sha256").write_text(f"{sha256}  {path.name}\n", encoding="ascii")
    return Artefact(path, sha256)


def version(root: Path = ROOT) -> str:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def sources(root: Path) -> dict[str, Path]:
    """The files to ship, keyed by their path in the artefact: those that git tracks.

    What else lies about (keys, editors' copies) is nobody's to serve. Raises ReleaseError.
    """
    listed = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--", *FILES, *FOLDERS]
    done = subprocess.run(  # noqa: S603 (the command is built here)
        listed, cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReleaseError(f"a release is built from a git checkout:\n{done.stderr.strip()}")
    names = [
        name for name in done.stdout.split("\0") if name and not LEFT_OUT & {*Path(name).parts}
    ]
    return {name: root / name for name in names if (root / name).is_file()}


def download(to: Path, machine: str, root: Path = ROOT) -> None:
    """Download pip and the pinned wheels for the instances' Python; pip checks their hashes."""
    platforms = [part for name in PLATFORMS[machine] for part in ("--platform", name)]
    tags = [part for abi in ("cp311", "abi3", "none") for part in ("--abi", abi)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--dest", str(to), "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--implementation", "cp", "--python-version", PYTHON, *tags, *platforms]
    for file in (root / "requirements.txt", root / "aws" / "stack" / "pip.txt"):
        done = subprocess.run(  # noqa: S603 (the command is built here)
            [*command, "-r", str(file)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ReleaseError(
                f"pip could not download the wheels of {file.name}:\n{done.stderr.strip()}"
            )


def packed(members: dict[str, Path]) -> bytes:
    """A tar.gz whose bytes depend on names, contents and execute bits, and on nothing else."""
    body = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=body, mtime=TIME) as zipped,
        tarfile.open(mode="w", fileobj=zipped, format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, path in sorted(members.items()):
            archive.addfile(_member(name, path), io.BytesIO(path.read_bytes()))
    return body.getvalue()


def _member(name: str, path: Path) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = path.stat().st_size
    member.mtime = TIME
    member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
    return member


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./gas release",
        description="Build the artefact that instances install: the code, with wheels of all "
        "that requirements.txt pins, so that an instance needs no registry. "
        "The same sources give the same bytes.",
        epilog="example: ./gas release && ./gas deploy --help",
    )
    parser.add_argument(
        "--to", type=Path, default=ROOT / "build", metavar="FOLDER", help="default: build/"
    )
    parser.add_argument(
        "--machine", choices=sorted(PLATFORMS), default="x86_64", help="the instances' processor"
    )
    parser.add_argument(
        "--agent",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.deb",
        help="pack this package of AWS, may be repeated: the CloudWatch agent, which an instance "
        "else fetches and verifies; amazon-ssm-agent.deb, which SessionManager = yes needs",
    )
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas release`."""
    args = _arguments()
    try:
        artefact = build(args.to, args.machine, args.agent)
    except (ReleaseError, OSError) as fault:
        sys.exit(f"gas: {fault}")
    size_mb = artefact.path.stat().st_size / 1e6
    sys.stdout.write(f"{artefact.path} ({size_mb:.1f} MB)\nsha256 {artefact.sha256}\n")


if __name__ == "__main__":
    main()
