"""Writes what is made from the code: pages of `runbook_lib/docs`, links of notebooks. `make pages`; tests fail if one is stale."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import notebook_links

from runbook_lib.runbook.phases import NOTEBOOKS, Phase
from runbook_lib.services.permissions import ROLES, Names, Statement, statements
from runbook_lib.services.registry import by_name, sentence
from runbook_lib.settings import Settings

DOCS = Path(__file__).parents[2] / "runbook_lib" / "docs"
MADE = "<!-- Made from the code by `make pages`: change it there. -->"


def phases_page() -> str:
    """Every phase: what it is for, what it does, what comes before, which service principals it needs."""
    lines = [
        "# The phases",
        "",
        MADE,
        "",
        "In this order. Each is a notebook of its own, and is planned and approved by itself.",
        "",
    ]
    for phase in NOTEBOOKS:
        lines += [f"## {phase.title}", "", f"`notebooks/{phase.name}.ipynb`. {phase.purpose}", "", *_about(phase)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _about(phase: Phase) -> Iterator[str]:
    if spec := by_name().get(phase.service):
        yield f"* Does: {spec.does}."
        yield f"* After: {', '.join(phase.requires)}."
        yield f"* Trusted access for: {', '.join(f'`{each}`' for each in spec.principals)}."
        yield f"* Service-linked roles: {', '.join(f'`{each}`' for each in spec.roles)}."
        if spec.policy_type:
            yield f"* Organizations policies that would override it: `{spec.policy_type}`."
    for stage in phase.stages:
        yield f"* Stage `{stage.name}`: {stage.title}."
    yield ""


def settings_page() -> str:
    """Every key of a parameters file, with its description."""
    schema = Settings.model_json_schema()
    lines = ["# Settings", "", MADE, ""]
    lines += ["One file is one organization. An absent key means *not managed here*: it is read, shown, and left alone."]
    lines += [
        "What the file alone shows wrong is said before any call, all at once, with line, key, value and what to do; what only AWS"
    ]
    lines += ["knows of it is read before any plan and said in the same way. `parameters/example.yaml` shows every key.", ""]
    lines += ["| key | what it says |", "| --- | --- |"]
    for key, about in schema["properties"].items():
        lines += [f"| `{key}` | {_words(about)} |"]
    for key, about in schema["properties"].items():
        if rows := list(_keys(about, schema, key)):
            lines += ["", f"## `{key}`", "", "| key | what it says |", "| --- | --- |", *rows]
    return "\n".join(lines) + "\n"


def _keys(about: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    """A row for each key below, however deep; lists and mappings with names of their own are gone into."""
    for each in (about, *about.get("anyOf", ())):
        if "$ref" in each:
            model = schema["$defs"][each["$ref"].rpartition("/")[2]]
            for key, inner in model.get("properties", {}).items():
                yield f"| `{path}.{key}` | {_words(inner)} |"
                yield from _keys(inner, schema, f"{path}.{key}")
        for inner, mark in ((each.get("items"), "[]"), (each.get("additionalProperties"), ".NAME")):
            if isinstance(inner, dict):
                yield from _keys(inner, schema, path + mark)
        for inner in each.get("patternProperties", {}).values():
            yield from _keys(inner, schema, f"{path}.REGION")


def _words(about: dict[str, Any]) -> str:
    return str(about.get("description", "")).replace("|", "\\|")


INTRODUCTION = """\
What IAM has to allow, for every service; settings that manage fewer need less. Each role has the statements below its name, and
nothing else. A plan is made with the roles that read; stages are applied with those that change, which read too, because the plan
is made again before each stage. Where a read is missing, the answer is *unknown*, and the plan says what to allow. No delete,
disable or disassociate is among them, but in the policies that leaving takes. Where `account:ListRegions` is denied, as AWS's
SecurityAudit does, `ec2:DescribeRegions` is asked in its place for the account itself; nobody needs to be given that.

`runbook requirements -p FILE` prints them for one organization's settings, with ids and trust policies filled in, also as JSON,
Terraform or CloudFormation. With `--about hosts` it prints the names that are called, for whoever opens a proxy or a firewall;
with `--about quotas` how large the policies are beside what AWS takes, and how often each call may be made; with `--about grants`
what the policies of keys and buckets have to say: the key and the store of evidence, and what services export to. The
stack has no role to ask for: its template makes `runbook-stack` itself.

`runbook doctor -p FILE` makes every read and says which one a policy denies, and who can change that.
Of changes it says what IAM's simulation expects, action by action and Region by Region, where the door's role may ask
(`iam:SimulatePrincipalPolicy` on itself, which the roles below have; without it the line is *unknown*). The simulation is an
opinion: it sees identity policies, boundaries and service control policies, and no resource control, session or endpoint policy.

The role in member accounts is needed only where settings name one (`access.members`). The runner's own identity needs
`sts:AssumeRole` on the roles that it opens. `PARTITION`, `MANAGEMENT`, `DELEGATED`, `ORGANIZATION` and the names of key and bucket
stand for yours. A bucket that encrypts with a key of its own takes `kms:GenerateDataKey` and `kms:Decrypt` on it.

The policies `runbook-offboarding-…` are for `runbook offboard` and `runbook back-out`: roles have them besides, as long as
something is left. `runbook requirements` prints the part of them that settings allow under `offboarding`, level by level, and
with `--back-out` also what only taking a change back calls; without either none is needed.
"""
ABOUT_ROLES = {
    "runbook-management-read": ("management account", "planning, coverage"),
    "runbook-management-change": ("management account", "applying"),
    "runbook-delegated-read": ("delegated account", "planning, coverage"),
    "runbook-delegated-change": ("delegated account", "applying"),
    "runbook-member": ("member accounts", "standards in existing accounts"),
    "runbook-response": ("delegated account", "the response: a policy that its roles have besides, where settings have one"),
    "runbook-offboarding-management": (
        "management account",
        "leaving, taking changes back: a policy that its roles have besides",
    ),
    "runbook-offboarding-delegated": ("delegated account", "the same there"),
    "runbook-offboarding-member": ("member accounts", "the same there: what can be switched off from inside an account alone"),
    "runbook-evidence": ("the signing key's account", "sealing live runs, keeping evidence"),
}


def permissions_page() -> str:
    """Every statement that IAM has to allow, role by role."""
    lines = ["# Permissions", "", MADE, "", INTRODUCTION, "| role | in | for |", "| --- | --- | --- |"]
    lines += [f"| `{role}` | {where} | {what} |" for role, (where, what) in ABOUT_ROLES.items()]
    for role in ROLES:
        lines += ["", f"## `{role}`", "", "| statement | actions | on | for |", "| --- | --- | --- | --- |"]
        lines += [_statement_row(each) for each in statements(Names()) if role in each.roles]
    return "\n".join(lines) + "\n"


def _statement_row(statement: Statement) -> str:
    actions = ", ".join(f"`{each}`" for each in statement.actions)
    where = ", ".join("everything" if each == "*" else f"`{each}`" for each in statement.resources)
    for key, values in statement.condition.items():
        where += f"; `{key}` is {sentence(tuple(f'`{each}`' for each in values), 'or')}"
    return f"| {statement.sid} | {actions} | {where} | {statement.reason} |"


PAGES = {"permissions.md": permissions_page, "phases.md": phases_page, "settings.md": settings_page}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    notebook_links.write()


if __name__ == "__main__":
    main()
