"""The reader: policies out of CloudFormation, from the template that is deployed."""

from pathlib import Path

import pytest

from aws.simulate.maths import names
from aws.simulate.policies import Simple, Step, Tracking
from aws.simulate.template import ORIGIN, TEMPLATE, Template, read

ONE_GROUP = """
Parameters:
  Most: {Type: Number, Default: 5}
Resources:
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {MinSize: 1, MaxSize: !Ref Most}
  Out:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties:
      AutoScalingGroupName: !Ref Group
      PolicyType: POLICY
      AdjustmentType: ADJUSTMENT
      ScalingAdjustment: 1
"""


def test_the_template_says_how_its_groups_scale() -> None:
    web, annotators = read(TEMPLATE, "WebGroup"), read(TEMPLATE, "AnnotatorGroup")
    assert {type(policy) for policy in web.policies} == {Tracking, Step}
    by_name = {policy.name: policy for policy in annotators.policies}
    assert set(by_name) == {"AnnotatorBacklogTarget", "AnnotatorStepOut", "AnnotatorIdleIn"}
    target, into = by_name["AnnotatorBacklogTarget"], by_name["AnnotatorIdleIn"]
    assert isinstance(target, Tracking)
    assert not target.scales_in
    assert isinstance(into, Step)
    assert all(adjustment < 0 for _, _, adjustment in into.steps)


def test_parameters_go_into_expressions_and_periods() -> None:
    given = {"JobSeconds": 7, "IdleMinutes": 9, "AcceptableWaitSeconds": 70, "AnnotatorWorkers": 3}
    policies = {p.name: p for p in read(TEMPLATE, "AnnotatorGroup", given).policies}
    idle, out = policies["AnnotatorIdleIn"], policies["AnnotatorStepOut"]
    assert isinstance(idle, Step)
    assert isinstance(out, Step)
    assert (idle.alarm.periods, idle.alarm.datapoints) == (9, 9)
    assert out.alarm.query.expressions["acceptable"] == "concurrency * 70 / 7"


def test_every_expression_uses_only_what_is_defined() -> None:
    for group in ("WebGroup", "AnnotatorGroup"):
        for policy in read(TEMPLATE, group).policies:
            query = policy.query if isinstance(policy, Tracking) else policy.alarm.query
            known = set(query.stats)
            for name, expression in query.expressions.items():
                assert names(expression) <= known, f"{policy.name}: {expression}"
                known.add(name)


def test_a_metric_that_is_never_published_is_refused() -> None:
    text = TEMPLATE.read_text().replace("NumberOfMessagesVisible", "AgeOfOldestMessage")
    with pytest.raises(ValueError, match="ApproximateAgeOfOldestMessage is not simulated"):
        Template(text).scaling("AnnotatorGroup")


def test_the_origins_policies_are_read_by_the_same_reader() -> None:
    assert all(isinstance(p, Simple) for g in ("WebGroup", "AnnotatorGroup")
               for p in read(ORIGIN, g).policies)  # fmt: skip


def test_a_parameters_default_holds_until_it_is_overridden() -> None:
    text = ONE_GROUP.split("  Out:")[0]
    assert Template(text).scaling("Group").limits.largest == 5
    assert Template(text, {"Most": 8}).scaling("Group").limits.largest == 8


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[", "not YAML"),
        (ONE_GROUP.replace("MinSize: 1, ", ""), "'MinSize' is not known"),
        ("a: 1", "no Resources"),
        ("Resources: {}", "the template has no Group"),
        (ONE_GROUP.replace("POLICY", "SimpleScaling").replace("ADJUSTMENT", "ExactCapacity"),
         "Out: ExactCapacity is not simulated"),
        (ONE_GROUP.replace("POLICY", "StepScaling").replace("ADJUSTMENT", "ChangeInCapacity"),
         "no alarm uses the policy Out"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_named(text: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=fault):
        read(file, "Group")
