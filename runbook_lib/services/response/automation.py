"""Aspect "automation rules": what Security Hub changes of findings before anybody hears of them, in each of its Regions.

Sources: [docs] user guide on automation rules: the administrator's own, valid in the Region where they are made, applied to
findings as they come in and before EventBridge sees them; at most 100. [model] botocore: fields, items of a criterion, answers.
A second call with the same name makes a second rule, so ours are known by name and by how their description begins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.aws.errors import CallFailed, has, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation
from runbook_lib.coverage import Cell, Cells
from runbook_lib.plan import Action, BackOut, Direction, Reference, plain
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import outcomes, text
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import SETTINGS_OWNER, Column, lowering_allowed, to_do
from runbook_lib.services.response.names import HUB, MARK, NAME
from runbook_lib.services.response.patterns import product_suffix
from runbook_lib.services.response.wanted import accounts_of
from runbook_lib.services.view import View
from runbook_lib.settings.response import RULE_PREFIX, SEVERITIES, AutomationRule, ResponseSection, RuleFilter, Suppression

ARN = f"{NAME}:automation-rule "
"""Kind of the Reference to a rule's ARN, which AWS gives; the rule's name follows."""
READS = frozenset({f"{HUB}:ListAutomationRules", f"{HUB}:BatchGetAutomationRules"})
MOST_RULES = 100
"""Of an administrator account in a Region [docs]."""
MOST_ITEMS, MOST_OF = 20, {"AwsAccountId": 100, "ResourceId": 100}
"""Items of one criterion, and of those that take more [model]."""
LONGEST_NOTE = 512
"""Characters of a note [model]."""
HUB_OFF = "not subscribed to AWS Security Hub"


@dataclass(frozen=True)
class Rule:
    """An automation rule, as it is or as it is wanted."""

    name: str
    description: str
    order: int
    enabled: bool
    terminal: bool
    criteria: Mapping[str, Any]
    changes: Mapping[str, Any]
    """Fields of a finding that it writes."""
    arn: str = ""

    @property
    def ours(self) -> bool:
        return self.name.startswith(RULE_PREFIX) and self.description.startswith(MARK)

    @property
    def suppresses(self) -> bool:
        return bool((self.changes.get("Workflow") or {}).get("Status") == "SUPPRESSED")

    @property
    def words(self) -> str:
        """What it writes, in words."""
        said = {
            "severity": (self.changes.get("Severity") or {}).get("Label"),
            "workflow status": (self.changes.get("Workflow") or {}).get("Status"),
            "criticality": self.changes.get("Criticality"),
        }
        written = [f"{name} {value}" for name, value in said.items() if value is not None]
        rest = sorted(set(self.changes) - {"Severity", "Workflow", "Criticality"})
        return ", ".join([*written, *rest]) or "nothing"

    def does_as(self, other: "Rule") -> bool:
        """Whether both take the same findings and write the same."""
        return _sorted(self.criteria) == _sorted(other.criteria) and plain(self.changes) == plain(other.changes)

    def is_as(self, other: "Rule") -> bool:
        """Whether nothing is left to write."""
        mine, theirs = ((each.description, each.order, each.enabled, each.terminal) for each in (self, other))
        return mine == theirs and self.does_as(other)


@dataclass(frozen=True)
class Wanted:
    """A rule that settings want in a Region."""

    item: str
    rule: Rule
    lowers: bool
    named: bool
    """Whether its own entry says who answers for lowering, and until when: a suppression's does."""
    regions: tuple[str, ...]
    """Where it is wanted; empty: in all of Security Hub's Regions."""
    nobody: str
    """Why it could take no finding; "" where it could."""


Seen = Observation[Mapping[str, Rule]]
"""ARN → rule."""
Here = Place[ResponseSection, Seen]


def wanted_in(view: View, section: ResponseSection, region: str) -> tuple[Wanted, ...]:
    """Everything that settings want in one Region. Pure."""
    rules = [_automated(view, item, each, region) for item, each in sorted((section.automation_rules or {}).items())]
    rules += [_suppressed(view, item, each, region) for item, each in sorted((section.suppression or {}).items())]
    return tuple(each for each in rules if not each.regions or region in each.regions)


