"""What the benches have in common: taking turns between commands, the time and memory of each, and the table of them."""

import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent


def release_build() -> pathlib.Path:
    """The program, built for release."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return next(target.glob("*/release/phi-ir"))


def new_recipient(phi_ir, key: pathlib.Path) -> str:
    """The recipient of a key that is written to this file."""
    return subprocess.run([phi_ir, "keygen", "--quiet", "-o", key], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


@contextlib.contextmanager
def workplace(folder=None):
    """A folder that is gone afterwards."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="phi-ir-bench-", dir=folder))
    try:
        yield work
    finally:
        shutil.rmtree(work)


def emptied(out: pathlib.Path):
    """A folder for bundles, with none in it."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(mode=0o700)


def run(command, cwd=None, codes=(0, 3), errors=subprocess.DEVNULL):
    """Seconds, and the largest peak of memory of any process of it, in MiB. Exit codes other than these end the bench.

    The kernel counts what a process had before it became the command, so a peak is never less than our own."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    code = os.waitstatus_to_exitcode(status)
    if code not in codes:
        raise SystemExit(f"{command}: exit {code}")
    return seconds, usage.ru_maxrss / 1024


class Measured(typing.NamedTuple):
    """Of all rounds of a command: the median of its seconds, and its largest peak of memory in MiB."""
    seconds: float
    peak: float


def take_turns(contestants, rounds, before, after, told="{seconds:.2f} s", **how):
    """Runs each command once a round, so that all have the same machine, and says so at once.

    `before` and `after` get the name of the command and are not timed; `how` is for `run`."""
    times = {name: [] for name in contestants}
    peaks = {name: 0.0 for name in contestants}
    for number in range(rounds):
        for name, command in contestants.items():
            before(name)
            seconds, peak = run(command, **how)
            times[name].append(seconds)
            peaks[name] = max(peaks[name], peak)
            after(name)
            print(f"round {number + 1}: {name}: {told.format(seconds=seconds, peak=peak)}", flush=True)
    return {name: Measured(statistics.median(times[name]), peaks[name]) for name in contestants}


def heading(what, rounds):
    """What was measured, where, and how often."""
    print(f"\n{what}, {os.cpu_count()} processors, median of {rounds}\n")


def table(width, columns, rows):
    """Rows of a name and its figures; a column is its title, its width and how its figures look. None is left blank."""
    print(f"{'':<{width}}" + "".join(f"{title:>{wide}}" for title, wide, _ in columns))
    for name, *figures in rows:
        cells = ((f"{figure:{look}}" if figure is not None else "", wide)
                 for figure, (_, wide, look) in zip(figures, columns, strict=True))
        print(f"{name:<{width}}" + "".join(f"{cell:>{wide}}" for cell, wide in cells))
