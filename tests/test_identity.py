"""Callers whose ARN holds an e-mail address, as with IAM Identity Center: it is written nowhere, and people are told apart."""

import gzip
import json
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import PAPERMILL, ROOT, Served, served
from simulated import settings_for

from runbook_lib.base.clock import Clock
from runbook_lib.base.identity import SystemUser, names, system_user, user, written
from runbook_lib.display.notebook_page import write_notebook_html
from runbook_lib.evidence.people.four_eyes import Runner
from runbook_lib.evidence.people.shared_users import SHARED, shared_by_all
from runbook_lib.evidence.people.trust import Person
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.evidence.seal.sealing import seal_of
from runbook_lib.notebook.screen import operator
from runbook_lib.plan import Scope
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.rehearsal.identity import session_credential
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import phase_named

ADDRESS = "Alice.Smith@example.com"
ARN = f"arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/{ADDRESS}"
PHASE = "00_prerequisites"


def test_the_same_person_is_the_same_text_and_nobody_elses() -> None:
    assert written(ARN) == written(ARN.lower().replace("awsreservedsso_admin", "AWSReservedSSO_Admin"))
    assert written(ARN) != written(ARN.replace("Alice", "Bob"))
    assert "@" not in written(ARN)
    assert written(ARN).startswith("arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/person-")
    assert written(written(ARN)) == written(ARN)
    plain = "arn:aws:iam::111111111111:user/deployer"
    assert written(plain) == plain
    assert names([plain]) == {plain}


@pytest.mark.parametrize("identity", [ADDRESS, ADDRESS.lower(), ARN, written(ADDRESS), written(ARN)])
def test_a_policy_may_name_the_address_or_the_arn_or_what_is_written(identity: str) -> None:
    person = Person(name="Alice", key="", identities=(identity,))
    assert person.is_among(Runner(frozenset(), frozenset({"root", written(ARN)})).identities)
    assert not person.is_among({"root", written(ARN.replace("Alice", "Bob"))})
    assert not person.is_among({"arn:aws:sts::111111111111:assumed-role/X/alice"})


