"""Mails the owner of a job that has ended, of a batch once, and when archived results are back."""

import logging
from itertools import islice

from aws import consumer
from aws.events import Event
from aws.mail import Letter, UndeliverableError
from aws.resources import World
from aws.rows.accounts import Account, MailKind
from aws.rows.job import Job
from util import letters

log = logging.getLogger(__name__)

MAX_REMINDERS = 24
"""Reminders, a day of them, after which a mail that fails for whatever reason is given up."""
BATCH_REMINDERS = 3
"""Reminders, some minutes of them, after which a batch is mailed without those still missing."""
NEWEST = 1000
"""The newest jobs of a user, among which those of a batch are looked for."""


def handle(world: World, event: Event) -> None:
    """Mail the owner of a job that has ended, once; it is marked after the mail was sent.

    A mail that can never be sent ends as well: the row says why, and so does the job's page.
    """
    job = world.jobs.get(event.job_id)
    if job.is_mail_settled:
        tell_of_return(world, job)
    elif job.is_terminal:
        mail_owner(world, job)


def mail_owner(world: World, job: Job) -> None:
    """Send the mail of an ended job, or that of its batch, or wait for the rest of the batch."""
    jobs = batch_of(world, job)
    if not jobs:
        return
    try:
        account = world.accounts.get(job.user_id)
        _send(world, account, MailKind.ENDED, letter(jobs, account, world.config.gas.base_url))
    except UndeliverableError as fault:
        give_up(world, jobs, str(fault))
    except Exception as fault:
        if job.reminders < MAX_REMINDERS:
            raise
        give_up(world, jobs, str(fault))
    else:
        for each in jobs:
            world.jobs.mark_mailed(each.job_id)


def batch_of(world: World, job: Job) -> list[Job]:
    """The jobs that one mail is about: the job's own batch, or itself; empty: it is too early.

    A name may serve again, so a batch is whole where a multiple of its size has ended; nobody is
    mailed twice about a file.
    """
    if not job.batch or job.batch_size < 2:
        return [job]
    listed, is_late = _listed(world, job), job.reminders >= BATCH_REMINDERS
    if len(listed) % job.batch_size and not is_late:
        return []
    ended = []
    for each in listed:
        # The index may show a job as it was before: the row of an unsettled one decides.
        row = each if each.is_mail_settled else world.jobs.get(each.job_id)
        if not row.is_terminal and not is_late:
            return []
        if row.is_terminal and not row.is_mail_settled:
            ended.append(row)
    return sorted(ended, key=lambda each: each.submit_time)


def _listed(world: World, job: Job) -> list[Job]:
    """The jobs of its owner that were sent as a batch of this name and size, and itself."""
    newest = islice(world.jobs.all_of(job.user_id), NEWEST)
    sent_as = (job.batch, job.batch_size)
    found = {each.job_id: each for each in newest if (each.batch, each.batch_size) == sent_as}
    return list({**found, job.job_id: job}.values())


def letter(jobs: list[Job], account: Account, base_url: str) -> Letter:
    """The mail about one job, or about the jobs of a batch."""
    write = letters.digest if len(jobs) > 1 else lambda one, *rest: letters.about(one[0], *rest)
    return write(jobs, account, base_url)


def tell_of_return(world: World, job: Job) -> None:
    """Mail the owner that all archived results are back, once for each change of the role."""
    account = world.accounts.get(job.user_id)
    is_new = account.mailed_return < account.role_changes
    if not (job.is_hot and job.thawed_time and account.is_premium and is_new):
        return
    jobs = list(world.jobs.all_of(job.user_id))
    if any(each.is_archived and _is_archived(world, each) for each in jobs):
        return
    back = sum(1 for each in jobs if each.thawed_time)
    mail = letters.returned(max(back, 1), account, world.config.gas.base_url)
    try:
        _send(world, account, MailKind.RETURNED, mail)
    except UndeliverableError as fault:
        log.warning("user %s cannot be mailed about results: %s", account.user_id, fault)
    world.accounts.mark_return_mailed(account.user_id, account.role_changes)


def give_up(world: World, jobs: list[Job], fault: str) -> None:
    """End the mail of these jobs."""
    for job in jobs:
        log.error("no mail can be sent about job %s: %s", job.job_id, fault)
        world.jobs.give_up_mail(job.job_id, fault=fault)


def _is_archived(world: World, job: Job) -> bool:
    """The same by its row: the index may be behind. What is given up does not come back."""
    row = world.jobs.get(job.job_id)
    return row.is_archived and row.archive_fault is None


def _send(world: World, account: Account, kind: MailKind, mail: Letter) -> None:
    if kind in account.mail_off:
        log.info("user %s wants no mail of the kind %s", account.user_id, kind)
    else:
        world.mail.send(mail)


if __name__ == "__main__":
    consumer.run("job_results", handle)
