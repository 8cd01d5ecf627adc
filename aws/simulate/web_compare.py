"""Web policies on the same loads: slow responses and instance-minutes, ours and the origin's."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aws.simulate import loads
from aws.simulate.metrics import DELAY_S, delays
from aws.simulate.observed import FIT
from aws.simulate.run import Scaling, SimulationRun
from aws.simulate.template import ORIGIN, Template
from aws.simulate.web import Instances, Load, WebTier

GROUP = "WebGroup"
WANTED = 0.6
"""WebTargetRequests is this part of the measured capacity of one instance."""
RUN_MIN = 120
STEP_AT_S = 600.0


@dataclass(frozen=True)
class Service:
    """The service that a load got: percentages of its requests, instance-minutes, fights."""

    mean_ms: float
    slow_percent: float
    failed_percent: float
    instance_min: float
    fights: int
    largest: int


class WebComparison:
    """The web policies of one template against the origin's."""

    def __init__(self, path: Path, delay_s: float = DELAY_S) -> None:
        """Reads both; raises ValueError, OSError where the template cannot be used."""
        self.delay_s = delay_s
        template = Template(path.read_text())
        self.ours, self.origin = (
            template.scaling(GROUP),
            Template(ORIGIN.read_text()).scaling(GROUP),
        )
        self.instances = Instances(float(template.parameters["WebTargetRequests"]) / 60 / WANTED)

    def loads(self) -> dict[str, Load]:
        """The loads by name, in multiples of one instance's capacity."""
        one = self.instances.requests_s
        return {
            "origin's load": loads.web_step(FIT.web_requests_s, FIT.trickle_requests_s, 3300.0),
            "steady": loads.web_steady(1.2 * one),
            "16-fold step": loads.web_step(0.3 * one, 4.8 * one, STEP_AT_S),
            "burst of 20 minutes": loads.web_burst(0.3 * one, 4.8 * one, STEP_AT_S, 1200.0),
            "sawtooth of 6 minutes": loads.web_sawtooth(0.8 * one, 4.8 * one, 360.0),
            "sawtooth of 60 minutes": loads.web_sawtooth(0.8 * one, 4.8 * one, 3600.0),
        }

    def all(self) -> dict[str, dict[str, Any]]:
        """Every load under both policies."""
        return {name: self.one(load) for name, load in self.loads().items()}

    def one(self, load: Load) -> dict[str, Any]:
        """One load under both policies; the ratio is ours to the origin's."""
        ours, theirs = (self.run(s, load, RUN_MIN)[0] for s in (self.ours, self.origin))
        ratio = round(ours.instance_min / theirs.instance_min, 4)
        return {"instance_minutes_ratio": ratio, "ours": asdict(ours), "theirs": asdict(theirs)}

    def run(self, scaling: Scaling, load: Load, minutes: int) -> tuple[Service, SimulationRun]:
        """Run `minutes` of `load` behind one policy."""
        tier = WebTier(load, self.instances)
        simulation = SimulationRun(scaling, tier, delays=delays(self.delay_s)).run(minutes)
        counts = tier.total
        requests = max(counts.requests, 1.0)
        service = Service(
            round(1000 * counts.seconds / requests, 1),
            round(100 * counts.slow / requests, 2),
            round(100 * counts.failed / requests, 2),
            round(simulation.group.cost_minutes(), 1),
            simulation.fights,
            max(simulation.serving),
        )
        return service, simulation
