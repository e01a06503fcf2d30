"""Findings: importing, updating, and who sees which."""

import copy
import json
from typing import Any

from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

from .catalogue import products
from .errors import invalid
from .finding_filters import compile_filters, parse_moment, sort_key
from .hub import moment
from .places import bounded
from .state import Place, state_of
from .switching import require_hub

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


def store(world: World, account: str, region: str, finding: dict[str, Any]) -> None:
    """Keep a finding and tell of it on every bus that gets it (`buses`). Also for integrations, which skip the import checks."""
    kept = state_of(world).findings.setdefault((account, region), {})
    key = (finding["ProductArn"], finding["Id"])
    fresh = {
        "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"},
        "WorkflowState": "NEW",
        "Region": region,
        **copy.deepcopy(finding),
        "ProcessedAt": moment(world.now()),
    }
    if key in kept:
        fresh = {name: value for name, value in fresh.items() if name not in RESERVED}
        fresh |= {name: kept[key][name] for name in RESERVED if name in kept[key]}
    kept[key] = fresh
    announce(world, account, region, fresh)


def buses(world: World, account: str, region: str) -> list[Place]:
    """Where a finding of an account and Region shows as an event: there, at the administrator, and in both home Regions [docs]."""
    state = state_of(world)
    here = [account, *filter(None, [state.administrator_of.get((account, region))])]
    places = [(each, region) for each in here]
    for each in here:
        aggregator = state.aggregators.get(each)
        if aggregator is not None and aggregator.links(region):
            places.append((each, aggregator.home))
    return places


def announce(world: World, account: str, region: str, finding: dict[str, Any]) -> None:
    """Tell of a new or changed finding, once per event bus that AWS would put it on."""
    for bus_account, bus_region in buses(world, account, region):
        world.tell("finding imported", account=bus_account, region=bus_region, finding=copy.deepcopy(finding))


def visible(world: World, account: str, region: str) -> list[dict[str, Any]]:
    """An account's own findings and its members', in this Region and, in its home Region, in the linked ones [model]."""
    state = state_of(world)
    aggregator = state.aggregators.get(account)
    regions = [region]
    if aggregator is not None and aggregator.home == region:
        regions += sorted({each for _, each in state.findings if aggregator.links(each)})
    found: list[dict[str, Any]] = []
    for each in regions:
        members = state.members_of(account, each)
        accounts = [account, *sorted(key for key, member in members.items() if member.status == "Enabled")]
        for owner in accounts:
            found += state.findings.get((owner, each), {}).values()
    return found


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


@operation("securityhub", "BatchUpdateFindings")
def batch_update_findings(call: Call, FindingIdentifiers: list[dict[str, str]], **changes: Any) -> dict[str, Any]:
    """The customer's fields of up to 100 findings that the caller sees [docs]; unknown ones come back unprocessed."""
    require_hub(call)
    if not 1 <= len(FindingIdentifiers) <= 100:
        raise invalid("FindingIdentifiers must have 1 to 100 items")
    seen = {(each["ProductArn"], each["Id"]): each for each in visible(call.world, call.account, call.region)}
    done: list[dict[str, str]] = []
    unprocessed = []
    for identifier in FindingIdentifiers:
        finding = seen.get((identifier["ProductArn"], identifier["Id"]))
        if finding is None:
            error = {"ErrorCode": "FindingNotFound", "ErrorMessage": "Finding Not Found"}
            unprocessed.append({"FindingIdentifier": identifier, **error})
            continue
        finding.update(copy.deepcopy(changes))
        if "Note" in changes:
            finding["Note"]["UpdatedAt"] = moment(call.world.now())
        announce(call.world, finding["AwsAccountId"], finding["Region"], finding)
        done.append(identifier)
    return {"ProcessedFindings": done, "UnprocessedFindings": unprocessed}
