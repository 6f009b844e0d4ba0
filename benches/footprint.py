#!/usr/bin/env python3
"""What a collection costs a server: the latency of a small PostgreSQL with and without one, and what each run takes. As root."""

import argparse
import contextlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import statistics
import subprocess
import time
import typing

import measure

PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
ALONE = "without a collection"
WARM_UP = 1.0


class Cost(typing.NamedTuple):
    """What one run took of the machine, with all that it started."""
    seconds: float
    processor: float
    read: float
    written: float
    peak: float


class Latency(typing.NamedTuple):
    """Of the transactions of one round, in milliseconds; and how many there were a second."""
    average: float
    p95: float
    p99: float
    rate: float


def as_postgres(*command):
    subprocess.run(["runuser", "-u", "postgres", "--", *map(str, command)], check=True, cwd="/",
                   stdout=subprocess.DEVNULL, start_new_session=True)


@contextlib.contextmanager
def database(work: pathlib.Path, scale: int):
    """A server of its own in this folder, on a socket there; gives the arguments that lead to it."""
    programs, place = PROGRAMS[-1], work / "postgres"
    place.mkdir()
    shutil.chown(place, pwd.getpwnam("postgres").pw_uid)
    data = place / "data"
    as_postgres(programs / "initdb", "-D", data, "-A", "trust", "-E", "UTF8")
    as_postgres(programs / "pg_ctl", "-D", data, "-w", "-l", place / "log", "-o", f"-k {place} -c listen_addresses=''", "start")
    try:
        where = ["-h", str(place), "-U", "postgres", "postgres"]
        subprocess.run([programs / "pgbench", "-i", "-q", "-s", str(scale), *where], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield where
    finally:
        as_postgres(programs / "pg_ctl", "-D", data, "-w", "-m", "fast", "stop")


def build_logs(folder: pathlib.Path, megabytes: int):
    """Log files of 20 MB, as a rotation leaves them."""
    rng, folder = random.Random(4711), folder / "logs"
    folder.mkdir()
    lines = "".join(f"Nov 21 {rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02} web01 app[{rng.randrange(9999)}]: "
                    f"request {rng.getrandbits(64):x} by user{rng.randrange(40)} took {rng.randrange(900)} ms\n"
                    for _ in range(10_000)).encode()
    for number in range(max(1, megabytes // 20)):
        # In pieces: what we have in memory ourselves counts as the peak of what we start.
        with open(folder / f"app.log.{number}", "wb") as out:
            while out.tell() < 20_000_000:
                out.write(lines)
            os.fsync(out.fileno())
    return folder


def put_out_of_memory(folder: pathlib.Path):
    """Nobody has read these for long."""
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def in_memory(folder: pathlib.Path) -> float:
    """Megabytes of these files that are in the page cache."""
    told = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", *folder.iterdir()], check=True,
                          text=True, stdout=subprocess.PIPE).stdout
    return sum(map(int, told.split())) / 1e6


def start(command):
    """In a session of its own, as of somebody who has logged in."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def end(process, began) -> Cost:
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_inblock * 512 / 1e6,
                used.ru_oublock * 512 / 1e6, used.ru_maxrss / 1024)


def costs(command, prepare) -> Cost:
    prepare()
    began = time.monotonic()
    process = start(command)
    cost = end(process, began)
    if process.returncode not in (0, 3):
        raise SystemExit(f"{command}: exit {process.returncode}")
    return cost


def load(work, where, seconds, limit, command, prepare):
    """The latencies while a command is run again and again, and what each whole run of it took."""
    logs = work / "latencies"
    measure.emptied(logs)
    client = [PROGRAMS[-1] / "pgbench", "-n", "-c", "4", "-j", "2", "-T", str(seconds), "-l", f"--log-prefix={logs}/log"]
    client += ["-R", str(limit)] if limit else []
    process = start([*client, *where])
    time.sleep(WARM_UP)
    since, runs = time.time(), []
    while command and process.poll() is None:
        prepare()
        began, run = time.monotonic(), start(command)
        while process.poll() is None and os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.02)
        if process.poll() is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGTERM)
            end(run, began)
        else:
            runs.append(end(run, began))
    if process.wait() != 0:
        raise SystemExit("pgbench failed")
    took = []
    for log in logs.iterdir():
        for line in log.read_text().splitlines():
            field = line.split()
            if field[2].isdigit() and int(field[4]) + int(field[5]) / 1e6 >= since:
                took.append(int(field[2]) / 1000)
    took.sort()
    at = lambda part: took[min(len(took) - 1, int(len(took) * part))]
    return Latency(statistics.fmean(took), at(0.95), at(0.99), len(took) / (seconds - WARM_UP)), runs


def medians(rows, of):
    return of(*(statistics.median(figures) for figures in zip(*rows, strict=True)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=pathlib.Path, nargs="?", help="a phi-ir that is built already")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=12, help="of load, for each command and round")
    parser.add_argument("--megabytes", type=int, default=400, help="of logs")
    parser.add_argument("--scale", type=int, default=10, help="of pgbench")
    parser.add_argument("--limit", type=int, default=200, help="transactions a second of the limited load")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or not PROGRAMS:
        raise SystemExit("needs root, and Debian's postgresql")
    # However this is ended, the server that it has started ends too.
    signal.signal(signal.SIGTERM, lambda *_: exit(1))
    phi_ir = (arguments.binary or measure.release_build()).resolve()
    with measure.workplace("/var/tmp") as work:
        work.chmod(0o711)
        logs, out = build_logs(work, arguments.megabytes), work / "out"
        recipient = measure.new_recipient(phi_ir, work / "key")
        collect = [phi_ir, "collect", "--quiet", "-r", recipient, "--also", logs, "-o", out]
        contestants = {
            ALONE: None,
            "collect": collect,
            "collect --max-cpu 50": [*collect, "--max-cpu", "50"],
            "collect --fast": [*collect, "--fast"],
            "tar | sha256sum": ["sh", "-c", f"tar cf - /var/log {logs} | sha256sum"],
            "tar | gzip -1, sha256sum": ["sh", "-c", f"tar cf - /var/log {logs} | gzip -1 > {out}/a; sha256sum {out}/a"],
        }

        def prepare():
            measure.emptied(out)
            put_out_of_memory(logs)

        with database(work, arguments.scale) as where:
            compare(arguments, contestants, prepare, work, where, logs)


def compare(arguments, contestants, prepare, work, where, logs):
    loads = {f"{arguments.limit} transactions a second": arguments.limit, "as many as it can": None}
    idle = {name: [] for name, command in contestants.items() if command}
    left = {}
    for number in range(arguments.rounds):
        for name, rows in idle.items():
            rows.append(costs(contestants[name], prepare))
            left[name] = in_memory(logs)
        print(f"round {number + 1}: alone", flush=True)
    latencies = {load: {name: [] for name in contestants} for load in loads}
    busy = {name: [] for name in idle}
    for number in range(arguments.rounds):
        for told, limit in loads.items():
            for name, command in contestants.items():
                latency, runs = load(work, where, arguments.seconds, limit, command, prepare)
                latencies[told][name].append(latency)
                if command and limit is None:
                    busy[name] += runs
            print(f"round {number + 1}: {told}", flush=True)

    columns = [("seconds", 9, ".2f"), ("CPU s", 8, ".2f"), ("of one", 8, ".0%"), ("read MB", 9, ".0f"),
               ("written MB", 12, ".0f"), ("peak MiB", 10, ".0f")]
    row = lambda cost: (cost.seconds, cost.processor, cost.processor / cost.seconds, cost.read, cost.written, cost.peak)
    measure.heading(f"{arguments.megabytes} MB of logs; on an idle host", arguments.rounds)
    measure.table(26, [*columns, ("left in cache MB", 18, ".0f")],
                  [(name, *row(medians(rows, Cost)), left[name]) for name, rows in idle.items()])
    measure.heading("the same beside as many transactions as it can; whole runs", arguments.rounds)
    measure.table(26, columns, [(name, *row(medians(rows, Cost))) for name, rows in busy.items() if rows])
    for told, rows in latencies.items():
        alone = medians(rows[ALONE], Latency)
        measure.heading(f"pgbench, 4 clients, {told}: latency", arguments.rounds)
        measure.table(26, [("ms", 8, ".2f"), ("p95", 8, ".2f"), ("p99", 8, ".2f"), ("a second", 10, ".0f"),
                           ("ms ratio", 10, ".2f"), ("p95", 7, ".2f"), ("p99", 7, ".2f"), ("a second", 10, ".2f")],
                      [(name, *now, *(one / other for one, other in zip(now, alone, strict=True)))
                       for name, now in ((name, medians(found, Latency)) for name, found in rows.items())])
    load_average = os.getloadavg()[2]
    print(f"\nload of the last quarter of an hour: {load_average:.1f}, this bench's included")


if __name__ == "__main__":
    main()
