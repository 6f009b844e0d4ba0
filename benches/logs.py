#!/usr/bin/env python3
"""Questions to logs: phi-ir beside what somebody would otherwise type (ausearch, aureport, grep, journalctl), as ratios;
and peak memory."""

import argparse
import pathlib
import subprocess
import tempfile

import audit_events
import measure

KEY = audit_events.KEY.decode()
# aureport's summary by file takes time with the square of the log; more than so many seconds are not waited for.
PATIENCE = 600


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=pathlib.Path, nargs="?", help="the program; built for release if none is given")
    parser.add_argument("--megabytes", type=int, default=200, help="of the audit log")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="of the auth log; 0 leaves it out")
    parser.add_argument("--journal", type=pathlib.Path, help="a folder of journal files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="only the peak of memory, with 2 GB of audit log")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    phi_ir = arguments.binary.absolute() if arguments.binary else measure.release_build()
    with measure.workplace(arguments.folder) as work:
        if arguments.memory:
            memory(phi_ir, work)
            return
        audit(phi_ir, work, arguments.megabytes, arguments.rounds)
        by_file(phi_ir, work, arguments.megabytes)
        if arguments.gigabytes:
            auth(phi_ir, work, arguments.gigabytes, arguments.rounds)
        if arguments.journal:
            journal(phi_ir, arguments.journal, arguments.rounds)


def has(phi_ir: pathlib.Path, verb: str) -> bool:
    """Whether the program has a verb."""
    return subprocess.run([phi_ir, verb, "--help"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def without_input(*command):
    """ausearch and aureport read a pipe instead of the file that they are given."""
    return ["sh", "-c", 'exec "$@" < /dev/null', "sh", *map(str, command)]


def search(phi_ir, log):
    return [phi_ir, "search", "--quiet", "--audit", log, "--key", KEY, "--format", "raw"]


def access(phi_ir, log, *more):
    return [phi_ir, "access", "--quiet", "--audit", log, "--phi-key", KEY, *more]


def audit(phi_ir: pathlib.Path, work: pathlib.Path, megabytes: int, rounds: int):
    log = work / "audit.log"
    events = audit_events.audit_log(log, megabytes * 1_000_000)
    same_events(phi_ir, log)
    pairs = [("search --key --format raw", search(phi_ir, log),
              "ausearch -k --raw", without_input("ausearch", "-if", log, "-k", KEY, "--raw"))]
    if has(phi_ir, "access"):
        pairs.append(("access", access(phi_ir, log, "--format", "jsonl"),
                      "ausearch -k -i", without_input("ausearch", "-if", log, "-k", KEY, "-i")))
    beside(f"{log.stat().st_size / 1e6:.0f} MB of audit log, {events} events of PHI", pairs, rounds,
           log.stat().st_size)
    log.unlink()


def same_events(phi_ir, log):
    """What is compared must be the same work: the same events are found."""
    def found(command):
        printed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        return set(audit_events.ID.findall(printed))
    ours = found(search(phi_ir, log))
    theirs = found(without_input("ausearch", "-if", log, "-k", KEY, "--raw"))
    if ours != theirs:
        raise SystemExit(f"not the same events: {len(ours)} of ours, {len(theirs)} of ausearch's")
    print(f"{len(ours)} events, the same by ausearch", flush=True)


def by_file(phi_ir, work, megabytes):
    """The summary by file, once: aureport's takes minutes with 200 MB."""
    if not has(phi_ir, "access"):
        print("no verb access: the summary by file is left out", flush=True)
        return
    log = work / "audit.log"
    audit_events.audit_log(log, megabytes * 1_000_000)
    ours, _ = measure.run(access(phi_ir, log, "--by", "file", "--format", "jsonl"))
    print(f"access --by file, {megabytes} MB: {ours:.2f} s", flush=True)
    theirs, _ = measure.run(without_input("timeout", PATIENCE, "aureport", "-if", log, "-f", "--summary"),
                            codes=(0, 1, 124))
    told = f"{theirs:.1f} s, {theirs / ours:.0f} times as long" if theirs < PATIENCE else "did not finish"
    print(f"aureport -f --summary, {megabytes} MB: {told}", flush=True)
    log.unlink()


def auth(phi_ir, work, gigabytes, rounds):
    if not has(phi_ir, "logins"):
        print("no verb logins: the auth log is left out", flush=True)
        return
    log = work / "auth.log"
    audit_events.auth_log(log, int(gigabytes * 1e9))
    words = "(Accepted|Failed) [a-z/-]+ for|Invalid user"
    pairs = [("logins --auth", [phi_ir, "logins", "--quiet", "--auth", log, "--format", "jsonl"],
              # Into nowhere grep would stop at the first line that it finds.
              "grep -cE | cat", ["sh", "-c", 'LC_ALL=C grep -acE "$1" "$2" | cat', "sh", words, log])]
    beside(f"{log.stat().st_size / 1e9:.2f} GB of auth log", pairs, rounds, log.stat().st_size)
    log.unlink()


def journal(phi_ir, folder, rounds):
    if not has(phi_ir, "logins"):
        print("no verb logins: the journal is left out", flush=True)
        return
    size = sum(path.stat().st_size for path in folder.rglob("*.journal*"))
    pairs = [("logins --journal", [phi_ir, "logins", "--quiet", "--journal", folder, "--format", "jsonl"],
              "journalctl -o export", ["journalctl", "-q", "-D", folder, "-o", "export"])]
    beside(f"{size / 1e6:.0f} MB of journal", pairs, rounds, size)


def beside(what, pairs, rounds, size):
    """Ours and theirs by turns, in one run."""
    contestants = {name: command for ours, mine, theirs, other in pairs
                   for name, command in ((ours, mine), (theirs, other))}
    measured = measure.take_turns(contestants, rounds, lambda _: None, lambda _: None)
    measure.heading(what, rounds)
    rows = []
    for ours, _, theirs, _ in pairs:
        ratio = measured[theirs].seconds / measured[ours].seconds
        for name, told in ((ours, ratio), (theirs, None)):
            seconds, peak = measured[name]
            rows.append((name, seconds, size / seconds / 1e6, peak, told))
    measure.table(30, [("seconds", 9, ".2f"), ("MB/s", 7, ".0f"), ("peak MiB", 10, ".0f"),
                       ("our speed / theirs", 20, ".2f")], rows)


def memory(phi_ir, work):
    """The peak of memory with ten times the log."""
    log = work / "audit.log"
    events = audit_events.audit_log(log, 2_000_000_000)
    commands = {"search --key --format raw": search(phi_ir, log)}
    if has(phi_ir, "access"):
        commands["access"] = access(phi_ir, log, "--format", "jsonl")
        commands["access --by file"] = access(phi_ir, log, "--by", "file", "--format", "jsonl")
    print(f"2 GB of audit log, {events} events of PHI", flush=True)
    for name, command in commands.items():
        seconds, peak = measure.run(command)
        print(f"{name}: {seconds:.1f} s, {peak:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
