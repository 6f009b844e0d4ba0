//! Numbers of the system calls that touch files, by processor, and what each does (the kernel's `syscall_64.tbl`,
//! `syscall_32.tbl`, `include/uapi/asm-generic/unistd.h`, `arch/*/tools/syscall.tbl`).

use super::Op;

/// Which argument holds the directory that a bare name begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::records::audit_event) enum Begins {
    /// The working directory.
    Here,
    /// The directory of argument 0.
    First,
    /// Of argument 1.
    Second,
    /// Argument 0 for the old name, argument 2 for the new one.
    Two,
    /// No name: argument 0 is the open file itself.
    Open,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Opens, with the flags in this argument.
    Opens(usize),
    /// Opens for writing a file made or emptied: creat(2).
    Creats,
    /// Opens; the flags are in a record of their own.
    OpensHow,
    /// unlinkat(2): the flags tell a directory.
    UnlinksAt,
    /// Always the same.
    Is(Op),
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub name: &'static str,
    pub does: Does,
    pub begins: Begins,
    /// x86_64; i386; aarch64, riscv64 and loongarch64; arm; ppc64; s390x.
    numbers: [&'static [u16]; 6],
}

const fn call(name: &'static str, does: Does, begins: Begins, numbers: [&'static [u16]; 6]) -> Call {
    Call { name, does, begins, numbers }
}

use Begins::{First, Here, Open, Second, Two};
use Does::{Creats, Is, Opens, OpensHow, UnlinksAt};

