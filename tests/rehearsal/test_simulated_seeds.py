"""Seeds load, are what their names say, and are the same each time."""

import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from fuzzing import unclear
from small_organization import DELEGATED, MANAGEMENT, MEMBER
from tables import table

from runbook_lib.rehearsal import regions, seeds
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.organization import home_region
from runbook_lib.settings.regions import is_opt_in, partitions

CASES = Path(__file__).parents[1] / "cases" / "seeds.yaml"
NAMES = [
    "centrally-configured",
    "default",
    "foreign-administrator",
    "fresh",
    "govcloud",
    "governed",
    "half-done",
    "no-config",
    "read-only",
    "region-deny",
    "role-missing",
    "seven",
]
DESCRIBE = """
import json, sys
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.internal import run
world = build_app(sys.argv[1], moto=False).world
facts = [[each.id, each.name, each.email, each.parent, each.state, each.joined, sorted(each.roles), each.regions]
         for each in world.organization.accounts.values()]
region = sorted(world.regions)[-1]
detectors = {each: run(world, "guardduty", "ListDetectors", each, region, {}) for each in world.organization.accounts}
print(json.dumps([facts, detectors, sorted(world.organization.units), sorted(world.organization.trusted)]))
"""


def ask(front: Front, account: str, service: str, region: str = "us-east-1") -> Any:
    config = Config(retries={"total_max_attempts": 5, "mode": "standard"})
    return session_for(front, account, region).client(service, config=config)


def test_the_names_are_these() -> None:
    assert seeds.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_seed_loads_with_one_organization_id_and_the_same_doors(name: str) -> None:
    world = seeds.load(name)
    organization = world.organization
    assert (organization.id, organization.management) == ("o-rehearsal001", MANAGEMENT)
    assert len(organization.accounts) == (7 if name == "seven" else 60)
    assert {each.email for each in organization.accounts.values()} == {
        f"account-{each}@example.com" for each in organization.accounts
    }
    assert "RunbookManagement" in organization.accounts[MANAGEMENT].roles
    assert world.settle_polls == (1 if name == "seven" else 2)


