import base64, hashlib, json, os, socket, stat, sys
def full(name, prefix, pad=b"n"):
    return prefix + name + pad * (255 - len(prefix) - len(name))
def put(path, data=b"x\n"):
    with open(path, "wb") as file: file.write(data)
def things(prefix):
    """Names that a file may have, each for a file of its own."""
    yield b"plain"
    yield b"new\nline"
    yield b"esc\x1b]0;owned\x07\x1b[31mred"
    yield "bidi\u202etxt.exe".encode()
    yield b"not utf-8 \xff\xfe\x80"
    yield b"c1 \xc2\x9b31m"
    for name in (b"CON", b"nul.txt", b"com1", b"a:b", b"dot.", b"space ", b"q?", b"star*", b"lt<gt>", b"pipe|", b'quote"',
                 b"back\\slash", b"tab\t", b"=41", b"%41", b"a=b%c", b"~", b"-rf", b" lead", b"del\x7f", b"{}", b"$(id)"):
        yield name
    for name in (b"Twin", b"twin", b"TWIN", "stra\u00dfe".encode(), b"STRASSE", "e\u0301".encode(), "\u00e9".encode()):
        yield name
    yield b"many=" + bytes(range(1, 47)) + bytes(range(48, 120))
    yield full(b"", prefix)[len(prefix):]
    yield full(b"\xff", prefix, b"\xff")[len(prefix):]
    yield full(b"\x1b", prefix, b"\x1b")[len(prefix):]
def zoo(folder, prefix=b"", links=20, sparse=8 << 30, folders=True):
    os.makedirs(folder, exist_ok=True)
    here = lambda name: folder + b"/" + prefix + name
    for number, name in enumerate(things(prefix)): put(here(name), b"file %d of %s\n" % (number, prefix))
    put(here(b"empty"), b"")
    os.mkfifo(here(b"fifo"))
    unix = socket.socket(socket.AF_UNIX)
    os.chdir(folder); unix.bind(prefix + b"socket"); unix.close(); os.chdir(b"/")
    os.mknod(here(b"char"), stat.S_IFCHR | 0o600, os.makedev(1, 5))
    os.mknod(here(b"block"), stat.S_IFBLK | 0o600, os.makedev(7, 250))
    for name, target in ((b"loop", prefix + b"loop"), (b"ping", prefix + b"pong"), (b"pong", prefix + b"ping"), (b"up", b".."),
                         (b"self", b"."), (b"shadow", b"/etc/shadow"), (b"shadow.rel", b"../" * 40 + b"etc/shadow"),
                         (b"mem", b"/proc/self/mem"), (b"fd", b"/proc/self/fd/0"), (b"kmsg", b"/dev/kmsg"), (b"zero", b"/dev/zero"),
                         (b"nowhere", b"/none"), (b"esc\x1b[0mlink", b"to\x1b[31m\n\xff"), (b"long", b"t" * 4095), (b"root", b"/")):
        os.symlink(target, here(name))
    put(here(b"mode 000")); os.chmod(here(b"mode 000"), 0)
    if folders:
        os.mkdir(here(b"closed")); put(here(b"closed") + b"/within"); os.chmod(here(b"closed"), 0)
        put(here(b"Both")); put(here(b"later"))
        for name in (b"f\x1b[7m", b"F\x1b[7m", b"CON.d", b"both", b"LATER", b"newline\n", b"\xff\xff", b"trail. ", full(b"d", prefix)[len(prefix):]):
            os.mkdir(here(name)); put(here(name) + b"/in it"); os.mkfifo(here(name) + b"/fifo")
        os.mkdir(here(b"nothing in it"))
    put(here(b"suid"), b"#!/bin/sh\n"); os.chmod(here(b"suid"), 0o6755)
    for name, when in ((b"future", 2**33), (b"far", 2**37), (b"past", -2**31), (b"longago", -2**37), (b"now", 0)):
        put(here(name)); os.utime(here(name), (when, when))
    if sparse:
        with open(here(b"sparse"), "wb") as file:
            file.write(b"begin"); file.seek(4 << 30); file.write(b"middle"); file.truncate(sparse)
    put(here(b"hard"), b"one inode\n")
    for number in range(links): os.link(here(b"hard"), here(b"hard%04d" % number))