#[rustfmt::skip]
const CALLS: [Call; 66] = [
    call("openat", Opens(2), First, [&[257], &[295], &[56], &[322], &[286], &[288]]),
    call("open", Opens(1), Here, [&[2], &[5], &[], &[5], &[5], &[5]]),
    call("creat", Creats, Here, [&[85], &[8], &[], &[8], &[8], &[8]]),
    call("openat2", OpensHow, First, [&[437]; 6]),
    call("open_by_handle_at", Opens(2), Open, [&[304], &[342], &[265], &[371], &[346], &[336]]),
    call("unlink", Is(Op::Delete), Here, [&[87], &[10], &[], &[10], &[10], &[10]]),
    call("unlinkat", UnlinksAt, First, [&[263], &[301], &[35], &[328], &[292], &[294]]),
    call("rmdir", Is(Op::Rmdir), Here, [&[84], &[40], &[], &[40], &[40], &[40]]),
    call("rename", Is(Op::Rename), Here, [&[82], &[38], &[], &[38], &[38], &[38]]),
    call("renameat", Is(Op::Rename), Two, [&[264], &[302], &[38], &[329], &[293], &[295]]),
    call("renameat2", Is(Op::Rename), Two, [&[316], &[353], &[276], &[382], &[357], &[347]]),
    call("truncate", Is(Op::Truncate), Here, [&[76], &[92, 193], &[45], &[92, 193], &[92], &[92]]),
    call("ftruncate", Is(Op::Truncate), Open, [&[77], &[93, 194], &[46], &[93, 194], &[93], &[93]]),
    call("fallocate", Is(Op::Alloc), Open, [&[285], &[324], &[47], &[352], &[309], &[314]]),
    call("chmod", Is(Op::Chmod), Here, [&[90], &[15], &[], &[15], &[15], &[15]]),
    call("fchmod", Is(Op::Chmod), Open, [&[91], &[94], &[52], &[94], &[94], &[94]]),
    call("fchmodat", Is(Op::Chmod), First, [&[268], &[306], &[53], &[333], &[297], &[299]]),
    call("fchmodat2", Is(Op::Chmod), First, [&[452]; 6]),
    call("chown", Is(Op::Chown), Here, [&[92], &[182, 212], &[], &[182, 212], &[181], &[182, 212]]),
    call("fchown", Is(Op::Chown), Open, [&[93], &[95, 207], &[55], &[95, 207], &[95], &[95, 207]]),
    call("lchown", Is(Op::Chown), Here, [&[94], &[16, 198], &[], &[16, 198], &[16], &[16, 198]]),
    call("fchownat", Is(Op::Chown), First, [&[260], &[298], &[54], &[325], &[289], &[291]]),
    call("setxattr", Is(Op::Xattr), Here, [&[188], &[226], &[5], &[226], &[209], &[224]]),
    call("lsetxattr", Is(Op::Xattr), Here, [&[189], &[227], &[6], &[227], &[210], &[225]]),
    call("fsetxattr", Is(Op::Xattr), Open, [&[190], &[228], &[7], &[228], &[211], &[226]]),
    call("setxattrat", Is(Op::Xattr), First, [&[463]; 6]),
    call("removexattr", Is(Op::Xattr), Here, [&[197], &[235], &[14], &[235], &[218], &[233]]),
    call("lremovexattr", Is(Op::Xattr), Here, [&[198], &[236], &[15], &[236], &[219], &[234]]),
    call("fremovexattr", Is(Op::Xattr), Open, [&[199], &[237], &[16], &[237], &[220], &[235]]),
    call("removexattrat", Is(Op::Xattr), First, [&[466]; 6]),
    call("link", Is(Op::Link), Here, [&[86], &[9], &[], &[9], &[9], &[9]]),
    call("linkat", Is(Op::Link), Two, [&[265], &[303], &[37], &[330], &[294], &[296]]),
    call("symlink", Is(Op::Symlink), Here, [&[88], &[83], &[], &[83], &[83], &[83]]),
    call("symlinkat", Is(Op::Symlink), Second, [&[266], &[304], &[36], &[331], &[295], &[297]]),
    call("mkdir", Is(Op::Create), Here, [&[83], &[39], &[], &[39], &[39], &[39]]),
    call("mkdirat", Is(Op::Create), First, [&[258], &[296], &[34], &[323], &[287], &[289]]),
    call("mknod", Is(Op::Create), Here, [&[133], &[14], &[], &[14], &[14], &[14]]),
    call("mknodat", Is(Op::Create), First, [&[259], &[297], &[33], &[324], &[288], &[290]]),
    call("execve", Is(Op::Exec), Here, [&[59, 520], &[11], &[221], &[11], &[11], &[11]]),
    call("execveat", Is(Op::Exec), First, [&[322, 545], &[358], &[281], &[387], &[362], &[354]]),
    call("utime", Is(Op::Times), Here, [&[132], &[30], &[], &[30], &[30], &[30]]),
    call("utimes", Is(Op::Times), Here, [&[235], &[271], &[], &[269], &[251], &[313]]),
    call("utimensat", Is(Op::Times), First, [&[280], &[320, 412], &[88], &[348, 412], &[304], &[315]]),
    call("futimesat", Is(Op::Times), First, [&[261], &[299], &[], &[326], &[290], &[292]]),
    call("mmap", Is(Op::Other), Open, [&[9], &[90, 192], &[222], &[90, 192], &[90], &[90]]),
    call("sendfile", Is(Op::Other), Open, [&[40], &[187], &[71], &[187], &[186], &[187]]),
    call("copy_file_range", Is(Op::Other), Open, [&[326], &[377], &[285], &[391], &[379], &[375]]),
    call("splice", Is(Op::Other), Open, [&[275], &[313], &[76], &[340], &[283], &[306]]),
    call("readlink", Is(Op::Other), Here, [&[89], &[85], &[], &[85], &[85], &[85]]),
    call("readlinkat", Is(Op::Other), First, [&[267], &[305], &[78], &[332], &[296], &[298]]),
    call("getxattr", Is(Op::Other), Here, [&[191], &[229], &[8], &[229], &[212], &[227]]),
    call("lgetxattr", Is(Op::Other), Here, [&[192], &[230], &[9], &[230], &[213], &[228]]),
    call("fgetxattr", Is(Op::Other), Open, [&[193], &[231], &[10], &[231], &[214], &[229]]),
    call("listxattr", Is(Op::Other), Here, [&[194], &[232], &[11], &[232], &[215], &[230]]),
    call("llistxattr", Is(Op::Other), Here, [&[195], &[233], &[12], &[233], &[216], &[231]]),
    call("flistxattr", Is(Op::Other), Open, [&[196], &[234], &[13], &[234], &[217], &[232]]),
    call("bind", Is(Op::Other), Here, [&[49], &[361], &[200], &[282], &[327], &[361]]),
    call("chdir", Is(Op::Other), Here, [&[80], &[12], &[49], &[12], &[12], &[12]]),
    call("chroot", Is(Op::Other), Here, [&[161], &[61], &[51], &[61], &[61], &[61]]),
    call("access", Is(Op::Other), Here, [&[21], &[33], &[], &[33], &[33], &[33]]),
    call("faccessat", Is(Op::Other), First, [&[269], &[307], &[48], &[334], &[298], &[300]]),
    call("faccessat2", Is(Op::Other), First, [&[439]; 6]),
    call("stat", Is(Op::Other), Here, [&[4], &[106, 195], &[], &[106, 195], &[106], &[106]]),
    call("newfstatat", Is(Op::Other), First, [&[262], &[300], &[79], &[327], &[291], &[293]]),
    call("statx", Is(Op::Other), First, [&[332], &[383], &[291], &[397], &[383], &[379]]),
    call("mount", Is(Op::Other), Here, [&[165], &[21], &[40], &[21], &[21], &[21]]),
];

