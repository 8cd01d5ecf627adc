"""The mail that GAS sends, as text: about one job, about a batch, about results that are back."""

from datetime import UTC, datetime

from aws.mail import Letter
from aws.rows.accounts import Account
from aws.rows.job import Job, Status

SUBJECTS = {
    Status.COMPLETED: "Your annotation of {name} is ready",
    Status.FAILED: "GAS could not annotate {name}",
    Status.CANCELLED: "Your annotation of {name} was cancelled",
}
OUTCOMES = {
    Status.COMPLETED: "ready",
    Status.FAILED: "could not be annotated: its page says why",
    Status.CANCELLED: "cancelled",
    Status.DELETED: "deleted",
}
SIGNED = "GAS, the Genomics Annotation Service"


def about(job: Job, account: Account, base_url: str) -> Letter:
    """The file, its outcome, until when a free result can be downloaded, and a link."""
    subject = SUBJECTS[job.job_status].format(name=job.input_file_name)
    lines = [*_news(job), f"{base_url}/annotations/{job.job_id}", *_deadline([job], account)]
    return _letter(account, subject, lines, base_url)


def digest(jobs: list[Job], account: Account, base_url: str) -> Letter:
    """One letter about all files of a batch, a line and a link for each."""
    ready = sum(job.job_status is Status.COMPLETED for job in jobs)
    batch = jobs[0].batch
    lines = [f"{ready} of the {len(jobs)} files of {batch} are annotated:", ""]
    for job in jobs:
        lines += [f"  {job.input_file_name}: {OUTCOMES[job.job_status]}"]
        lines += [f"  {base_url}/annotations/{job.job_id}", ""]
    lines += _deadline(jobs, account)
    return _letter(account, f"Your batch {batch}: {ready} of {len(jobs)} ready", lines, base_url)


def returned(results: int, account: Account, base_url: str) -> Letter:
    """Every archived result can be downloaded again."""
    many = "Your archived result is" if results == 1 else f"All {results:,} of your results are"
    lines = [f"{many} back from the archive and can be downloaded:", "", f"{base_url}/annotations"]
    return _letter(account, "Your archived results are back", lines, base_url)


def duration(job: Job) -> str:
    """The time from submission to the end, in words."""
    seconds = max(0.0, (job.complete_time or job.submit_time) - job.submit_time)
    if seconds < 60:
        return f"{seconds:.1f} seconds"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _letter(account: Account, subject: str, lines: list[str], base_url: str) -> Letter:
    text = [f"Dear {account.name or 'researcher'},", "", *lines, "", SIGNED]
    text += [f"Which mail you get is yours to choose: {base_url}/profile"]
    return Letter(account.email, subject, "\n".join(text) + "\n")


def _news(job: Job) -> list[str]:
    if job.job_status is Status.CANCELLED:
        return [f"you cancelled the annotation of {job.input_file_name}.", ""]
    if job.job_status is Status.FAILED:
        return [f"GAS could not annotate {job.input_file_name}:", "", f"  {job.error}", ""]
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


def _deadline(jobs: list[Job], account: Account) -> list[str]:
    """Until when the first of a free user's results stays."""
    times = [job.expires_time for job in jobs if job.expires_time and job.is_hot]
    if account.is_premium or not times:
        return []
    until = datetime.fromtimestamp(min(times), UTC)
    return [
        "",
        f"Download before {until:%H:%M} UTC on {until:%-d %B}: on the free plan a result is then "
        "moved to the archive. Its log, counts and plots stay; premium brings the result back.",
    ]
