import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.base.identity import SystemUser
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.chain import ChainBroken, FolderStore, entry_name
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.sealing import Desk, NotSealed, seal
from runbook_lib.evidence.store.start import begin, declare_lost, open_starts, refuse_used_up, start
from runbook_lib.plan.approval import Approval, ApprovalRefused
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings import EvidenceSection, OrganizationSection, Settings

CHAIN = f"rehearsal/{made.ORGANIZATION}"
PHASE = "20_guardduty"
CALLERS = {"111111111111": "arn:made-up:caller"}


def running(root: Path) -> RunFolder:
    return RunFolder.create(root, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)


def begun(root: Path) -> RunFolder:
    run = running(root)
    start(run, made.desk(root), CHAIN, made.decide(run, PHASE, made.approval(PHASE)), CALLERS)
    return run


def test_a_start_says_who_is_about_to_do_what_and_the_seal_names_it(tmp_path: Path) -> None:
    run = begun(tmp_path)
    found = open_starts(FolderStore(tmp_path / "chain"), CHAIN)[run.name]
    assert (found.kind, found.number) == ("start", 1)
    assert found.subjects == {f"plan of {PHASE}": made.plan(PHASE).fingerprint}
    assert found.approvals[PHASE]["annotations"]["ticket"] == "CHG-1"
    start(run, made.desk(tmp_path), CHAIN, made.approval("30_inspector"), CALLERS)
    assert made.checked(tmp_path).faults == ()
    run.finish(RunStatus.DONE, made.BEGIN)
    sealed = seal(run, made.desk(tmp_path))
    assert (sealed.number, sealed.rests_on("start-record")) == (2, found.digest)
    assert open_starts(FolderStore(tmp_path / "chain"), CHAIN) == {}
    assert made.checked(tmp_path).faults == ()


def test_while_a_run_is_open_no_other_begins(tmp_path: Path) -> None:
    first = begun(tmp_path)
    with pytest.raises(NotSealed, match=f"run {first.name} began at"):
        begun(tmp_path)
    first.finish(RunStatus.FAILED, made.BEGIN)
    seal(first, made.desk(tmp_path))
    begun(tmp_path)


def test_of_many_that_begin_at_once_one_does(tmp_path: Path) -> None:
    def attempt(_: int) -> bool:
        try:
            begun(tmp_path)
        except NotSealed:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(12))) == 1


@pytest.mark.parametrize("chain", [f"live/{made.ORGANIZATION}", "rehearsal/o-another00001"])
def test_the_lock_is_that_of_the_settings_and_not_of_the_folder(tmp_path: Path, chain: str) -> None:
    """A run's record does not say which chain its start goes to: a rehearsal's folder would evade the lock of live runs."""
    run = running(tmp_path)
    with pytest.raises(NotSealed, match=r"run\.json says mode rehearsal and organization o-rehearsal001, settings say"):
        start(run, made.desk(tmp_path), chain, made.approval(PHASE), CALLERS)
    assert not (tmp_path / "chain").exists()


def machine(root: Path) -> Desk:
    """The desk of one machine of several that share a chain; all sign with one key, as with KMS."""
    desk = made.desk(root)
    shared = local_signer(root.parent / "kms", "rehearsal")
    return replace(desk, store=FolderStore(root.parent / "shared"), signer=shared)


def applied(root: Path, approval: Approval, state: str = "applied", begin: dt.datetime = made.BEGIN) -> RunFolder:
    """A run with a start and an end, on a machine with its own folder of runs."""
    run = RunFolder.create(root, "rehearsal", begin, settings=b"", command=[], organization=made.ORGANIZATION)
    start(run, machine(root), CHAIN, approval, CALLERS)
    made.apply_phase(run, PHASE, begin, approval, state)
    run.finish(RunStatus.DONE if state == "applied" else RunStatus.FAILED, begin)
    made.of_process(run, made.ended_process())
    seal(run, replace(machine(root), now=lambda: begin))
    return run


def test_an_approval_that_was_used_up_elsewhere_is_good_no_more(tmp_path: Path) -> None:
    approval, other = made.approval(PHASE), made.approval(PHASE, id="another")
    stopped = applied(tmp_path / "first", approval, "stopped")
    done = applied(tmp_path / "second", approval)
    assert stopped.name != done.name, "what was not completed may be gone on with from another machine"
    with pytest.raises(ApprovalRefused, match=rf"it was completed by run {done.name} \(number 4 of {CHAIN}\); plan again"):
        applied(tmp_path / "third", approval)
    assert open_starts(FolderStore(tmp_path / "shared"), CHAIN) == {}
    applied(tmp_path / "third", other)


