//! `/proc/PID/cgroup` (cgroups(7)): the systemd unit and the container that a process belongs to.
//!
//! A line is `NUMBER:CONTROLLERS:PATH`; version 2 has one line `0::PATH`, version 1 one for each hierarchy, of which
//! systemd keeps `name=systemd`. The *outermost* name that fits is given: it was made by the host's own manager, while
//! whoever was given a part of the tree may make up any name further in.

/// The kinds of systemd units that have processes of their own (systemd.unit(5)).
const UNIT_KINDS: [&[u8]; 5] = [b".service", b".scope", b".mount", b".socket", b".swap"];

/// Characters of a container's id, as every OCI runtime's managers give them.
const ID_LENGTH: usize = 64;

/// The systemd unit, such as `ssh.service` or `session-3.scope`, as systemd itself attributes a process: the outermost
/// one, so that what runs for a user is `user@1000.service` or a session. None outside of any unit.
pub fn unit(cgroup_file: &[u8]) -> Option<Vec<u8>> {
    paths(cgroup_file).into_iter().find_map(|path| components(path).find_map(unit_name))
}

/// The id or name that the container's runtime knows: Docker, containerd, CRI-O and Podman (64 hexadecimal digits), LXC
/// and systemd-nspawn (a name). None outside of any container, and for the monitor that stands beside one.
pub fn container(cgroup_file: &[u8]) -> Option<Vec<u8>> {
    paths(cgroup_file).into_iter().find_map(container_of)
}

/// The path in the unified hierarchy, or in systemd's where that says nothing.
pub fn path(cgroup_file: &[u8]) -> Option<&[u8]> {
    let paths = paths(cgroup_file);
    paths.iter().find(|path| **path != b"/").or(paths.first()).copied()
}

/// The paths of all lines: of version 2, of systemd's hierarchy, of the others.
fn paths(cgroup_file: &[u8]) -> Vec<&[u8]> {
    let mut ranked: Vec<(u8, &[u8])> =
        cgroup_file.split(|byte| *byte == b'\n').filter_map(ranked_path).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, path)| path).collect()
}

fn ranked_path(line: &[u8]) -> Option<(u8, &[u8])> {
    let mut fields = line.splitn(3, |byte| *byte == b':');
    let (_number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let rank = match controllers {
        b"" => 0,
        b"name=systemd" => 1,
        _ => 2,
    };
    // The group was removed while the process was still in it.
    Some((rank, path.strip_suffix(b" (deleted)").unwrap_or(path)))
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|component| !component.is_empty())
}

fn unit_name(component: &[u8]) -> Option<Vec<u8>> {
    // Where a name could be taken for one of the kernel's own files, systemd puts a `_` before it.
    let name = component.strip_prefix(b"_").unwrap_or(component);
    let is_unit = UNIT_KINDS.iter().any(|kind| name.strip_suffix(*kind).is_some_and(|stem| !stem.is_empty()));
    // containerd in a service of its own writes `SLICE:cri-containerd:ID`, which may end in anything.
    (is_unit && !name.contains(&b':')).then(|| name.to_vec())
}

fn container_of(path: &[u8]) -> Option<Vec<u8>> {
    let mut before: &[u8] = b"";
    for component in components(path) {
        if let Some(found) = oci_id(component).or_else(|| named(before, component)) {
            return Some(found.to_vec());
        }
        before = component;
    }
    None
}

/// `ID`, `docker-ID.scope`, `cri-containerd-ID.scope`, `kubepods-….slice:cri-containerd:ID`, …
fn oci_id(component: &[u8]) -> Option<&[u8]> {
    let name = component.strip_suffix(b".scope").unwrap_or(component);
    let (prefix, id) = name.split_at_checked(name.len().checked_sub(ID_LENGTH)?)?;
    let is_id = id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_separate = prefix.is_empty() || prefix.ends_with(b"-") || prefix.ends_with(b":");
    // The monitor of a container is the host's process.
    let is_monitor = prefix.ends_with(b"conmon-");
    (is_id && is_separate && !is_monitor).then_some(id)
}

