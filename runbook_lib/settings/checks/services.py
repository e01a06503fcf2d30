"""What the file alone shows about the three services: settings that AWS refuses, or that contradict each other."""

from collections.abc import Iterator
from typing import Any

from runbook_lib.base.documents import Path, Problem
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.places import account_exclusions

AGENTS_OF = {
    "RUNTIME_MONITORING": ("EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT"),
    "EKS_RUNTIME_MONITORING": ("EKS_ADDON_MANAGEMENT",),
    "RDS_LOGIN_EVENTS": ("RDS_DATA_RISK",),
}
"""GuardDuty feature → additional configuration AWS has for it. Source: GuardDuty user guide, features and their configuration."""
OWN_CHOICE = "auto_enable_ignores_exclusions"


def check_services(tree: Tree) -> Iterator[Problem]:
    """Everything about Security Hub, GuardDuty and Inspector but Regions."""
    yield from _none(tree)
    yield from _standards(tree)
    yield from _features(tree)
    yield from _export(tree)
    yield from _scan_types(tree)
    yield from _all_and_exclusions(tree)
    for section, path in _auto_enable_on(tree):
        yield from _declared_choice(tree, section, path)


def _none(tree: Tree) -> Iterator[Problem]:
    if "organization" in tree and not {"security_hub", "guardduty", "inspector"} & set(tree):
        message = "The file manages no service. Add at least one of security_hub, guardduty and inspector."
        yield Problem(("organization",), message, "")


def _standards(tree: Tree) -> Iterator[Problem]:
    part = at(tree, "security_hub") or {}
    if "existing_account_standards" in part and "members" not in (at(tree, "access") or {}):
        message = (
            "Only an account itself can switch standards on, so this needs a role in every member account. "
            "Add access.members, or remove this key."
        )
        yield Problem(("security_hub", "existing_account_standards"), message, "")
    if "new_account_standards" in part and ("auto_enable" not in part or part["auto_enable"] is False):
        message = (
            "Standards for accounts that join need Security Hub in them. Add security_hub.auto_enable: true, or remove this key."
        )
        yield Problem(("security_hub", "new_account_standards"), message)
    if part.get("auto_enable") is True and "new_account_standards" not in part:
        message = (
            "AWS switches its default standards on in accounts that join unless told otherwise. "
            "Say it: add security_hub.new_account_standards: none, or default."
        )
        yield Problem(("security_hub", "auto_enable"), message)


def _features(tree: Tree) -> Iterator[Problem]:
    part = at(tree, "guardduty") or {}
    features = part.get("features") or {}
    if {"RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"} <= set(features):
        message = "AWS refuses this together with RUNTIME_MONITORING, which includes it (EKS_ADDON_MANAGEMENT). Remove this one."
        yield Problem(("guardduty", "features", "EKS_RUNTIME_MONITORING"), message, "")
    for name, feature in features.items():
        path: Path = ("guardduty", "features", name)
        if not isinstance(feature, dict):
            continue
        if not feature:
            yield Problem(path, "This says nothing about the feature. Add auto_enable or enabled, or remove it.", "")
        yield from _not_beyond(feature, path, part, "guardduty.auto_enable")
        for agent, setting in (feature.get("agents") or {}).items():
            if setting is not None:
                yield from _agent(name, feature, agent, setting)


def _agent(name: str, feature: dict[str, Any], agent: str, setting: dict[str, Any]) -> Iterator[Problem]:
    path: Path = ("guardduty", "features", name, "agents", agent)
    where = [each for each, agents in AGENTS_OF.items() if agent in agents]
    if name not in where:
        yield Problem(path, f"AWS has this under {' and '.join(where)}, not under {name}. Move it there.", "")
        return
    if not setting:
        yield Problem(path, "This says nothing about the agent. Add auto_enable or enabled, or remove it.", "")
    yield from _not_beyond(setting, path, feature, f"guardduty.features.{name}.auto_enable")
    if "enabled" in setting and "enabled" not in feature:
        message = f"AWS sets this together with the feature. Add guardduty.features.{name}.enabled."
        yield Problem((*path, "enabled"), message)
    if setting.get("enabled") is True and feature.get("enabled") is False:
        yield Problem(
            (*path, "enabled"), f"This needs the feature, and guardduty.features.{name}.enabled is false. Change one of the two."
        )


