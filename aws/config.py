"""The settings: config.ini and the environment, read once into frozen dataclasses."""

import configparser
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEFAULT_FILE = Path(__file__).resolve().parent.parent / "config.ini"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
"""The host names and addresses by which only this machine is reached."""
MAX_DELAY_S = 900
"""The most that SQS can delay a message (SQS Developer Guide, delay queues)."""


class ConfigError(ValueError):
    """Every fault found in the settings, one a line."""


@dataclass(frozen=True)
class GasSettings:
    prefix: str
    base_url: str


@dataclass(frozen=True)
class AwsSettings:
    region: str
    poll_s: int
    visibility_s: int
    retry_s: int


@dataclass(frozen=True)
class WebSettings:
    threads: int
    processes: int
    page_size: int
    upload_s: int
    link_s: int
    max_open_jobs: int
    max_jobs_hour: int
    max_calls_minute: int
    max_logins_minute: int
    max_forms_hour: int
    max_queries_minute: int
    max_plan_changes_hour: int
    max_copies_hour: int
    session_idle_s: int
    session_s: int
    proxies: int
    explorer_mb: int
    contact: str
    deleted_days: int
    log_days: int


@dataclass(frozen=True)
class AnnotatorSettings:
    workers: int
    timeout_s: int
    memory_mb: int
    disk_mb: int
    max_attempts: int
    beacon_s: int
    references: str


@dataclass(frozen=True)
class TiersSettings:
    free_max_bytes: int
    premium_max_bytes: int
    free_max_text_bytes: int
    premium_max_text_bytes: int
    free_max_records: int
    premium_max_records: int


@dataclass(frozen=True)
class ArchiveSettings:
    backend: str
    after_s: int
    vault: str
    min_bytes: int = 0

    @property
    def delay_s(self) -> int:
        """The queue's DelaySeconds: none where only a row's due time can wait long enough."""
        return self.after_s if self.by_queue else 0

    @property
    def by_queue(self) -> bool:
        return self.after_s <= MAX_DELAY_S


@dataclass(frozen=True)
class RestoreSettings:
    tier: str
    patience_s: int
    max_day: int


@dataclass(frozen=True)
class SweepSettings:
    every_s: int
    grace_s: int
    patience_s: int
    inventory_every_s: int
    inventory_age_s: int
    inventory_percent: int
    upload_age_s: int
    input_days: int


@dataclass(frozen=True)
class MailSettings:
    sender: str


@dataclass(frozen=True)
class GlobusSettings:
    issuer: str


@dataclass(frozen=True)
class PaymentSettings:
    provider: str
    price: str
    premium_for: str


@dataclass(frozen=True)
class LocalSettings:
    host: str
    first_port: int
    last_port: int
    expedited_s: int
    standard_s: int


@dataclass(frozen=True)
class Config:
    """One attribute for each section of config.ini."""

    gas: GasSettings
    aws: AwsSettings
    web: WebSettings
    annotator: AnnotatorSettings
    tiers: TiersSettings
    archive: ArchiveSettings
    restore: RestoreSettings
    sweep: SweepSettings
    mail: MailSettings
    globus: GlobusSettings
    payments: PaymentSettings
    local: LocalSettings


CHOICES = {
    ("archive", "backend"): ("s3", "vault"),
    ("restore", "tier"): ("Expedited", "Standard", "Bulk"),
    ("payments", "provider"): ("none", "stripe"),
}
POSITIVE = {"poll_s", "visibility_s", "threads", "processes", "page_size", "workers", "every_s"}
POSITIVE |= {"input_days", "max_day", "explorer_mb", "session_idle_s", "session_s"}
SMALLEST = {"memory_mb": 512}
"""Measured: a job takes 310 MB of addresses for the example, 420 for 16,000 records of two
samples, 450 for one line of 19 MB. With less than it needs for its libraries a process breaks down
somewhere in them, in words that blame the annotator.
"""
LARGEST = {"poll_s": 20, "visibility_s": 12 * 3600, "timeout_s": 11 * 3600}
"""SQS waits for 20 s, and hides a message from others for 12 hours, however often it is renewed: a
longer job would be begun anew for ever. An hour is left for its file on the way in and out.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""


def load(path: Path | str | None = None, env: Mapping[str, str] = os.environ) -> Config:
    """Return the settings of `path` (default: `GAS_CONFIG`, else config.ini beside the code).

    `GAS_<SECTION>_<KEY>` in `env` overrides one value. Raises ConfigError naming every fault.
    """
    file = Path(path or env.get("GAS_CONFIG") or DEFAULT_FILE)
    parser = configparser.ConfigParser(interpolation=None)
    if not parser.read([DEFAULT_FILE, file], encoding="utf-8")[-1:] == [str(file)]:
        raise ConfigError(f"{file}: no such file; GAS_CONFIG names the settings file")
    faults = _unknown(parser, file)
    sections = {f.name: _section(f.name, f.type, parser, env, faults) for f in fields(Config)}
    if faults:
        raise ConfigError("\n".join(faults))
    return Config(**sections)


def _unknown(parser: configparser.ConfigParser, file: Path) -> list[str]:
    known = {(s.name, f.name) for s in fields(Config) for f in _fields(s.type)}
    return [
        f"{file}: [{section}] {key} is not a setting of GAS"
        for section in parser.sections()
        for key in parser[section]
        if (section, key) not in known
    ]


def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return fields(kind)


def _section(
    name: str,
    kind: Any,
    parser: configparser.ConfigParser,
    env: Mapping[str, str],
    faults: list[str],
) -> Any:
    values: dict[str, Any] = {}
    for field in _fields(kind):
        given = env.get(f"GAS_{name}_{field.name}".upper())
        text = given if given is not None else parser.get(name, field.name, fallback=None)
        try:
            values[field.name] = _value(name, field.name, field.type, text)
        except ValueError as fault:
            faults.append(f"[{name}] {field.name}: {fault}")
    return kind(**values) if len(values) == len(_fields(kind)) else None


def _value(section: str, key: str, kind: Any, text: str | None) -> str | int:
    if text is None:
        raise ValueError("is missing")
    if kind is int:
        return _number(key, text)
    choices = CHOICES.get((section, key))
    if choices and text not in choices:
        raise ValueError(f"{text!r} is none of {', '.join(choices)}")
    if key in ("base_url", "issuer"):
        return _url(text)
    return text


def _number(key: str, text: str) -> int:
    if not text.strip().isdigit():
        raise ValueError(f"{text!r} is not a whole number")
    if key in POSITIVE and int(text) == 0:
        raise ValueError("must be at least 1")
    if int(text) < SMALLEST.get(key, 0):
        raise ValueError(
            f"must be at least {SMALLEST[key]}: with less a small file finds no room, and jobs end "
            f"without words; set {SMALLEST[key]} or more"
        )
    if int(text) > LARGEST.get(key, int(text)):
        raise ValueError(f"must be at most {LARGEST[key]}: SQS allows no more")
    return int(text)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not an http or https address")
    return text.rstrip("/")
