//! The system calls that need `unsafe`, all of them, each with its reason. Nothing else in this program may.

#![expect(unsafe_code, reason = "the one audited place for calls that rustix does not offer")]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
unsafe extern "C" {
    /// glibc, nss/nsswitch.h: replaces what nsswitch.conf says about one database.
    fn __nss_configure_lookup(database: *const libc::c_char, services: *const libc::c_char) -> libc::c_int;
}

/// Keeps glibc's name service to plain files.
///
/// A static glibc loads name-service plug-ins of the examined host with `dlopen` and crashes in them:
/// `passwd: files systemd`, as Debian ships it, is enough. This program resolves no names, but a library might one
/// day. Call it before anything else runs.
pub fn keep_name_service_to_files() {
    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    for database in [
        c"passwd",
        c"group",
        c"initgroups",
        c"shadow",
        c"gshadow",
        c"services",
        c"networks",
        c"protocols",
        c"netgroup",
    ] {
        // SAFETY: both arguments are NUL-terminated and outlive the call; glibc copies them. The call is made
        // once, before any thread exists.
        unsafe { __nss_configure_lookup(database.as_ptr(), c"files".as_ptr()) };
    }
    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    // SAFETY: as above.
    unsafe {
        __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr());
    }
}

/// Marks every descriptor above stderr close-on-exec, so that no program that we start inherits what whoever
/// started us left open. Kernels before 5.11 do not know the call; there the descriptors are marked one by one.
pub fn close_descriptors_on_exec() {
    // SAFETY: takes three integers and changes a flag of descriptors of this process; it closes none.
    let marked = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if marked == 0 {
        return;
    }
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return };
    for number in open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<libc::c_int>().ok()) {
        if number > 2 {
            // SAFETY: sets one flag of one descriptor and has no memory effects; for one that is gone it fails.
            unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
}

/// Has a program that is about to be started end when the thread that starts it does (prctl(2), `PR_SET_PDEATHSIG`):
/// killed in mid-run, we would leave it behind with nobody to end it in time.
pub fn end_with_us(command: &mut Command) {
    let us = getpid();
    let bind = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have been too late for the signal already.
        if getppid() == Some(us) { Ok(()) } else { Err(Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec it makes two system calls and neither allocates nor takes a lock.
    unsafe { command.pre_exec(bind) };
}

/// Whether whoever started us has had a signal ignored (sigaction(2)).
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: the structure consists of integers, for which all bits zero is a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: with no new action nothing is changed; the old one is written to a structure of ours of the right type.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// Has the kernel keep how a child ended until we ask, also where whoever started us ignores it: an ignored `SIGCHLD` is
/// inherited, and then nobody learns how a program ended (sigaction(2), `SA_NOCLDWAIT`).
pub fn learn_how_children_end() {
    // SAFETY: sets the default action of one signal, which runs no code of ours; no memory is touched.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Asks the disk scheduler to serve a thread of ours only when nobody else wants it (ioprio_set(2), class idle).
pub fn use_idle_io(thread: Pid) -> io::Result<()> {
    const WHO_PROCESS: libc::c_int = 1;
    const CLASS_IDLE: libc::c_int = 3 << 13;
    // SAFETY: takes three integers, and touches no memory.
    match unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, thread.as_raw_pid(), CLASS_IDLE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The class of [`use_idle_io`] as the disk scheduler has it for the calling thread (ioprio_get(2)): 0 none of its own,
/// 1 real time, 2 best effort, 3 idle.
pub fn io_class() -> Option<u8> {
    const WHO_PROCESS: libc::c_int = 1;
    // SAFETY: takes two integers and has no memory effects; 0 means the calling thread.
    let priority = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_PROCESS, 0) };
    u8::try_from(priority >> 13).ok()
}

/// What somebody has used of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, in the kernel and out of it.
    pub processor: Duration,
    /// The most memory at a time, in bytes: of the largest, where it speaks of several.
    pub memory: u64,
    /// Bytes that had to come from a disk.
    pub from_disk: u64,
}

/// What this process has used so far, with all of its threads (getrusage(2)).
pub fn usage_of_ourselves() -> Usage {
    usage(libc::RUSAGE_SELF)
}

/// What the programs that it started and that have ended have used.
pub fn usage_of_programs() -> Usage {
    usage(libc::RUSAGE_CHILDREN)
}

fn usage(of: libc::c_int) -> Usage {
    // SAFETY: the structure consists of integers, for which all bits zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a structure of ours of the right type, which outlives the call.
    if unsafe { libc::getrusage(of, &raw mut usage) } != 0 {
        return Usage::default();
    }
    let span = |time: libc::timeval| {
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
        seconds + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    let times = |count: libc::c_long, unit: u64| u64::try_from(count).unwrap_or(0).saturating_mul(unit);
    Usage {
        processor: span(usage.ru_utime) + span(usage.ru_stime),
        memory: times(usage.ru_maxrss, 1024),
        from_disk: times(usage.ru_inblock, 512),
    }
}

/// Which pages of a part of a file are in the page cache, one byte a page, of which the lowest bit says so (mincore(2)).
/// `offset` is a multiple of the page size. Of a file that is neither ours nor ours to write the kernel says that all are.
pub fn pages_in_cache(file: BorrowedFd<'_>, offset: u64, length: usize, page: usize) -> io::Result<Vec<u8>> {
    let offset = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut pages = vec![0; length.div_ceil(page.max(1))];
    // SAFETY: a new mapping is asked for, at no certain address, so that no memory that is in use is touched; nothing is
    // ever read through it.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), offset)
    };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the range is the mapping that was just made, and the kernel writes one byte for each page of it, for which
    // `pages` has room.
    let told = unsafe { libc::mincore(at, length, pages.as_mut_ptr()) };
    let error = io::Error::last_os_error();
    // SAFETY: the mapping was made above, nothing refers to it, and it is not used afterwards.
    unsafe { libc::munmap(at, length) };
    if told == 0 { Ok(pages) } else { Err(error) }
}

/// Reads an option of a socket into `buffer`, whose beginning may say what is wanted (getsockopt(2)); gives how many
/// bytes the kernel says the answer has.
pub fn socket_option(
    socket: BorrowedFd<'_>,
    level: i32,
    option: i32,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(buffer.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the kernel writes at most `length` bytes, which is the buffer's own length, into memory that is borrowed
    // exclusively for the call; `length` is a variable of ours.
    let done = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, option, buffer.as_mut_ptr().cast(), &raw mut length)
    };
    if done == 0 { Ok(length as usize) } else { Err(io::Error::last_os_error()) }
}

/// Whether a descriptor leads to a network namespace (ioctl_nsfs(2), NS_GET_NSTYPE).
pub fn is_network_namespace(file: BorrowedFd<'_>) -> bool {
    // `_IO(0xb7, 3)` of linux/nsfs.h, as x86 and ARM number requests.
    const KIND: libc::Ioctl = 0xb703;
    // SAFETY: the request takes no argument and writes to no memory; what is no namespace answers with an error.
    unsafe { libc::ioctl(file.as_raw_fd(), KIND) == libc::CLONE_NEWNET }
}

/// Whether two threads have one table of descriptors (kcmp(2), KCMP_FILES). Kernels may be built without the call.
pub fn share_descriptors(one: u32, other: u32) -> io::Result<bool> {
    const FILES: libc::c_int = 2;
    // SAFETY: takes five integers, of which the last two mean nothing for this kind, and has no memory effects.
    match unsafe { libc::syscall(libc::SYS_kcmp, one, other, FILES, 0, 0) } {
        0 => Ok(true),
        1.. => Ok(false),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// That of the socket itself.
    Own,
    /// The one that it is connected to.
    Other,
}

/// Reads the address of one end of a socket into `buffer` (getsockname(2), getpeername(2)), for families whose
/// addresses rustix does not know; gives how many bytes the kernel says it has.
pub fn socket_address(socket: BorrowedFd<'_>, side: Side, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(buffer.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let call = match side {
        Side::Own => libc::getsockname,
        Side::Other => libc::getpeername,
    };
    // SAFETY: the kernel copies at most `length` bytes, which is the buffer's own length, into memory that is borrowed
    // exclusively for the call, and asks for no alignment; `length` is a variable of ours.
    let done = unsafe { call(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), &raw mut length) };
    if done == 0 { Ok(length as usize) } else { Err(io::Error::last_os_error()) }
}

