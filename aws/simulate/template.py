"""Reads a group's scaling from a CloudFormation template: what is simulated is what is deployed."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from aws.simulate.alarms import Alarm
from aws.simulate.clock import MINUTE_S
from aws.simulate.group import GroupSize
from aws.simulate.metrics import PUBLISHED, STATISTICS, Query, Stat
from aws.simulate.policies import Policy, Simple, Step, Tracking
from aws.simulate.run import Scaling

TEMPLATE = Path(__file__).parents[1] / "stack" / "template.yaml"
ORIGIN = Path(__file__).with_name("origin.yaml")
_PREDEFINED = {
    "ALBRequestCountPerTarget": Stat("AWS/ApplicationELB", "RequestCountPerTarget", "Sum"),
}
Properties = Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags."""


def _tag(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tag)


class Template:
    """A template with its parameters set: the defaults, and what `parameters` overrides."""

    def __init__(self, text: str, parameters: Mapping[str, object] | None = None) -> None:
        """Raises ValueError where the text is no template or a parameter is unknown."""
        content = _content(text)
        if not isinstance(content, dict) or "Resources" not in content:
            raise ValueError("not a CloudFormation template: it has no Resources")
        declared = content.get("Parameters", {})
        self.parameters = {name: about.get("Default") for name, about in declared.items()}
        self.parameters.update(
            {name: value for name, value in (parameters or {}).items() if name in declared}
        )
        self.resources: dict[str, Any] = content["Resources"]

    def scaling(self, group: str) -> Scaling:
        """The limits and policies of the Auto Scaling group with logical id `group`.

        Raises ValueError, naming the resource, where one is missing or of an unknown kind.
        """
        about = self._properties(group)
        try:
            warmup_s = float(about.get("DefaultInstanceWarmup", 300))
            limits = GroupSize(int(about["MinSize"]), int(about["MaxSize"]), warmup_s)
            return Scaling(limits, tuple(self._policies(group)))
        except KeyError as fault:
            raise ValueError(f"{group} or one of its policies: {fault} is not known") from None

    def _policies(self, group: str) -> list[Policy]:
        found = []
        for name, resource in self.resources.items():
            if resource["Type"] == "AWS::AutoScaling::ScalingPolicy":
                about = self._properties(name)
                if about["AutoScalingGroupName"] == f"@{group}":
                    found.append(self._policy(name, about))
        return found

    def _properties(self, name: str) -> Properties:
        if name not in self.resources:
            raise ValueError(f"the template has no {name}")
        properties: Properties = self._resolved(self.resources[name].get("Properties", {}))
        return properties

    def _resolved(self, value: Any) -> Any:
        """`value` with parameters put in; a reference to a resource becomes '@' and its name."""
        match value:
            case {"Ref": name} if len(value) == 1:
                return self.parameters.get(name, f"@{name}")
            case {"Sub": str(text)} if len(value) == 1:
                return re.sub(r"\$\{(\w+)\}", self._substitute, text)
            case dict():
                return {key: self._resolved(part) for key, part in value.items()}
            case list():
                return [self._resolved(part) for part in value]
        return value

    def _substitute(self, match: re.Match[str]) -> str:
        return str(self.parameters.get(match[1], match[0]))

    def _policy(self, name: str, about: Properties) -> Policy:
        kind = about.get("PolicyType", "SimpleScaling")
        if "EstimatedInstanceWarmup" in about:
            raise ValueError(f"{name}: give the group a DefaultInstanceWarmup instead")
        if kind == "TargetTrackingScaling":
            return _tracking(name, about["TargetTrackingConfiguration"])
        if about["AdjustmentType"] != "ChangeInCapacity":
            raise ValueError(f"{name}: {about['AdjustmentType']} is not simulated")
        alarm = self._alarm_of(name)
        if kind == "SimpleScaling":
            cooldown_s = float(about.get("Cooldown", 300))
            return Simple(name, int(about["ScalingAdjustment"]), cooldown_s, alarm)
        if kind == "StepScaling":
            aggregation = about.get("MetricAggregationType", "Average")
            return Step(name, _steps(about["StepAdjustments"]), alarm, aggregation)
        raise ValueError(f"{name}: {kind} is not simulated")

    def _alarm_of(self, policy: str) -> Alarm:
        for name, resource in self.resources.items():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                about = self._properties(name)
                if f"@{policy}" in about.get("AlarmActions", []):
                    return _alarm(about)
        raise ValueError(f"no alarm uses the policy {policy}")


def read(path: Path, group: str, parameters: Mapping[str, object] | None = None) -> Scaling:
    """The scaling of `group` in the template at `path`; raises ValueError, OSError."""
    return Template(path.read_text(), parameters).scaling(group)


@lru_cache(maxsize=8)
def _content(text: str) -> Any:
    """A template's YAML, which nobody changes: each simulated day reads the same few."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader with more tags)
    except yaml.YAMLError as fault:
        raise ValueError(f"not YAML: {fault}") from None


def _steps(declared: list[Properties]) -> tuple[tuple[float, float, int], ...]:
    return tuple(
        (
            float(step.get("MetricIntervalLowerBound", "-inf")),
            float(step.get("MetricIntervalUpperBound", "inf")),
            int(step["ScalingAdjustment"]),
        )
        for step in declared
    )


def _alarm(about: Properties) -> Alarm:
    periods = int(about["EvaluationPeriods"])
    return Alarm(
        _query(about["Metrics"]) if "Metrics" in about else _single(about),
        about["ComparisonOperator"],
        float(about["Threshold"]),
        periods,
        int(about.get("DatapointsToAlarm", periods)),
        about.get("TreatMissingData", "missing"),
    )


def _single(about: Properties) -> Query:
    stat = Stat(about["Namespace"], about["MetricName"], about["Statistic"], int(about["Period"]))
    return Query({"value": _known(stat)})


def _tracking(name: str, about: Properties) -> Tracking:
    if "PredefinedMetricSpecification" in about:
        query = Query(
            {"value": _PREDEFINED[about["PredefinedMetricSpecification"]["PredefinedMetricType"]]}
        )
    else:
        query = _query(about["CustomizedMetricSpecification"]["Metrics"])
    scales_in = str(about.get("DisableScaleIn", False)).lower() != "true"
    return Tracking(name, query, float(about["TargetValue"]), scales_in)


def _query(declared: list[Properties]) -> Query:
    stats = {one["Id"]: _stat(one["MetricStat"]) for one in declared if "MetricStat" in one}
    expressions = {one["Id"]: str(one["Expression"]) for one in declared if "Expression" in one}
    returns = [one["Id"] for one in declared if one.get("ReturnData", True)]
    if len(returns) != 1:
        raise ValueError(
            f"of these exactly one must return data: {[one['Id'] for one in declared]}"
        )
    return Query(stats, expressions, returns[0])


def _stat(about: Properties) -> Stat:
    metric = about["Metric"]
    period_s = int(about.get("Period", MINUTE_S))
    return _known(Stat(metric["Namespace"], metric["MetricName"], about["Stat"], period_s))


def _known(stat: Stat) -> Stat:
    """Refuse a metric that is never published: its policy would silently do nothing."""
    if stat.name not in PUBLISHED.get(stat.namespace, ()):
        raise ValueError(f"the metric {stat.namespace} {stat.name} is not simulated")
    if stat.statistic not in STATISTICS:
        raise ValueError(f"the statistic {stat.statistic} of {stat.name} is not simulated")
    return stat
