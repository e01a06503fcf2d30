"""Findings: importing, what Security Hub makes of them, and who sees which."""

import copy
import json
from typing import Any

from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

from .automation import changes_of
from .catalogue import products
from .errors import invalid
from .finding_filters import compile_filters, parse_moment, sort_key
from .history import record
from .hub import moment
from .places import bounded
from .state import state_of
from .switching import require_hub
from .visibility import announce, visible

LARGEST = 240 * 1024
"""Bytes of one finding [docs]."""
REQUIRED = (
    "SchemaVersion",
    "Id",
    "ProductArn",
    "GeneratorId",
    "AwsAccountId",
    "CreatedAt",
    "UpdatedAt",
    "Title",
    "Description",
    "Resources",
)
RESERVED = ("Note", "UserDefinedFields", "VerificationState", "Workflow")
"""Fields that belong to the customer: an import that updates a finding leaves them as they are [docs]."""


def _problem(call: Call, finding: dict[str, Any], enabled: set[str]) -> str | None:
    """Why a finding is refused; None when it is not. Rules [model, docs], texts assumed."""
    absent = [name for name in REQUIRED if not finding.get(name)]
    if absent:
        return f"Missing required fields: {', '.join(absent)}"
    provided = finding.get("FindingProviderFields", {})
    if not (finding.get("Severity") or provided.get("Severity")) or not (finding.get("Types") or provided.get("Types")):
        return "Severity and Types are required, or FindingProviderFields with both"
    if finding["SchemaVersion"] != "2018-10-08":
        return "SchemaVersion must be 2018-10-08"
    if len(json.dumps(finding).encode()) > LARGEST:
        return "A finding can have up to 240 KB"
    return _wrong_origin(call, finding, enabled) or _wrong_times(call, finding)


def _wrong_origin(call: Call, finding: dict[str, Any], enabled: set[str]) -> str | None:
    """The account's own product, its own account and Region; or an integration that is enabled."""
    own = f"arn:{call.partition}:securityhub:{call.region}:{call.account}:product/{call.account}/default"
    if finding["ProductArn"] != own:
        offered = products(call.partition, call.region)
        head, _, name = finding["ProductArn"].partition("::product/")
        if finding["ProductArn"] not in offered or f"{head}:{call.account}:product-subscription/{name}" not in enabled:
            return f"ProductArn {finding['ProductArn']} is not enabled for account {call.account}"
    if finding["AwsAccountId"] != call.account:
        return f"AwsAccountId must be {call.account}"
    if finding.get("Region", call.region) != call.region:
        return f"Region must be {call.region}"
    return None


def _wrong_times(call: Call, finding: dict[str, Any]) -> str | None:
    """Times are ISO 8601, and an update must be newer than what is stored [docs]."""
    try:
        given = [parse_moment(finding[name]) for name in ("CreatedAt", "UpdatedAt")]
    except ValueError:
        return "CreatedAt and UpdatedAt must be ISO 8601 timestamps"
    stored = state_of(call.world).findings.get((call.account, call.region), {}).get((finding["ProductArn"], finding["Id"]))
    if stored is not None and given[1] <= parse_moment(stored["UpdatedAt"]):
        return "UpdatedAt must be later than that of the stored finding"
    return None


@operation("securityhub", "BatchImportFindings")
def batch_import_findings(call: Call, Findings: list[dict[str, Any]]) -> dict[str, Any]:
    """1 to 100 findings; 200 with `FailedFindings` for each that was refused [model]."""
    hub = require_hub(call)
    if not 1 <= len(Findings) <= 100:
        raise invalid("Findings must have 1 to 100 items")
    failed = []
    for finding in Findings:
        problem = _problem(call, finding, hub.products)
        if problem is None:
            store(call.world, call.account, call.region, finding)
        else:
            failed.append({"Id": finding.get("Id") or "", "ErrorCode": "InvalidInput", "ErrorMessage": problem})
    return {"FailedCount": len(failed), "SuccessCount": len(Findings) - len(failed), "FailedFindings": failed}


