"""Aspect "routes": a rule of EventBridge for each route, made disabled, proven, and enabled last.

A rule without targets that is enabled loses what it matches, and a target without leave fails unseen: so queues and topics come
first, then the rule, disabled, then its targets, then AWS's own matcher is asked about the pattern, and then it is enabled.
PutRule replaces the whole rule, so it is always sent whole; a rule that another service manages is never touched.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.aws.errors import DENIED, CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cell, Cells, Gap
from runbook_lib.plan import Action, BackOut, Condition, Direction, Step, Wait, plain
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import outcomes, text
from runbook_lib.services.aspect import NONE, WHOLE, Planned
from runbook_lib.services.column import SETTINGS_OWNER, Column, lowering_allowed, to_do
from runbook_lib.services.registry import sentence
from runbook_lib.services.response import patterns
from runbook_lib.services.response.names import (
    EVENTS,
    IMPORTED,
    IMPORTED_V2,
    KEPT_BACK,
    LONGEST_PATTERN,
    MARK,
    MOST_RULES,
    MOST_TARGETS,
    NAME,
    PRESSED,
)
from runbook_lib.services.response.observe import read_rule, read_targets
from runbook_lib.services.response.part import Here, Part
from runbook_lib.services.response.state import Rule
from runbook_lib.services.response.wanted import WantedRule

BEFORE = ("channels", "permissions", "roles", "ceilings")
"""The aspects whose steps come before a rule's."""


