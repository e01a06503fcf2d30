"""What is said of a survey: who asks, how many reads, the largest gaps, who else may be in charge, what to do next. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cells, Status
from runbook_lib.inventory.survey.look import Look
from runbook_lib.inventory.survey.standing import Place, Standing
from runbook_lib.services.glance import glances
from runbook_lib.services.registry import by_name, specs

MOST_GAPS = 5
OWNERS = {
    "controltower.amazonaws.com": "AWS Control Tower governs the organization: what it set up, it sets up again",
    "fms.amazonaws.com": "AWS Firewall Manager may be in charge of parts of it",
    "member.org.stacksets.cloudformation.amazonaws.com": "StackSets reach into member accounts: a stack may own detectors and hubs",
    "securitylake.amazonaws.com": "Amazon Security Lake collects findings",
}
"""Service principals with trusted access that tell of another owner → what that means."""


def standing_lines(standing: Standing) -> Iterator[str]:
    """Who you are, and where that stands."""
    yield f"You are {standing.card.words.partition(': ')[2]}"
    organization = standing.organization
    if standing.place is Place.ALONE:
        yield f"Account {standing.account} is in no organization: what is shown is this account alone."
        return
    served = [spec.title for spec in specs() if standing.administers(spec.name)]
    of = f" of {', '.join(served)}" if served else ""
    management = f"management account {organization.management_account}"
    yield f"That is {standing.place.value}{of} in organization {organization.id} ({management})."
    if standing.place is Place.MEMBER:
        yield "AWS shows a plain member itself alone, and who administers it."
    else:
        active = sum(account.active for account in organization.accounts.values())
        yield f"{count_of(organization.accounts)}, {active:,} of them active; {counted(len(standing.regions), 'Region')}."
    yield "Nothing is changed: no operation that writes is loaded."


def reads_line(made: int, left: int, denied: Counter[str]) -> str:
    """How many reads, and how many of them AWS denies."""
    said = ", ".join(f"{name} ({number})" for name, number in sorted(denied.items()))
    were = "were denied, and are" if denied.total() > 1 else "was denied, and is"
    refused = f"; {denied.total()} of them {were} not asked again: {said}" if denied else "; none of them was denied"
    return f"Reads: {made + left} in all, {made} made so far and {left} to come{refused}."


def gap_lines(look: Look, cells: Cells) -> Iterator[str]:
    """The largest gaps in words: by service, with the accounts and Regions in which it is not on, or nobody administers it."""
    sums: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    sizes: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        if cell.status is Status.GAP:
            key = cell.service, cell.aspect
            sizes[key] += len(cell.accounts)
            sums[key]["accounts"] |= cell.accounts
            sums[key]["regions"].add(cell.region)
    if not sizes:
        yield "No gap is seen." + (
            " What could not be read may hide some." if any(c.status is Status.UNKNOWN for c in cells) else ""
        )
        return
    yield "Largest gaps:"
    for (service, aspect), size in sizes.most_common(MOST_GAPS):
        title, where = by_name()[service].title, sums[service, aspect]
        accounts, regions = len(where["accounts"]), len(where["regions"])
        what = "nobody administers it" if aspect != "enabled" else f"not on for {accounts:,} account{'s' * (accounts != 1)}"
        yield f"  {title}: {what} in {regions} Region{'s' * (regions != 1)} ({size:,} places)"


def unknown_lines(cells: Cells) -> Iterator[str]:
    """Every kind of unknown with the one thing that would show it."""
    kinds: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        if cell.status is Status.UNKNOWN:
            kinds[by_name()[cell.service].title, cell.next_step] += len(cell.accounts)
    for (title, step), number in kinds.most_common():
        yield f"Unknown: {number:,} places of {title}. {step}"


def owner_lines(look: Look) -> Iterator[str]:
    """Who else may be in charge, by what could be read."""
    standing = look.standing
    trusted = standing.organization.trusted_access
    found = [words for principal, words in OWNERS.items() if isinstance(trusted, Known) and principal in trusted.value]
    for spec in specs():
        listed = standing.administrators.get(spec.name)
        if isinstance(listed, Known) and (others := sorted(listed.value - {standing.account})):
            found.append(f"account {', '.join(others)} is the delegated administrator of {spec.title}")
    for name, kind in look.wider.items():
        if standing.place in (Place.MEMBER, Place.ALONE):
            above = sorted(
                {each.value for each in kind.found.values() if isinstance(each, Known) and isinstance(each.value, str)} - {""}
            )
            found += [f"account {each} administers {by_name()[name].title} in this account" for each in above]
    if isinstance(trusted, Unknown):
        found.append("which services have trusted access could not be read (organizations:ListAWSServiceAccessForOrganization)")
    yield "Who else may be in charge:" if found else "Nobody else is seen to be in charge, by what could be read."
    yield from (f"  {each}" for each in found)


def next_lines(look: Look) -> Iterator[str]:
    """The next two commands."""
    standing = look.standing
    other = next((a for each in glances() if (a := standing.administrator_of(each.spec.name)) and a != standing.account), "")
    if standing.place is Place.ADMINISTRATOR or not other:
        other = standing.organization.management_account if standing.account != standing.organization.management_account else ""
    looked = {each.spec.name for each in glances()}
    if left := [spec.title for spec in specs() if spec.name not in looked]:
        yield f"Not looked at: {', '.join(left)}."
    yield "Next:"
    if other:
        yield f"  runbook coverage --profile PROFILE     with a profile of account {other}, which sees the other half"
    yield "  runbook rehearse                       to see on this machine, without AWS, what closing the gaps takes"
    if not other:
        yield "  runbook plan -p FILE                   with settings of your organization (copy parameters/example.yaml)"
