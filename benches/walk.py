#!/usr/bin/env python3
"""Walking and listing a PHI folder with phi-ir beside find, which tells less; as ratios, and peak memory of a million."""

import argparse
import datetime
import os
import pathlib
import time

import measure

PER_FOLDER = 1000


def grow(folder: pathlib.Path, files: int, per_folder: int):
    """So many small files, so many to a folder."""
    for first in range(0, files, per_folder):
        below = folder / f"{first // per_folder:06d}"
        below.mkdir(parents=True)
        opened = os.open(below, os.O_RDONLY)
        for number in range(min(per_folder, files - first)):
            file = os.open(f"record-{number:07d}.txt", os.O_CREAT | os.O_WRONLY, 0o640, dir_fd=opened)
            os.write(file, b"made up\n")
            os.close(file)
        os.close(opened)


def now() -> str:
    """After all that is there, so that nothing of it changed since."""
    time.sleep(0.1)
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--million", action="store_true", help="also the memory for 1,000,000 files, twice: minutes")
    parser.add_argument("--folder", type=pathlib.Path, help="where; needs an inode for each file")
    parser.add_argument("--binary", type=pathlib.Path, help="a phi-ir that is built already")
    arguments = parser.parse_args()
    phi_ir = (arguments.binary or measure.release_build()).resolve()
    with measure.workplace(arguments.folder) as work:
        recipient = measure.new_recipient(phi_ir, work / "key")
        grow(work / "phi", arguments.files, PER_FOLDER)
        (work / "nothing").mkdir()
        compare(phi_ir, arguments, work, recipient)
        if arguments.million:
            for name, per_folder in [("1,000 folders", PER_FOLDER), ("one folder", 1_000_000)]:
                weigh(phi_ir, work, recipient, name, per_folder)


def collect(phi_ir, recipient, phi, since, out):
    return [phi_ir, "collect", "--quiet", "--fast", "--json", "--no-tools", "-r", recipient, "--only", "phi-files",
            "--phi", phi, "--since", since, "-o", out]


def compare(phi_ir, arguments, work, recipient):
    out, since = work / "out", now()
    plan = [phi_ir, "plan", "--quiet", "--json", "--only", "phi-files", "--since", since, "-o", out, "--phi"]
    walk, frame, listing, empty, find = ("walk: plan", "its frame: plan, empty folder", "listing: collect",
                                         "its frame: collect, empty folder", "find -type f -newermt")
    contestants = {
        find: ["find", work / "phi", "-type", "f", "-newermt", since],
        walk: [*plan, work / "phi"],
        frame: [*plan, work / "nothing"],
        listing: collect(phi_ir, recipient, work / "phi", since, out),
        empty: collect(phi_ir, recipient, work / "nothing", since, out),
    }
    sealed = []

    def before(_):
        measure.emptied(out)

    def after(name):
        if name == listing:
            sealed.append(next(out.glob("*.zip.age")).stat().st_size)

    measured = measure.take_turns(contestants, arguments.rounds, before, after, cwd=work, codes=(0, 3, 5),
                                  told="{seconds:.3f} s")
    measure.heading(f"{arguments.files} files", arguments.rounds)
    theirs = measured[find].seconds
    measure.table(34, [("seconds", 9, ".3f"), ("/ find", 8, ".2f"), ("peak MiB", 10, ".0f")],
                  [(name, seconds, seconds / theirs, peak) for name, (seconds, peak) in measured.items()])
    alone = measured[walk].seconds - measured[frame].seconds
    print(f"\nthe walk without its frame / find: {alone / theirs:.2f} (goal 0.5)")
    print(f"the whole sealed listing / find: {measured[listing].seconds / theirs:.2f} (goal 1.5); "
          f"{sealed[-1] / 1e6:.1f} MB sealed", flush=True)


def weigh(phi_ir, work, recipient, name, per_folder):
    phi, out = work / f"million-{per_folder}", work / "out"
    grow(phi, 1_000_000, per_folder)
    measure.emptied(out)
    seconds, peak = measure.run(collect(phi_ir, recipient, phi, now(), out), cwd=work)
    print(f"1,000,000 files in {name}: {seconds:.1f} s, {peak:.0f} MiB (goal 64)", flush=True)


if __name__ == "__main__":
    main()
