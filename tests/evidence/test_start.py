from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.evidence.chain import FolderStore
from runbook_lib.evidence.run_folder import RunFolder, RunStatus
from runbook_lib.evidence.seal import NotSealed, seal
from runbook_lib.evidence.start import begin, declare_lost, open_starts, start
from runbook_lib.identity import SystemUser
from runbook_lib.preflight import PreconditionsFailed
from runbook_lib.settings import EvidencePart, OrganizationPart, Settings

CHAIN = f"rehearsal/{made.ORGANIZATION}"
PHASE = "20_guardduty"
CALLERS = {"111111111111": "arn:made-up:caller"}


def running(root: Path) -> RunFolder:
    return RunFolder.create(root, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)


def begun(root: Path) -> RunFolder:
    run = running(root)
    start(run, made.desk(root), made.decide(run, PHASE, made.approval(PHASE)), CALLERS)
    return run


def test_a_start_says_who_is_about_to_do_what_and_the_seal_names_it(tmp_path: Path) -> None:
    run = begun(tmp_path)
    found = open_starts(FolderStore(tmp_path / "chain"), CHAIN)[run.name]
    assert (found.kind, found.number) == ("start", 1)
    assert found.subjects == {f"plan of {PHASE}": made.plan(PHASE).fingerprint}
    assert found.approvals[PHASE]["annotations"]["ticket"] == "CHG-1"
    start(run, made.desk(tmp_path), made.approval("30_inspector"), CALLERS)
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
    organization = OrganizationPart(id=made.ORGANIZATION, management_account="1" * 12, delegated_account="2" * 12)
    return Settings(mode="live", organization=organization)


def test_without_a_store_or_key_nothing_live_is_applied(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(tmp_path, "live", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
    with pytest.raises(PreconditionsFailed, match=r"evidence\.signing_key"):
        begin(run, settings, made.approval(PHASE), CALLERS, {})
    part = EvidencePart(signing_key="arn:aws:kms:eu-central-1:222222222222:alias/evidence", profile="nobody has this profile")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(PreconditionsFailed, match="cannot be recorded"):
        begin(run, settings.model_copy(update={"evidence": part}), made.approval(PHASE), CALLERS, {})


def test_a_rehearsal_needs_no_start(tmp_path: Path, settings: Settings) -> None:
    begin(running(tmp_path), settings.model_copy(update={"mode": "rehearsal"}), made.approval(PHASE), CALLERS, {})
    assert not (tmp_path / "chain").exists()
