"""What the house measures: services named outside their folders, rooms, arrows that run back, lines. `make measures` prints it.

    make measures                     print the table, beside what is recorded in measures.toml
    make measures ARGS="--names"      also which files name a service, and which arrows run back
    make measures ARGS="--write"      record what has fallen; what has risen is refused

Numbers in measures.toml may only fall; a test holds that. Everything is read from the syntax trees, nothing is imported but the
registry, from which the names of the services come.
"""

import argparse
import ast
import random
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from runbook_lib.runbook.phases import PHASES

ROOT = Path(__file__).parents[2]
LIBRARY, TESTS = ROOT / "runbook_lib", ROOT / "tests"
REHEARSAL = LIBRARY / "rehearsal"
RECORDED = TESTS / "measures.toml"
RESPONSE = (
    "runbook_lib/services/response",
    "runbook_lib/settings/response.py",
    "runbook_lib/settings/checks/response.py",
    "tests/services/response",
)
"""What is done about findings: it is about one service, and may name it."""
HOMES = ("services", "settings/sections", "rehearsal/operations")
"""Where in the library a service has folders or files of its own."""
ARCHITECTURE = LIBRARY / "docs" / "architecture.md"
READING_PATH = "## Reading path"
MADE = "<!-- Made from the code"
"""How a page begins that is made from the code (pages.py)."""
TRIES = 20
"""Orders of the rooms from which the search for the best one begins."""
Arrow = tuple[str, str]


