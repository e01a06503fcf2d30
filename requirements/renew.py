"""Write the lock anew: `make lock` after a change of pyproject.toml, `make upgrade` for the newest versions it allows.

One resolution for every promised Python and platform, by uv, with the hashes of all files; then one file for the base and one for
what each extra adds. Written only when everything can be installed wherever it is promised.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from email.parser import HeaderParser
from pathlib import Path

from promised import LAYERS, ROOT, TOGETHER, WHEELS, Environment, Pin, Recorded, environments, pins, problems

PYPROJECT = ROOT / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
EXTRAS = [f"--extra={name}" for name in LAYERS[1:]]
OLDER_KERNEL = TOGETHER[2][0]
KEPT = ("UV_CACHE_DIR", "UV_DEFAULT_INDEX", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS")
"""Where files come from may be set; further indexes and folders of wheels may not, for their files have other hashes."""
PLATFORMS = {
    ("Linux", "x86_64"): "x86_64-manylinux_2_28",
    ("Linux", "aarch64"): "aarch64-manylinux_2_28",
    ("Darwin", "arm64"): "aarch64-apple-darwin",
}
HEADERS = {
    "base": "What the project needs to be installed and to run:\n"
    "#   pip install --require-hashes --only-binary :all: --requirement requirements/base.txt\n"
    "#   pip install --no-deps --no-build-isolation --editable .",
    "lab": "What the extra lab adds to base.txt.",
    "rehearsal": "What the extra rehearsal adds to base.txt.",
    "test": "What the extra test adds to base.txt.",
    "renew": "What `make lock` and `make upgrade` work with.",
}


def run_uv(*arguments: str, given: str = "") -> str:
    """Run `uv pip`; its own words are shown, and end this program, where it fails."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UV_") or name in KEPT}
    command = [str(Path(sys.executable).with_name("uv")), "--no-config", "--no-python-downloads", "--quiet", "pip", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"uv pip {' '.join(arguments)} failed; nothing was changed.\n{done.stderr.strip()}")
    return done.stdout


def resolved(folder: Path, old: str, *arguments: str, given: str = "") -> dict[str, str]:
    """Resolve for every Python and platform; the text of each pin, hashes and reasons with it, by its first line.

    Versions that stand in `old` stay wherever they can.
    """
    out = folder / "resolved.txt"
    out.write_text(old, encoding="utf-8")
    options = [
        "--universal",
        "--python-version=3.11",
        "--fork-strategy=fewest",
        "--generate-hashes",
        "--no-header",
        f"--output-file={out}",
    ]
    run_uv("compile", *options, *arguments, given=given)
    text = out.read_text(encoding="utf-8").replace("-r -", "build-system (pyproject.toml)")
    return {block.split(" \\\n", 1)[0]: block for block in re.findall(r"^[^ #].*\n(?:[ #].*\n)*", text, re.MULTILINE)}


def layers(folder: Path, old: str, upgrade: list[str]) -> dict[str, dict[str, str]]:
    """What goes into each file: everything is resolved together, each layer within that, and none repeats the base."""
    build = "\n".join(PROJECT["build-system"]["requires"])
    everything = resolved(folder, old, "pyproject.toml", "-", *EXTRAS, *upgrade, given=build)
    whole = "".join(everything.values())
    made = {"base": resolved(folder, whole, "pyproject.toml", "-", given=build)}
    for name in LAYERS[1:]:
        made[name] = resolved(folder, whole, "pyproject.toml", f"--extra={name}")
    versions = {line.split(" ")[0] for line in everything}
    for name, pinned in made.items():
        if strange := sorted(line for line in pinned if line.split(" ")[0] not in versions):
            sys.exit(f"{name} by itself resolves to {', '.join(strange)}, all together to something else; nothing was changed.")
    base = set(made["base"])
    return {name: {line: text for line, text in each.items() if name == "base" or line not in base} for name, each in made.items()}


def wheels(folder: Path, texts: dict[Path, str]) -> dict[str, dict[str, str]]:
    """All wheels of every pin with their hashes, as the registry lists them."""
    found: dict[str, dict[str, str]] = {}
    for group in TOGETHER:
        listed, out = folder / "listed.txt", folder / "pylock.toml"
        listed.write_text("".join(texts[path] for path in group), encoding="utf-8")
        run_uv(
            "compile",
            "--universal",
            "--python-version=3.11",
            "--no-deps",
            "--format=pylock.toml",
            f"--output-file={out}",
            str(listed),
        )
        for package in tomllib.loads(out.read_text(encoding="utf-8"))["packages"]:
            files = {each["url"].rsplit("/", 1)[1]: each["hashes"]["sha256"] for each in package.get("wheels", ())}
            found[f"{package['name']}=={package['version']}"] = files
    return found


