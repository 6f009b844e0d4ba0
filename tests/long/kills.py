"""Hundreds of runs that are interrupted or killed at random moments, each checked by stock tools.

    kills.py PROGRAM COUNT [SEED]

After a signal that asks (INT, TERM, HUP): a sealed bundle with its final name, which verifies. After SIGKILL: no final name
unless all three files are there and verify; nothing in the clear; salvage gives back only members that are byte for byte
those of the host. Says how many hit each phase, and fails if a phase that must be hit was not.
"""

import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MARKER = b"MARKER-4711-clear-text"


def build(root):
    (root / "var/log").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "srv").mkdir()
    (root / "etc/hostname").write_text("clinic-db\n")
    (root / "var/log/auth.log").write_bytes((MARKER + b" auth\n") * 3000)
    for number in range(300):
        (root / f"srv/{number:03}.txt").write_bytes((MARKER + b" %d\n" % number) * 50)
    (root / "srv/zz-noise").write_bytes(os.urandom(24_000_000))


def phase(out):
    names = sorted(name.name for name in out.iterdir())
    if any(name.endswith(".zip.age") for name in names):
        return "named"
    if any(name.endswith(".receipt.json") for name in names):
        return "handing over"
    partial = [name for name in names if name.endswith(".partial")]
    if not partial:
        return "before the file"
    return "nothing sealed yet" if (out / partial[0]).stat().st_size < 70_000 else "sealing"


def main():
    program, count = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    work = pathlib.Path(tempfile.mkdtemp(prefix="phi-ir-kills-"))
    phases = {"asked": collections.Counter(), "killed": collections.Counter()}
    try:
        root = work / "root"
        root.mkdir()
        build(root)
        key = work / "key"
        recipient = subprocess.run([program, "keygen", "--quiet", "-o", key], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.strip()
        collect = [program, "collect", "--quiet", "--json", "-r", recipient, "--root", root, "--also", "/srv", "-o"]

        def start(out):
            out.mkdir(mode=0o700)
            return subprocess.Popen([*collect, out], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        out = work / "whole"
        began = time.monotonic()
        run = start(out)
        run.communicate()
        whole = time.monotonic() - began
        shutil.rmtree(out)
        print(f"one run takes {whole:.2f} s")

        for number in range(count):
            kill = number % 2 == 0
            out = work / f"out-{number}"
            run = start(out)
            aim = {6: ".zip.age", 8: ".receipt.json"}.get(number % 10)
            if aim:
                # Aimed: the moments between the receipt, the final name and the end are short.
                while run.poll() is None and not any(name.name.endswith(aim) for name in out.iterdir()):
                    time.sleep(0.0002)
            else:
                time.sleep(rng.uniform(0, whole * 1.1))
            sent = signal.SIGKILL if kill else rng.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
            run.send_signal(sent)
            printed, _ = run.communicate()
            where = phase(out)
            phases["killed" if kill else "asked"][where if kill else f"exit {run.returncode}"] += 1
            for path in out.rglob("*"):
                assert MARKER not in path.read_bytes(), f"clear text in {path}"
            if kill:
                check_killed(program, key, out, where, work / "salvaged", root)
            else:
                check_asked(program, key, out, run.returncode, printed)
            shutil.rmtree(out)
        for kind, counter in phases.items():
            print(kind, dict(counter))
        for must in ("before the file", "sealing", "named"):
            assert phases["killed"][must], f"no kill hit the phase {must!r}"
        assert phases["asked"]["exit 130"], "no signal met a running collection"
    finally:
        shutil.rmtree(work)


def verify(program, key, sealed):
    return subprocess.run([program, "verify", "--json", sealed, "-i", key], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)


def check_asked(program, key, out, code, printed):
    if code in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP):
        # Before the program listens, a signal ends it as it ends any other: nothing may be there yet.
        assert not list(out.iterdir()), list(out.iterdir())
        return
    assert code in (3, 130), code
    document = json.loads(printed)
    sealed = document["bundle"]
    assert len(list(out.iterdir())) == 3, list(out.iterdir())
    assert verify(program, key, sealed).returncode == 0
    subprocess.run(["age", "-d", "-i", key, "-o", "/dev/null", sealed], check=True)


def check_killed(program, key, out, where, salvaged, root):
    sealed = [path for path in out.iterdir() if path.name.endswith(".zip.age")]
    if sealed:
        assert where == "named" and len(list(out.iterdir())) == 3
        assert verify(program, key, sealed[0]).returncode == 0
        return
    for partial in out.glob("*.partial"):
        done = subprocess.run([program, "open", "--salvage", partial, "-i", key, "-o", salvaged],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode == 3:
            for path in (salvaged / "data/root").rglob("*"):
                if path.is_file():
                    assert path.read_bytes() == (root / path.relative_to(salvaged / "data/root")).read_bytes(), path
            shutil.rmtree(salvaged)
        else:
            # Not even the envelope's header reached the disk.
            assert partial.stat().st_size < 1000, (done.returncode, partial.stat().st_size)
        assert not salvaged.exists()


main()