def test_a_user_of_the_system_may_be_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd((ADDRESS, "x", 1234, 1234, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    assert user() == written(ADDRESS)
    assert operator({"111111111111": "arn:x"}) == f"{written(ADDRESS)} (arn:x)"


@pytest.mark.parametrize("name", ["LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"])
def test_what_the_environment_says_of_the_user_counts_for_nothing(name: str) -> None:
    said = [sys.executable, "-c", "from runbook_lib.base.identity import system_user; print(system_user())"]
    done = subprocess.run(said, env=os.environ | {name: "bob"}, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr(SystemUser(written(pwd.getpwuid(os.getuid()).pw_name), os.getuid()))


def test_a_uid_that_the_account_database_lacks_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", missing)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert system_user() == SystemUser("user 54321", 54321)
    assert system_user().identities == {"user 54321"}
    assert SystemUser("bob", 54321).identities == {"bob", "user 54321"}


@pytest.mark.parametrize(
    "said", [None, "bob", [], {}, {"name": "bob"}, {"name": "bob", "uid": "1"}, {"name": "bob", "uid": True},
             {"name": "bob", "uid": -1}, {"name": "", "uid": 1}, {"name": "b\nob", "uid": 1}, {"name": "bob", "uid": 1, "more": 1}]
)  # fmt: skip
def test_what_is_no_user_is_not_taken_for_one(said: object) -> None:
    with pytest.raises(ValueError, match="is not a user"):
        SystemUser.read(said)


@pytest.fixture(scope="module")
def signed_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Seven accounts that are entered as a person does who signed in: with sessions named by an address, and no role after them."""
    with served("seven", tmp_path_factory.mktemp("signed-in")) as organization:
        world = organization.front.world
        settings = organization.settings.read_text()
        keys, config = "", ""
        for account, role in {"111111111111": "RunbookManagement", "222222222222": "RunbookDelegated"}.items():
            made = session_credential(world, account, world.organization.accounts[account].roles[role], ADDRESS, 36_000)
            keys += f"[{role}]\naws_access_key_id={made.key}\naws_secret_access_key={made.secret}\naws_session_token={made.token}\n"
            config += f"[profile {role}]\nregion = us-east-1\n"
            door = f"profile: rehearsal-runner\n    role_arn: arn:aws:iam::{account}:role/{role}\n"
            settings = settings.replace(door, f"profile: {role}\n")
        folder = organization.settings.parent
        (folder / "keys").write_text(keys)
        (folder / "config").write_text(config)
        organization.settings.write_text(re.sub(r" +session_seconds: .*\n", "", settings))
        changed = {"AWS_SHARED_CREDENTIALS_FILE": str(folder / "keys"), "AWS_CONFIG_FILE": str(folder / "config")}
        own = {name: value for name, value in organization.environment.items() if name != "AWS_PROFILE"}
        yield Served(organization.front, organization.url, organization.runs, organization.settings, own | changed)


def notebook(served: Served, out: Path, **parameters: str) -> RunFolder:
    given = {"parameters_file": str(served.settings), **parameters}
    options = [part for name, value in given.items() for part in ("-r", name, value)]
    done = served.run([*PAPERMILL, str(ROOT / "notebooks" / f"{PHASE}.ipynb"), str(out), "--no-progress-bar", *options])
    assert done.returncode == 0, done.stderr
    return find_runs(served.runs)[-1]


def approval(served: Served, monkeypatch: pytest.MonkeyPatch) -> str:
    """An approval of what is to be done now, by the person who runs it."""
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    phase, clock, folder = phase_named(PHASE), Clock(), served.settings.parent
    settings = settings_for(served.front, served.settings.read_text())
    with access_for(settings, phase, "20260601T000000Z-rehearsal-0001", clock) as access:
        runbook = Runbook(phase, settings, access, clock, Scope())
        plan = runbook.plan(runbook.observe())
        who = operator(runbook.organization().callers)
    (folder / "plan.json").write_text(plan_file.dumps(plan))
    approve(plan, approver=who, ticket="T-1", now=clock.now()).write(folder / "approval.json")
    return str(folder / "approval.json")


def texts(folder: Path) -> dict[str, str]:
    """Every file of a run as text; what is compressed is opened."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: (gzip.decompress(data) if name.endswith(".gz") else data).decode() for name, data in found.items()}


def test_a_run_under_an_address_withholds_nothing_and_holds_no_address(
    signed_in: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = signed_in.front.world.organization.accounts["222222222222"].roles
    roles["RunbookDelegated"].denied = (*roles["RunbookDelegated"].denied, "iam:GetRole")
    refused = notebook(signed_in, tmp_path / "refused.ipynb")
    roles["RunbookDelegated"].denied = roles["RunbookDelegated"].denied[:-1]
    applied = notebook(signed_in, tmp_path / "applied.ipynb", approval=approval(signed_in, monkeypatch))

    assert {entry.session for entry in signed_in.front.log.entries} == {ADDRESS}, "otherwise this proves nothing"
    assert applied.record()["callers"]["111111111111"].endswith(f"/{written(ADDRESS)}")
    assert applied.record()["phases"][PHASE]["results"]["state"] == "applied"
    for run, out in ((refused, "refused"), (applied, "applied")):
        seal = seal_of(run)
        assert seal is not None
        assert seal.withheld == {}
        page = write_notebook_html(tmp_path / f"{out}.ipynb", tmp_path / f"{out}.html", mode="rehearsal", phase=PHASE)
        files = texts(run.path) | {"executed": (tmp_path / f"{out}.ipynb").read_text(), "page": page.read_text()}
        files |= {"statement": json.dumps(dict(seal.sealed.statement))}
        assert len(files) > 12
        assert [name for name, text in files.items() if ADDRESS.lower() in text.lower()] == []
        named = [name for name, text in files.items() if written(ADDRESS) in text]
        assert {"run.json", "executed", "page", "statement"} <= set(named)
    refusal = texts(refused.path)[f"{PHASE}/plan.json"]
    assert written(ADDRESS) in refusal, "AWS's refusal names the caller"


@pytest.mark.parametrize("name", [*SHARED, "Root", "EC2-User", "user 1000"])
def test_a_user_that_everybody_is_names_nobody(name: str) -> None:
    assert shared_by_all(name)


@pytest.mark.parametrize("name", ["alice", "person-" + "0" * 20, "rooty", "user1000", "user 1000 x", ""])
def test_a_persons_own_account_may_name_somebody(name: str) -> None:
    assert shared_by_all(name) == ""
