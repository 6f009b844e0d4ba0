#!/usr/bin/env python3
"""Reading every process with phi-ir beside ps and lsof, which give less; as ratios, and peak memory. As root."""

import argparse
import os
import pathlib
import subprocess

import measure

# Each holds a file, a socket, a pipe and what it was born with, and sleeps; it ends with the pipe of its parent.
FOREST = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <signal.h>
int main(int argc, char **argv) {
    int count = atoi(argv[1]), made = 0;
    for (; made < count; made++) {
        pid_t pid = fork();
        if (pid < 0) break;
        if (pid == 0) {
            int ends[2];
            char name[16];
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            snprintf(name, sizeof name, "worker %d", made);
            prctl(PR_SET_NAME, name);
            open("/etc/passwd", O_RDONLY);
            open("/dev/null", O_RDWR);
            socket(AF_INET, SOCK_STREAM, 0);
            if (pipe(ends)) return 1;
            for (;;) pause();
        }
    }
    printf("%d\n", made);
    fflush(stdout);
    getchar();
    return 0;
}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", type=pathlib.Path, help="a phi-ir that is built already")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("only root can read every process")
    phi_ir = arguments.binary or measure.release_build()
    with measure.workplace() as work:
        (work / "forest.c").write_text(FOREST)
        subprocess.run(["gcc", "-O1", "-o", work / "forest", work / "forest.c"], check=True)
        forest = subprocess.Popen([work / "forest", str(arguments.processes)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            made = int(forest.stdout.readline())
            if made < arguments.processes:
                print(f"only {made} processes could be started: see ulimit -u and /proc/sys/kernel/pid_max")
            compare(phi_ir, arguments.rounds, made, work)
        finally:
            forest.stdin.close()
            forest.wait()


def compare(phi_ir: pathlib.Path, rounds: int, made: int, work: pathlib.Path):
    out = work / "out"
    recipient = measure.new_recipient(phi_ir, work / "key")
    contestants = {
        "phi-ir collect --only processes": [phi_ir, "collect", "--quiet", "--fast", "--json", "--no-tools", "-r",
                                            recipient, "--only", "processes", "-o", out],
        "ps -ef": ["ps", "-ef"],
        "lsof -n": ["lsof", "-n"],
    }
    sealed = []

    def before(name):
        if name.startswith("phi-ir"):
            measure.emptied(out)

    def after(name):
        if name.startswith("phi-ir"):
            sealed.append(next(out.glob("*.zip.age")).stat().st_size)

    # lsof ends with 1 when anything was gone before it looked, phi-ir with 3 when a process refused to be read.
    measured = measure.take_turns(contestants, rounds, before, after, cwd=work, codes=(0, 1, 3))
    measure.heading(f"{made} processes", rounds)
    measure.table(36, [("seconds", 9, ".2f"), ("peak MiB", 10, ".0f")],
                  [(name, *figures) for name, figures in measured.items()])
    ours = measured["phi-ir collect --only processes"].seconds
    theirs = measured["ps -ef"].seconds + measured["lsof -n"].seconds
    print(f"\nour time / (ps + lsof): {ours / theirs:.3f} (goal 0.2); {sealed[-1] / 1e6:.1f} MB sealed")


if __name__ == "__main__":
    main()
