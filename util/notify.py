"""Mails the owner of a job that has ended."""

from aws import consumer
from aws.events import Event
from aws.mail import Letter
from aws.outbox import flush
from aws.resources import World
from aws.rows.accounts import Account
from aws.rows.job import Job, Status

SUBJECTS = {
    Status.COMPLETED: "Your annotation of {name} is ready",
    Status.FAILED: "GAS could not annotate {name}",
    Status.CANCELLED: "Your annotation of {name} was cancelled",
}


def handle(world: World, event: Event) -> None:
    """Mail the owner of a job that has ended, once; it is marked after the mail was sent."""
    job = flush(world, world.jobs.get(event.job_id))
    if job.mailed or not job.is_terminal:
        return
    account = world.accounts.get(job.user_id)
    world.mail.send(letter(job, account, world.config.gas.base_url))
    world.jobs.mark_mailed(job.job_id)


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
