"""The limits that a growing service meets: quotas, their use by a job, and the remedies.

Figures marked "estimated" are not AWS's: measure them on the dashboard and put yours in.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aws.rows.table import DUE_SHARDS
from aws.simulate.template import Template

JOB_FIXED_S, VARIANTS_S = 5.0, 100_000.0
"""One job: a fixed part, and variants a second with download and upload (estimated)."""
BUSY = 0.8
"""The part of their time that annotators work, in a steady state (simulated)."""
ONLINE, CLICK_EVERY_S = 0.02, 10.0
"""The part of all users on the site in the busiest hour, and the seconds between two pages."""
REQUESTS_A_JOB = 12.0
WRITES_A_JOB, UNITS_A_WRITE = 12.0, 2.0
"""Of a row of 1 to 2 KB, from its submission to its archive; a test counts these, and the next."""
PUTS_A_JOB, EVENTS_A_JOB, MAILS_A_JOB, OBJECTS_A_JOB = 8.0, 3.0, 1.0, 7.0
NOTIFY_S, ARCHIVE_S, LOOK_UP_S = 0.15, 0.6, 0.005
"""One message of notify and of archive, one look-up of the inventory (estimated)."""
LIST_S, LISTED = 0.2, 1000.0
"""One page of a listing (estimated), and the objects in it."""
LOOK_UPS_A_JOB = 3.0 * 4.0
"""One in each store that has the job's objects, on each of the four days that a pass goes back."""
AT_WORK = 0.5
"""The part of its time that the sweeper's thread for the inventory works."""
VCPUS = 2
"""Of an instance of each of the template's types."""
UTIL_INSTANCES = 1
USERS_A_JOB_HOUR = 10.0
"""One million users start 100,000 jobs an hour."""
HOUR_S, DAY_H, YEAR_H = 3600.0, 24.0, 8760.0


@dataclass(frozen=True)
class Demand:
    """A load: jobs an hour of so many variants, and the users who start them."""

    jobs_hour: float
    variants: float = 100_000
    users: float | None = None

    @property
    def job_s(self) -> float:
        """Mean seconds of one job."""
        return JOB_FIXED_S + self.variants / VARIANTS_S

    @property
    def running(self) -> float:
        """Jobs at work at a time."""
        return self.jobs_hour / HOUR_S * self.job_s

    @property
    def requests_s(self) -> float:
        """Requests to the site, a second."""
        users = self.jobs_hour * USERS_A_JOB_HOUR if self.users is None else self.users
        return users * ONLINE / CLICK_EVERY_S + self.a_second(REQUESTS_A_JOB)

    def a_second(self, times_a_job: float) -> float:
        """The rate per second of something that happens `times_a_job`."""
        return self.jobs_hour * times_a_job / HOUR_S


@dataclass(frozen=True)
class Sizes:
    """The template's parameters that set sizes."""

    smallest: int
    largest: int
    workers: int
    web_requests_s: float

    def annotators(self, demand: Demand) -> int:
        """Annotator instances that bear `demand`."""
        return max(self.smallest, math.ceil(demand.running / self.workers / BUSY))

    def web(self, demand: Demand) -> int:
        """Web instances that bear `demand`, each at the target."""
        return max(self.smallest, math.ceil(demand.requests_s / self.web_requests_s))

    def vcpus(self, demand: Demand) -> int:
        """Virtual processors of all instances."""
        return VCPUS * (self.annotators(demand) + self.web(demand) + UTIL_INSTANCES)


@dataclass(frozen=True)
class Limit:
    """A finite resource: its use by a demand, its size, its source and its remedy."""

    name: str
    uses: Callable[[Demand], float]
    holds: float
    unit: str
    page: str
    remedy: str

    def jobs_hour(self, variants: float) -> float:
        """Jobs an hour at which it gives way; infinite where it bears a thousand million."""
        low, high = 0.0, 1e9
        if self.uses(Demand(high, variants)) <= self.holds:
            return math.inf
        while high - low > 0.5:
            middle = (low + high) / 2
            bears = self.uses(Demand(middle, variants)) <= self.holds
            low, high = (middle, high) if bears else (low, middle)
        return math.floor(low)


def sizes(template: Path) -> Sizes:
    """The sizes that the template's defaults give."""
    found = Template(template.read_text())
    limits = found.scaling("AnnotatorGroup").limits
    of = found.parameters
    per_minute = float(of["WebTargetRequests"])
    return Sizes(limits.smallest, limits.largest, int(of["AnnotatorWorkers"]), per_minute / 60)


def limits(size: Sizes) -> list[Limit]:
    """Everything that can give way: the groups, the daemons, then AWS's quotas."""
    return _groups(size) + _daemons() + _machines(size) + _mails() + _tables() + _traffic()