class Rules(Part):
    name = "routes"
    calls = frozenset({f"{EVENTS}:PutRule", f"{EVENTS}:PutTargets", f"{EVENTS}:EnableRule"})

    def cells(self, place: Here) -> Cells:
        wanted = self.wanted(place)
        found = place.seen.rules
        if isinstance(found, Known):
            made: list[Cell] = []
            planned = 0
            for each in wanted.rules:
                made += (new := self._cell(place, each, found.value, planned))
                planned += each.name not in found.value and any(cell.gap is Gap.TO_DO for cell in new)
            names = {each.name for each in wanted.rules}
            return (*made, *_others(place, [each for each in found.value.values() if each.name not in names]))
        us = {place.delegated}
        columns = [(place.column(self.name, each.route), each) for each in wanted.rules]
        return tuple(cell for column, _ in columns for cell in column.unseen(us, found, "comes first"))

    def _cell(self, place: Here, wanted: WantedRule, rules: Mapping[str, Rule], planned: int) -> Cells:
        us, found = {place.delegated}, rules.get(wanted.name)
        column = place.column(self.name, wanted.route, "enabled")
        if why := _impossible(wanted):
            return column.blocked(us, why[0], why[1], _seen(found), SETTINGS_OWNER)
        if twice := _told_twice(place, wanted, rules.values()):
            return column.blocked(us, twice[0], twice[1], _seen(found), SETTINGS_OWNER)
        if found is None:
            if len(rules) + planned >= MOST_RULES:
                step = "Have rules taken away that nobody needs, or the quota raised; then plan again."
                more = f", {planned} more are planned" if planned else ""
                said = f"the bus has {counted(len(rules), 'rule')}{more}, and AWS allows {MOST_RULES}"
                return column.blocked(us, said, step, "none")
            return column.to_do(us, "there is no rule for this route", "none")
        return self._there(place, column, wanted, found)

    def _there(self, place: Here, column: Column, wanted: WantedRule, found: Rule) -> Cells:
        us = {place.delegated}
        if not found.ours:
            whose = f"{found.managed_by} manages it" if found.managed_by else f"its description does not begin with {MARK!r}"
            step = "Give the route another id, or have the rule's owner give up the name."
            return column.blocked(us, f"there is a rule {found.name} that the runbook did not make: {whose}", step, _seen(found))
        if reason := _lowered(wanted, found):
            if lowering_allowed(place.view.settings, NAME, self.name, wanted.route):
                return column.to_do(us, f"{reason}, which settings allow", _seen(found))
            named = f"service {NAME}, aspect {self.name}, item {wanted.route}"
            return column.blocked(us, reason, f"Name exactly {named} under allow_lowering, or widen the route.", _seen(found))
        more = sorted(set(found.targets) - {each["Id"] for each in wanted.targets})
        if (number := len(more) + len(wanted.targets)) > MOST_TARGETS:
            step = f"Have {', '.join(more)} removed from the rule, or cut the route into two with other channels."
            why = f"with what others added its rule would have {number} targets, and AWS allows {MOST_TARGETS}"
            return column.blocked(us, why, step, _seen(found))
        if why := _open(wanted, found):
            return column.to_do(us, why, _seen(found))
        beside = f"; {', '.join(more)} gets it too, which settings do not ask for" if more else ""
        beside += f"; in shadow: {', '.join(wanted.shadowed)}" if wanted.shadowed else ""
        if gone := wanted.gone(wanted.pattern):
            beside += f"; not in the organization any more, so take out of the route: {', '.join(sorted(gone))}"
        return column.covered(us, f"enabled, with its targets{beside}", _seen(found))

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Step]:
        if stage not in ("delegated", "lowering"):
            return []
        asked = {cell.item for cell in to_do(cells, place.region, self.name)}
        found = place.seen.rules
        there = found.value if isinstance(found, Known) else {}
        first = tuple(step for aspect in BEFORE for step in planned.ids(aspect))
        rules = [(each, there.get(each.name)) for each in self.wanted(place).rules if each.route in asked]
        return [
            step
            for each, rule in rules
            if (stage == "lowering") == bool(_lowered(each, rule))
            for step in (_widened(place, each, rule, stage, first) if rule else _made(place, each, first))
        ]

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        """AWS's own matcher: the pattern fits an event that it has to fit, and not one that it must not."""
        pattern, fits, not_this = wait.condition.wanted
        try:
            answers = [
                reader.read(EVENTS, "TestEventPattern", wait.account, wait.region, EventPattern=pattern, Event=event).get("Result")
                for event in (fits, not_this)
            ]
        except CallFailed as error:
            if error.code in DENIED:
                return Progress(WHOLE, {}, "not permitted to ask AWS's matcher; the pattern has only what every matcher knows")
            raise
        if answers == [True, False]:
            return Progress(WHOLE, {}, "proven")
        return Progress(NONE, {"": f"AWS's matcher says {answers} of an event that has to fit, and one that must not"}, "")

    def effect(self, action: Action, reader: Reader) -> Progress:
        asked = plain(action.parameters)
        if action.operation == "PutTargets":
            found = read_targets(asked["Rule"], action.account, action.region, reader)
            there = all(_alike(each, found.get(each["Id"], {})) for each in asked["Targets"])
            return Progress(WHOLE if there else NONE, {}, ", ".join(sorted(found)) or "no targets")
        rule = read_rule(asked["Name"], action.account, action.region, reader)
        if rule is None:
            return Progress(NONE, {}, "no rule")
        if action.operation == "EnableRule":
            return Progress(WHOLE if rule.enabled else NONE, {}, _seen(rule))
        same = rule.pattern is not None and patterns.written(rule.pattern) == asked["EventPattern"]
        return Progress(WHOLE if same and rule.ours else NONE, {}, _seen(rule))

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """HTTP 200 of PutTargets is not success: entries that were not taken are counted, each with its code."""
        if action.operation == "PutTargets" and answer.get("FailedEntryCount"):
            entry: Mapping[str, Any] = next(iter(answer.get("FailedEntries") or ()), {})
            said = f"{text(entry.get('TargetId'))}: {text(entry.get('ErrorMessage'))}"
            return outcomes(action, Verdict.FAILED, text(entry.get("ErrorCode")) or "FailedEntries", said)
        return outcomes(action, Verdict.APPLIED)


def _seen(rule: Rule | None) -> str:
    return "none" if rule is None else "enabled" if rule.enabled else "disabled"