/// LXC and LXD (`lxc/NAME`, `lxc.payload.NAME`, `lxc.payload/NAME`), systemd-nspawn (`systemd-nspawn@NAME.service`) and
/// what else registers with systemd-machined (`machine-NAME.scope`) and is no virtual machine of libvirt's.
fn named<'a>(before: &[u8], component: &'a [u8]) -> Option<&'a [u8]> {
    let name = if matches!(before, b"lxc" | b"lxc.payload") {
        Some(component)
    } else if let Some(name) = component.strip_prefix(b"lxc.payload.") {
        Some(name)
    } else if let Some(name) = component.strip_prefix(b"systemd-nspawn@") {
        name.strip_suffix(b".service")
    } else {
        let machine = component.strip_prefix(b"machine-").and_then(|name| name.strip_suffix(b".scope"));
        machine.filter(|name| !name.starts_with(br"qemu\x2d"))
    };
    name.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3d5c1e0a9f8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d";

    fn v2(path: &str) -> Vec<u8> {
        format!("0::{}\n", path.replace("ID", ID)).into_bytes()
    }

    fn unit_of(path: &str) -> Option<String> {
        unit(&v2(path)).map(|name| String::from_utf8(name).unwrap().replace(ID, "ID"))
    }

    fn container_of(path: &str) -> Option<String> {
        container(&v2(path)).map(|name| String::from_utf8(name).unwrap().replace(ID, "ID"))
    }

    // The paths are written from documentation: systemd.unit(5), the runtimes' manuals.
    #[test]
    fn the_outermost_unit_is_the_one_that_the_host_s_systemd_made() {
        for (path, wanted) in [
            ("/system.slice/ssh.service", Some("ssh.service")),
            ("/system.slice/system-getty.slice/getty@tty1.service", Some("getty@tty1.service")),
            ("/user.slice/user-1000.slice/session-3.scope", Some("session-3.scope")),
            ("/user.slice/user-0.slice/user@0.service/app.slice/evil.service", Some("user@0.service")),
            ("/system.slice/docker-ID.scope/system.slice/cron.service", Some("docker-ID.scope")),
            ("/system.slice/_cpu.service", Some("cpu.service")),
            ("/system.slice/gone.service (deleted)", Some("gone.service")),
            ("/init.scope", Some("init.scope")),
            ("/../../system.slice/a.mount", Some("a.mount")),
            ("/system.slice", None),
            ("/.service", None),
            ("/", None),
        ] {
            assert_eq!(unit_of(path).as_deref(), wanted, "{path}");
        }
    }

    #[test]
    fn every_runtime_s_containers_are_known_and_their_monitors_are_not_taken_for_them() {
        for (path, wanted) in [
            ("/system.slice/docker-ID.scope", Some("ID")),
            ("/docker/ID", Some("ID")),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-pod1.slice/cri-containerd-ID.scope",
                Some("ID"),
            ),
            ("/kubepods.slice/kubepods-pod1.slice/crio-ID.scope/container", Some("ID")),
            ("/kubepods/besteffort/pod1/ID", Some("ID")),
            ("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID", Some("ID")),
            ("/machine.slice/libpod-ID.scope", Some("ID")),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
                Some("ID"),
            ),
            ("/machine.slice/libpod-conmon-ID.scope", None),
            ("/lxc/web", Some("web")),
            ("/lxc.payload.web/system.slice/ssh.service", Some("web")),
            ("/lxc.payload/web", Some("web")),
            ("/lxc.monitor.web", None),
            ("/machine.slice/systemd-nspawn@web.service/payload", Some("web")),
            ("/machine.slice/machine-web.scope", Some("web")),
            (r"/machine.slice/machine-qemu\x2d1\x2dvm.scope", None),
            ("/system.slice/docker.service", None),
            ("/xID", None),
            ("/lxc", None),
        ] {
            assert_eq!(container_of(path).as_deref(), wanted, "{path}");
        }
    }

    #[test]
    fn version_one_is_read_where_version_two_says_nothing() {
        // The first lines were captured on Linux 6.18 with both versions mounted.
        let hybrid = b"9:name=systemd:/system.slice/cron.service\n8:pids:/system.slice/docker.service\n4:memory:/lxc/x\n0::/\n";
        assert_eq!(unit(hybrid).unwrap(), b"cron.service");
        assert_eq!(path(hybrid).unwrap(), b"/system.slice/cron.service");
        assert_eq!((path(b"0::/\n"), path(b"")), (Some(&b"/"[..]), None));
        assert_eq!(container(hybrid).unwrap(), b"x");
        let captured =
            b"9:name=systemd:/\n8:pids:/\n4:memory:/process_api/fa0636feb926240a3ee54b69bb2cc573\n0::/\n";
        assert_eq!((unit(captured), container(captured)), (None, None));
    }

    #[test]
    fn names_are_bytes_and_nonsense_is_no_unit() {
        assert_eq!(unit(b"0::/a\xff\x1b.service\n").unwrap(), b"a\xff\x1b.service");
        assert_eq!(container(b"0::/lxc/\xff").unwrap(), b"\xff");
        for nonsense in [&b""[..], b"\n\n", b"0", b"0:", b"0::", b"::::", b"\xff:\xff:\xff", b"0:/x.service"]
        {
            assert_eq!((unit(nonsense), container(nonsense)), (None, None));
        }
    }
}
