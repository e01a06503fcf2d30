"""A settled draft as the text of a settings file: what was found as values, the rest as comments that say why it is not. Pure."""

import datetime as dt
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML

from runbook_lib.inventory.initial.finding import Found, administrators
from runbook_lib.services.as_found import as_found
from runbook_lib.services.registry import by_name, by_section, specs

GOAL = "A proposal, for a reviewed change: take the marks off the lines that follow (and manages out), and a plan shows the calls."
WIDTH = 128


def text(found: Found, now: dt.datetime) -> str:
    """The whole file."""
    tree = found.draft.tree()
    first = [key for key in tree if key != "exclusions" and key not in by_section()]
    parts = [
        _comment(_header(found, now)),
        _yaml({key: tree[key] for key in first}),
    ]
    if "exclusions" in tree:
        said = (
            "Accounts that lack what the others have. Each is decided once: enrol it and remove the entry, or say why it stays out."
        )
        parts.append(_comment([said]) + _yaml({"exclusions": tree["exclusions"]}))
    goals = {each.spec.name: each.goal for each in as_found()}
    for spec in specs():
        notes = found.draft.notes.get(spec.name, [])
        head = _comment([f"{spec.full_title or spec.title}.", *notes])
        if spec.section in tree:
            parts.append(head + _yaml({spec.section: tree[spec.section]}))
        elif spec.name in goals and (regions := [region for region in found.standing.regions if spec.exists_in(region)]):
            parts.append(head + _comment([GOAL]) + _marked(_yaml({spec.section: goals[spec.name](regions)})))
        else:
            parts.append(head)
    return "\n".join(parts)


def _header(found: Found, now: dt.datetime) -> Iterator[str]:
    organization = found.standing.organization
    yield (
        f"Settings of organization {organization.id} as runbook init found it on {now:%Y-%m-%d at %H:%M} UTC. "
        "A plan with this file calls nothing: what differs between Regions, is unknown, or is somebody else's to decide, is not "
        "asked for, and said below. What standards members have on is not looked at."
    )
    for card in found.cards:
        yield f"Seen as {card.words}."
    if found.candidates:
        yield "Nobody administers these services yet. What speaks for an account as organization.delegated_account:"
        yield from (f"- {account} {why}" for account, why in found.candidates.items())
    elif not administrators(found.standing):
        yield "Nobody administers these services yet, and nothing speaks for an account: choose organization.delegated_account."
    told = found.draft.base["organization"]
    for name in ("management", "delegated"):
        if name not in found.draft.base["access"]:
            account = told[f"{name}_account"]
            yield f"access.{name}: name the way into account {account}; until then the shell's own credentials are taken for it."
    if found.unread:
        yield "Could not be read:"
        yield from (f"- {' '.join(each.split())}" for each in found.unread)
    if found.blockers:
        yield "A plan names these blockers, of what is there already:"
        told = {
            f"- {_title(each.service)}, {each.region}, {each.aspect}: {' '.join(each.reason.split())}" for each in found.blockers
        }
        yield from sorted(told)


def _title(service: str) -> str:
    return by_name()[service].title if service in by_name() else "Prerequisites"


def _comment(sentences: Iterable[str]) -> str:
    return "".join(f"# {line}\n" for sentence in sentences for line in _folded(_printable(sentence)))


def _printable(sentence: str) -> str:
    return "".join(character for character in sentence if character.isprintable())


def _folded(sentence: str) -> Iterator[str]:
    """Lines of at most WIDTH characters, cut between words."""
    line = ""
    for word in sentence.split(" "):
        if line and len(line) + 1 + len(word) > WIDTH:
            yield line
            line = "  " + word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _marked(block: str) -> str:
    return "".join(f"# {line}\n" for line in block.splitlines())


def _yaml(values: Mapping[str, Any]) -> str:
    written = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = WIDTH
    yaml.dump(dict(values), written)
    return written.getvalue()
