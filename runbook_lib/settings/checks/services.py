"""What the file alone shows about the services' sections: settings that AWS refuses, or that contradict each other."""

from collections.abc import Iterator

from runbook_lib.base.documents import Path, Problem
from runbook_lib.services.registry import sentence, specs
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.exclusions import account_exclusions
from runbook_lib.settings.sections.service import OWN_CHOICE, section_types


def check_services(tree: Tree) -> Iterator[Problem]:
    """Everything about the services but Regions."""
    yield from _none(tree)
    for checks in section_types().values():
        yield from checks.check(tree)
    for spec in specs():
        if path := section_types()[spec.section].auto_enable_on(tree):
            yield from _declared_choice(tree, spec.section, account_exclusions(tree, spec.name), path)


def _none(tree: Tree) -> Iterator[Problem]:
    known = tuple(spec.section for spec in specs())
    there = [section for section in known if section in tree]
    if "manages" in tree and there:
        yield Problem(("manages",), f"The file manages {sentence(tuple(there))}. Remove this key, or what it denies.")
    if "organization" in tree and not ({"offboarding", "manages"} & set(tree) or there):
        message = f"The file manages no service. Add at least one of {sentence(known)}; or say so, with manages: nothing."
        yield Problem(("organization",), message, "")


def _declared_choice(tree: Tree, section: str, excluded: list[str], path: Path) -> Iterator[Problem]:
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
