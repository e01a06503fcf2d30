"""The house: imports point one way, AWS is reached through one door, no partition is written out, the README names everything."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import measures
import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "runbook_lib"
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in LIBRARY.rglob("*.py")}
GROUND = ("base.documents", "base.errors")
"""Reading others' files, and the root of errors: they believe nothing about AWS, so the rehearsal shares them."""
SPECS = ("runbook_lib.services.registry", "runbook_lib.services.spec")
"""The table of services, which every floor may ask, for it imports nothing of the library."""


@cache
def imports(name: str) -> frozenset[str]:
    """Modules that a module imports, wherever in it. Read when a test asks, for every worker collects all tests."""
    found = set[str]()
    for node in ast.walk(measures.tree(MODULES[name])):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {name for each in node.names if (name := f"{node.module}.{each.name}") in MODULES}
    return frozenset(found)


def ours(name: str) -> set[str]:
    return {each for each in imports(name) if each.startswith("runbook_lib")}


def under(name: str, *rooms: str) -> bool:
    return any(name == f"runbook_lib.{room}" or name.startswith(f"runbook_lib.{room}.") for room in rooms)


def uses(name: str, *packages: str) -> set[str]:
    return {each for each in imports(name) if each.split(".")[0] in packages}


def test_the_walk_finds_the_library() -> None:
    assert len(MODULES) > 100
    assert ours("runbook_lib.apply")