def store(world: World, account: str, region: str, finding: dict[str, Any], by: str = "BATCH_IMPORT_FINDINGS") -> None:
    """Keep a finding, let automation rules change it, and tell of it on every bus that gets it (`buses`).

    Also for integrations, which skip the import checks. A finding that is SUPPRESSED is no longer updated [model]: variant
    "securityhub suppressed findings", "frozen" or "updated".
    """
    kept = state_of(world).findings.setdefault((account, region), {})
    key = (finding["ProductArn"], finding["Id"])
    before = kept.get(key)
    if before is not None and _frozen(world, before):
        return
    fresh = {
        "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"},
        "WorkflowState": "NEW",
        "Region": region,
        **copy.deepcopy(finding),
        "ProcessedAt": moment(world.now()),
    }
    if before is not None:
        fresh = {name: value for name, value in fresh.items() if name not in RESERVED}
        fresh |= {name: before[name] for name in RESERVED if name in before}
    _follow(before, fresh)
    kept[key] = fresh
    record(world, before, fresh, by, finding["ProductArn"])
    apply_rules(world, account, region, fresh)
    announce(world, account, region, fresh)


def _frozen(world: World, finding: dict[str, Any]) -> bool:
    suppressed: bool = finding["Workflow"]["Status"] == "SUPPRESSED"
    return suppressed and world.variants.get("securityhub suppressed findings", "frozen") == "frozen"


def _follow(before: dict[str, Any] | None, fresh: dict[str, Any]) -> None:
    """The workflow status that Security Hub sets by itself.

    A control that passes is RESOLVED [docs]; NOTIFIED and RESOLVED are NEW again when the record becomes active, or the control no
    longer passes [model].
    """
    result = fresh.get("Compliance", {}).get("Status")
    if result == "PASSED" and fresh["Workflow"]["Status"] != "SUPPRESSED":
        fresh["Workflow"] = {"Status": "RESOLVED"}
    if before is None or fresh["Workflow"]["Status"] not in ("NOTIFIED", "RESOLVED"):
        return
    revived = (before["RecordState"], fresh["RecordState"]) == ("ARCHIVED", "ACTIVE")
    failed = before.get("Compliance", {}).get("Status") == "PASSED" and result in ("WARNING", "FAILED", "NOT_AVAILABLE")
    if revived or failed:
        fresh["Workflow"] = {"Status": "NEW"}


def apply_rules(world: World, account: str, region: str, finding: dict[str, Any]) -> None:
    """Let the administrator's automation rules change a finding, before any bus hears of it [docs]."""
    for arn, fields in changes_of(world, account, region, finding):
        before = copy.deepcopy(finding)
        change(world, finding, fields)
        record(world, before, finding, "BATCH_UPDATE_FINDINGS", arn)  # who made the change is the rule [assumed]


@operation("securityhub", "GetFindings")
def get_findings(
    call: Call,
    Filters: dict[str, Any] | None = None,
    SortCriteria: list[dict[str, str]] | None = None,
    NextToken: str | None = None,
    MaxResults: int | None = None,
) -> dict[str, Any]:
    """What the caller sees here, filtered; up to 100 a page [model]."""
    require_hub(call)
    bounded(MaxResults, 100)
    matches = compile_filters(Filters or {}, call.world.now())
    found = [each for each in visible(call.world, call.account, call.region) if matches(each)]
    for criterion in reversed(SortCriteria or []):
        found.sort(key=sort_key(criterion["Field"]), reverse=criterion.get("SortOrder") == "desc")
    shown, token = page(found, NextToken, MaxResults, 100)
    return {"Findings": copy.deepcopy(shown), "NextToken": token}


def change(world: World, finding: dict[str, Any], fields: dict[str, Any]) -> None:
    """Set the customer's fields of a finding; UpdatedAt stays as it is [model]."""
    finding.update(copy.deepcopy(fields))
    if "Note" in fields:
        finding["Note"]["UpdatedAt"] = moment(world.now())