def _automated(view: View, item: str, asked: AutomationRule, region: str) -> Wanted:
    changes: dict[str, Any] = {}
    if asked.changes.severity:
        changes["Severity"] = {"Label": asked.changes.severity}
    if asked.changes.criticality is not None:
        changes["Criticality"] = asked.changes.criticality
    if asked.changes.note:
        changes["Note"] = {"Text": asked.changes.note, "UpdatedBy": "runbook"}
    highest = max(SEVERITIES.index(each) for each in asked.findings.severities or SEVERITIES)
    lowers = asked.changes.severity is not None and SEVERITIES.index(asked.changes.severity) < highest
    said = f"{MARK}: automation rule {item} of its settings."
    criteria, nobody = _criteria(view, asked.findings, region)
    rule = Rule(f"{RULE_PREFIX}{item}", said, asked.order, True, asked.terminal, criteria, changes)
    return Wanted(item, rule, lowers, named=False, regions=asked.findings.regions or (), nobody=nobody)


def _suppressed(view: View, item: str, asked: Suppression, region: str) -> Wanted:
    note = f"Suppressed until {asked.expires}: {asked.reason} ({asked.owner})"[:LONGEST_NOTE]
    changes = {"Workflow": {"Status": "SUPPRESSED"}, "Note": {"Text": note, "UpdatedBy": "runbook"}}
    said = f"{MARK}: suppression {item} of its settings, until {asked.expires}."
    criteria, nobody = _criteria(view, asked.findings, region)
    rule = Rule(f"{RULE_PREFIX}{item}", said, asked.order, True, False, criteria, changes)
    return Wanted(item, rule, lowers=True, named=True, regions=asked.findings.regions or (), nobody=nobody)


def _criteria(view: View, asked: RuleFilter, region: str) -> tuple[dict[str, Any], str]:
    """Criteria, and why they could fit no finding. A Region is where a rule is made, and no criterion."""
    accounts = accounts_of(view, asked)
    partition = view.organization.partition
    values: dict[str, tuple[str, Iterable[str]]] = {
        "ProductArn": ("EQUALS", (f"arn:{partition}:{HUB}:{region}{product_suffix(each)}" for each in asked.products or ())),
        "SeverityLabel": ("EQUALS", asked.severities or ()),
        "ComplianceSecurityControlId": ("EQUALS", asked.controls or ()),
        "Type": ("PREFIX", asked.types or ()),
        "ResourceId": ("PREFIX", asked.resources or ()),
        "AwsAccountId": ("EQUALS", accounts or ()),
    }
    criteria = {
        key: [{"Value": value, "Comparison": comparison} for value in sorted(found)] for key, (comparison, found) in values.items()
    }
    nobody = "no active account is below its organizational units" if accounts is not None and not accounts else ""
    return {key: items for key, items in criteria.items() if items}, nobody


