"""What becomes of a GuardDuty finding: events on buses, and a finding that it offers to Security Hub."""

import json
from typing import Any

from runbook_lib.rehearsal.operations.events.putting import put
from runbook_lib.rehearsal.operations.guardduty.state import state_of
from runbook_lib.rehearsal.world import World

LABELS = ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (0.0, "LOW"))
"""GuardDuty's severities as Security Hub's labels [docs; that of 9.0 and more is belief]."""
PRODUCT = "aws/guardduty"


def on_finding(world: World, account: str, region: str, finding: dict[str, Any]) -> None:
    """An event for the account and its administrator, and the finding for whoever gathers those of other products [docs]."""
    detail = _in_camel_case(finding)
    detail["service"]["additionalInfo"] |= json.loads(finding["Service"]["AdditionalInfo"]["Value"])
    state = state_of(world)
    administrator = state.administrators.get(region)
    buses = [account]
    if administrator is not None and account != administrator.account and state.associated(account, region):
        buses.append(administrator.account)
    for bus in buses:
        put(world, bus, region, "aws.guardduty", "GuardDuty Finding", [], detail)
    world.tell("product finding", account=account, region=region, product=PRODUCT, finding=_as_imported(finding))


def _in_camel_case(value: Any) -> Any:
    """Names as the events write them, at every depth [docs]; the API's members begin with a capital."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _in_camel_case(each) for name, each in value.items()}
    return [_in_camel_case(each) for each in value] if isinstance(value, list) else value


def label_of(severity: float) -> str:
    """A severity as Security Hub names it."""
    return next(name for least, name in LABELS if severity >= least)


def _as_imported(finding: dict[str, Any]) -> dict[str, Any]:
    """The finding in AWS's security finding format, without the product's ARN."""
    return {
        "SchemaVersion": "2018-10-08",
        "Id": finding["Arn"],
        "ProductName": "GuardDuty",
        "CompanyName": "Amazon",
        "GeneratorId": finding["Arn"].partition("/finding/")[0],
        "AwsAccountId": finding["AccountId"],
        "Types": [f"TTPs/{finding['Type']}"],
        "CreatedAt": finding["CreatedAt"],
        "UpdatedAt": finding["UpdatedAt"],
        "Severity": {"Label": label_of(finding["Severity"]), "Product": finding["Severity"]},
        "Title": finding["Title"],
        "Description": finding["Description"],
        "Resources": [{"Type": "Other", "Id": finding["Arn"]}],
    }
