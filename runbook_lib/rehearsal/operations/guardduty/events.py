"""What becomes of a GuardDuty finding: events on buses, and a finding that it offers to Security Hub."""

from typing import Any

from runbook_lib.rehearsal.operations.event_buses import put
from runbook_lib.rehearsal.operations.guardduty.state import state_of
from runbook_lib.rehearsal.world import World

LABELS = ((7.0, "HIGH"), (4.0, "MEDIUM"), (0.0, "LOW"))
"""GuardDuty's severities as Security Hub's labels [docs]."""
PRODUCT = "aws/guardduty"


def on_finding(world: World, account: str, region: str, finding: dict[str, Any]) -> None:
    """An event for the account and its administrator, and the finding for whoever gathers those of other products [docs]."""
    detail = {name[0].lower() + name[1:]: value for name, value in finding.items()}
    state = state_of(world)
    administrator = state.administrators.get(region)
    buses = [account]
    if administrator is not None and account != administrator.account and state.associated(account, region):
        buses.append(administrator.account)
    for bus in buses:
        put(world, bus, region, "aws.guardduty", "GuardDuty Finding", [], detail)
    world.tell("product finding", account=account, region=region, product=PRODUCT, finding=_as_imported(finding))


def _as_imported(finding: dict[str, Any]) -> dict[str, Any]:
    """The finding in AWS's security finding format, without the product's ARN."""
    label = next(name for least, name in LABELS if finding["Severity"] >= least)
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
        "Severity": {"Label": label, "Product": finding["Severity"]},
        "Title": finding["Title"],
        "Description": finding["Description"],
        "Resources": [{"Type": "Other", "Id": finding["Arn"]}],
    }
