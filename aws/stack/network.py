"""The network that a stack is given: zones, ways in and out, and the way to S3."""

from collections.abc import Iterator, Mapping
from typing import Any

from aws.resources import Clients
from aws.stack.finding import Finding


def findings(made: Clients, parameters: Mapping[str, str]) -> Iterator[Finding]:
    """Subnets are in the VPC, public ones in two zones; all have the routes that they need."""
    ec2, vpc = made.client("ec2"), parameters["VpcId"]
    public = parameters["PublicSubnetIds"].split(",")
    private = parameters["PrivateSubnetIds"].split(",")
    subnets = ec2.describe_subnets(SubnetIds=sorted({*public, *private}))["Subnets"]
    astray = [s["SubnetId"] for s in subnets if s["VpcId"] != vpc]
    if astray:
        yield Finding(f"{', '.join(astray)} are not in {vpc}")
        return
    zones = {s["AvailabilityZone"] for s in subnets if s["SubnetId"] in public}
    if len(zones) < 2:
        yield Finding("the public subnets are in one zone; a load balancer takes two")
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    for subnet in public:
        if not _default_route(tables, subnet).startswith("igw-"):
            yield Finding(f"{subnet} is no public subnet: it has no route to an internet gateway")
    for subnet in private:
        way = _default_route(tables, subnet)
        if not way or way.startswith("igw-"):
            yield Finding(
                f"the instances in {subnet} would have no way out: give it a route to a NAT gateway"
            )
    yield from _endpoint(ec2, vpc)


def _default_route(tables: list[dict[str, Any]], subnet: str) -> str:
    """The way from the subnet to everywhere, by its id; empty where there is none."""
    own = [t for t in tables if any(a.get("SubnetId") == subnet for a in t["Associations"])]
    main = [t for t in tables if any(a.get("Main") for a in t["Associations"])]
    for route in [r for table in (own or main)[:1] for r in table["Routes"]]:
        if route.get("DestinationCidrBlock") == "0.0.0.0/0":
            ids = [str(value) for key, value in route.items() if key.endswith("Id")]
            return ids[0] if ids else ""
    return ""


def _endpoint(ec2: Any, vpc: str) -> Iterator[Finding]:
    found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    if not any(one["ServiceName"].endswith(".s3") for one in found["VpcEndpoints"]):
        yield Finding(
            f"{vpc} has no gateway endpoint for S3: every file then costs NAT traffic, 0.045 USD "
            "a GB",
            is_problem=False,
        )
