"""A service from outside goes through the whole runbook by one more name in the registry; one that is taken out is missed by none.

Each runs in a process of its own, because the registry is read once.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from simulated import ASKED

from runbook_lib.services.registry import by_name

ROOT = Path(__file__).parents[1]
EACH = tuple(by_name())
MANAGED = tuple(ASKED.sections())
"""Those that the rehearsal's settings ask for: of the others a run sees nothing."""
IMPORTING = "import pkgutil, importlib, runbook_lib\nfor each in pkgutil.walk_packages(runbook_lib.__path__, 'runbook_lib.'):\n    "
IMPORTING += "each.name.endswith('__main__') or importlib.import_module(each.name)"


def run(root: Path, *arguments: str, timeout: float = 600) -> str:
    """What a Python of that tree prints; it must end well."""
    made = subprocess.run(
        [sys.executable, *arguments], cwd=root, capture_output=True, text=True, timeout=timeout, check=False
    )  # fmt: skip
    assert made.returncode == 0, made.stdout[-4000:] + made.stderr[-4000:]
    return made.stdout


def story(root: Path, folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(root, "tests/toy/story.py", str(folder)).splitlines()[-1])
    return told


def is_told(told: dict[str, Any]) -> None:
    """What X-Ray's rehearsal comes to, whichever services are beside it."""
    absent = "eu-south-1 administrator not applicable"
    assert told["before"] == [absent, "us-east-1 encryption gap to do", "us-east-2 encryption not applicable"]
    assert told["steps"] == ["delegated PutEncryptionConfig us-east-1", "delegated GetEncryptionConfig us-east-1"]
    assert told["same"], "plan.json reads back"
    assert told["applied"]
    assert told["calls"] == ["PutEncryptionConfig us-east-1"]
    assert told["after"] == [absent, "us-east-1 encryption covered", "us-east-2 encryption not applicable"]
    assert set(told["asked"]) == {"us-east-1", "us-east-2"}, "no call goes where the service does not exist"
    assert told["again"] == []
    assert told["counted"] > 0
    assert "xray" in told["schema"]


def test_a_service_from_outside_is_planned_applied_and_covered(tmp_path: Path) -> None:
    told = story(ROOT, tmp_path)
    is_told(told)
    assert told["phases"].index("25_xray") == 3, "third of those that enable"
    assert told["others"] == sorted({*MANAGED, "xray"})


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "copy"
    for name in ("runbook_lib", "tests", "parameters", "requirements"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "browser", "node_modules"))
    shutil.copy(ROOT / "pyproject.toml", root)
    yield root
    shutil.rmtree(root)


def take_out(root: Path, name: str) -> str:
    """Delete a service's folders, its name in the registry, its line in Settings and its section; the key of the section."""
    section = by_name()[name].section
    library = root / "runbook_lib"
    shutil.rmtree(library / "services" / name)
    shutil.rmtree(library / "rehearsal" / "operations" / name)
    (library / "settings" / "sections" / f"{name}.py").unlink()
    for path, line in (
        (library / "services" / "registry.py", rf'^ *"runbook_lib\.services\.{name}",\n'),
        (library / "settings" / "__init__.py", rf"^ .*\b(sections\.{name} import|{section}: ).*\n"),
    ):
        text, times = re.subn(line, "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert times >= 1, path
        path.write_text(text, encoding="utf-8")
    for path in (*(root / "parameters").glob("*.yaml"), *(library / "rehearsal" / "seed_data").glob("*.yaml")):
        yaml = YAML()
        document = without(yaml.load(path.read_text(encoding="utf-8")), {name, section})
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(document, file)
    return section


def without(value: Any, names: set[str]) -> Any:
    """What a document says, but for what it says of a service: its keys, and entries that are about it."""
    if isinstance(value, dict):
        return {key: without(item, names) for key, item in value.items() if key not in names}
    if isinstance(value, list):
        return [without(item, names) for item in value if not (isinstance(item, dict) and item.get("service") in names)]
    return value


def deleted(root: Path, name: str, folder: Path) -> None:
    """Nothing but its own files names the service: all modules import, and the others go on as before."""
    section = take_out(root, name)
    run(root, "-c", IMPORTING)
    told = story(root, folder)
    is_told(told)
    assert section not in told["schema"]
    assert told["others"] == sorted({*MANAGED, "xray"} - {name})


def test_a_service_that_is_taken_out_is_missed_by_none(copied: Path, tmp_path: Path) -> None:
    deleted(copied, MANAGED[-1], tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("name", EACH)
def test_whichever_service_is_taken_out_the_others_and_their_tests_go_on(name: str, copied: Path, tmp_path: Path) -> None:
    deleted(copied, name, tmp_path)
    others = [f"tests/services/{other}" for other in EACH if other != name]
    common = [
        "tests/apply",
        "tests/test_obstacles.py",
        "tests/test_plan_file.py",
        "tests/test_approval.py",
        "tests/test_estimate.py",
    ]
    run(copied, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *others, *common, timeout=1700)
