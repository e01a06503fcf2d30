"""What settings want of GuardDuty, as items: features ("S3_DATA_EVENTS") and agents ("RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT")."""

from collections.abc import Collection, Iterable, Mapping

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


def unavailable(item: str, items: Collection[str], region: str) -> str:
    """Why an item cannot be asked of a Region together with the other items; empty when it can.

    Runtime monitoring supersedes its older EKS-only form; AWS refuses both in one request [model].
    """
    if not offered("guardduty", item, region):
        return "not offered in this Region"
    older = item.partition("/")[0] == "EKS_RUNTIME_MONITORING" and "RUNTIME_MONITORING" in items
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
    """`Features` of a new detector: every feature that the Region offers said on or off, so that no default decides.

    Off too is what acts on workloads: it is switched on in a stage of its own. Runtime monitoring and its older EKS-only form
    exclude each other in one request [model]; the older one is off by default.
    """
    wanted = existing(part)
    older = wanted.get("EKS_RUNTIME_MONITORING", False) and "RUNTIME_MONITORING" not in wanted
    left_out = "RUNTIME_MONITORING" if older else "EKS_RUNTIME_MONITORING"
    names = [name for name in ORGANIZATION_FEATURES if name != left_out and offered("guardduty", name, region)]
    on = {item for item, enabled in wanted.items() if enabled and not on_workloads(item)}
    values = {name: "ENABLED" if name in on else "DISABLED" for name in names}
    agents = {i: "ENABLED" if i in on else "DISABLED" for i in wanted if "/" in i and i.partition("/")[0] in names}
    return features({**values, **agents}, "Status")
