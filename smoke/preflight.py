"""A second look at what a stack stands on, while it runs."""

from aws.stack import preflight
from smoke.checks import CheckFailed
from smoke.target import SmokeRun


def prepared(run: SmokeRun) -> str:
    """Quotas, certificate, network, image, mail and zone are as `./gas deploy` demands them."""
    found = preflight.look(run.target.made, run.target.deployed.parameters)
    if found.problems:
        raise CheckFailed("; ".join(found.problems))
    return "; ".join(found.notes) or "nothing is lacking"