def _impossible(wanted: WantedRule) -> tuple[str, str] | None:
    """Why no rule can be made of a route, and the next step."""
    if wanted.nobody:
        return f"the route fits no finding: {wanted.nobody}", "Name accounts, or units that have accounts, or take the route out."
    if wanted.acting and (again := patterns.rounds(wanted.pattern)):
        step = "Write workflow_statuses: [NEW], and have what is behind that channel set NOTIFIED before it changes anything else."
        loop = f"it fits findings that are {sentence(again, 'or')}, and what is behind {sentence(wanted.acting)} may set that"
        return f"{loop}: each change is an event again, so the route would set itself off without end", step
    size = len(patterns.written(wanted.pattern))
    if size > LONGEST_PATTERN:
        step = "Name fewer accounts, units, controls or types, leave them out, or cut the route into several with other channels."
        return f"its pattern would have {size:,} characters, and AWS takes {LONGEST_PATTERN:,}", step
    return None


def _told_twice(place: Here, wanted: WantedRule, rules: Iterable[Rule]) -> tuple[str, str] | None:
    """By which rule of somebody else's people would hear of the same twice, and the next step."""
    if newer := _newer(wanted, rules):
        step = "One of the two tells people. Have its owner disable it or send it elsewhere, or take this channel out of settings."
        return f"the rule {newer.name}, which is not the runbook's, feeds the same channel from the newer Security Hub (V2)", step
    if older := _older(place, wanted, rules):
        step = "Settings say that V2 feeds people. Have its owner disable it or send it elsewhere, or leave feeds out of settings."
        return f"the rule {older.name}, which is not the runbook's, feeds the same channel from Security Hub CSPM", step
    if same := _same(wanted, rules):
        step = "Two rules would deliver every message twice. Have its owner disable it, or take this route out of settings."
        return f"the rule {same.name}, which is not the runbook's, does the same", step
    return None


def _same(wanted: WantedRule, rules: Iterable[Rule]) -> Rule | None:
    """An enabled rule of somebody else that delivers the same, or sends Security Hub's events of this kind to a channel of ours."""
    kind = wanted.pattern["detail-type"][0]
    for each in sorted(rules, key=lambda rule: rule.name):
        if each.ours or each.name == wanted.name or not each.enabled or not patterns.listens(each.pattern, kind):
            continue
        arns = {target.get("Arn") for target in each.targets.values()}
        if kind == PRESSED and not _shares_action(wanted.pattern, each.pattern or {}):
            continue
        if each.pattern == wanted.pattern or arns & wanted.channels:
            return each
    return None


def _newer(wanted: WantedRule, rules: Iterable[Rule]) -> Rule | None:
    """An enabled rule of somebody else's by which the newer Security Hub feeds a channel that findings of this one go to."""
    if wanted.pattern["detail-type"] != [IMPORTED]:
        return None
    for each in sorted(rules, key=lambda rule: rule.name):
        arns = {target.get("Arn") for target in each.targets.values()}
        if not each.ours and each.enabled and patterns.listens(each.pattern, IMPORTED_V2) and arns & wanted.channels:
            return each
    return None


def _older(place: Here, wanted: WantedRule, rules: Iterable[Rule]) -> Rule | None:
    """An enabled rule of somebody else's by which CSPM feeds a channel, where settings say that V2 feeds people."""
    if place.section.feeds != "V2":
        return None
    for each in sorted(rules, key=lambda rule: rule.name):
        arns = {target.get("Arn") for target in each.targets.values()}
        if not each.ours and each.enabled and patterns.listens(each.pattern, IMPORTED) and arns & wanted.channels:
            return each
    return None


def _shares_action(wanted: patterns.Pattern, other: patterns.Pattern) -> bool:
    return not other.get("resources") or bool(
        set(wanted["resources"]) & {each for each in other["resources"] if isinstance(each, str)}
    )


def _others(place: Here, rules: Sequence[Rule]) -> Iterator[Any]:
    """Rules of others that hear Security Hub, and rules of ours that no route asks for any longer: shown and left alone."""
    for each in sorted(rules, key=lambda rule: rule.name):
        if not any(patterns.listens(each.pattern, kind) for kind in (IMPORTED, PRESSED, IMPORTED_V2)):
            continue
        if each.unread is not None and each.enabled:
            column, lost = place.column(Rules.name, each.name), each.unread
            yield from column.unknown({place.delegated}, lost.code, f"whether it feeds a channel: {lost.reason}", lost.next_step)
            continue
        why = (
            "made by the runbook, and no route of settings any longer; left alone" if each.ours else "not the runbook's; left alone"
        )
        why = f"managed by {each.managed_by}; left alone" if each.managed_by else why
        yield from place.column(Rules.name, each.name).unmanaged({place.delegated}, _seen(each), why)