def test_rooms_import_what_they_may() -> None:
    """The contracts in pyproject.toml: floors, the island of the rehearsal, who knows AWS's library and who tables.

    In a process of its own: import-linter turns off every logger that is there.
    """
    command = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([command, "--no-cache", ROOT / "pyproject.toml"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_ground_knows_nothing_but_itself() -> None:
    for name in MODULES:
        if under(name, *GROUND):
            assert not {each for each in ours(name) if not under(each, *GROUND) and each != "runbook_lib"}, name
            assert not uses(name, "boto3", "botocore"), name


def is_spec(name: str) -> bool:
    return name in SPECS or name.endswith(".spec")


def test_there_are_few_rooms() -> None:
    rooms = {path.stem for path in LIBRARY.iterdir() if path.is_dir() or path.suffix == ".py"} - {"__pycache__", "__init__"}
    assert len(rooms - {"__main__", "docs"}) <= 18, "documents are no code, and no room"


def test_specs_import_specs_only() -> None:
    for name in MODULES:
        if is_spec(name):
            assert all(is_spec(each) or each == "runbook_lib.services" for each in ours(name)), name


def test_a_service_never_imports_another() -> None:
    services = {path.name for path in (LIBRARY / "services").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert services >= {"organizations", *(each.client for each in measures.services())}
    for name in MODULES:
        for service in services:
            if under(name, f"services.{service}"):
                strangers = [
                    other for other in services - {service} if any(under(each, f"services.{other}") for each in ours(name))
                ]
                assert not strangers, f"{name} imports {strangers}"


def test_apply_and_access_know_no_service_by_name() -> None:
    words = re.compile("|".join(each.client for each in measures.services()), re.IGNORECASE)
    for name, path in MODULES.items():
        if under(name, "apply", "aws"):
            code = ast.unparse(ast.parse(path.read_text(encoding="utf-8")))
            without_prose = re.sub(r'""".*?"""|\'[^\'\n]{60,}\'', "", code, flags=re.DOTALL)
            assert not words.search(without_prose), name


def test_one_door_to_aws() -> None:
    """Clients are made in one place; boto3 is nobody's but the rehearsal's transport and the tests'.

    A function of the stack asks about the stack itself, with clients of its own account alone.
    """
    for name in MODULES:
        if under(name, "rehearsal", "evidence", "audit", "aws", "stack.surroundings"):
            continue
        assert not uses(name, "boto3"), name
        assert not {each for each in imports(name) if re.match(r"botocore\.(session|client|auth|credentials)", each)}, name


def test_only_apply_makes_mutating_calls() -> None:
    callers = [name for name, path in MODULES.items() if re.search(r"\.mutate\(", path.read_text(encoding="utf-8"))]
    assert sorted(callers) == ["runbook_lib.apply.attempts"]


def test_no_door_makes_calls_without_leave() -> None:
    """The engine alone runs stages, and what it asks for leave is made in one place: of the run, the policy, and the chain."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    assert [name for name, text in texts.items() if re.search(r"(?<!def )\brun_stage\(", text)] == ["runbook_lib.runbook"]
    given = {name: re.findall(r"\bpermit=([^,)\n]+)", text) for name, text in texts.items()}
    assert {name: set(each) for name, each in given.items() if each} == {
        "runbook_lib.runbook": {"permit"}, "runbook_lib.phase_run": {"permit"},
    }  # fmt: skip
    assert [name for name, text in texts.items() if re.search(r"(?<!class )\bPermit\(", text)] == ["runbook_lib.phase_run"]
    assert "permit = Permit(record.run, " in texts["runbook_lib.phase_run"]


def prose_of(tree: ast.AST) -> set[int]:
    """Ids of the string constants that stand alone: docstrings and remarks on attributes."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def test_no_partition_is_written_out() -> None:
    """GovCloud and China fail where arn:aws: is written out; prose may name it."""
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = prose_of(tree)
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        bad = [node.value for node in texts if "arn:aws:" in str(node.value) and id(node) not in prose]
        # Settings show ARNs as examples; the rehearsal's settings are rewritten for each partition.
        assert not bad or name in {"runbook_lib.settings", "runbook_lib.cli.rehearsal_settings"}, f"{name}: {bad}"


def test_no_destructive_operation_is_listed() -> None:
    from runbook_lib.services.implementations import SERVICES

    for service in SERVICES:
        bad = [each for each in service.mutations if re.search(r":(Delete|Disable|Disassociate|Deregister|Stop)", each)]
        assert not bad, service.name
        assert not service.reads & service.mutations
        for each in service.reads:
            assert re.search(r":(Get|List|Describe|BatchGet|Select|Test)", each), f"{service.name} reads by {each}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_stay_small(module: str) -> None:
    lines = MODULES[module].read_text(encoding="utf-8").count("\n")
    assert lines <= 500, f"{module} has {lines} lines"


def test_every_notebook_and_its_parameters_are_named() -> None:
    """Parameters in the README, notebooks there or on the page that is made from the code."""
    readme, phases = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "runbook_lib/docs/phases.md"))
    assert [name for name in ("parameters_file", "scope", "approval", "run_folder") if name not in readme] == []
    assert [path.stem for path in (ROOT / "notebooks").glob("*.ipynb") if path.stem not in readme + phases] == []


def test_every_permission_is_documented() -> None:
    from runbook_lib.organization.reads import READS
    from runbook_lib.services.implementations import SERVICES
    from runbook_lib.services.registry import action_name

    page = (LIBRARY / "docs" / "permissions.md").read_text(encoding="utf-8")
    used = READS.union(*(service.reads | service.mutations for service in SERVICES))
    assert sorted(each for each in used if f"`{action_name(*each.split(':'))}`" not in page) == []


def test_what_is_measured_has_not_risen() -> None:
    """Services named outside their own folders, arrows that run back, circles."""
    assert set(measures.recorded()) == set(measures.held())
    assert not measures.risen(), "make measures ARGS=--names shows which files and arrows are counted"


ONE, TWO, THREE, *_ = measures.services()


@pytest.mark.parametrize(
    ("source", "named", "enumerating"),
    [
        (f'"{ONE.title} and {TWO.title}."\n# {THREE.client}\nONE = 1\n', False, False),
        (f"ASKED = ('{ONE.client}', 'organizations')", True, False),
        (f"ASKED = {{'{ONE.client}': 1, 'organizations': ['{THREE.section}']}}", True, True),
        (f"ASKED = ('{ONE.client}',)\nMORE = ('{TWO.client}',)", True, False),
        (f"TEXT = '{TWO.section}: {{}}\\n{THREE.section}: {{}}'", True, True),
        (f"def asked({TWO.section}_regions: int) -> None: ...", True, False),
        (f"from runbook_lib.settings import {THREE.title}Part", True, False),
        (f"settings.{ONE.section}.regions", True, False),
    ],
)
def test_services_are_counted_in_code_and_texts_and_not_in_prose(
    source: str, named: bool, enumerating: bool, tmp_path: Path
) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert (measures.names(path), measures.enumerates(path)) == (named, enumerating)


def test_a_services_own_files_are_not_counted() -> None:
    own = [LIBRARY / "services" / "guardduty" / "plan.py", ROOT / "tests" / "test_guardduty_cases.py"]
    others = [LIBRARY / "rehearsal" / "replica" / "guardduty.py", LIBRARY / "limits.py", ROOT / "tests" / "simulated.py"]
    assert measures.foreign([*own, *others]) == others


def test_circles_are_found() -> None:
    ways = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("a"), "d": frozenset("a")}
    assert set(measures.reaching(ways).values()) == {frozenset("abc")}