/// The names of the extended attributes of what lies at a name in a folder, of a link itself, each with a NUL behind
/// it (listxattrat(2), since Linux 6.13); gives how many bytes they have.
pub fn list_xattrs(folder: BorrowedFd<'_>, name: &[u8], buffer: &mut [u8]) -> Result<usize, Errno> {
    // include/uapi/asm-generic/unistd.h; the same on every processor.
    const LISTXATTRAT: libc::c_long = 465;
    let name = std::ffi::CString::new(name).map_err(|_| Errno::INVAL)?;
    // SAFETY: the name is NUL-terminated and outlives the call; the kernel writes at most `buffer.len()` bytes into
    // memory that is borrowed exclusively for the call.
    let length = unsafe {
        libc::syscall(
            LISTXATTRAT,
            folder.as_raw_fd(),
            name.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    };
    usize::try_from(length)
        .map_err(|_| Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO))
}

/// Takes over a descriptor that whoever started us has opened for us (`--passphrase-fd`).
pub fn inherited(number: i32) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the call has no memory effects; a number that is not open gives an error.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, as just seen, and was handed to us to be read and closed; nothing else in
    // this process knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// What the kernel says of its clock's discipline (adjtimex(2)). Read only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockDiscipline {
    /// What the call returned: `TIME_OK` 0 to `TIME_ERROR` 5.
    pub state: i32,
    /// `STA_…` bits.
    pub status: i32,
    /// What is still to be corrected, in microseconds, or nanoseconds with `STA_NANO`.
    pub offset: i64,
    /// Correction of the frequency, in parts per million times 65,536.
    pub frequency: i64,
    /// How far off the clock can be, in microseconds, as whoever disciplines it says.
    pub max_error: i64,
    /// How far off it probably is, in microseconds.
    pub estimated_error: i64,
    /// Seconds of TAI before UTC; 0 where nobody has told the kernel.
    pub tai: i32,
    /// Microseconds of one tick.
    pub tick: i64,
}

/// Asks for it without changing anything.
pub fn clock_discipline() -> io::Result<ClockDiscipline> {
    // SAFETY: the structure consists of integers, for which all bits zero is a value; `modes` 0 means that nothing is set.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a structure of ours of the right type, which outlives the call.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    #[allow(clippy::useless_conversion, reason = "their width depends on the processor")]
    Ok(ClockDiscipline {
        state,
        status: timex.status,
        offset: timex.offset.into(),
        frequency: timex.freq.into(),
        max_error: timex.maxerror.into(),
        estimated_error: timex.esterror.into(),
        tai: timex.tai,
        tick: timex.tick.into(),
    })
}