def _alike(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a target is as it is wanted; what AWS adds of its own does not count."""
    return all(plain(found.get(key)) == plain(value) for key, value in wanted.items())


def _lacking(wanted: WantedRule, found: Rule) -> list[str]:
    return [each["Id"] for each in wanted.targets if not _alike(each, found.targets.get(each["Id"], {}))]


def _open(wanted: WantedRule, found: Rule) -> str:
    """What a rule of ours lacks; "" where it is as settings want it."""
    if (found.pattern or {}) != wanted.pattern:
        return "the rule fits fewer findings than settings ask for"
    if over := _promoted(wanted, found):
        return f"the shadow of {', '.join(over)} is over, and messages are kept back still"
    if lacking := _lacking(wanted, found):
        return f"{', '.join(lacking)} does not get what the rule fits, or gets it otherwise"
    return "" if found.enabled else "the rule is disabled: it was not made to the end, or somebody disabled it"


def _lowered(wanted: WantedRule, found: Rule | None) -> str:
    """Why to have the rule as settings want it lowers protection; "" where it does not."""
    old = found.pattern or {} if found else wanted.pattern
    old = patterns.without_accounts(old, wanted.gone(old) - wanted.gone(wanted.pattern))  # who left has no findings to be told of
    if old != wanted.pattern and patterns.narrower(wanted.pattern, old):
        return "the rule fits findings that settings do not ask for any longer; to fit fewer lowers protection"
    silenced = [each for each, arn in wanted.shadowed.items() if found and found.targets.get(each, {}).get("Arn") == arn]
    if silenced:
        return f"{', '.join(silenced)} is told of findings now; to put it into shadow lowers protection"
    return ""


def _kept_back(target: Mapping[str, Any]) -> bool:
    return text(target.get("Arn")).rpartition(":")[2].startswith(KEPT_BACK)


def _promoted(wanted: WantedRule, found: Rule) -> list[str]:
    """The channels that are to be told from now on of what was kept back for them."""
    live = {each["Id"]: each for each in wanted.targets if not _kept_back(each)}
    return [each for each in _lacking(wanted, found) if each in live and _kept_back(found.targets.get(each, {}))]


def _put_rule(place: Here, wanted: WantedRule, *, enabled: bool, **said: Any) -> Action:
    parameters = {
        "Name": wanted.name, "EventPattern": patterns.written(wanted.pattern), "Description": wanted.description,
        "State": "ENABLED" if enabled else "DISABLED",
    }  # fmt: skip
    return place.action("PutRule", parameters, service=EVENTS, affects=frozenset({place.delegated}), **said)


def _put_targets(place: Here, wanted: WantedRule, found: Rule | None, after: tuple[str, ...], stage: str) -> Action:
    lacking = _lacking(wanted, found) if found else [each["Id"] for each in wanted.targets]
    targets = [each for each in wanted.targets if each["Id"] in lacking]
    before = [plain(found.targets[each]) for each in lacking if found and each in found.targets]
    back = (
        BackOut("Sends to these as before.", "PutTargets", {"Rule": wanted.name, "Targets": before})
        if before
        else BackOut("The rule sends there no longer.", "RemoveTargets", {"Rule": wanted.name, "Ids": lacking})
    )
    return place.action(
        "PutTargets", {"Rule": wanted.name, "Targets": targets}, service=EVENTS, affects=frozenset({place.delegated}), after=after,
        before="sent otherwise" if before else "not sent", back_out=back, stage=stage, **_targets_in_words(wanted, found, lacking),
    )  # fmt: skip


def _targets_in_words(wanted: WantedRule, found: Rule | None, lacking: Sequence[str]) -> dict[str, Any]:
    """Reason, outcome and direction of PutTargets."""
    quiet = [each for each in lacking if each in wanted.shadowed]
    told = [each for each in lacking if each not in wanted.shadowed]
    over = _promoted(wanted, found) if found else []
    said = [f"messages go to {', '.join(told)}, and what cannot be delivered is kept with the reason"] if told else []
    said += [f"{', '.join(over)} is in shadow no longer"] if over else []
    said += [f"messages for {', '.join(quiet)} are kept in a queue of their own, and nobody is told"] if quiet else []
    becomes = [f"sent to {', '.join(told)}"] if told else []
    becomes += [f"kept back for {', '.join(quiet)}"] if quiet else []
    silenced = any(found.targets.get(each, {}).get("Arn") == wanted.shadowed[each] for each in quiet) if found else False
    return {
        "reason": f"{wanted.route}: {'; '.join(said)}", "becomes": ", ".join(becomes),
        "direction": Direction.LOWERS if silenced else Direction.RAISES,
    }  # fmt: skip


def _proof(place: Here, wanted: WantedRule, after: tuple[str, ...], stage: str) -> Wait:
    fits, not_this = patterns.proofs(wanted.pattern)
    condition = Condition(f"pattern of {wanted.name} proven", Rules.name, (patterns.written(wanted.pattern), fits, not_this))
    sentence = f"EventBridge's own matcher finds that the pattern of {wanted.name} fits what it has to fit, and nothing else"
    return place.wait("TestEventPattern", condition, sentence, after, service=EVENTS, deadline=60, stage=stage)


def _enable(place: Here, wanted: WantedRule, after: tuple[str, ...], reason: str, stage: str) -> Action:
    return place.action(
        "EnableRule", {"Name": wanted.name}, service=EVENTS, affects=frozenset({place.delegated}), after=after, reason=reason,
        before="disabled", becomes="enabled", stage=stage,
        back_out=BackOut("The rule stays, and sends nothing.", "DisableRule", {"Name": wanted.name}),
    )  # fmt: skip


def _made(place: Here, wanted: WantedRule, first: tuple[str, ...]) -> Iterator[Step]:
    rule = _put_rule(
        place, wanted, enabled=False, after=first, before="no rule", becomes="a rule, disabled until it is proven",
        reason=f"{wanted.route}: there is no rule for this route",
        back_out=BackOut("Deletes the rule; its targets have to be removed before.", "DeleteRule", {"Name": wanted.name}),
    )  # fmt: skip
    targets = _put_targets(place, wanted, None, (*first, rule.id), "delegated")
    proof = _proof(place, wanted, (targets.id,), "delegated")
    yield from (
        rule,
        targets,
        proof,
        _enable(place, wanted, (targets.id, proof.id), f"{wanted.route}: proven, with its targets", "delegated"),
    )


def _widened(place: Here, wanted: WantedRule, found: Rule, stage: str, first: tuple[str, ...]) -> Iterator[Step]:
    """What is there goes on while it is changed: the new pattern is proven before it is sent, whole, in the state that it has."""
    after = first if stage == "delegated" else ()
    old = found.pattern or {}
    if old != wanted.pattern:
        proof = _proof(place, wanted, after, stage)
        yield proof
        parameters = {
            "Name": found.name, "EventPattern": patterns.written(old), "Description": found.description,
            "State": "ENABLED" if found.enabled else "DISABLED",
        }  # fmt: skip
        rule = _put_rule(
            place, wanted, enabled=found.enabled, after=(*after, proof.id), stage=stage,
            reason=f"{wanted.route}: the rule fits {'more' if stage == 'lowering' else 'less'} than settings ask for",
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            before=patterns.written(old), becomes=patterns.written(wanted.pattern),
            back_out=BackOut("Writes the rule as it was.", "PutRule", parameters),
        )  # fmt: skip
        yield rule
        after = (*after, rule.id)
    if _lacking(wanted, found):
        targets = _put_targets(place, wanted, found, after, stage)
        yield targets
        after = (*after, targets.id)
    if not found.enabled:
        proof = _proof(place, wanted, after, stage)
        if old == wanted.pattern:
            yield proof
        reason = f"{wanted.route}: the rule is there and disabled: it was not made to the end, or somebody disabled it"
        yield _enable(place, wanted, (*after, proof.id) if old == wanted.pattern else after, reason, stage)