def metadata(folder: Path, environment: Environment, wanted: list[Pin]) -> dict[str, str]:
    """Requires-Python of pins, as their wheels say it: they are installed, by hash, into a folder."""
    listed, target = folder / "wanted.txt", folder / f"{environment}".replace(" ", "-")
    listed.write_text("".join(pin.text for pin in wanted), encoding="utf-8")
    run_uv("install", "--no-deps", *into(environment, target), f"--requirements={listed}")
    found = {}
    for each in target.glob("*.dist-info/METADATA"):
        said = HeaderParser().parsestr(each.read_text(encoding="utf-8"))
        name = re.sub(r"[-_.]+", "-", said["Name"]).lower()
        found[f"{name}=={said['Version']}"] = said["Requires-Python"] or ""
    return found


def into(environment: Environment, target: Path) -> list[str]:
    """The options that install for another Python and platform than this one."""
    platform = PLATFORMS[environment.system, environment.machine]
    where = [f"--python-version={environment.python}", f"--python-platform={platform}", f"--target={target}"]
    return ["--require-hashes", "--only-binary=:all:", *where]


def tried(folder: Path, texts: dict[Path, str], everywhere: list[Environment]) -> None:
    """Let uv, which knows what packages depend on, go through an installation at each place, and of each layer once."""
    base, *more = TOGETHER[0]
    first, *others = everywhere
    tries = [
        (TOGETHER[0], [first, *others]),
        (TOGETHER[1], [first]),
        ((base,), [first]),
        *(((base, each), [first]) for each in more),
    ]
    for paths, places in tries:
        listed = folder / "tried.txt"
        listed.write_text("".join(texts[path] for path in paths), encoding="utf-8")
        for environment in places:
            run_uv("install", "--dry-run", *into(environment, folder / "nowhere"), f"--requirements={listed}")


def recorded(folder: Path, texts: dict[Path, str], everywhere: list[Environment]) -> dict[str, Recorded]:
    """What is kept of the registry's answers, for the tests: of each pin that is wanted somewhere."""
    listed, found = wheels(folder, texts), dict[str, Recorded]()
    for group in TOGETHER:
        wanted = [pin for path in group for pin in pins(texts[path])]
        for environment in everywhere:
            new = {str(pin): pin for pin in wanted if str(pin) not in found and pin.wanted(environment)}
            requires = metadata(folder, environment, list(new.values())) if new else {}
            for pin, versions in requires.items():
                taken = {best for each in everywhere if (best := each.best(list(listed[pin])))}
                found[pin] = {"requires-python": versions, "wheels": {name: listed[pin][name] for name in sorted(taken)}}
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows")
    upgrade = ["--upgrade"] if arguments.parse_args().upgrade else []
    old = {path: path.read_text(encoding="utf-8") if path.exists() else "" for group in TOGETHER for path in group}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = layers(folder, "".join(old[path] for path in TOGETHER[0]), upgrade)
        made["renew"] = resolved(folder, old[TOGETHER[1][0]], "--group=pyproject.toml:renew", *upgrade)
        texts = {
            path: f"# {HEADERS[path.stem]}\n# Made by `make lock`; not by hand.\n" + "".join(made[path.stem].values())
            for path in (*TOGETHER[0], *TOGETHER[1])
        }
        texts[OLDER_KERNEL] = old[OLDER_KERNEL]
        everywhere = environments()
        tried(folder, texts, everywhere)
        said = recorded(folder, texts, everywhere)
    groups = [[pin for path in group for pin in pins(texts[path])] for group in TOGETHER]
    if found := [problem for group in groups for problem in problems(group, said, everywhere)]:
        sys.exit(
            "Nothing was changed, for what pyproject.toml allows cannot be installed wherever it is promised:\n  "
            + "\n  ".join(found)
        )
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    WHEELS.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{sum(map(len, groups))} pins in {len(texts)} files, for {len(everywhere)} Pythons and platforms\n")


if __name__ == "__main__":
    main()
