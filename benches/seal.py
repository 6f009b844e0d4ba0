#!/usr/bin/env python3
"""Sealing speed of phi-ir beside the shell recipes that do part of the same work, as ratios; and peak memory."""

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build(folder: pathlib.Path, gigabytes: float) -> int:
    """Mixed data as on a server: 35 % incompressible, logs, audit records, tables, programs, 3,000 small files."""
    rng = random.Random(4711)
    total = int(gigabytes * 1e9)
    users = [f"user{n}" for n in range(40)]

    def auth():
        t = rng.randrange(86400)
        return (f"Nov 21 {t // 3600:02}:{t // 60 % 60:02}:{t % 60:02} web01 sshd[{rng.randrange(99999)}]: "
                f"Accepted publickey for {rng.choice(users)} from 10.{rng.randrange(256)}.{rng.randrange(256)}."
                f"{rng.randrange(256)} port {rng.randrange(65536)} ssh2\n")

    def audit():
        return (f"type=SYSCALL msg=audit(17952{rng.randrange(99999):05}.{rng.randrange(999):03}:{rng.randrange(9999999)}): "
                f"arch=c000003e syscall={rng.randrange(330)} success=yes exit={rng.randrange(9)} a0=ffffff9c "
                f"a1={rng.getrandbits(44):x} a2=80000 items=1 ppid={rng.randrange(9999)} pid={rng.randrange(9999)} "
                f"auid=1000 uid=0 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"phi_access\"\n")

    def table():
        return f"{rng.randrange(10**9)},{rng.choice(users)},{rng.random():.9f},{rng.choice(('yes', 'no'))},2026-11-21\n"

    def lines(name, make, size):
        block = "".join(make() for _ in range(40_000)).encode()
        with open(folder / name, "wb") as out:
            while size > 0:
                cut = rng.randrange(len(block) // 2)
                out.write(block[cut:cut + size])
                size -= len(block) - cut

    def noise(name, size):
        with open(folder / name, "wb") as out:
            while size > 0:
                out.write(os.urandom(min(size, 1 << 20)))
                size -= 1 << 20

    folder.mkdir(parents=True)
    for n in range(5):
        noise(f"scan-{n}.dcm", int(total * 0.07))
        lines(f"auth-{n}.log", auth, int(total * 0.04))
        lines(f"audit-{n}.log", audit, int(total * 0.05))
        lines(f"table-{n}.csv", table, int(total * 0.02))
    programs = sorted(p for p in pathlib.Path("/usr/bin").iterdir() if p.is_file() and not p.is_symlink())
    left = int(total * 0.08)
    for number, program in enumerate(programs):
        if left <= 0:
            break
        shutil.copy(program, folder / f"program-{number}")
        left -= program.stat().st_size
    small = folder / "small"
    small.mkdir()
    for n in range(3000):
        (small / f"{n}.txt").write_text("".join(auth() for _ in range(rng.randrange(1, 40))))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run(command, cwd):
    """Seconds, and the largest peak of memory of any process of it, in MiB."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 3):
        raise SystemExit(f"{command}: exit {code}")
    return seconds, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    phi_ir = next(target.glob("*/release/phi-ir"))

    work = pathlib.Path(tempfile.mkdtemp(prefix="phi-ir-bench-", dir=arguments.folder))
    try:
        size = build(work / "corpus", arguments.gigabytes)
        recipient = subprocess.run([phi_ir, "keygen", "--quiet", "-o", work / "key"], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.strip()
        tail = f"| age -r {recipient} > f && sync f && sha256sum f"
        contestants = {
            "phi-ir collect": [phi_ir, "collect", "--quiet", "--fast", "--json", "-r", recipient, "--root",
                               work / "corpus", "--only", "also", "--also", "/", "-o", work / "out"],
            "tar | zstd -1 | age; sync; sha256sum": ["sh", "-c", f"tar -C corpus -cf - . | zstd -q -1 {tail}"],
            "tar | gzip -1 | age; sync; sha256sum": ["sh", "-c", f"tar -C corpus -cf - . | gzip -1 {tail}"],
        }
        times = {name: [] for name in contestants}
        peaks = {name: 0.0 for name in contestants}
        sizes = {}
        for round_number in range(arguments.rounds):
            for name, command in contestants.items():
                shutil.rmtree(work / "out", ignore_errors=True)
                (work / "out").mkdir(mode=0o700)
                (work / "f").unlink(missing_ok=True)
                subprocess.run(["sync"], check=True)
                seconds, peak = run(command, work)
                times[name].append(seconds)
                peaks[name] = max(peaks[name], peak)
                made = (work / "f") if (work / "f").exists() else next((work / "out").glob("*.zip.age"))
                sizes[name] = made.stat().st_size
                print(f"round {round_number + 1}: {name}: {seconds:.2f} s", flush=True)
        ours = statistics.median(times["phi-ir collect"])
        print(f"\n{size / 1e9:.2f} GB in {sum(1 for p in (work / 'corpus').rglob('*') if p.is_file())} files, "
              f"{os.cpu_count()} processors, median of {arguments.rounds}\n")
        print(f"{'':<40}{'seconds':>9}{'MB/s':>7}{'sealed':>8}{'peak MiB':>10}{'our speed / theirs':>20}")
        for name in contestants:
            median = statistics.median(times[name])
            print(f"{name:<40}{median:>9.2f}{size / median / 1e6:>7.0f}{sizes[name] / size:>8.3f}"
                  f"{peaks[name]:>10.0f}{median / ours:>20.2f}")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
