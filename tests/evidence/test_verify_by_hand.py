"""The recipe in runbook_lib/docs/verify-by-hand.md, run as it is written there."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.evidence.people.review import review
from runbook_lib.evidence.run.contents import REVIEW, SEAL
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.evidence.seal.linked import Addition, attach
from runbook_lib.evidence.seal.sealing import seal_of

DOCUMENT = Path(__file__).parents[2] / "runbook_lib" / "docs" / "verify-by-hand.md"
RUN, CHAIN = (part.split("```", 1)[0] for part in DOCUMENT.read_text(encoding="utf-8").split("```sh\n")[1:])


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("evidence") / "runs"
    for number in range(3):
        run, _ = made.sealed_run(root, number)
        if number == 1:
            attach(run, Addition("witness report", "witness", {"report.json": b"{}"}), made.desk(root))
    return root


def shell(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    words = ["sh", "-c", script, "sh", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def key(root: Path) -> Path:
    (path,) = (root / "keys").glob("*.pub.pem")
    return path


def runs(root: Path) -> list[RunFolder]:
    return [RunFolder(path) for path in sorted(root.glob("2026*"))]


def test_the_recipe_needs_no_program_of_ours() -> None:
    words = set(RUN.replace('"', " ").split()) | set(CHAIN.replace('"', " ").split())
    assert not words & {"python", "python3", "runbook"}
    assert {"openssl", "jq", "sha256sum"} <= words


def test_an_untouched_run_and_chain_verify(sealed: Path) -> None:
    for run in runs(sealed):
        done = shell(RUN, run.path, key(sealed))
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "verified"), done.stderr
    done = shell(CHAIN, sealed / "chain" / "rehearsal" / made.ORGANIZATION, key(sealed))
    number, digest = made.checked(sealed).heads[f"rehearsal/{made.ORGANIZATION}"]
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"head {number}:{digest}"), done.stderr


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_review_takes_the_reviewers_key_and_is_of_this_seal(sealed: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    shutil.copytree(sealed, root)
    run, other = runs(root)[:2]
    reviewer, stranger = (local_signer(tmp_path, name) for name in ("reviewer", "stranger"))
    for name, each in (("reviewer", reviewer), ("stranger", stranger)):
        (tmp_path / f"{name}.pub").write_text(pem(each.public_key))
    found = seal_of(run)
    assert found is not None
    (run.path / REVIEW).write_bytes(review(found, "as it should be", reviewer, made.BEGIN))
    done = shell(RUN, run.path, key(root), tmp_path / "reviewer.pub")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "verified"), done.stderr
    assert any(line.endswith(": as it should be") for line in done.stdout.splitlines())
    assert "third argument" in shell(RUN, run.path, key(root)).stderr
    assert shell(RUN, run.path, key(root), tmp_path / "stranger.pub").returncode != 0
    shutil.copy(run.path / REVIEW, other.path / REVIEW)
    assert shell(RUN, other.path, key(root), tmp_path / "reviewer.pub").returncode != 0


@pytest.mark.parametrize(
    "tamper",
    [
        lambda run: flip(run.path / "20_guardduty" / "journal.jsonl"),
        lambda run: flip(run.path / SEAL),
        lambda run: (run.path / "20_guardduty" / "plan.json").unlink(),
        lambda run: (run.path / "20_guardduty" / "more").write_text(""),
        lambda run: (run.path / "more").symlink_to("run.json"),
        lambda run: (run.path / "settings.yaml").rename(run.path / "settings.yml"),
        lambda run: shutil.copy(runs(run.path.parent)[0].path / SEAL, run.path / SEAL),
        lambda run: flip(run.path / "attached" / "witness" / "report.json"),
        lambda run: flip(run.path / "attached" / "witness.intoto.jsonl"),
        lambda run: (run.path / "attached" / "witness" / "report.json").unlink(),
        lambda run: (run.path / "attached" / "more").write_text(""),
        lambda run: shutil.copy(run.path / SEAL, run.path / "attached" / "more.intoto.jsonl"),
    ],
)
def test_a_tampered_run_does_not(sealed: Path, tmp_path: Path, tamper: Callable[[RunFolder], object]) -> None:
    root = tmp_path / "runs"
    shutil.copytree(sealed, root)
    run = runs(root)[1]
    tamper(run)
    done = shell(RUN, run.path, key(root))
    assert done.returncode != 0
    assert "verified\n" not in done.stdout.splitlines()


def test_a_chain_with_swapped_dropped_or_edited_entries_does_not(sealed: Path, tmp_path: Path) -> None:
    second, third = "00000002.intoto.jsonl", "00000003.intoto.jsonl"
    tamperings: tuple[Callable[[Path], None], ...] = (
        swap,
        lambda folder: (folder / second).unlink(),
        lambda folder: flip(folder / third),
    )
    for case, tamper in enumerate(tamperings):
        root = tmp_path / str(case)
        shutil.copytree(sealed, root)
        folder = root / "chain" / "rehearsal" / made.ORGANIZATION
        tamper(folder)
        assert shell(CHAIN, folder, key(root)).returncode != 0


def swap(folder: Path) -> None:
    one, two = folder / "00000001.intoto.jsonl", folder / "00000002.intoto.jsonl"
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
