"""Mails the owner of a job that has ended."""

import logging

from aws import consumer
from aws.events import Event
from aws.mail import Letter, UndeliverableError
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Status

log = logging.getLogger(__name__)

MAX_REMINDERS = 24
"""Reminders, a day of them, after which a mail that fails for whatever reason is given up."""
SUBJECTS = {
    Status.COMPLETED: "Your annotation of {name} is ready",
    Status.FAILED: "GAS could not annotate {name}",
    Status.CANCELLED: "Your annotation of {name} was cancelled",
}


def handle(world: World, event: Event) -> None:
    """Mail the owner of a job that has ended, once; it is marked after the mail was sent.

    A mail that can never be sent ends as well: the row says why, and so does the job's page.
    """
    job = flush(world, world.jobs.get(event.job_id))
    if job.is_mail_settled or not job.is_terminal:
        return
    try:
        account = world.accounts.get(job.user_id)
        world.mail.send(letter(job, account, world.config.gas.base_url))
    except UndeliverableError as fault:
        give_up(world, job, str(fault))
    except Exception as fault:
        if job.reminders < MAX_REMINDERS:
            raise
        give_up(world, job, str(fault))
    else:
        world.jobs.mark_mailed(job.job_id)


def give_up(world: World, job: Job, fault: str) -> None:
    """End the mail of this job."""
    log.error("no mail can be sent about job %s: %s", job.job_id, fault)
    world.jobs.give_up_mail(job.job_id, fault=fault)


def letter(job: Job, account: Account, base_url: str) -> Letter:
    """The mail to the owner: the file, its outcome, and a link."""
    subject = SUBJECTS[job.job_status].format(name=job.input_file_name)
    lines = [f"Dear {account.name or 'researcher'},", "", *_news(job), ""]
    lines += [f"{base_url}/annotations/{job.job_id}", "", "GAS, the Genomics Annotation Service"]
    return Letter(account.email, subject, "\n".join(lines) + "\n")


def _news(job: Job) -> list[str]:
    if job.job_status is Status.CANCELLED:
        return [f"you cancelled the annotation of {job.input_file_name}."]
    if job.job_status is Status.FAILED:
        return [f"GAS could not annotate {job.input_file_name}:", "", f"  {job.error}"]
    counts = job.counts
    return [
        f"{job.input_file_name} has been annotated in {duration(job)}:",
        "",
        f"  {counts.get('records', 0):,} records read",
        f"  {counts.get('annotated', 0):,} annotated with a consequence",
        f"  {counts.get('not_annotated', 0):,} without one",
        "",
        "Explore and download the result:",
    ]


def duration(job: Job) -> str:
    """The time from submission to the end, in words."""
    seconds = max(0.0, (job.complete_time or job.submit_time) - job.submit_time)
    if seconds < 60:
        return f"{seconds:.1f} seconds"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


if __name__ == "__main__":
    consumer.run("job_results", handle)