@pytest.mark.parametrize("name", ["default", "seven"])
def test_a_seed_is_the_same_in_every_process(name: str) -> None:
    described = {
        subprocess.run(
            [sys.executable, "-c", DESCRIBE, name],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(described) == 1


def test_the_default_has_what_an_operator_must_cope_with() -> None:
    world = seeds.load("default")
    accounts = world.organization.accounts
    assert Counter(each.state for each in accounts.values()) == {"ACTIVE": 57, "SUSPENDED": 2, "CLOSED": 1}
    assert {"<script>alert(1)</script>", "a|b", "=1+1"} <= {each.name for each in accounts.values()}
    opted_out = [each.id for each in accounts.values() if each.regions["eu-south-1"] == "DISABLED"]
    assert len(opted_out) == 6
    assert not {MANAGEMENT, DELEGATED} & set(opted_out)
    assert accounts[DELEGATED].config_recorders == {"us-east-1", "us-east-2", "eu-south-1"}
    without = {each.id for each in accounts.values() if each.state == "ACTIVE" and not each.config_recorders}
    assert without == {"131313131313", "141414141414", "666666666666"}
    assert world.unavailable == {"inspector2": {"eu-south-1": frozenset({"LAMBDA_CODE"})}}
    assert world.conditions.throttled


def test_the_default_is_half_done_in_one_region() -> None:
    front = build_app("default", moto=False)
    guardduty = ask(front, DELEGATED, "guardduty", "us-east-2")
    detector = guardduty.list_detectors()["DetectorIds"][0]
    members = guardduty.list_members(DetectorId=detector, OnlyAssociated="false")["Members"]
    assert {each["AccountId"]: each["RelationshipStatus"] for each in members}["666666666666"] == "Disabled"
    assert len(members) == 13
    assert len(ask(front, DELEGATED, "securityhub", "us-east-2").list_members()["Members"]) == 12
    assert ask(front, DELEGATED, "guardduty").list_detectors()["DetectorIds"] == []
    assert ask(front, MEMBER, "guardduty").list_detectors()["DetectorIds"]
    assert ask(front, MEMBER, "securityhub").describe_hub()["HubArn"]
    outsider = ask(front, "555555555555", "guardduty", "us-east-2")
    own = outsider.list_detectors()["DetectorIds"][0]
    assert outsider.get_administrator_account(DetectorId=own)["Administrator"]["AccountId"] == "999999999999"
    for region in ("us-east-1", "us-east-2"):
        assert ask(front, MANAGEMENT, "guardduty", region).list_detectors()["DetectorIds"] == []


def on(front: Front, region: str) -> dict[str, str]:
    """Account → status of Macie, where it is on."""
    found = {}
    for account in sorted(front.world.organization.accounts):
        with suppress(ClientError):
            found[account] = str(ask(front, account, "macie2", region).get_macie_session()["status"])
    return found


def analyzers(front: Front, region: str) -> set[tuple[str, str, str]]:
    """(account, name, type) of every analyzer."""
    found = set()
    for account in sorted(front.world.organization.accounts):
        if front.world.organization.accounts[account].state == "ACTIVE":
            listed = ask(front, account, "accessanalyzer", region).list_analyzers()["analyzers"]
            found |= {(account, each["name"], each["type"]) for each in listed}
    return found


def test_the_default_has_macie_and_analyzers_of_others() -> None:
    front = build_app("default", accounts=12, moto=False)
    assert on(front, "us-east-1") == {MEMBER: "ENABLED", "666666666666": "ENABLED"}
    assert on(front, "us-east-2") == {"555555555555": "ENABLED", "666666666666": "PAUSED"}
    assert on(front, "eu-south-1") == {}
    outsider = ask(front, "555555555555", "macie2", "us-east-2").get_administrator_account()["administrator"]
    assert outsider["accountId"] == "999999999999"
    assert analyzers(front, "us-east-1") == {
        (MEMBER, "ConsoleAnalyzer", "ACCOUNT"),
        ("666666666666", "unused-access", "ACCOUNT_UNUSED_ACCESS"),
        (DELEGATED, "SecurityHubAnalyzer", "ACCOUNT_UNUSED_ACCESS"),
    }
    [linked] = ask(front, DELEGATED, "accessanalyzer").list_analyzers()["analyzers"]
    assert linked["managedBy"] == "securityhubv2.amazonaws.com"
    assert analyzers(front, "us-east-2") == {(MEMBER, "ConsoleAnalyzer", "ACCOUNT")}


def test_other_seeds_have_macie_and_analyzers_too() -> None:
    half = build_app("half-done", accounts=12, moto=False)
    macie = ask(half, DELEGATED, "macie2")
    members = {each["accountId"]: each["relationshipStatus"] for each in macie.list_members(onlyAssociated="false")["members"]}
    assert members == {MEMBER: "Enabled", "666666666666": "Paused"}
    assert macie.describe_organization_configuration()["autoEnable"] is True
    assert macie.get_automated_discovery_configuration()["status"] == "DISABLED"
    assert analyzers(half, "us-east-1") == {
        (MANAGEMENT, "everything", "ORGANIZATION"),
        (DELEGATED, "old-credentials", "ORGANIZATION_UNUSED_ACCESS"),
    }
    foreign = build_app("foreign-administrator", accounts=12, moto=False)
    admins = ask(foreign, MANAGEMENT, "macie2", "us-east-2").list_organization_admin_accounts()["adminAccounts"]
    assert [each["accountId"] for each in admins] == [MEMBER]
    assert analyzers(foreign, "us-east-2") == {(MEMBER, "theirs", "ORGANIZATION")}
    seven = build_app("seven", moto=False)
    assert on(seven, "us-east-2") == {MEMBER: "ENABLED"}
    assert on(seven, "us-east-1") == {}
    assert analyzers(seven, "us-east-2") == {(MEMBER, "ConsoleAnalyzer", "ACCOUNT")}
    fresh = build_app("fresh", accounts=12, moto=False)
    assert on(fresh, "us-east-1") == {}
    assert analyzers(fresh, "us-east-1") == set()
    assert analyzers(build_app("govcloud", accounts=12, moto=False), "us-gov-east-1") == {(MEMBER, "ConsoleAnalyzer", "ACCOUNT")}


def test_fresh_is_bare() -> None:
    front = build_app("fresh", moto=False)
    organization = front.world.organization
    assert {each.state for each in organization.accounts.values()} == {"ACTIVE"}
    assert organization.delegated == {}
    for region in sorted(front.world.regions):
        assert ask(front, MANAGEMENT, "guardduty", region).list_organization_admin_accounts()["AdminAccounts"] == []
        with pytest.raises(ClientError, match="not subscribed"):
            ask(front, "100000000001", "securityhub", region).describe_hub()


def test_the_others_are_what_their_names_say() -> None:
    foreign = build_app("foreign-administrator", moto=False)
    admins = ask(foreign, MANAGEMENT, "guardduty", "us-east-2").list_organization_admin_accounts()["AdminAccounts"]
    assert [each["AdminAccountId"] for each in admins] == [MEMBER]
    central = ask(build_app("centrally-configured", moto=False), DELEGATED, "securityhub")
    assert central.describe_organization_configuration()["OrganizationConfiguration"]["ConfigurationType"] == "CENTRAL"
    half = build_app("half-done", moto=False)
    assert len(ask(half, DELEGATED, "securityhub").list_members()["Members"]) == 40
    admin = ask(half, MANAGEMENT, "inspector2").list_delegated_admin_accounts()["delegatedAdminAccounts"]
    assert [each["accountId"] for each in admin] == [DELEGATED]


def test_policies_govern_the_accounts_below_their_targets() -> None:
    front = build_app("governed", moto=False)
    sandbox = "131313131313"
    made = ask(front, sandbox, "guardduty")
    detector = made.create_detector(Enable=True)["DetectorId"]
    assert "GUARDDUTY_POLICY" in {each.get("ManagedBy") for each in made.get_detector(DetectorId=detector)["Features"]}
    own = ask(front, MEMBER, "guardduty")
    [detector] = own.list_detectors()["DetectorIds"]
    assert {each.get("ManagedBy") for each in own.get_detector(DetectorId=detector)["Features"]} == {None}
    assert ask(front, sandbox, "inspector2").list_account_permissions()["permissions"] == []
    assert ask(front, MEMBER, "inspector2").list_account_permissions()["permissions"] != []
    found = ask(front, DELEGATED, "securityhub", "us-east-2").describe_organization_configuration()
    assert found["OrganizationConfiguration"]["Status"] == "DISABLED"
    policies = ask(front, MANAGEMENT, "organizations").list_policies(Filter="INSPECTOR_POLICY")["Policies"]
    assert [each["Name"] for each in policies] == ["Scans"]


def test_govcloud_is_another_partition_throughout() -> None:
    front = build_app("govcloud", moto=False)
    session = session_for(front, DELEGATED, "us-gov-west-1")
    assert session.client("sts").get_caller_identity()["Arn"].startswith("arn:aws-us-gov:iam::")
    assert (
        session.client("organizations").describe_organization()["Organization"]["Arn"].startswith("arn:aws-us-gov:organizations::")
    )
    found = {each["RegionName"] for each in session.client("account").list_regions()["Regions"]}
    assert found == {"us-gov-west-1", "us-gov-east-1"}


@pytest.mark.parametrize(
    ("partition", "region", "opt_in"),
    [("aws", "me-west-1", True), ("aws", "sa-west-1", True), ("aws", "sa-east-1", False), ("aws-eusc", "eusc-de-east-1", False)],
)
def test_every_region_that_settings_take_can_be_simulated(tmp_path: Path, partition: str, region: str, opt_in: bool) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"extends: fresh\npartition: {partition}\nregions: [{region}]\nopt_in: []\n", encoding="utf-8")
    front = build_app(path, moto=False)
    session = session_for(front, DELEGATED, region)
    assert session.client("sts").get_caller_identity()["Arn"].startswith(f"arn:{partition}:iam::")
    found = session.client("account").list_regions()["Regions"]
    assert found == [{"RegionName": region, "RegionOptStatus": "ENABLED" if opt_in else "ENABLED_BY_DEFAULT"}]
    session.client("guardduty").create_detector(Enable=True)
    assert home_region(front.world) == region


def test_both_sides_know_the_same_regions() -> None:
    """Each has its own words for them; neither may lack one that the other knows."""
    assert {region: each for each in regions.partitions() for region in regions.regions_of(each)} == dict(partitions())
    for region, partition in partitions().items():
        assert regions.is_opt_in(region) == is_opt_in(region) == (region not in regions.enabled_by_default(partition)), region


def test_a_partition_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("extends: seven\npartition: aws-eu\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 2: partition: 'aws-eu': There is no such partition\. Did you mean aws-eusc"):
        seeds.load(path)


def test_size_and_regions_can_be_chosen() -> None:
    world = seeds.load("seven", accounts=130, regions=["us-east-1", "eu-west-1"])
    assert len(world.organization.accounts) == 130
    assert world.regions == {"us-east-1", "eu-west-1"}
    small = seeds.load("default", accounts=5, regions=["us-east-2", "eu-south-2"])
    assert len(small.organization.accounts) == 12
    assert {each.regions["eu-south-2"] for each in small.organization.accounts.values()} == {"ENABLED"}


def test_a_file_extends_a_seed(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("extends: seven\nsize: 9\nsettle_polls: 4\n", encoding="utf-8")
    world = seeds.load(path)
    assert (len(world.organization.accounts), world.settle_polls) == (9, 4)


def test_members_of_a_seed_are_taken_from_the_accounts_that_it_does_not_name(tmp_path: Path) -> None:
    """Whatever the numbers of those that it names look like."""
    path = tmp_path / "own.yaml"
    named = "accounts: [{ id: '100000000000', name: Named }, { id: '111111111111', name: M }, { id: '222222222222', name: S }]"
    hand = "service: guardduty, account: '222222222222', region: us-east-1"
    designated = "{ service: guardduty, operation: EnableOrganizationAdminAccount, account: '111111111111', region: us-east-1"
    calls = [
        f"{designated}, parameters: {{ AdminAccountId: '222222222222' }} }}",
        f"{{ {hand}, operation: CreateMembers, parameters: {{ DetectorId: $detector }}, members: [0, 2] }}",
    ]
    text = "\n".join(["extends: seven", named, "size: 6", f"by_hand: [{', '.join(calls)}]"])
    path.write_text(text + "\n", encoding="utf-8")
    world = seeds.load(path)
    generated = sorted(each.id for each in world.organization.accounts.values() if each.generated)
    assert len(generated) == 3
    assert "100000000000" in world.organization.accounts
    front = build_app(str(path), moto=False)
    administrator = session_for(front, DELEGATED).client("guardduty")
    detector = administrator.list_detectors()["DetectorIds"][0]
    assert [each["AccountId"] for each in administrator.list_members(DetectorId=detector)["Members"]] == generated[:2]


MISTAKES = [(each["line"], each["says"]) for each in table(CASES)]


@pytest.mark.parametrize(("line", "says"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_mistakes_in_a_seed_are_named(line: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"extends: seven\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        seeds.load(path)
    assert not unclear(str(caught.value), str(path))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty. Start with a line that extends a seed"),
        (b"# nothing\n", "The file is empty."),
        (b"{}\n", "line 1: management: The management account 111111111111 is not among the accounts."),
        (b"- a\n", "line 1: The file is not a mapping of keys to values."),
        (b"extends: seven\nname: caf\xe9\n", "line 2: the byte 0xE9 is not UTF-8"),
        ("extends: seven\n".encode("utf-16"), "the file is UTF-16"),
        (b"extends: own.yaml\n", "line 1: extends: 'own.yaml': This seed extends itself."),
        (b"extends: [seven]\n", "extends: '['seven']': The name of a seed or file is wanted here."),
        (b"extends: sevn\n", "extends: 'sevn': Not a seed: no seed is called 'sevn'"),
        (b"extends: gone.yaml\n", "gone.yaml: there is no such file"),
        (b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c, *%c, *%c]\n" % (n, n, *[n - 1] * 4) for n in b"bcdefghijklm"),
         "The aliases of this file stand for more than 1,000,000 values."),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else "",
)  # fmt: skip
def test_files_that_are_no_seed_are_said_to_be_none(
    data: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        seeds.load("own.yaml")
    assert not unclear(str(caught.value), "yaml")


def test_aliases_and_merge_keys_are_read_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "extends: seven\nroles:\n  - &one { name: A, account: '*', trusts: &who ['333333333333'] }\n"
        "  - { name: B, <<: *one }\n  - { <<: [{ name: C }, *one], trusts: *who }\n",
        encoding="utf-8",
    )
    roles = seeds.read(path).roles
    assert [(each.name, each.account, each.trusts) for each in roles] == [(name, "*", ("333333333333",)) for name in "ABC"]


def test_unknown_names_and_regions_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such file"):
        seeds.load(tmp_path / "missing.yaml")
    with pytest.raises(ValueError, match="no such Region in aws: us-gov-west-1"):
        seeds.load("seven", regions=["us-east-1", "us-gov-west-1"])
    with pytest.raises(ValueError, match="no seed is called 'sevn'; there are: centrally-configured, default"):
        seeds.load("sevn")
