"""Logs of any size, made of events that real daemons wrote: `fixtures/audit/*.log` and `fixtures/auth/classic.log`, with
new times, numbers, processes and files. No bench; `logs.py` imports it."""

import pathlib
import random
import re

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
KEY = b"phi_access"
ID = re.compile(rb"audit\([0-9.]+:[0-9]+\)")
# Of all events, and of those with several records.
SHARE_OF_PHI, INTERLEAVED = 0.1, 0.1


def recorded():
    """The events of PHI and the others, each a list of its lines as templates."""
    events = {}
    for path in sorted((FIXTURES / "audit").glob("*.log")):
        for line in path.read_bytes().splitlines(keepends=True):
            met = ID.search(line)
            if met and not line.startswith((b"type=DAEMON", b"type=CONFIG", b"node=")):
                events.setdefault((path.name, met.group(0)), []).append(line)
    phi, others = [], []
    for lines in events.values():
        is_phi = any(re.search(rb'key="(phi|phi_access)"', line) for line in lines)
        text = [re.sub(rb'key="phi(_access)?"', b'key="' + KEY + b'"', line) for line in lines]
        (phi if is_phi else others).append([template(line) for line in text])
    return phi, others


def template(line: bytes):
    """What stands between the places that are new each time."""
    line = ID.sub(b"\0I", re.sub(rb" pid=\d+", b" pid=\0P", line), count=1)
    line = re.sub(rb"(mrn-|[a-z]/)(\d+|[a-z])(\.txt)", lambda met: met[1] + b"\0N" + met[3], line)
    return re.split(rb"\0([IPN])", line)


def audit_log(path: pathlib.Path, size: int, seed: int = 7) -> int:
    """Writes a log of about so many bytes, one event in ten of PHI, one in ten torn apart by the next. Gives the events
    of PHI."""
    rng = random.Random(seed)
    phi, others = recorded()
    time, serial, written, count, held = 1763700000.0, 1000, 0, 0, []
    with open(path, "wb", buffering=1 << 20) as out:
        while written < size:
            is_phi = rng.random() < SHARE_OF_PHI
            count += is_phi
            serial += 1
            time += rng.random() * 0.05
            new = {b"I": b"audit(%.3f:%d)" % (time, serial), b"P": b"%d" % rng.randrange(300, 60000),
                   b"N": b"%d" % rng.randrange(1, 50000)}
            lines = [b"".join(part if at % 2 == 0 else new[part] for at, part in enumerate(parts))
                     for parts in rng.choice(phi if is_phi else others)]
            if held:
                lines, held = lines[:1] + held + lines[1:], []
            elif len(lines) > 1 and rng.random() < INTERLEAVED:
                lines, held = lines[:1], lines[1:]
            text = b"".join(lines)
            out.write(text)
            written += len(text)
        out.write(b"".join(held))
    return count


def auth_log(path: pathlib.Path, size: int, seed: int = 7):
    """Writes an auth.log of about so many bytes: recorded lines with new times, processes and users, again and again."""
    rng = random.Random(seed)
    lines = [line for line in (FIXTURES / "auth" / "classic.log").read_bytes().splitlines() if line]
    parts = [re.split(rb"\[(\d+)\]", line[15:], maxsplit=1) for line in lines]
    months = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    written, second, shift = 0, 0, 0
    with open(path, "wb", buffering=1 << 20) as out:
        while written < size:
            shift = (shift + 400) % 4_000_000
            user = b"user%d" % (shift // 400 % 900)
            day = second // 86400
            head = b"%s %2d " % (months[day // 28 % 12], day % 28 + 1)
            block = bytearray()
            for part in parts:
                second += rng.random() < 0.02
                now = second % 86400
                block += head + b"%02d:%02d:%02d" % (now // 3600, now // 60 % 60, now % 60)
                block += part[0] if len(part) == 1 else b"%s[%d]%s" % (part[0], int(part[1]) + shift, part[2])
                block += b"\n"
            block = bytes(block).replace(b"alice", user)
            out.write(block)
            written += len(block)
