#!/usr/bin/env python3
"""Sealing speed of phi-ir beside the shell recipes that do part of the same work, as ratios; and peak memory."""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

import measure



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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    phi_ir = measure.release_build()
    with measure.workplace(arguments.folder) as work:
        compare(phi_ir, arguments.rounds, build(work / "corpus", arguments.gigabytes), work)


def compare(phi_ir: pathlib.Path, rounds: int, size: int, work: pathlib.Path):
    out, file = work / "out", work / "f"
    recipient = measure.new_recipient(phi_ir, work / "key")
    tail = f"| age -r {recipient} > f && sync f && sha256sum f"
    contestants = {
        "phi-ir collect": [phi_ir, "collect", "--quiet", "--fast", "--json", "-r", recipient, "--root",
                           work / "corpus", "--only", "also", "--also", "/", "-o", out],
        "tar | zstd -1 | age; sync; sha256sum": ["sh", "-c", f"tar -C corpus -cf - . | zstd -q -1 {tail}"],
        "tar | gzip -1 | age; sync; sha256sum": ["sh", "-c", f"tar -C corpus -cf - . | gzip -1 {tail}"],
    }
    sizes = {}

    def before(_):
        measure.emptied(out)
        file.unlink(missing_ok=True)
        subprocess.run(["sync"], check=True)

    def after(name):
        made = file if file.exists() else next(out.glob("*.zip.age"))
        sizes[name] = made.stat().st_size

    measured = measure.take_turns(contestants, rounds, before, after, cwd=work, errors=None)
    ours = measured["phi-ir collect"].seconds
    files = sum(1 for path in (work / "corpus").rglob("*") if path.is_file())
    measure.heading(f"{size / 1e9:.2f} GB in {files} files", rounds)
    measure.table(
        40,
        [("seconds", 9, ".2f"), ("MB/s", 7, ".0f"), ("sealed", 8, ".3f"), ("peak MiB", 10, ".0f"),
         ("our speed / theirs", 20, ".2f")],
        [(name, seconds, size / seconds / 1e6, sizes[name] / size, peak, seconds / ours)
         for name, (seconds, peak) in measured.items()])


if __name__ == "__main__":
    main()