/// Processors as the audit log numbers them (linux/audit.h, `AUDIT_ARCH_…`), and their column.
const ARCHES: [(u32, usize, &str); 10] = [
    (0xc000_003e, 0, "x86_64"),
    (0x4000_0003, 1, "i386"),
    (0xc000_00b7, 2, "aarch64"),
    (0xc000_00f3, 2, "riscv64"),
    (0xc000_0102, 2, "loongarch64"),
    (0x4000_0028, 3, "arm"),
    (0xc000_0015, 4, "ppc64le"),
    (0x8000_0015, 4, "ppc64"),
    (0x8000_0016, 5, "s390x"),
    (0x0000_0016, 5, "s390"),
];

/// Calls of x32 have this bit set in their number (`__X32_SYSCALL_BIT`).
const X32: u32 = 0x4000_0000;

/// A processor's name; none if it is not in the table.
pub fn arch_name(arch: u32) -> Option<&'static str> {
    ARCHES.iter().find(|(known, ..)| *known == arch).map(|(.., name)| *name)
}

/// The call of this number; none if it is not in the table.
pub(super) fn find(arch: u32, number: u32) -> Option<&'static Call> {
    let (_, column, _) = ARCHES.iter().find(|(known, ..)| *known == arch)?;
    let number = if *column == 0 { number & !X32 } else { number };
    let number = u16::try_from(number).ok()?;
    CALLS.iter().find(|call| call.numbers.get(*column).is_some_and(|numbers| numbers.contains(&number)))
}

/// What io_uring does under this number (linux/io_uring.h, `IORING_OP_…`). Which directory a name begins at is not
/// logged.
pub(super) fn of_uring(number: u32) -> Option<(&'static str, Op)> {
    Some(match number {
        18 => ("io_uring openat", Op::Other),
        28 => ("io_uring openat2", Op::Other),
        35 => ("io_uring renameat", Op::Rename),
        36 => ("io_uring unlinkat", Op::Delete),
        37 => ("io_uring mkdirat", Op::Create),
        38 => ("io_uring symlinkat", Op::Symlink),
        39 => ("io_uring linkat", Op::Link),
        41 | 42 => ("io_uring setxattr", Op::Xattr),
        _ => return None,
    })
}
