"""What is around a service that is left: policies that would refuse its calls, and findings that are open when nobody looks.

Read beside what a way out reads of the service itself, and said to whoever decides. Only a certain refusal stands in the way.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import few_or_count
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.services.departure import Ground, Level
from runbook_lib.services.obstacles import Bar
from runbook_lib.services.registry import action_name, by_name, sentence
from runbook_lib.services.response.names import HUB
from runbook_lib.services.view import View

DENIALS, OPEN = "service control policies", "open findings"
READS = frozenset({"organizations:DescribePolicy", "organizations:ListTargetsForPolicy", f"{HUB}:GetFindings"})
SEVERE = ("CRITICAL", "HIGH")
PAGE, MOST_PAGES = 100, 5
"""Findings of a page [model], and pages that are counted at most in a Region."""


@dataclass(frozen=True)
class Denial:
    """A service control policy that denies calls of a way out."""

    policy: str
    """Its name."""
    actions: frozenset[str]
    """Those of the calls, as IAM names them."""
    targets: frozenset[str]
    """Root, units and accounts that it is attached to."""
    always: bool
    """Whether it does so on every resource and without a condition."""

    def binds(self, ground: Ground[Any]) -> frozenset[str]:
        """The accounts that it binds: never the management account [docs]."""
        accounts = ground.view.organization.accounts
        return frozenset(
            each.id for each in accounts.values() if self.targets & {each.id, *each.organizational_units}
        ) - {ground.view.management}  # fmt: skip


def actions_of(levels: Iterable[Level[Any]]) -> frozenset[str]:
    """The calls of levels that a service control policy can refuse, as IAM names them."""
    return frozenset(action_name(*each.split(":")) for level in levels if level.stage != "management" for each in level.operations)


def read_denials(actions: frozenset[str], view: View, reader: Reader) -> tuple[Denial, ...]:
    """The organization's own policies that deny any of the calls. What AWS gives every organization denies nothing."""
    listed = _organizations("ListPolicies", "Policies", view, reader, Filter="SERVICE_CONTROL_POLICY")
    own = [each for each in listed if not each.get("AwsManaged")]
    found = reader.parallel([partial(_denials, actions, each["Id"], each["Name"], view, reader) for each in own])
    return tuple(each for some in found for each in some)


def _organizations(operation: str, key: str, view: View, reader: Reader, **parameters: Any) -> list[dict[str, Any]]:
    pages = reader.pages("organizations", operation, view.management, min(view.organization.enabled_regions), **parameters)
    return [each for page in pages for each in page.get(key) or ()]


def _denials(actions: frozenset[str], policy: str, name: str, view: View, reader: Reader) -> list[Denial]:
    region = min(view.organization.enabled_regions)
    content = reader.read("organizations", "DescribePolicy", view.management, region, PolicyId=policy)["Policy"]["Content"]
    denied: dict[bool, set[str]] = {}
    for each in _listed(json.loads(content).get("Statement")):
        if each.get("Effect") == "Deny":
            always = "Condition" not in each and "*" in _listed(each.get("Resource"))
            denied.setdefault(always, set()).update(_denied(each, actions))
    if not any(denied.values()):
        return []
    targets = frozenset(
        str(each["TargetId"]) for each in _organizations("ListTargetsForPolicy", "Targets", view, reader, PolicyId=policy)
    )
    return [Denial(name, frozenset(found), targets, always) for always, found in denied.items() if found]


def _denied(statement: Mapping[str, Any], actions: frozenset[str]) -> frozenset[str]:
    """Of these actions, those that a statement is about; names of actions know no case [docs]."""
    named = [str(each).lower() for each in _listed(statement.get("Action"))]
    spared = [str(each).lower() for each in _listed(statement.get("NotAction"))]
    return frozenset(
        each for each in actions
        if any(fnmatchcase(each.lower(), one) for one in named)
        or ("NotAction" in statement and not any(fnmatchcase(each.lower(), one) for one in spared))
    )  # fmt: skip


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def refused(level: Level[Any], ground: Ground[Any]) -> Bar | None:
    """Why the delegated account would be refused, where that is certain: nothing is called that cannot succeed."""
    found = ground.further.get(DENIALS)
    if level.stage != "delegated" or not isinstance(found, Known):
        return None
    mine = actions_of([level])
    for each in found.value:
        if each.always and (denied := each.actions & mine) and ground.delegated in each.binds(ground):
            return Bar(
                f"service control policy {each.policy} denies the delegated account {sentence(tuple(sorted(denied)))}",
                "Let the policy spare the delegated account for as long as this level takes; this runbook changes no policy.",
            )
    return None


def told_of_denials(found: tuple[Denial, ...], ground: Ground[Any]) -> Iterator[str]:
    """Every policy that denies calls of the way out, and for whom."""
    for each in found:
        if accounts := each.binds(ground):
            how = "" if each.always else ", under a condition or on some resources, which is not judged here"
            denied = sentence(tuple(sorted(each.actions)))
            yield f"service control policy {each.policy} denies {denied} in {few_or_count(accounts)}{how}"


Counted = tuple[Mapping[str, int], bool]
"""Severity → open findings, and whether there are more than were counted."""


def read_open(product: str, view: View, reader: Reader) -> Mapping[str, Observation[Counted | None]]:
    """Region → the severe findings nobody has settled, as the delegated account sees them; None where Security Hub is off.

    `product`: the end of its ARN as a product; "" for those of all products.
    """
    regions = view.population.regions
    return dict(zip(regions, reader.parallel([partial(_open, product, each, view, reader) for each in regions]), strict=True))


def _open(product: str, region: str, view: View, reader: Reader) -> Observation[Counted | None]:
    def equal(*values: str) -> list[dict[str, str]]:
        return [{"Value": each, "Comparison": "EQUALS"} for each in values]

    filters = {
        "Region": equal(region), "RecordState": equal("ACTIVE"), "WorkflowStatus": equal("NEW", "NOTIFIED"),
        "SeverityLabel": equal(*SEVERE),
    }  # fmt: skip
    if product:
        filters["ProductArn"] = equal(f"arn:{view.organization.partition}:{HUB}:{region}::product/{product}")
    try:
        pages = reader.pages(HUB, "GetFindings", view.delegated, region, Filters=filters, MaxResults=PAGE)
        read = list(islice(pages, MOST_PAGES + 1))
    except CallFailed as error:
        return Known(None) if error.code == "InvalidAccessException" else unread(error)
    found = [each for page in read[:MOST_PAGES] for each in page.get("Findings") or ()]
    return Known((Counter(str(each["Severity"]["Label"]) for each in found), len(read) > MOST_PAGES))


def told_of_open(found: Mapping[str, Observation[Counted | None]], ground: Ground[Any]) -> Iterator[str]:
    """How many are open where; that none are, nobody needs to read."""
    for region, seen in sorted(found.items()):
        if isinstance(seen, Unknown):
            yield f"open findings in {region} could not be read: {seen.reason}"
        elif not isinstance(seen, Known) or seen.value is None:
            yield f"open findings in {region} were not counted: {by_name()[HUB].title} is off there in the delegated account"
        elif any(seen.value[0].values()):
            counts, more = seen.value
            said = sentence(tuple(f"{counts[each]} {each}" for each in SEVERE if counts.get(each)))
            least = "at least " if more else ""
            open_ = f"{least}{said} findings of {ground.spec.title} are open in {region}"
            yield f"{open_}: those of dissociated accounts are not seen from here"
