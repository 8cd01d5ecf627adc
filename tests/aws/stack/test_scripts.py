"""The instances' scripts trust no package without a signature, and no tag with a shell."""

import subprocess
from pathlib import Path

import pytest

from aws.stack.template import HERE

OTHER = "0" * 40


def sourced(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash with the functions of boot.sh."""
    argv = ["bash", "-c", f". {HERE}/boot.sh\n{script}", "bash", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def installing(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash with the functions of install.sh, all but its last line."""
    head = 'token=t region=r\n. <(sed "\\$d" "$0")\n'
    argv = ["bash", "-c", head + script, f"{HERE}/install.sh", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_why_no_certificate_could_be_made_is_in_the_log_of_the_boot(tmp_path: Path) -> None:
    ran = installing('openssl() { echo "no entropy" >&2; return 1; }\ncertificate "$1"', tmp_path)
    assert ran.returncode != 0
    assert "no entropy" in ran.stderr


@pytest.mark.parametrize("present", [["nginx"], ["openssl"], ["nginx", "openssl"]])
def test_the_front_is_installed_where_either_part_of_it_is_missing(
    present: list[str], tmp_path: Path
) -> None:
    for name in present:
        (tmp_path / name).touch(0o755)
    stubs = "apt-get() { :; }; certificate() { :; }; install() { :; }; systemctl() { :; }"
    ran = installing(f'{stubs}\npackages() {{ echo "$@"; }}\nPATH=$1\nfront', tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ("nginx-light openssl" in ran.stdout) is (len(present) == 1)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A signed package; beside it its signature and the armoured key."""
    home, file = tmp_path / "home", tmp_path / "agent.deb"
    home.mkdir(mode=0o700)
    file.write_bytes(b"a package")
    gpg = ["gpg", "--quiet", "--batch", "--homedir", str(home), "--passphrase", ""]
    subprocess.run([*gpg, "--quick-generate-key", "signer", "ed25519", "sign"], check=True)
    subprocess.run([*gpg, "--output", f"{file}.sig", "--detach-sign", str(file)], check=True)
    subprocess.run([*gpg, "--armor", "--output", str(tmp_path / "key"), "--export"], check=True)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    return file


def test_a_package_is_taken_only_with_the_signature_of_the_key_that_is_known(package: Path) -> None:
    key, ring = package.parent / "key", package.parent / "ring"
    assert sourced('unarmoured <"$1" >"$2"', key, ring).returncode == 0
    shown = subprocess.run(
        ["gpg", "--show-keys", "--with-colons", str(key)],
        capture_output=True,
        text=True,
        check=True,
    )
    fingerprint = next(li.split(":")[9] for li in shown.stdout.splitlines() if li[:3] == "fpr")
    check = 'signature "$1" "$2" "$3"'
    assert sourced(check, package, fingerprint, ring).returncode == 0
    assert sourced(check, package, OTHER, ring).returncode != 0
    package.write_bytes(b"another package")
    assert sourced(check, package, fingerprint, ring).returncode != 0


@pytest.mark.parametrize(("value", "is_taken"), [("a@b$(id) 'x'", True), ("a\nb = c", False)])
def test_a_tag_has_one_line(value: str, is_taken: bool) -> None:
    ran = sourced('metadata() { printf %s "$v"; }\nv=$1\ntag x', value)
    assert (ran.returncode == 0) is is_taken
    assert (ran.stdout == f"{value}\n") is is_taken