def _sorted(criteria: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Criteria whatever the order in which items stand."""
    return {key: sorted((plain(each) for each in items), key=repr) for key, items in criteria.items() if items}


def read_rules(account: str, region: str, reader: Reader) -> dict[str, Rule]:
    """ARN → rule, of everybody's in a Region. Raises CallFailed."""
    pages = reader.pages(HUB, "ListAutomationRules", account, region)
    arns = sorted(each["RuleArn"] for page in pages for each in page.get("AutomationRulesMetadata") or ())
    found: list[Mapping[str, Any]] = []
    for start in range(0, len(arns), MOST_RULES):
        asked = arns[start : start + MOST_RULES]
        found += reader.read(HUB, "BatchGetAutomationRules", account, region, AutomationRulesArns=asked).get("Rules") or ()
    return {each["RuleArn"]: _as_rule(each) for each in found}


def _as_rule(found: Mapping[str, Any]) -> Rule:
    actions: Any = found.get("Actions") or ({},)
    return Rule(
        text(found.get("RuleName")), text(found.get("Description")), int(found.get("RuleOrder") or 0),
        found.get("RuleStatus") == "ENABLED", bool(found.get("IsTerminal")), found.get("Criteria") or {},
        actions[0].get("FindingFieldsUpdate") or {}, found["RuleArn"],
    )  # fmt: skip


def seen_in(account: str, region: str, reader: Reader) -> Seen:
    """The rules of a Region; not yet where Security Hub is off."""
    try:
        return Known(read_rules(account, region, reader))
    except CallFailed as error:
        return NotYet("Security Hub is on in the delegated account") if has(error, HUB_OFF) else unread(error)


def named(name: str, account: str, region: str, reader: Reader) -> Rule | None:
    """The rule of ours with that name. Raises CallFailed."""
    found = [each for each in read_rules(account, region, reader).values() if each.name == name and each.ours]
    return min(found, key=lambda each: each.arn) if found else None


def arn_of(reference: Reference, reader: Reader) -> str:
    """The ARN that a Reference stands for. Raises CallFailed."""
    name = reference.kind.removeprefix(ARN)
    if (found := named(name, reference.account, reference.region, reader)) is None:
        said = f"there is no automation rule {name} of the runbook's any more"
        raise CallFailed(
            "ResourceNotFoundException", said, service=HUB, operation="ListAutomationRules", account=reference.account,
            region=reference.region,
        )  # fmt: skip
    return found.arn


class Automation(Aspect[ResponseSection, Seen]):
    name = "automation rules"
    calls = frozenset({f"{HUB}:CreateAutomationRule", f"{HUB}:BatchUpdateAutomationRules"})

    def plans(self, action: Action) -> bool:
        return f"{action.service}:{action.operation}" in self.calls

    def cells(self, place: Here) -> Cells:
        wanted, us = wanted_in(place.view, place.section, place.region), {place.delegated}
        if not isinstance(place.seen, Known):
            columns = [place.column(self.name, each.item, each.rule.words) for each in wanted]
            if not columns and not isinstance(place.seen, NotYet):
                columns = [place.column(self.name)]  # whether somebody's rule silences a route is not known
            return tuple(cell for column in columns for cell in column.unseen(us, place.seen, "comes after Security Hub is on"))
        rules, found = place.seen.value, list[Cell]()
        room = MOST_RULES - len(rules)
        for each in wanted:
            there = _there(each.rule.name, rules.values())
            found += self._cell(place, each, there, rules, room)
            room -= there is None
        names = {each.rule.name for each in wanted}
        found += (cell for rule in rules.values() if rule.name not in names for cell in self._other(place, rule))
        return tuple(sorted(found, key=lambda cell: cell.item))

    def _cell(self, place: Here, wanted: Wanted, there: Rule | None, rules: Mapping[str, Rule], room: int) -> Cells:
        us, column = {place.delegated}, place.column(self.name, wanted.item, wanted.rule.words)
        observed = there.words if there else "none"
        if why := _impossible(wanted):
            return column.blocked(us, why[0], why[1], observed, SETTINGS_OWNER)
        if there and not there.ours:
            step = "Give it another id in settings, or have the rule's owner give up the name."
            return column.blocked(us, f"there is a rule {there.name} that the runbook did not make", step, observed)
        if there and there.is_as(wanted.rule):
            return column.covered(us, "enabled, as settings have it", observed)
        if same := next((each for each in rules.values() if not each.ours and each.enabled and each.does_as(wanted.rule)), None):
            step = "Have its owner disable it, or take this one out of settings."
            return column.blocked(
                us, f"the rule {same.name}, which is not the runbook's, does the same", step, observed, SETTINGS_OWNER
            )
        if there is None and room < 1:
            step = "Have rules taken away that nobody needs; then plan again."
            return column.blocked(us, f"there are {len(rules)} automation rules, and AWS allows {MOST_RULES}", step, observed)
        return self._to_do(place, column, wanted, there, observed)

    def _to_do(self, place: Here, column: Column, wanted: Wanted, there: Rule | None, observed: str) -> Cells:
        us = {place.delegated}
        why = "there is no such rule" if there is None else "the rule is another one than settings have, or is disabled"
        if not wanted.lowers or wanted.named or lowering_allowed(place.view.settings, NAME, self.name, wanted.item):
            return column.to_do(us, why, observed)
        step = f"Name exactly service {NAME}, aspect {self.name}, item {wanted.item} under allow_lowering, or change severities."
        reason = f"{why}; it would give findings a lower severity than they have, and a route may miss them"
        return column.blocked(us, reason, step, observed, SETTINGS_OWNER)

    def _other(self, place: Here, rule: Rule) -> Cells:
        """Rules of others are named and left alone; a suppression of ours that settings do not have any longer ends."""
        us = {place.delegated}
        if rule.ours and rule.enabled and rule.suppresses:
            column = place.column(self.name, rule.name.removeprefix(RULE_PREFIX), "disabled")
            return column.to_do(us, "settings do not suppress these findings any longer", rule.words)
        whose = "made by the runbook, and not in settings any longer" if rule.ours else "not the runbook's"
        does = f"writes {rule.words} before any route sees a finding" if rule.enabled else "disabled"
        return place.column(self.name, rule.name).unmanaged(us, rule.words, f"{whose}; left alone: {does}")

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        rules = place.seen.value if isinstance(place.seen, Known) else {}
        wanted = {each.item: each for each in wanted_in(place.view, place.section, place.region)}
        return [
            _step(place, cell.item, wanted.get(cell.item), _there(f"{RULE_PREFIX}{cell.item}", rules.values()))
            for cell in to_do(cells, place.region, self.name)
            if cell.item and stage == ("lowering" if cell.item in wanted and wanted[cell.item].lowers else "delegated")
        ]

    def effect(self, action: Action, reader: Reader) -> Progress:
        asked = plain(action.parameters)
        said = asked if action.operation == "CreateAutomationRule" else asked["UpdateAutomationRulesRequestItems"][0]
        found = named(said["RuleName"], action.account, action.region, reader)
        if found is None:
            return Progress(NONE, {}, "not there")
        return Progress(WHOLE if found.is_as(_as_rule({"RuleArn": "", **said})) else NONE, {}, found.words)

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        return judged(action, answer)


def judged(action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
    """HTTP 200 is not success: rules that were not processed are listed, each with a number for a code [model]."""
    for entry in answer.get("UnprocessedAutomationRules") or ():
        return outcomes(action, Verdict.FAILED, str(entry.get("ErrorCode", "")), text(entry.get("ErrorMessage")))
    return outcomes(action, Verdict.APPLIED)


def _there(name: str, rules: Iterable[Rule]) -> Rule | None:
    """The rule of that name: ours, where several have it."""
    return min((each for each in rules if each.name == name), key=lambda each: (not each.ours, each.arn), default=None)


def _impossible(wanted: Wanted) -> tuple[str, str] | None:
    if wanted.nobody:
        return f"it fits no finding: {wanted.nobody}", "Name accounts, or units that have accounts, or take it out."
    for key, items in wanted.rule.criteria.items():
        if len(items) > (most := MOST_OF.get(key, MOST_ITEMS)):
            step = "Name fewer, leave them out, or cut it into several."
            return f"its criterion {key} would have {len(items)} items, and AWS takes {most}", step
    return None


def _said(rule: Rule) -> dict[str, Any]:
    return {
        "RuleName": rule.name, "Description": rule.description, "RuleOrder": rule.order,
        "RuleStatus": "ENABLED" if rule.enabled else "DISABLED", "IsTerminal": rule.terminal, "Criteria": plain(rule.criteria),
        "Actions": [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": plain(rule.changes)}],
    }  # fmt: skip


def _step(place: Here, item: str, wanted: Wanted | None, there: Rule | None) -> Action:
    """Make, write anew, or, where settings have it no longer, disable a rule."""
    lowers = wanted is not None and wanted.lowers
    common = {
        "service": HUB,
        "affects": frozenset({place.delegated}),
        "stage": "lowering" if lowers else "delegated",
        "direction": Direction.LOWERS if lowers else Direction.RAISES,
    }
    name = f"{RULE_PREFIX}{item}"
    reference = Reference(f"{ARN}{name}", place.delegated, place.region)
    if there is None:
        assert wanted is not None
        back = BackOut(
            "Deletes the rule; what it has changed of findings stays.",
            "BatchDeleteAutomationRules",
            {"AutomationRulesArns": [reference]},
        )
        return place.action(
            "CreateAutomationRule", _said(wanted.rule), reason=f"{item}: there is no such automation rule", before="no rule",
            becomes=f"findings that fit get {wanted.rule.words}", back_out=back, **common,
        )  # fmt: skip
    asked = _said(wanted.rule) if wanted else {**_said(there), "RuleStatus": "DISABLED"}
    back = BackOut(
        "Writes the rule as it was.",
        "BatchUpdateAutomationRules",
        {"UpdateAutomationRulesRequestItems": [{"RuleArn": reference, **_said(there)}]},
    )
    return place.action(
        "BatchUpdateAutomationRules", {"UpdateAutomationRulesRequestItems": [{"RuleArn": reference, **asked}]},
        reason=f"{item}: settings {'have another rule' if wanted else 'do not suppress these findings any longer'}",
        before=_state(there), becomes=_state(wanted.rule) if wanted else "disabled", back_out=back, **common,
    )  # fmt: skip


def _state(rule: Rule) -> str:
    return f"{rule.words}{'' if rule.enabled else ', disabled'}"