def _not_beyond(inner: Tree, path: Path, outer: Tree, outer_key: str) -> Iterator[Problem]:
    """What is enabled by itself needs what it is part of enabled by itself, and AWS takes both in one call."""
    if inner.get("auto_enable") is None:
        return
    if "auto_enable" not in outer:
        yield Problem((*path, "auto_enable"), f"AWS sets this together with {outer_key}. Add that key.")
    elif outer["auto_enable"] == "NONE" and inner["auto_enable"] != "NONE":
        message = f"{outer_key} is NONE, so no account gets what this is part of by itself. Write NONE here, or NEW there."
        yield Problem((*path, "auto_enable"), message)


def _export(tree: Tree) -> Iterator[Problem]:
    asked = at(tree, "guardduty", "regions")
    for region in at(tree, "guardduty", "export") or {}:
        if asked and region not in asked:
            yield Problem(
                ("guardduty", "export", region), "This Region is not in guardduty.regions. Add it there, or remove it here.", ""
            )


def _scan_types(tree: Tree) -> Iterator[Problem]:
    part = at(tree, "inspector") or {}
    wanted: set[str] = set()
    for key in ("existing_accounts", "new_accounts"):
        types = part.get(key) or []
        wanted.update(each for each in types if each)
        if "LAMBDA_CODE" in types and "LAMBDA" not in types and None not in types:
            message = "Code scanning of functions needs standard scanning of functions. Add LAMBDA."
            yield Problem(("inspector", key, types.index("LAMBDA_CODE")), message)
    lists = [part[key] for key in ("existing_accounts", "new_accounts") if key in part]
    if not lists or any(each is None or None in each for each in lists):
        return
    for key, scan_type in (("ec2_scan_mode", "EC2"), ("ecr_rescan_duration", "ECR")):
        if key in part and scan_type not in wanted:
            message = f"This is about {scan_type}, which neither existing_accounts nor new_accounts names."
            yield Problem(("inspector", key), f"{message} Add {scan_type}, or remove this key.")


def _guardduty_values(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Every auto_enable of GuardDuty: the detector's, the features' and the agents'."""
    yield ("guardduty", "auto_enable"), at(tree, "guardduty", "auto_enable")
    for name, feature in (at(tree, "guardduty", "features") or {}).items():
        yield ("guardduty", "features", name, "auto_enable"), at(feature, "auto_enable")
        for agent in at(feature, "agents") or {}:
            path: Path = ("guardduty", "features", name, "agents", agent, "auto_enable")
            yield path, at(feature, "agents", agent, "auto_enable")


def _all_and_exclusions(tree: Tree) -> Iterator[Problem]:
    excluded = account_exclusions(tree, "guardduty")
    for path, value in _guardduty_values(tree):
        if excluded and value == "ALL":
            message = (
                f"ALL takes every account, and {', '.join(excluded)} is excluded from GuardDuty: AWS knows no exceptions. "
                "Write NEW, or remove the exclusion."
            )
            yield Problem(path, message)


def _auto_enable_on(tree: Tree) -> Iterator[tuple[str, Path]]:
    """The sections whose auto-enable is on, with the key that shows it."""
    if at(tree, "security_hub", "auto_enable") is True:
        yield "security_hub", ("security_hub", "auto_enable")
    on = [path for path, value in _guardduty_values(tree) if value == "NEW"]
    if on:
        yield "guardduty", on[0]
    if at(tree, "inspector", "new_accounts"):
        yield "inspector", ("inspector", "new_accounts")


def _declared_choice(tree: Tree, section: str, path: Path) -> Iterator[Problem]:
    excluded = account_exclusions(tree, section)
    choice = at(tree, section, OWN_CHOICE)
    if not excluded or choice is True or (choice is None and OWN_CHOICE in tree[section]):
        return
    named = ", ".join(excluded)
    if choice is None:
        message = (
            f"Auto-enable is on and {named} is excluded, but AWS's knows no exceptions. Decide: "
            f"add {section}.{OWN_CHOICE}: true (accepted that an excluded account is enrolled when it joins), "
            "or switch auto-enable off."
        )
        yield Problem(path, message)
    else:
        message = f"false says that no excluded account ({named}) may be enrolled, but auto-enable is on."
        yield Problem((section, OWN_CHOICE), f"{message} Switch it off, or write true here.")
