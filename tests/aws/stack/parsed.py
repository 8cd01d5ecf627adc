"""The template as CloudFormation would see it with given parameters: references resolved."""

import re
from typing import Any

import yaml

REGION, ACCOUNT = "us-east-1", "123456789012"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "gas",
}
GIVEN = {
    "Prefix": "gas-acme",
    "Domain": "gas.example.org",
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1",
    "MailSender": "gas@example.org",
    "VpcId": "vpc-1",
    "PublicSubnetIds": "subnet-1,subnet-2",
    "PrivateSubnetIds": "subnet-3,subnet-4",
    "ReleaseBucket": "gas-acme-releases",
    "ReleaseKey": "releases/gas.tar.gz",
    "ReleaseSha256": "0" * 64,
}
NOTHING = object()
NAMES = {
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
}
ARNS = {
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{}}",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{}}-abcdef",
}
BY_ARN = {"AWS::SNS::Topic", "AWS::SecretsManager::Secret"}


class TemplateLoader(yaml.SafeLoader):
    """Reads `!Ref x` as {"Ref": x}, `!GetAtt a.b` as {"Fn::GetAtt": "a.b"}, and so on."""


def _tagged(loader: TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


TemplateLoader.add_multi_constructor("!", _tagged)


class Parsed:
    """`resources` holds the resources that exist, by logical id, their properties resolved."""

    def __init__(self, text: str, **parameters: str) -> None:
        self.raw: dict[str, Any] = yaml.load(text, TemplateLoader)  # noqa: S506 a SafeLoader's child
        declared = self.raw["Parameters"].items()
        defaults = {k: str(p["Default"]) for k, p in declared if "Default" in p}
        self.parameters = {**PSEUDO, **defaults, **GIVEN, **parameters}
        self.conditions: dict[str, bool] = {
            name: self._true(what) for name, what in self.raw["Conditions"].items()
        }
        self.resources: dict[str, dict[str, Any]] = {
            logical: self._resolved(resource)
            for logical, resource in self.raw["Resources"].items()
            if self.conditions.get(resource.get("Condition", ""), True)
        }

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, by logical id."""
        return {
            logical: resource["Properties"]
            for logical, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def _true(self, what: Any) -> bool:
        ((name, arguments),) = what.items()
        if name == "Fn::Not":
            return not self._true(arguments[0])
        if name == "Fn::And":
            return all(self._true(part) for part in arguments)
        if name == "Condition":
            return self._true(self.raw["Conditions"][arguments])
        assert name == "Fn::Equals", name
        return str(self._resolved(arguments[0])) == str(self._resolved(arguments[1]))

    def _resolved(self, node: Any) -> Any:
        if isinstance(node, list):
            made = [self._resolved(item) for item in node]
            return [item for item in made if item is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, arguments),) = node.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, arguments)
        made_map = {key: self._resolved(value) for key, value in node.items()}
        return {key: value for key, value in made_map.items() if value is not NOTHING}

    def _function(self, name: str, arguments: Any) -> Any:
        if name == "Ref":
            return self._ref(arguments)
        if name == "Fn::GetAtt":
            return self._attribute(arguments)
        if name == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda m: self._named(m[1]), arguments)
        if name == "Fn::If":
            return self._resolved(arguments[1 if self.conditions[arguments[0]] else 2])
        assert name == "Fn::Base64", name
        return self._resolved(arguments)

    def _named(self, name: str) -> str:
        return str(self._attribute(name) if "." in name else self._ref(name))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.parameters:
            return self.parameters[name]
        kind = self.raw["Resources"][name]["Type"]
        return self._attribute(f"{name}.Arn") if kind in BY_ARN else self._name(name)

    def _name(self, logical: str) -> str:
        resource = self.raw["Resources"][logical]
        name = resource.get("Properties", {}).get(NAMES.get(resource["Type"], ""), logical)
        return str(self._resolved(name))

    def _attribute(self, text: str) -> str:
        logical, _, attribute = text.partition(".")
        kind = self.raw["Resources"][logical]["Type"]
        if attribute == "Arn" and kind in ARNS:
            return ARNS[kind].format(self._name(logical))
        return self._name(logical) if attribute == NAMES.get(kind) else text
