"""`make bench`: how long the runbook takes, held against what AWS's limits allow. Prints a table and writes JSON.

    python tests/bench [a] [b] [c] [d] [e] [f] [--every-service] [--accounts N] [--reading-accounts N] [--json FILE]

Server and client are processes of their own, over sockets. The bound is printed before each run. Each line says how busy the
server was: near 100 % of a core it would be the server that is measured.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bounds
import commands
import organizations
from harness import LATENCY, served

from runbook_lib.services.registry import specs

MOST_AT_ONCE = 32
"""What settings allow, and what is needed: 400 calls a second of 50 ms and more are over 20 under way."""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def judged(name: str, seconds: float, bound: float, calls: int, empty_cpu: float, run: dict[str, Any]) -> dict[str, Any]:
    """The larger of the two bounds decides, and says what limits."""
    by_cpu = calls * empty_cpu
    limit, what = (by_cpu, "CPU of empty calls") if by_cpu > bound else (bound, "AWS's limits")
    found = {
        "seconds": seconds, "bound": limit, "limited_by": what, "ratio": seconds / limit, "calls": run["calls"],
        "throttled": run["throttled"], "client_busy": run["client_cpu"] / run["seconds"], "server_busy": run["server_busy"],
        "others_busy": run["others_busy"],
        "memory_mib": run["memory"],
    }  # fmt: skip
    say(
        f"  {name}: {seconds:.1f} s, {found['ratio']:.2f} × the bound ({what}); "
        f"{run['calls']:,} calls, {run['throttled']} throttled"
    )
    say(
        f"    client {found['client_busy']:.0%}, server {found['server_busy']:.0%}, others {found['others_busy']:.0%} "
        f"of a core ({os.cpu_count()} cores); client's peak {run['memory']:.0f} MiB"
    )
    return found


def enabling(accounts: int, parts: set[str], *, every: bool) -> dict[str, Any]:
    """(a) the first enablement, and (c) the second run; of three services, or of every one."""
    regions, found = len(organizations.REGIONS), dict[str, Any]()
    services = len(specs()) if every else 3
    with served(accounts, covered=False, concurrency=MOST_AT_ONCE, every=every) as bench:
        empty = bench.run("single")
        before = bench.run("bound")
        found["bound_parts"] = before["parts"]
        floor = bounds.floor_of_enabling(accounts, regions, every=every)
        say(f"(a) first enablement, {accounts} accounts × {regions} Regions × {services} services, {LATENCY * 1000:.0f} ms latency")
        fewest = sum(before["fewest"].values())
        say(f"  bound {before['bound']:.1f} s: AWS's rates, latency and settling along the plans; floor {floor:,} calls")
        say(f"  with the looks and polls that the runbook's rules demand: {before['demanded']:.1f} s; {fewest:,} calls")
        run = bench.run("enable")
        if run["problems"]:
            say(f"  PROBLEMS: {run['problems']}")
        found["a"] = judged("plan and apply", run["seconds"], before["bound"], run["calls"], empty["cpu"], run)
        serial = run["calls"] * empty["wall"]
        found["a"] |= {
            "floor": floor, "calls_to_floor": run["calls"] / floor, "changing": run["mutating"], "problems": run["problems"],
            "planned": run["actions"], "serial": serial, "phases": run["phases"],
            "demanded": before["demanded"], "ratio_to_demanded": run["seconds"] / before["demanded"],
            "demanded_parts": before["demanded_parts"],
            "fewest": before["fewest"], "calls_to_fewest": run["calls"] / fewest,
        }  # fmt: skip
        say(f"    {run['mutating']:,} changing of {run['actions']:,} planned; calls {run['calls'] / floor:.2f} × the floor")
        say(
            f"    with the demanded looks and polls: {found['a']['ratio_to_demanded']:.2f} × the bound, "
            f"{found['a']['calls_to_fewest']:.2f} × the fewest calls "
            f"({', '.join(f'{name} {number:,}' for name, number in before['fewest'].items())})"
        )
        stages = run["causes"].pop("stages")
        causes = {"changes": run["mutating"], **run["causes"], "polls": stages - run["mutating"]}
        found["a"]["causes"] = causes
        say("    " + ", ".join(f"{cause} {number:,}" for cause, number in causes.items()))
        say(f"    one after the other (calls × {empty['wall'] * 1000:.0f} ms, the measured mean of one): {serial:.0f} s")
        say("    " + ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in run["phases"].items()))
        if "c" in parts:
            chain = bounds.second_run(len(run["phases"]), accounts, LATENCY)
            say(f"(c) second run: bound {chain:.1f} s")
            run = bench.run("again")
            found["c"] = judged("plan again", run["seconds"], chain, run["calls"], empty["cpu"], run) | {"actions": run["actions"]}
            say(f"    {run['actions']} actions")
    return found


def reading(accounts: int) -> dict[str, Any]:
    """(b) the coverage, for this many accounts and a tenth of them."""
    regions, found = len(organizations.REGIONS), dict[str, Any]()
    for number in (accounts // 10, accounts):
        with served(number, covered=True, concurrency=MOST_AT_ONCE) as bench:
            empty = bench.run("single")
            bound, floor = bounds.coverage(number, LATENCY), bounds.floor_of_reading(number, regions)
            parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in bound.parts.items())
            say(f"(b) coverage with features and scan types, {number:,} accounts × {regions} Regions × 3 services")
            say(
                f"  bound {bound.seconds:.1f} s ({parts}); "
                f"floor {floor:,} calls; an empty call costs {empty['cpu'] * 1000:.2f} ms CPU"
            )
            run = bench.run("cover")
            one = judged("read", run["survey"], bound.seconds, run["calls"], empty["cpu"], run)
            one |= {"floor": floor, "calls_to_floor": run["calls"] / floor, "client_cpu": run["client_cpu"]}
            one |= {"gap": run["gap"], "unknown": run["unknown"]}
            one["given_by_bursts"] = bounds.coverage(number, LATENCY, bursts=False).seconds - bound.seconds
            say(
                f"    calls {one['calls_to_floor']:.2f} × the floor; answers written in {run['writing']:.1f} s; "
                f"{run['covered']:,} covered, {run['gap']} gaps, {run['unknown']} unknown"
            )
            found[str(number)] = one
    return {"b": found | growth(found[str(accounts // 10)], found[str(accounts)])}


def growth(small: dict[str, Any], large: dict[str, Any]) -> dict[str, float]:
    """Exponents from a tenth of the accounts to all.

    Bursts let a small organization through at once, which makes the plain ones larger. So also: how time grows beyond the bound,
    and both with the seconds put back that the bound owes to bursts, as if every bucket had been empty at the beginning.
    """

    def exponent(of: Callable[[dict[str, Any]], float]) -> float:
        return math.log10(of(large) / of(small))

    found = {
        "growth_of_time": exponent(lambda one: one["seconds"]),
        "growth_of_bound": exponent(lambda one: one["bound"]),
        "growth_beyond_bound": exponent(lambda one: one["ratio"]),
        "growth_of_time_without_bursts": exponent(lambda one: one["seconds"] + one["given_by_bursts"]),
        "growth_of_bound_without_bursts": exponent(lambda one: one["bound"] + one["given_by_bursts"]),
        "growth_of_client_cpu": exponent(lambda one: one["client_cpu"]),
    }
    say(
        f"  growth exponent: time {found['growth_of_time']:.2f}, the bound's own {found['growth_of_bound']:.2f}, "
        f"time over bound {found['growth_beyond_bound']:+.2f}"
    )
    say(
        f"    with what bursts gave put back: time {found['growth_of_time_without_bursts']:.2f}, "
        f"bound {found['growth_of_bound_without_bursts']:.2f}; client CPU {found['growth_of_client_cpu']:.2f}"
    )
    return found


def responding(accounts: int) -> dict[str, Any]:
    """(f) from finding to response, for this many accounts and a tenth of them: the same calls, but for listing the accounts."""
    found = dict[str, Any]()
    for number in (accounts // 10, accounts):
        with served(number, covered=True, concurrency=MOST_AT_ONCE, responding=True) as bench:
            found[str(number)] = run = bench.run("respond")
        calls = f"{run['first']} calls for {run['first_actions']} actions, {run['again']} for a second run"
        say(f"(f) response, {number:,} accounts: {calls}; {run['seconds']:.1f} s")
        say(f"    besides {run['first_organization']} and {run['again_organization']} about the organization")
        if run["problems"]:
            say(f"  PROBLEMS: {run['problems']}")
    small, large = found.values()
    found["grows"] = (small["first"], small["again"]) != (large["first"], large["again"])
    say(f"    the phase's calls {'GROW' if found['grows'] else 'do not grow'} with accounts")
    return {"f": found}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description="Measure the runbook against what AWS's limits allow.")
    parser.add_argument("parts", nargs="*", default=list("abcdef"), help="a to f; all by default")
    parser.add_argument("--every-service", action="store_true", help="(a) and (c) with every service, not the first three")
    parser.add_argument("--accounts", type=int, default=200, help="accounts of (a) and (c)")
    parser.add_argument("--reading-accounts", type=int, default=10_000, help="accounts of (b) and (f)")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures are written")
    asked = parser.parse_args()
    parts, found = set(asked.parts), dict[str, Any]()
    if parts & {"a", "c"}:
        found |= enabling(asked.accounts, parts, every=asked.every_service)
    if "b" in parts:
        found |= reading(asked.reading_accounts)
    if "d" in parts:
        found["d"] = one = commands.notebooks(asked.accounts)
        say(f"(d) coverage of {asked.accounts} accounts: {one['library']:.1f} s by the library,")
        say(f"    {one['library_process']:.1f} s process, {one['command']:.1f} s notebook by command: {one['overhead']:.1f} s more")
    if "e" in parts:
        found["e"] = one = commands.first_table()
        parts_of = f"simulate {one['simulate']:.1f} s, coverage {one['coverage']:.1f} s"
        say(f"(e) start to first coverage table: {one['seconds']:.1f} s ({parts_of})")
    if "f" in parts:
        found |= responding(asked.reading_accounts)
    asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    say(f"figures: {asked.json}")


if __name__ == "__main__":
    main()
