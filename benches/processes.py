#!/usr/bin/env python3
"""Reading every process with phi-ir beside ps and lsof, which give less; as ratios, and peak memory. As root."""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

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


def run(command, cwd):
    """Seconds, and the peak of memory in MiB."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    code = os.waitstatus_to_exitcode(status)
    # lsof ends with 1 when anything was gone before it looked, phi-ir with 3 when a process refused to be read.
    if code not in (0, 1, 3):
        raise SystemExit(f"{command}: exit {code}")
    return seconds, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", type=pathlib.Path, help="a phi-ir that is built already")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("only root can read every process")
    phi_ir = arguments.binary
    if phi_ir is None:
        subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        phi_ir = next(target.glob("*/release/phi-ir"))

    work = pathlib.Path(tempfile.mkdtemp(prefix="phi-ir-bench-"))
    forest = None
    try:
        (work / "forest.c").write_text(FOREST)
        subprocess.run(["gcc", "-O1", "-o", work / "forest", work / "forest.c"], check=True)
        forest = subprocess.Popen([work / "forest", str(arguments.processes)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        made = int(forest.stdout.readline())
        if made < arguments.processes:
            print(f"only {made} processes could be started: see ulimit -u and /proc/sys/kernel/pid_max")
        recipient = subprocess.run([phi_ir, "keygen", "--quiet", "-o", work / "key"], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.strip()
        contestants = {
            "phi-ir collect --only processes": [phi_ir, "collect", "--quiet", "--fast", "--json", "--no-tools", "-r",
                                                recipient, "--only", "processes", "-o", work / "out"],
            "ps -ef": ["ps", "-ef"],
            "lsof -n": ["lsof", "-n"],
        }
        times = {name: [] for name in contestants}
        peaks = {name: 0.0 for name in contestants}
        sealed = 0
        for round_number in range(arguments.rounds):
            for name, command in contestants.items():
                if name.startswith("phi-ir"):
                    shutil.rmtree(work / "out", ignore_errors=True)
                    (work / "out").mkdir(mode=0o700)
                seconds, peak = run(command, work)
                times[name].append(seconds)
                peaks[name] = max(peaks[name], peak)
                if name.startswith("phi-ir"):
                    sealed = next((work / "out").glob("*.zip.age")).stat().st_size
                print(f"round {round_number + 1}: {name}: {seconds:.2f} s", flush=True)
        medians = {name: statistics.median(every) for name, every in times.items()}
        print(f"\n{made} processes, {os.cpu_count()} processors, median of {arguments.rounds}\n")
        print(f"{'':<36}{'seconds':>9}{'peak MiB':>10}")
        for name in contestants:
            print(f"{name:<36}{medians[name]:>9.2f}{peaks[name]:>10.0f}")
        ours = medians["phi-ir collect --only processes"]
        theirs = medians["ps -ef"] + medians["lsof -n"]
        print(f"\nour time / (ps + lsof): {ours / theirs:.3f} (goal 0.2); {sealed / 1e6:.1f} MB sealed")
    finally:
        if forest is not None:
            forest.stdin.close()
            forest.wait()
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