def _groups(size: Sizes) -> list[Limit]:
    return [
        Limit(
            "annotators: MaxInstances",
            lambda d: size.annotators(d),
            size.largest,
            "instances",
            "aws/stack/template.yaml",
            "raise MaxInstances; larger instances with more AnnotatorWorkers",
        ),
        Limit(
            "web: MaxInstances",
            lambda d: size.web(d),
            size.largest,
            "instances",
            "aws/stack/template.yaml",
            "raise MaxInstances; measure again and raise WebTargetRequests",
        ),
    ]


def _daemons() -> list[Limit]:
    return [
        Limit(
            "archive: one message at a time",
            lambda d: d.a_second(ARCHIVE_S),
            1.0,
            "of one process (estimated)",
            "util/archive.py",
            "run more of gas@archive: on more utility instances, or several on one",
        ),
        Limit(
            "notify: one message at a time",
            lambda d: d.a_second(NOTIFY_S),
            1.0,
            "of one process (estimated)",
            "util/notify.py",
            "run more of gas@notify: on more utility instances, or several on one",
        ),
        Limit(
            "sweep: the objects of a year listed, four days' rows read, in a day",
            _inventory_h,
            DAY_H * AT_WORK,
            "hours (estimated)",
            "util/inventory.py",
            "raise [sweep] inventory_every_s: it only finds what crashes left behind",
        ),
    ]


def _inventory_h(demand: Demand) -> float:
    """The hours that one day's inventory takes."""
    listed_s = demand.jobs_hour * YEAR_H * OBJECTS_A_JOB / LISTED * LIST_S
    read_s = demand.jobs_hour * DAY_H * LOOK_UPS_A_JOB * LOOK_UP_S
    return (listed_s + read_s) / HOUR_S


def _machines(size: Sizes) -> list[Limit]:
    return [
        Limit(
            "EC2: vCPUs of Standard On-Demand instances",
            lambda d: size.vcpus(d),
            32,
            "vCPUs (a new account; some begin with 5)",
            "Amazon EC2 service quotas",
            "Service Quotas, days before the first deployment; Spot for part of the annotators",
        ),
        Limit(
            "VPC: addresses of two /24 private subnets",
            lambda d: size.vcpus(d) / VCPUS,
            2 * 251,
            "instances",
            "Subnet CIDR blocks (Amazon VPC)",
            "larger subnets, or more: they cannot be enlarged afterwards",
        ),
        Limit(
            "ALB: targets",
            lambda d: size.web(d),
            1_000,
            "instances",
            "Quotas for your Application Load Balancers",
            "Service Quotas; larger web instances",
        ),
    ]


def _mails() -> list[Limit]:
    return [
        Limit(
            "SES: mails a day",
            lambda d: d.jobs_hour * MAILS_A_JOB * DAY_H,
            50_000,
            "mails (as first granted; 200 in the sandbox)",
            "Managing your Amazon SES sending limits",
            "leave the sandbox, then ask for more well before; it grows with use",
        ),
        Limit(
            "SES: mails a second",
            lambda d: d.a_second(MAILS_A_JOB),
            14,
            "mails (as first granted)",
            "Managing your Amazon SES sending limits",
            "ask for more; until then mails wait in job_results",
        ),
    ]


def _tables() -> list[Limit]:
    return [
        Limit(
            "DynamoDB: writes of a new table",
            lambda d: d.a_second(WRITES_A_JOB * UNITS_A_WRITE),
            4_000,
            "write units a second",
            "DynamoDB on-demand capacity mode",
            "it doubles by itself as traffic grows; set warm throughput before a launch",
        ),
        Limit(
            f"DynamoDB: due_index, {DUE_SHARDS} partition keys",
            lambda d: d.a_second(WRITES_A_JOB * UNITS_A_WRITE),
            1_000 * DUE_SHARDS,
            "write units a second",
            "Best practices for designing and using partition keys effectively in DynamoDB",
            "raise DUE_SHARDS in aws/rows/table.py",
        ),
        Limit(
            "DynamoDB: writes of one table",
            lambda d: d.a_second(WRITES_A_JOB * UNITS_A_WRITE),
            40_000,
            "write units a second",
            "Quotas in Amazon DynamoDB",
            "Service Quotas",
        ),
    ]


def _traffic() -> list[Limit]:
    return [
        Limit(
            "S3: writes under one prefix",
            lambda d: d.a_second(PUTS_A_JOB),
            3_500,
            "requests a second",
            "Best practices design patterns: optimizing Amazon S3 performance",
            "S3 splits by user id as it grows; 503 meanwhile, which is tried again",
        ),
        Limit(
            "SQS: messages in flight in one queue",
            lambda d: d.running,
            120_000,
            "messages",
            "Amazon SQS standard queue quotas",
            "a second job_requests queue with a group of its own",
        ),
        Limit(
            "SNS: messages published",
            lambda d: d.a_second(EVENTS_A_JOB),
            30_000,
            "a second (us-east-1; a hundredth in the smallest regions)",
            "Amazon Simple Notification Service endpoints and quotas",
            "Service Quotas",
        ),
    ]
