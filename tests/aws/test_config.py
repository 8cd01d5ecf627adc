"""Settings: the file, the environment over it, and faults that say what to do."""

from pathlib import Path

import pytest

from aws.config import ConfigError, load


def test_the_file_beside_the_code_is_whole() -> None:
    config = load(env={})
    assert config.archive.backend == "s3"
    assert config.archive.after_s == 300
    assert config.tiers.free_max_bytes == 150_000


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    own = tmp_path / "own.ini"
    own.write_text("[gas]\nprefix = theirs\n[web]\nthreads = 3\n")
    config = load(env={"GAS_CONFIG": str(own), "GAS_WEB_THREADS": "5"})
    assert (config.gas.prefix, config.web.threads) == ("theirs", 5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GAS_ARCHIVE_BACKEND", "tape", "'tape' is none of s3, vault"),
        ("GAS_WEB_THREADS", "many", "'many' is not a whole number"),
        ("GAS_WEB_THREADS", "0", "must be at least 1"),
        ("GAS_AWS_POLL_S", "21", "must be at most 20"),
        ("GAS_ANNOTATOR_TIMEOUT_S", "43200", "must be at most 39600"),
        ("GAS_ANNOTATOR_MEMORY_MB", "511", "must be at least 512: .* set 512 or more"),
        ("GAS_GAS_BASE_URL", "gas.example.org", "is not an http or https address"),
    ],
)
def test_a_bad_value_is_named_with_what_is_wrong(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(env={name: value})


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    own = tmp_path / "own.ini"
    own.write_text("[web]\nthreads = x\ncolour = blue\n[gas]\nbase_url = y\n")
    with pytest.raises(ConfigError) as fault:
        load(own, env={})
    assert len(str(fault.value).splitlines()) == 3


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load("/nowhere.ini", env={})
