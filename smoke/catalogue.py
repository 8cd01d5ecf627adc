"""All checks, in the order in which they run."""

from smoke import lifecycle, metric_age, operation, preflight, scaling, site
from smoke.checks import Check, Level

FULL, SCALE = Level.FULL, Level.SCALE
ON_ONE = "there are no instances, groups, alarms"

CHECKS = (
    Check(
        "preflight",
        "all that the stack stands on is right",
        preflight.prepared,
        absent_locally="these are of an account on AWS",
    ),
    Check("stack", "the stack is complete", operation.stack_complete, absent_locally=ON_ONE),
    Check(
        "groups",
        "all instances serve, of this release",
        operation.groups_in_service,
        ("stack",),
        absent_locally=ON_ONE,
    ),
    Check("events", "every queue hears its topic", operation.events_arrive),
    Check("buckets", "no bucket is open", operation.buckets_closed),
    Check(
        "versions",
        "what is deleted can be brought back",
        operation.versions_kept,
        absent_locally="what is deleted there is gone",
    ),
    Check(
        "tables",
        "both tables can be restored",
        operation.tables_protected,
        absent_locally="its tables last no longer than it does",
    ),
    Check(
        "redirect",
        "port 80 leads to TLS",
        site.redirected_to_tls,
        absent_locally="there is no load balancer, and no certificate",
    ),
    Check("health", "the site answers", site.healthy),
    Check("login", "the login leads to Globus", site.leads_to_globus, ("health",)),
    Check("session", "a signed session is accepted", site.signed_in, ("health",)),
    Check("policy", "browsers may send the form to S3", site.policy_fits, ("session",)),
    Check("cors", "scripts may send it too", site.cross_origin_allowed, ("session",)),
    Check("limit", "S3 refuses a file too large", site.too_large_refused, ("session",)),
    Check("upload", "an upload becomes a job", site.uploaded, ("session",)),
    Check("job", "the job completes", lifecycle.completed, ("upload", "events")),
    Check("download", "result and index come whole", lifecycle.downloaded, ("job",)),
    Check("mail", "the owner is mailed", lifecycle.mailed, ("job",)),
    Check("archive", "the result goes to Glacier", lifecycle.archived, ("download",), FULL),
    Check("restore", "it comes back, byte for byte", lifecycle.restored, ("archive",), FULL),
    Check("sweep", "a lost event is found", lifecycle.swept, ("job",), FULL),
    Check(
        "streams",
        "every instance sends its logs",
        operation.logs_arrive,
        ("groups",),
        FULL,
        ON_ONE,
    ),
    Check("log", "no fault is logged", operation.log_is_clean, (), FULL),
    Check("letters", "no dead letters", operation.no_dead_letters, (), FULL),
    Check("alarms", "no alarm is raised", operation.no_alarm, (), FULL, ON_ONE),
    Check("alarm-mail", "alarms reach somebody", operation.alarms_are_heard, (), FULL, ON_ONE),
    Check("metrics", "the alarms' metrics are young", metric_age.fresh, ("groups",), FULL, ON_ONE),
    Check("out", "load brings annotators", scaling.scales_out, ("groups", "job"), SCALE, ON_ONE),
    Check("loss", "a lost one loses no job", scaling.survives_a_loss, ("out",), SCALE, ON_ONE),
    Check("in", "the idle go again", scaling.scales_in, ("loss",), SCALE, ON_ONE),
)

RESUMED = Check("resumed", "the result came back, byte for byte", lifecycle.came_back)
"""The one check of `--resume`, hours after a run that had to leave its restore to Glacier."""


def of_level(level: Level) -> list[Check]:
    """The checks of a run of this level."""
    return [check for check in CHECKS if check.level <= level]