@dataclass(frozen=True)
class Named:
    """What one enabling service is called: by boto3, as a section of settings, as a title."""

    client: str
    title: str

    @property
    def section(self) -> str:
        return self.title.lower().replace(" ", "_")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Any of its names, also as a part of a name in code (`SecurityHubPart`, `inspector_regions`)."""
        names = {self.client, self.section, self.title, self.title.replace(" ", "")}
        return re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)), re.IGNORECASE)

    def owns(self, path: Path) -> bool:
        """Whether a file is one of the service's own: it lies in a folder, or is a file, of the service's name."""
        if path.is_relative_to(TESTS):
            return any(self.pattern.search(part) for part in path.relative_to(TESTS).parts)
        inside = path.relative_to(LIBRARY).with_suffix("").as_posix()
        return any(re.match(f"{home}/({self.client}|{self.section})(/|$)", inside) for home in HOMES)


@cache
def services() -> tuple[Named, ...]:
    """The services that are enabled, as the phases name them."""
    return tuple(Named(phase.service, phase.title) for phase in PHASES if phase.enables)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def sources(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.rglob("*.py")))


def library() -> list[Path]:
    """The library without the rehearsal."""
    return [path for path in sources(LIBRARY) if not path.is_relative_to(REHEARSAL)]


def foreign(paths: Iterable[Path]) -> list[Path]:
    """Files that are no service's own, nor one's that is simulated before it is enabled."""
    return [
        path
        for path in paths
        if not any(service.owns(path) for service in services())
        and not (path.parent / "about.py").exists()
        and not any(path.is_relative_to(ROOT / each) for each in RESPONSE)
    ]


def words(node: ast.AST) -> Iterator[str]:
    """Names and texts of a node itself: what it defines, uses or says, docstrings apart."""
    match node:
        case ast.Constant(value=str() as text) | ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
            yield text
        case ast.keyword(arg=str() as text) | ast.ImportFrom(module=str() as text):
            yield text
        case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text) | ast.ClassDef(name=text) | ast.alias(name=text):
            yield text


@cache
def docstrings(module: ast.Module) -> frozenset[int]:
    """Texts that stand alone: docstrings, and the sentences below values."""
    return frozenset(
        id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


@cache
def mentioned(path: Path) -> frozenset[Named]:
    """The services that a file names anywhere, comments and prose included: a quick look before the tree is read."""
    text = path.read_text(encoding="utf-8")
    return frozenset(service for service in services() if service.pattern.search(text))


def says(nodes: Iterable[ast.AST], prose: frozenset[int]) -> set[Named]:
    """The services that are named in these nodes."""
    said = {text for node in nodes if id(node) not in prose for text in words(node)}
    return {service for service in services() if any(service.pattern.search(text) for text in said)}


@cache
def said_in(path: Path) -> frozenset[Named]:
    """The services that a file names, in code or in a text."""
    return frozenset(says(ast.walk(tree(path)), docstrings(tree(path)))) if mentioned(path) else frozenset()


def names(path: Path) -> bool:
    """Whether a file names a service, in code or in a text."""
    return bool(said_in(path))


@cache
def enumerates(path: Path) -> bool:
    """Whether one literal of a file (a list, table or text) names two services or more."""
    if len(said_in(path)) < 2:
        return False
    prose = docstrings(tree(path))
    literals = (each for each in ast.walk(tree(path)) if isinstance(each, ast.List | ast.Tuple | ast.Set | ast.Dict | ast.Constant))
    return any(len(says((part for part in ast.walk(each) if isinstance(part, ast.Constant)), prose)) > 1 for each in literals)


def names_all(path: Path) -> bool:
    """Whether a file names every service: adding one edits it."""
    return len(said_in(path) if path.suffix == ".py" else mentioned(path)) == len(services())


def edited() -> list[Path]:
    """Files that name every service outside their own folders, the simulation's and the tests' included; none that is made."""
    others = [*ROOT.glob("*.md"), *(ROOT / "parameters").glob("*.yaml"), *(ROOT / "notebooks").glob("*.ipynb")]
    others += [path for path in LIBRARY.rglob("*") if path.suffix in (".md", ".yaml", ".json", ".j2") and path.is_file()]
    by_hand = [path for path in sorted(others) if path.name != "schema.json" and MADE not in path.read_text(encoding="utf-8")]
    return [path for path in (*foreign(sources(LIBRARY)), *foreign(sources(TESTS)), *by_hand) if names_all(path)]


@cache
def modules() -> Mapping[str, Path]:
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in sources(LIBRARY)}


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """Module → the modules of ours that it imports, wherever in it."""
    return {name: frozenset(_imports(path)) - {name, LIBRARY.name} for name, path in modules().items()}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in modules())
        elif isinstance(node, ast.ImportFrom) and node.module in modules():
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                yield inner if inner in modules() else str(node.module)


SPECS = re.compile(r"runbook_lib\.services\.(\w+\.)?(spec|registry)")
"""The table of services: it imports nothing of the library but itself, and so lies below every room."""


def room(module: str) -> str:
    """The room at the top that a module stands in; "" for the package itself and for the table of services below all rooms."""
    return "" if SPECS.fullmatch(module) else (*module.split("."), "")[1]


def rooms() -> list[str]:
    return sorted({room(module) for module in modules()} - {"", "__main__"})


@cache
def arrows() -> frozenset[Arrow]:
    """Which room imports from which."""
    found = {(room(module), room(other)) for module, others in imports().items() for other in others}
    return frozenset((a, b) for a, b in found if a != b and a in rooms() and b in rooms())


@cache
def running_back() -> tuple[Arrow, ...]:
    """Arrows that run back up in the order of rooms that has fewest of these: none where rooms can be stacked at all.

    Only rooms that lead to each other can have such arrows. The order is searched for, from a few beginnings.
    """
    led = reaching({name: frozenset(b for a, b in arrows() if a == name) for name in rooms()})
    knotted = [name for name in rooms() if name in led[name]]
    within = [(a, b) for a, b in arrows() if a in led[b]]
    chance = random.Random(0)
    found = [_settled(chance.sample(knotted, len(knotted)), within) for _ in range(TRIES)]
    return min(found, key=lambda back: (len(back), back))


def _settled(order: list[str], within: Sequence[Arrow]) -> tuple[Arrow, ...]:
    """Put each room where fewest arrows run back, until that changes nothing."""
    least = _back(order, within)
    while True:
        for each in sorted(order):
            rest = [other for other in order if other != each]
            tried = ([*rest[:place], each, *rest[place:]] for place in range(len(order)))
            order = min(tried, key=lambda one: len(_back(one, within)))
        if len(now := _back(order, within)) >= len(least):
            return least
        least = now


def _back(order: Sequence[str], within: Sequence[Arrow]) -> tuple[Arrow, ...]:
    floor = {name: number for number, name in enumerate(order)}
    return tuple(sorted((a, b) for a, b in within if floor[a] < floor[b]))


def circles() -> list[list[str]]:
    """Groups of modules each of which leads to each other one by imports."""
    led = reaching(imports())
    groups = {frozenset(other for other in led[module] if module in led[other]) for module in modules()}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def reaching(ways: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """From each place, all that its ways lead to."""

    def ahead(place: str) -> frozenset[str]:
        found, left = set[str](), [place]
        while left:
            new = ways[left.pop()] - found
            found |= new
            left += new
        return frozenset(found)

    return {place: ahead(place) for place in ways}


def lines(paths: Iterable[Path]) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def skips() -> int:
    """Places in the library that the formatter leaves alone."""
    return sum(path.read_text(encoding="utf-8").count("# fmt: skip") for path in sources(LIBRARY))


def reading_path() -> list[Path]:
    """The files of the reading path, as the architecture page lists them between backticks; none while there is no page."""
    if not ARCHITECTURE.exists():
        return []
    _, _, section = ARCHITECTURE.read_text(encoding="utf-8").partition(READING_PATH)
    return [ROOT / name for name in re.findall(r"`([\w./]+\.(?:py|ipynb|yaml|md))`", section.partition("\n## ")[0])]


def held() -> dict[str, int]:
    """The numbers that may only fall."""
    return {
        "library files naming a service": len([path for path in foreign(library()) if names(path)]),
        "rehearsal files naming a service": len([path for path in foreign(sources(REHEARSAL)) if names(path)]),
        "library files enumerating services": len([path for path in foreign(library()) if enumerates(path)]),
        "rehearsal files enumerating services": len([path for path in foreign(sources(REHEARSAL)) if enumerates(path)]),
        "test files enumerating services": len([path for path in foreign(sources(TESTS)) if enumerates(path)]),
        "files naming every service": len(edited()),
        "arrows running back": len(running_back()),
        "circles of imports": len(circles()),
    }


def told() -> dict[str, str]:
    """The numbers that are only shown."""
    path = reading_path()
    return {
        "rooms at the top": str(len(rooms())),
        "arrows between rooms": str(len(arrows())),
        "modules, lines of the library": f"{len(library())}, {lines(library()):,}",
        "modules, lines of the rehearsal": f"{len(sources(REHEARSAL))}, {lines(sources(REHEARSAL)):,}",
        "modules over 500 lines": str(len([each for each in sources(LIBRARY) if lines([each]) > 500])),
        "test files naming a service": str(len([each for each in foreign(sources(TESTS)) if names(each)])),
        "fmt: skip in the library": str(skips()),
        "reading path": f"{len(path)} files, {lines(path):,} lines" if path else "none",
    }


def recorded() -> dict[str, int]:
    found: dict[str, int] = tomllib.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def risen() -> list[str]:
    """What is more than recorded, in sentences."""
    before = recorded()
    return [f"{what}: {now}, recorded are {before[what]}" for what, now in held().items() if now > before[what]]


def record(numbers: Mapping[str, int]) -> None:
    head = "# Numbers that may only fall (tests/support/measures.py). `make measures ARGS=--write` records what has fallen.\n"
    RECORDED.write_text(head + "".join(f'"{what}" = {number}\n' for what, number in numbers.items()), encoding="utf-8")


def listed() -> Iterator[str]:
    """Which files and arrows the numbers are about."""
    of_files = {
        "library files naming a service": [path for path in foreign(library()) if names(path)],
        "rehearsal files naming a service": [path for path in foreign(sources(REHEARSAL)) if names(path)],
        "test files enumerating services": [path for path in foreign(sources(TESTS)) if enumerates(path)],
        "files naming every service": edited(),
    }
    for what, paths in of_files.items():
        yield f"{what}:"
        yield from (f"  {path.relative_to(ROOT)}" for path in paths)
    yield "arrows running back:"
    yield from (f"  {a} imports {b}" for a, b in running_back())
    yield "circles of imports:"
    yield from (f"  {', '.join(group)}" for group in circles())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", action="store_true", help="also list files and arrows")
    parser.add_argument("--write", action="store_true", help="record what has fallen")
    chosen = parser.parse_args()
    now = held()
    before = recorded() if RECORDED.exists() else now
    for what, number in now.items():
        sys.stdout.write(f"{what:40}{number:>8}   recorded {before[what]}\n")
    for what, text in told().items():
        sys.stdout.write(f"{what:40}{text:>8}\n")
    if chosen.names:
        sys.stdout.write("\n" + "\n".join(listed()) + "\n")
    if chosen.write:
        record({what: min(number, before[what]) for what, number in now.items()})
    return 1 if any(number > before[what] for what, number in now.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