def deep(folder, depth):
    os.makedirs(folder, exist_ok=True); os.chdir(folder)
    for _ in range(depth): os.mkdir(b"d"); os.chdir(b"d")
    put(b"at the bottom"); os.chdir(b"/")
def crowd(folder, many):
    """Mostly names of FIFOs, which nobody hashes."""
    os.makedirs(folder, exist_ok=True)
    for number in range(many):
        name = folder + b"/%07d" % number
        if number % 50: os.mkfifo(name)
        else: os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
def row(path, met, fd, name):
    told = {"path": base64.b64encode(path).decode(), "mode": "%06o" % met.st_mode, "size": met.st_size, "ino": met.st_ino,
            "nlink": met.st_nlink, "rdev": met.st_rdev, "times": [met.st_atime_ns, met.st_mtime_ns, met.st_ctime_ns]}
    if stat.S_ISLNK(met.st_mode): told["target"] = base64.b64encode(os.readlink(name, dir_fd=fd)).decode()
    if stat.S_ISREG(met.st_mode) and 0 < met.st_size < 4096:
        file = os.open(name, os.O_RDONLY | os.O_NOATIME, dir_fd=fd)
        told["sha256"] = hashlib.sha256(os.read(file, 4096)).hexdigest(); os.close(file)
    return told
def walk(root):
    """Everything, by names relative to open folders. No access time changes but of links, which nobody can help."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NOATIME
    out = sys.stdout
    def tell(fd, path):
        folders = []
        for name in sorted(os.fsencode(name) for name in os.listdir(fd)):
            met = os.lstat(name, dir_fd=fd)
            full = path + b"/" + name
            # Of what lies a thousand folders deep the end of its path is enough.
            out.write(json.dumps(row(full if len(full) < 2048 else full[-64:], met, fd, name)) + "\n")
            if stat.S_ISDIR(met.st_mode): folders.append(name)
        return folders
    fd = os.open(root, flags)
    todo = [(tell(fd, b""), b"")]
    while todo:
        names, path = todo[-1]
        if names:
            name = names.pop()
            below = os.open(name, flags, dir_fd=fd)
            os.close(fd); fd, path = below, path + b"/" + name
            todo.append((tell(fd, path), path))
        else:
            todo.pop()
            above = os.open(b"..", flags, dir_fd=fd)
            os.close(fd); fd = above
def make(root, many, depth):
    for path in (b"/etc", b"/home/alice"): os.makedirs(root + path)
    put(root + b"/etc/hostname", b"clinic-db\n")
    put(root + b"/etc/os-release", b"ID=debian\n")
    put(root + b"/etc/passwd", b"root:x:0:0:root:/root:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/bash\n")
    put(root + b"/etc/group", b"root:x:0:\n")
    put(root + b"/etc/shadow", b"root:$6$thesecret:19000:0:99999:7:::\n")
    zoo(root + b"/var/data/phi", links=2000, sparse=2**63 - 4096)
    crowd(root + b"/var/data/phi/crowd", many)
    deep(root + b"/var/data/phi/deep", depth)
    zoo(root + b"/srv/zoo", links=100)
    zoo(root + b"/var/log", b"auth.log.", folders=False)
    zoo(root + b"/home/alice", b".bash_history", folders=False)
    zoo(root + b"/home/alice/.ssh")
verb, root = sys.argv[1], os.fsencode(sys.argv[2])
if verb == "make": make(root, int(sys.argv[3]), int(sys.argv[4]))
if verb == "walk": walk(root)
