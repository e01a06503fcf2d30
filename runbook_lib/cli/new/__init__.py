"""`runbook new`: a repository for one organization, laid out once; what is there already is nobody's to overwrite."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from runbook_lib import __version__
from runbook_lib.base.files import write_text
from runbook_lib.base.project import SCHEMA, shipped
from runbook_lib.settings.editing import Draft
from runbook_lib.settings.file import text_of
from runbook_lib.settings.schema import schema_text

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
WORD = re.compile(r"@([a-z]+)@")
DOORS: Mapping[str, Mapping[str, str]] = {"management": {"profile": "management"}, "delegated": {"profile": "delegated"}}
"""Profiles of their own: a person's AWS configuration says how each is reached, and in CI what ci/doors.sh writes. So one file of
settings, and one digest, is planned with roles that read and applied with roles that change."""
CALLED = {"urgent": "threats", "people": "on-call"}
"""What the sample workflows call a route and a channel, as the example settings have them."""
GITHUB = {
    ".github/workflows/runbook-plan.yaml": "github/plan.yaml",
    ".github/workflows/runbook-apply.yaml": "github/apply.yaml",
    ".github/workflows/runbook-coverage.yaml": "github/coverage.yaml",
    "ci/github-token.sh": "github/token.sh",
    "ci/github-trust-read.json": "github/trust-read.json",
    "ci/github-trust-change.json": "github/trust-change.json",
}
GITLAB = {
    ".gitlab-ci.yml": "gitlab/gitlab-ci.yaml",
    "ci/gitlab-trust-read.json": "gitlab/trust-read.json",
    "ci/gitlab-trust-change.json": "gitlab/trust-change.json",
}
CI = {"ci/doors.sh": "doors.sh", "ci/README.md": "ci.md"}
SAMPLES: Mapping[str, Mapping[str, str]] = {"github": GITHUB | CI, "gitlab": GITLAB | CI, "both": GITHUB | GITLAB | CI, "none": {}}


def new_command(folder: Path, ci: str) -> int:
    """Lay out a repository for one organization."""
    name = folder.absolute().name
    if not NAME.fullmatch(name):
        raise click.BadParameter(f"{folder}: its name names the settings too; letters, digits, dots, hyphens and underscores")
    if folder.exists() and not folder.is_dir():
        raise click.BadParameter(f"{folder}: is a file; a folder is expected")
    kept = []
    for path, text in laid_out(name, ci).items():
        target = folder / path
        if target.exists() or target.is_symlink():
            kept += [path] * (not target.is_file() or target.read_text(encoding="utf-8", errors="replace") != text)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)
        if target.suffix == ".sh":
            target.chmod(target.stat().st_mode | 0o100)
        click.echo(target)
    for path in kept:
        click.echo(f"{folder / path}: is there already, and is left as it is")
    click.echo(f"Begin with {folder / 'README.md'}; then change {folder / settings_of(name)}.")
    return 2 if kept else 0


def settings_of(name: str) -> str:
    """Where the settings of an organization lie."""
    return f"parameters/{name}.yaml"


def laid_out(name: str, ci: str) -> dict[str, str]:
    """Every file's path and text."""
    words = {"name": name, "version": __version__, **_accounts()}
    texts = {"README.md": "readme.md", ".gitignore": "gitignore.md", "requirements.txt": "requirements.md", **SAMPLES[ci]}
    return {
        **{path: _filled(_text(source), words) for path, source in texts.items()},
        settings_of(name): _settings(name),
        str(SCHEMA): schema_text(),
        f"trust/{name}.policy.json": _policy(),
        **{f"parameters/{name}.workflows/{path}": text for path, text in _workflows()},
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Text with the words for `@name@` in it: what a shell, a workflow or a policy writes with a dollar sign stays."""
    return WORD.sub(lambda found: words[found[1]], text)


def _text(source: str) -> str:
    return files(__name__).joinpath("files", *source.split("/")).read_text(encoding="utf-8")


def _example() -> str:
    return text_of(shipped() / "parameters" / "example.yaml")


def _accounts() -> dict[str, str]:
    organization = Draft(_example()).values["organization"]
    return {"management": organization["management_account"], "delegated": organization["delegated_account"]}


def _settings(name: str) -> str:
    draft = Draft(_example())
    values = draft.values
    for door, way in DOORS.items():
        values["access"][door] = dict(way)
    values["evidence"]["trust_policy"] = f"trust/{name}.json"
    values["evidence"]["profile"] = "evidence"
    del values["evidence"]["role_arn"]
    del values["network"]  # the example's endpoint, certificates and proxy are nobody's
    first, rest = draft.text().split("\n", 1)
    return first.rpartition("=")[0] + f"={SCHEMA.name}\n" + rest


def _policy() -> str:
    """A trust policy for people to fill in; its owner signs it, which is when it begins to count."""
    organization = Draft(_example()).values["organization"]["id"]
    key = "the public key (PEM) that `runbook evidence key` printed, with \\n for its line ends"
    policy: dict[str, Any] = {
        "organization": organization,
        "owner": "",
        "runners": [{"mode": "live", "key": key}],
        "people": [{"name": "Second person", "key": key, "identities": ["second"], "may": ["approve", "review"]}],
        "approvals": {"rehearsal": 0, "live": 1},
    }
    return json.dumps(policy, indent=2) + "\n"


def _workflows() -> Iterator[tuple[str, str]]:
    """The sample workflows, as drafts: they answer for nothing until somebody has read them and says so."""
    for path in sorted((shipped() / "parameters" / "rehearsal-all.workflows").glob("*.yaml")):
        draft = Draft(text_of(path))
        values = draft.values
        values["status"] = "draft"
        for names in (values["entry"]["routes"], values["notify"]):
            names[:] = [CALLED.get(each, each) for each in names]
        yield path.name, draft.text()