def test_a_second_phase_of_a_run_that_has_begun_is_held_against_the_chain_too(tmp_path: Path) -> None:
    used = made.approval(PHASE)
    applied(tmp_path / "first", used)
    run = running(tmp_path / "second")
    desk = machine(tmp_path / "second")
    start(run, desk, CHAIN, made.approval("00_prerequisites"), CALLERS)
    with pytest.raises(ApprovalRefused, match="it was completed by run"):
        start(run, desk, CHAIN, used, CALLERS)


def test_a_run_may_ask_again_about_the_approval_that_it_is_using(tmp_path: Path) -> None:
    run, approval = running(tmp_path / "first"), made.approval(PHASE)
    for _ in range(3):
        start(run, machine(tmp_path / "first"), CHAIN, approval, CALLERS)
    assert FolderStore(tmp_path / "shared").numbers(CHAIN) == (1,)


def test_the_chain_is_read_as_far_back_as_the_approval_can_have_been_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        begin = made.BEGIN - dt.timedelta(days=4 - number)
        given = {"id": str(number), "not_before": begin, "not_after": begin + dt.timedelta(hours=12)}
        applied(tmp_path / "first", made.approval(PHASE, **given), begin=begin)
    read, kept = list[int](), FolderStore.read

    def noted(self: FolderStore, chain: str, number: int) -> bytes:
        read.append(number)
        return kept(self, chain, number)

    monkeypatch.setattr(FolderStore, "read", noted)
    refuse_used_up(FolderStore(tmp_path / "shared"), CHAIN, made.approval(PHASE), "me")
    assert read == [8], "one entry is too old, and so are all before it"


def test_a_broken_entry_is_not_taken_for_no_use(tmp_path: Path) -> None:
    applied(tmp_path / "first", made.approval(PHASE))
    (tmp_path / "shared" / CHAIN / entry_name(2)).write_text("{}")
    with pytest.raises(ChainBroken, match="number 2"):
        refuse_used_up(FolderStore(tmp_path / "shared"), CHAIN, made.approval(PHASE), "me")


def test_a_start_without_an_end_is_named_and_a_killed_run_ends_when_found(tmp_path: Path) -> None:
    run = begun(tmp_path)
    made.of_process(run, made.ended_process())
    assert made.kinds(made.checked(tmp_path)) == {"open start", "not sealed"}
    seal(run, made.desk(tmp_path))
    assert made.checked(tmp_path).faults == ()


def test_a_lost_run_makes_room_and_stays_named(tmp_path: Path) -> None:
    run = begun(tmp_path)
    made.of_process(run, made.ended_process(), host="gone")
    assert declare_lost(made.desk(tmp_path), CHAIN, run.name, "its machine burned", SystemUser("somebody", 1000)) == 2
    begun(tmp_path)
    (fault,) = [fault for fault in made.checked(tmp_path).faults if fault.kind == "open start"]
    assert fault.text == "was declared lost: its machine burned"
    with pytest.raises(NotSealed, match="no open start"):
        declare_lost(made.desk(tmp_path), CHAIN, run.name, "again", SystemUser("somebody", 1000))


@pytest.fixture
def settings() -> Settings:
    organization = OrganizationSection(id=made.ORGANIZATION, management_account="1" * 12, delegated_account="2" * 12)
    return Settings(mode="live", organization=organization)


def test_without_a_store_or_key_nothing_live_is_applied(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(tmp_path, "live", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
    with pytest.raises(PreconditionsFailed, match=r"evidence\.signing_key"):
        begin(run, settings, made.approval(PHASE), CALLERS, {})
    part = EvidenceSection(signing_key="arn:aws:kms:eu-central-1:222222222222:alias/evidence", profile="nobody has this profile")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(PreconditionsFailed, match="cannot be recorded"):
        begin(run, settings.model_copy(update={"evidence": part}), made.approval(PHASE), CALLERS, {})


def test_a_rehearsal_needs_no_start(tmp_path: Path, settings: Settings) -> None:
    begin(running(tmp_path), settings.model_copy(update={"mode": "rehearsal"}), made.approval(PHASE), CALLERS, {})
    assert not (tmp_path / "chain").exists()
