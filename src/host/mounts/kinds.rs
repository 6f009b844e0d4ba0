//! Kinds of file systems, as the kernel calls them (/proc/filesystems; the modules of FUSE begin with `fuse.`).

/// Whether its files are kept elsewhere, by somebody who may not answer; automounters too, which go and ask.
pub fn is_network(fstype: &[u8]) -> bool {
    const KINDS: [&[u8]; 24] = [
        b"9p",
        b"afs",
        b"autofs",
        b"beegfs",
        b"ceph",
        b"cifs",
        b"coda",
        b"davfs",
        b"davfs2",
        b"fuse",
        b"fuseblk",
        b"glusterfs",
        b"gpfs",
        b"lustre",
        b"ncpfs",
        b"nfs",
        b"nfs4",
        b"ocfs2",
        b"orangefs",
        b"pvfs2",
        b"smb3",
        b"smbfs",
        b"virtiofs",
        b"vboxsf",
    ];
    KINDS.contains(&fstype) || fstype.starts_with(b"fuse.")
}

/// Whether it has no files of its own.
pub fn is_pseudo(fstype: &[u8]) -> bool {
    const KINDS: [&[u8]; 22] = [
        b"binfmt_misc",
        b"bpf",
        b"cgroup",
        b"cgroup2",
        b"configfs",
        b"debugfs",
        b"devpts",
        b"efivarfs",
        b"fusectl",
        b"hugetlbfs",
        b"mqueue",
        b"nfsd",
        b"nsfs",
        b"proc",
        b"pstore",
        b"rpc_pipefs",
        b"securityfs",
        b"selinuxfs",
        b"smackfs",
        b"sysfs",
        b"tracefs",
        b"devtmpfs",
    ];
    KINDS.contains(&fstype)
}
