"""What settings want of GuardDuty, as items: features ("S3_DATA_EVENTS") and agents ("RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT")."""

from collections.abc import Iterable, Mapping

from runbook_lib.services.guardduty.inside import on_workloads
from runbook_lib.services.offers import offered
from runbook_lib.settings.sections.guardduty import GuardDutySection

ORGANIZATION_FEATURES = (
    "AI_PROTECTION",
    "EBS_MALWARE_PROTECTION",
    "EKS_AUDIT_LOGS",
    "EKS_RUNTIME_MONITORING",
    "LAMBDA_NETWORK_LOGS",
    "RDS_LOGIN_EVENTS",
    "RUNTIME_MONITORING",
    "S3_DATA_EVENTS",
)
"""Every feature that an organization can set [model]."""
OFF_BY_DEFAULT = frozenset({"EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING"})
"""What a new detector does not have unless it is named [model: CreateDetector]."""
NEWER, OLDER = "RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"
"""Runtime monitoring supersedes its older EKS-only form: it includes that one's protection, and AWS refuses both in one request."""
CHOICES = ("NONE", "NEW", "ALL")
"""Values of auto-enable, from the least protection to the most."""


def existing(part: GuardDutySection) -> dict[str, bool]:
    """Item → on or off, for existing accounts. An agent that is wanted needs its feature."""
    items: dict[str, bool] = {}
    for name, feature in part.features.items():
        agents = {agent: each.enabled for agent, each in (feature.agents or {}).items() if each.enabled is not None}
        enabled = True if feature.enabled is None and any(agents.values()) else feature.enabled
        if enabled is not None:
            items[name] = enabled
        items.update({f"{name}/{agent}": on for agent, on in agents.items()})
    return dict(sorted(items.items()))


def automatic(part: GuardDutySection) -> dict[str, str]:
    """Item → NEW, ALL or NONE, for accounts that join."""
    items: dict[str, str] = {}
    for name, feature in part.features.items():
        agents = {agent: each.auto_enable for agent, each in (feature.agents or {}).items() if each.auto_enable is not None}
        if feature.auto_enable is not None:
            items[name] = feature.auto_enable
        elif agents:
            items[name] = max(agents.values(), key=CHOICES.index)
        items.update({f"{name}/{agent}": choice for agent, choice in agents.items()})
    return dict(sorted(items.items()))


def superseding(item: str) -> str:
    """The item of the newer runtime monitoring that includes an item of the older one; empty for all others."""
    feature, slash, agent = item.partition("/")
    return f"{NEWER}{slash}{agent}" if feature == OLDER else ""


def unavailable(item: str, items: Mapping[str, bool] | Mapping[str, str], region: str) -> str:
    """Why an item cannot be asked of a Region together with the other items; empty when it can.

    The older runtime monitoring can be wanted off beside the newer one: that is the migration that AWS describes.
    """
    if not offered("guardduty", item, region):
        return "not offered in this Region"
    older = bool(superseding(item)) and NEWER in items and items[item] not in (False, "NONE")
    return "superseded by RUNTIME_MONITORING, which settings name too" if older else ""


def contradictions(part: GuardDutySection, seen: Mapping[str, str]) -> frozenset[str]:
    """Items that settings want off in existing accounts although enrolment would switch them on.

    CreateMembers applies the auto-enable settings to every account in the request, existing ones too [model].
    """
    automatically = {**seen, **automatic(part)}
    return frozenset(item for item, on in existing(part).items() if not on and automatically.get(item, "NONE") != "NONE")


def features(values: Mapping[str, str], field: str) -> list[dict[str, object]]:
    """The `Features` parameter for items and their values; `field` is "Status" or "AutoEnable". Agents go with their feature."""
    listed: list[dict[str, object]] = []
    for name in sorted({item.partition("/")[0] for item in values}):
        entry: dict[str, object] = {"Name": name}
        if name in values:
            entry[field] = values[name]
        agents = sorted(item for item in values if item.startswith(f"{name}/"))
        if agents:
            entry["AdditionalConfiguration"] = [{"Name": item.partition("/")[2], field: values[item]} for item in agents]
        listed.append(entry)
    return listed


def items_of(listed: Iterable[Mapping[str, object]], field: str) -> dict[str, str]:
    """The reverse of `features`, for AWS's answers: item → value. Agents come in any order, so they are keyed by name."""
    items: dict[str, str] = {}
    for feature in listed:
        name = str(feature["Name"])
        items[name] = str(feature.get(field, ""))
        agents = feature.get("AdditionalConfiguration") or ()
        assert isinstance(agents, list | tuple)
        items.update({f"{name}/{agent['Name']}": str(agent.get(field, "")) for agent in agents})
    return items


def own_detector(part: GuardDutySection, region: str) -> list[dict[str, object]]:
    """`Features` of a new detector: what settings want, and what AWS would switch on by itself said to be off.

    Nothing else is named, since AWS refuses the whole call for one feature that the Region lacks, also where it is to be off
    [issue: hashicorp/terraform-provider-aws#34311]. What acts on workloads is switched on in a stage of its own.
    """
    wanted = existing(part)
    on = {item for item, enabled in wanted.items() if enabled and not on_workloads(item)}
    names = [name for name in ORGANIZATION_FEATURES if name not in OFF_BY_DEFAULT and offered("guardduty", name, region)]
    values = {name: "ENABLED" if name in on else "DISABLED" for name in names}
    agents = {i: "ENABLED" if i in on else "DISABLED" for i in wanted if "/" in i and i.partition("/")[0] in names}
    return features({**values, **agents}, "Status")
