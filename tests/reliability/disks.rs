//! Small file systems, made for a test and taken away after it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::tool;

/// A mounted file system of its own.
pub struct Disk {
    dir: TempDir,
    at: PathBuf,
}

impl Disk {
    /// In memory. `size` as mount(8) takes it: `10m`.
    pub fn tmpfs(size: &str) -> Disk {
        let disk = Disk::unmounted();
        let options = format!("size={size},mode=0700");
        tool(
            "mount",
            &[
                "-t".as_ref(),
                "tmpfs".as_ref(),
                "-o".as_ref(),
                options.as_ref(),
                "tmpfs".as_ref(),
                disk.at.as_os_str(),
            ],
        )
        .code(0);
        disk
    }

    /// ext4 in a file ([`Disk::image`]) of so many MiB, on a loop device. `options` are further options of mkfs.ext4.
    pub fn ext4(mebibytes: u64, options: &[&str]) -> Disk {
        let disk = Disk::unmounted();
        File::create(disk.image()).unwrap().set_len(mebibytes << 20).unwrap();
        let image = disk.image();
        let mut args: Vec<&OsStr> = vec!["-q".as_ref(), "-F".as_ref()];
        args.extend(options.iter().map(OsStr::new));
        tool("mkfs.ext4", &[args.as_slice(), &[image.as_os_str()]].concat()).code(0);
        tool("mount", &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), disk.at.as_os_str()]).code(0);
        let _ = fs::remove_dir(disk.path().join("lost+found"));
        disk
    }

    /// btrfs in a file of so many MiB, on a loop device.
    pub fn btrfs(mebibytes: u64) -> Disk {
        let disk = Disk::unmounted();
        File::create(disk.image()).unwrap().set_len(mebibytes << 20).unwrap();
        let image = disk.image();
        tool("mkfs.btrfs", &["-q".as_ref(), "--mixed".as_ref(), image.as_os_str()]).code(0);
        tool("mount", &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), disk.at.as_os_str()]).code(0);
        disk
    }

    fn unmounted() -> Disk {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("mounted");
        fs::create_dir(&at).unwrap();
        Disk { dir, at }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// The file that holds it, for one that lies in a file.
    pub fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        tool("umount", &["--lazy".as_ref(), self.at.as_os_str()]);
    }
}
