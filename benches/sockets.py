#!/usr/bin/env python3
"""Sockets with their owners: phi-ir beside `ss -antp`, with 20,000 sockets held on loopback; ratios and peak memory."""

import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys

import measure



def hold(count: int):
    """Pairs of connected TCP sockets, in as many processes as the limit of descriptors asks for; ends with its input."""
    import socket
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held, children = 0, []
    while held < count:
        share = min(count - held, most - 100) // 2 * 2
        held += share
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            listener.listen(4096)
            kept = []
            for number in range(share // 2):
                one = socket.socket()
                # Not more from one address than it has ports.
                one.bind((f"127.0.1.{number % 8 + 1}", 0))
                one.connect(listener.getsockname())
                kept += [one, listener.accept()[0]]
            os.write(writer, b".")
            sys.stdin.read()
            os._exit(0)
        os.read(reader, 1)
        children.append(child)
    print(held, flush=True)
    for child in children:
        os.waitpid(child, 0)


def native_part(phi_ir, key, out: pathlib.Path, work: pathlib.Path):
    """Seconds from the first entry of the native step to its last, as the entries tell them; and rows of the table."""
    bundle = next(out.glob("*.zip.age"))
    opened = work / "opened"
    subprocess.run([phi_ir, "open", bundle, "-i", key, "-o", opened], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    entries = [json.loads(path.read_bytes()) for path in sorted((opened / "entries").iterdir())]
    native = [entry for entry in entries if entry["collector"] == "sockets" and entry["step"] == "native"]
    starts = [entry["taken"]["boottime_ns"] for entry in native]
    ends = [entry["taken"]["boottime_ns"] + entry["duration_ns"] for entry in native]
    rows = sum(1 for _ in open(opened / "data/live/sockets/sockets.jsonl", "rb"))
    shutil.rmtree(opened)
    # The look through all processes comes before the first entry; it is in the whole and not in this figure.
    return (max(ends) - min(starts)) / 1e9, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("phi_ir", type=pathlib.Path, help="the release binary")
    parser.add_argument("--sockets", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hold", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hold:
        return hold(arguments.sockets)
    phi_ir = arguments.phi_ir.resolve()
    holder = subprocess.Popen([sys.executable, __file__, phi_ir, "--hold", "--sockets", str(arguments.sockets)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        with measure.workplace() as work:
            compare(phi_ir, arguments.rounds, int(holder.stdout.readline()), work)
    finally:
        holder.stdin.close()
        holder.wait()


def compare(phi_ir: pathlib.Path, rounds: int, held: int, work: pathlib.Path):
    key, out = work / "key", work / "out"
    recipient = measure.new_recipient(phi_ir, key)
    ours = [phi_ir, "collect", "--quiet", "--fast", "--no-tools", "--only", "sockets", "-r", recipient, "-o", out]
    contestants = {
        "phi-ir collect --only sockets": ours,
        "phi-ir collect, nothing but its frame": [*ours[:6], "mounts", *ours[7:]],
        "ss -antp": ["ss", "-antp"],
        "ss -anpe (all families)": ["ss", "-anpe"],
    }
    native = []

    def after(name):
        if name.endswith("sockets"):
            native.append(native_part(phi_ir, key, out, work))

    measured = measure.take_turns(contestants, rounds, lambda _: measure.emptied(out), after,
                                  told="{seconds:.3f} s, {peak:.0f} MiB")
    theirs = measured["ss -antp"].seconds
    part = statistics.median(seconds for seconds, _ in native)
    measure.heading(f"{held} sockets held, {native[-1][1]} rows in the table", rounds)
    measure.table(
        42,
        [("seconds", 9, ".3f"), ("peak MiB", 10, ".0f"), ("of ss -antp", 13, ".2f")],
        [(name, seconds, peak, seconds / theirs) for name, (seconds, peak) in measured.items()]
        + [("the native step, by its entries", part, None, part / theirs)])


if __name__ == "__main__":
    main()
