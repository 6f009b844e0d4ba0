//! Links, addresses, routes, rules and neighbours against what `ip` and `bridge` print, row by row, in a namespace made
//! for it and in our own.
//!
//! Known differences, which the comparison leaves out: `ip` does not print RUNNING and prints NO-CARRIER for its
//! absence; it leaves out weights and users of 1; lifetimes and `expires` count down between the two readings; of a
//! route with an encapsulation it prints `dst` and `tos` twice, so that the destination is lost (iproute2 6.1).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::AsRawFd as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::daemons::{output, succeed, until};
use crate::support::{Bundle, Desk, entries, only_root, phi};

/// Two namespaces joined by a link, gone when this ends.
pub struct Namespace {
    pub name: String,
    other: String,
}

impl Namespace {
    pub fn new(what: &str) -> Namespace {
        let name = format!("phi-ir-{what}-{}", std::process::id());
        let other = format!("{name}-b");
        succeed("ip", &["netns", "add", &name]);
        succeed("ip", &["netns", "add", &other]);
        succeed(
            "ip",
            &["link", "add", "v0", "netns", &name, "type", "veth", "peer", "name", "v1", "netns", &other],
        );
        let namespace = Namespace { name, other };
        namespace.ip("link set lo up");
        namespace.ip("link set v0 up");
        succeed("ip", &["-n", &namespace.other, "link", "set", "v1", "up"]);
        namespace
    }

    #[track_caller]
    pub fn ip(&self, words: &str) {
        let args: Vec<&str> = ["-n", &self.name].into_iter().chain(words.split(' ')).collect();
        succeed("ip", &args);
    }

    /// The same where this kernel may lack what is asked for.
    fn maybe(&self, words: &str) -> bool {
        let args: Vec<&str> = ["-n", &self.name].into_iter().chain(words.split(' ')).collect();
        Command::new("ip").args(&args).stderr(std::process::Stdio::null()).status().unwrap().success()
    }

    /// Its number.
    pub fn inode(&self) -> u64 {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(format!("/run/netns/{}", self.name)).unwrap().ino()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        for name in [&self.name, &self.other] {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

/// What `collect --only ID` puts into its tables.
pub struct Collected {
    pub document: Value,
    pub entries: Vec<Value>,
    folder: std::path::PathBuf,
    _desk: Desk,
}

impl Collected {
    pub fn of(id: &str) -> Collected {
        let desk = Desk::new();
        let ran = phi(["collect", "--quiet", "--json", "--no-tools", "--only", id, "-r", &desk.recipient])
            .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
            .run();
        assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
        let document = ran.json();
        let opened = desk.open(&Bundle::of(&document));
        Collected {
            document,
            entries: entries(&opened),
            folder: opened.join("data/live").join(id),
            _desk: desk,
        }
    }

    /// The rows of a table that are of one namespace.
    pub fn rows(&self, table: &str, netns: u64) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join(format!("{table}.jsonl"))).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter(|row| row["netns"] == netns).collect()
    }

    pub fn entry(&self, member: &str) -> &Value {
        let found = self
            .entries
            .iter()
            .find(|entry| entry["member"].as_str().is_some_and(|name| name.ends_with(member)));
        found.unwrap_or_else(|| panic!("no entry of {member}"))
    }
}

fn ip_json(netns: Option<&str>, words: &str) -> Vec<Value> {
    let mut args: Vec<&str> = netns.map_or(vec![], |name| vec!["-n", name]);
    args.extend(["-j", "-d"]);
    args.extend(words.split(' '));
    let text = output("ip", &args);
    serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text })
        .unwrap_or_else(|error| panic!("{words}: {error}\n{text}"))
}

/// The fields of `row` that are named, under their names in `ip`.
fn pick(row: &Value, fields: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let mut picked = BTreeMap::new();
    for (from, to) in fields {
        if let Some(value) = row.get(*from) {
            picked.insert((*to).to_owned(), value.clone());
        }
    }
    picked
}

fn same(names: &[&'static str]) -> Vec<(&'static str, &'static str)> {
    names.iter().map(|name| (*name, *name)).collect()
}

fn words(row: &Value, column: &str) -> BTreeSet<String> {
    row[column].as_array().unwrap_or(&vec![]).iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

type Rows = BTreeSet<String>;

fn line(row: impl serde::Serialize) -> String {
    serde_json::to_string(&row).unwrap()
}

/// Every row of the reference is among ours, and where `exactly`, the reverse.
#[track_caller]
fn compare(what: &str, reference: &Rows, ours: &Rows, least: usize, exactly: bool) {
    assert!(
        reference.len() >= least,
        "{what}: only {} rows to compare with: {reference:#?}",
        reference.len()
    );
    let lacking: Vec<_> = reference.difference(ours).collect();
    assert!(lacking.is_empty(), "{what}: not among ours: {lacking:#?}\nours: {ours:#?}");
    let more: Vec<_> = ours.difference(reference).collect();
    assert!(!exactly || more.is_empty(), "{what}: only among ours: {more:#?}");
}

fn links_of_ip(rows: &[Value]) -> Rows {
    let fields = [
        "ifindex",
        "ifname",
        "mtu",
        "qdisc",
        "operstate",
        "txqlen",
        "link_type",
        "address",
        "broadcast",
        "permaddr",
        "promiscuity",
        "allmulti",
        "master",
        "link_netnsid",
        "num_tx_queues",
        "num_rx_queues",
        "min_mtu",
        "max_mtu",
    ];
    let one = |row: &Value| {
        let mut picked = pick(row, &same(&fields));
        let mut flags = words(row, "flags");
        flags.remove("NO-CARRIER");
        flags.remove("RUNNING");
        picked.insert("flags".into(), json!(flags));
        // `ip` prints the permanent address only where another one is in use.
        if picked.get("permaddr") == picked.get("address") {
            picked.remove("permaddr");
        }
        // `ip` gives the other end of a pair by name or by number.
        if let Some(link) = row.get("link").filter(|link| !link.is_null()) {
            picked.insert("link".into(), link.clone());
        }
        picked.insert("kind".into(), row["linkinfo"]["info_kind"].clone());
        line(picked)
    };
    rows.iter().map(one).collect()
}

fn addresses_of_ip(rows: &[Value]) -> Rows {
    let mut found = Rows::new();
    for link in rows {
        for address in link["addr_info"].as_array().unwrap() {
            let mut picked = pick(
                address,
                &same(&["family", "local", "address", "prefixlen", "scope", "label", "broadcast"]),
            );
            picked.insert("dev".into(), link["ifname"].clone());
            let mut flags = BTreeSet::new();
            for flag in [
                "secondary",
                "temporary",
                "nodad",
                "dadfailed",
                "deprecated",
                "tentative",
                "mngtmpaddr",
                "noprefixroute",
            ] {
                if address.get(flag).is_some() {
                    flags.insert(if flag == "temporary" { "secondary" } else { flag });
                }
            }
            if address.get("dynamic").is_none() {
                flags.insert("permanent");
            }
            picked.insert("flags".into(), json!(flags));
            picked.insert("forever".into(), json!(address["valid_life_time"] == 4_294_967_295_u64));
            found.insert(line(picked));
        }
    }
    found
}

fn addresses_of_ours(rows: &[Value]) -> Rows {
    let one = |row: &Value| {
        let mut picked = pick(
            row,
            &same(&["family", "local", "address", "prefixlen", "scope", "label", "broadcast", "dev"]),
        );
        picked.insert("flags".into(), json!(words(row, "flags")));
        picked.insert("forever".into(), json!(row["valid_life_time"] == 4_294_967_295_u64));
        line(picked)
    };
    rows.iter().map(one).collect()
}

const ROUTE: &[&str] = &[
    "type", "dst", "from", "gateway", "via", "dev", "table", "protocol", "scope", "metric", "prefsrc",
    "pref", "nhid",
];

fn ways(row: &Value) -> Value {
    let one =
        |way: &Value| json!([pick(way, &same(&["gateway", "via", "dev", "weight"])), words(way, "flags")]);
    row["nexthops"].as_array().map_or(Value::Null, |ways| ways.iter().map(one).collect())
}

/// Of a route: all that is comparable; `expires` must be near.
fn route(row: &Value, metrics: &Value, tos: Value) -> String {
    let mut picked = pick(row, &same(ROUTE));
    picked.insert("flags".into(), json!(words(row, "flags")));
    picked.insert("ways".into(), ways(row));
    let metrics = pick(metrics, &same(&["mtu", "advmss", "window", "hoplimit", "initcwnd"]));
    picked.insert("metrics".into(), json!(metrics));
    picked.insert("tos".into(), tos);
    let expires = row["expires"].as_i64().map(|seconds| (seconds + 100) / 300);
    picked.insert("expires".into(), json!(expires));
    line(picked)
}

fn routes_of_ip(rows: &[Value]) -> Rows {
    let plain = rows.iter().filter(|row| row.get("encap").is_none());
    plain
        .map(|row| {
            let tos =
                row["tos"].as_str().map(|tos| i64::from_str_radix(tos.trim_start_matches("0x"), 16).unwrap());
            route(row, &row["metrics"][0], json!(tos))
        })
        .collect()
}

fn routes_of_ours(rows: &[Value]) -> Rows {
    let plain = rows.iter().filter(|row| row.get("encap_type").is_none());
    plain.map(|row| route(row, &row["metrics"], row["tos"].clone())).collect()
}

fn rules_of_ip(rows: &[Value], family: &str) -> Rows {
    let one = |row: &Value| {
        let mut rule = row.clone();
        let map = rule.as_object_mut().unwrap();
        map.insert("family".into(), json!(family));
        if map.remove("not").is_some() {
            map.insert("not".into(), json!(true));
        }
        for (at, length) in [("src", "srclen"), ("dst", "dstlen")] {
            if let Some(length) = map.remove(length) {
                let address = map[at].as_str().unwrap().to_owned();
                map.insert(at.into(), json!(format!("{address}/{length}")));
            }
        }
        line(rule)
    };
    rows.iter().map(one).collect()
}

fn rules_of_ours(rows: &[Value], family: &str) -> Rows {
    let one = |row: &Value| {
        let mut rule = pick(
            row,
            &same(&[
                "priority",
                "src",
                "iif",
                "oif",
                "table",
                "goto",
                "protocol",
                "suppress_prefixlen",
                "family",
            ]),
        );
        if row["dst"] != "all" {
            rule.insert("dst".into(), row["dst"].clone());
        }
        let action = row["action"].as_str().unwrap();
        if !["to_table", "goto"].contains(&action) {
            rule.insert("action".into(), json!(action));
        }
        if let Some(tos) = row["tos"].as_u64() {
            rule.insert("tos".into(), json!(format!("{tos:#x}")));
        }
        if let Some(mark) = row["fwmark"].as_u64().filter(|mark| *mark != 0) {
            rule.insert("fwmark".into(), json!(format!("{mark:#x}")));
            if row["fwmask"] != u32::MAX {
                rule.insert("fwmask".into(), json!(format!("{:#x}", row["fwmask"].as_u64().unwrap())));
            }
        }
        if words(row, "flags").contains("not") {
            rule.insert("not".into(), json!(true));
        }
        if let Some(range) = row.get("uidrange") {
            rule.insert("uid_start".into(), range["start"].clone());
            rule.insert("uid_end".into(), range["end"].clone());
        }
        if row["ipproto"] == 6 {
            rule.insert("ipproto".into(), json!("tcp"));
        }
        for port in ["sport", "dport"] {
            let Some(range) = row.get(port) else { continue };
            if range["start"] == range["end"] {
                rule.insert(port.into(), range["start"].clone());
            } else {
                rule.insert(format!("{port}_start"), range["start"].clone());
                rule.insert(format!("{port}_end"), range["end"].clone());
            }
        }
        line(rule)
    };
    rows.iter().filter(|row| row["family"] == family).map(one).collect()
}

const NEIGHBOUR_FLAGS: [&str; 4] = ["router", "proxy", "extern_learn", "offload"];

fn neighbours_of_ip(rows: &[Value]) -> Rows {
    let one = |row: &Value| {
        let mut picked = pick(row, &same(&["dst", "dev", "lladdr"]));
        let flags: BTreeSet<&str> =
            NEIGHBOUR_FLAGS.into_iter().filter(|flag| row.get(*flag).is_some()).collect();
        picked.insert("flags".into(), json!(flags));
        picked.insert("state".into(), json!(words(row, "state")));
        line(picked)
    };
    rows.iter().map(one).collect()
}

fn neighbours_of_ours(rows: &[Value]) -> Rows {
    let one = |row: &Value| {
        let mut picked = pick(row, &same(&["dst", "dev", "lladdr"]));
        let flags = words(row, "flags");
        picked.insert("flags".into(), json!(flags));
        // Of one that this host answers for `ip` prints no state.
        let state = if flags.contains("proxy") { BTreeSet::new() } else { words(row, "state") };
        picked.insert("state".into(), json!(state));
        line(picked)
    };
    rows.iter().filter(|row| ["inet", "inet6"].contains(&row["family"].as_str().unwrap())).map(one).collect()
}

fn bridges_of_ours(rows: &[Value]) -> Rows {
    let one = |row: &Value| {
        let mut picked = pick(
            row,
            &[("lladdr", "mac"), ("dev", "ifname"), ("master", "master"), ("dst", "dst"), ("via", "viaIf")],
        );
        picked.insert("self".into(), json!(words(row, "flags").contains("self")));
        line(picked)
    };
    rows.iter().filter(|row| row["family"] == "bridge").map(one).collect()
}

fn bridges_of_tool(rows: &[Value]) -> Rows {
    let one = |row: &Value| {
        let mut picked = pick(row, &same(&["mac", "ifname", "master", "dst", "viaIf"]));
        picked.insert("self".into(), json!(words(row, "flags").contains("self")));
        line(picked)
    };
    rows.iter().map(one).collect()
}

fn nexthops(rows: &[Value]) -> Rows {
    let one = |row: &Value| {
        let mut picked = pick(row, &same(&["id", "gateway", "dev", "scope", "protocol"]));
        picked.insert("flags".into(), json!(words(row, "flags")));
        picked.insert("blackhole".into(), json!(row.get("blackhole").is_some()));
        let member = |member: &Value| json!([member["id"], member["weight"].as_u64().unwrap_or(1)]);
        let group = row["group"].as_array().map(|group| group.iter().map(member).collect::<Vec<_>>());
        picked.insert("group".into(), json!(group));
        line(picked)
    };
    rows.iter().map(one).collect()
}

fn groups_of_ip(rows: &[Value]) -> Rows {
    let mut found = Rows::new();
    for link in rows {
        for group in link["maddr"].as_array().unwrap() {
            let (family, address) = match group.get("link") {
                Some(address) => (json!("link"), address),
                None => (group["family"].clone(), &group["address"]),
            };
            let users = group["users"].as_u64().unwrap_or(1);
            found.insert(line(json!([
                link["ifname"],
                family,
                address,
                users,
                group.get("features").is_some()
            ])));
        }
    }
    found
}

fn groups_of_ours(rows: &[Value], source: &str) -> Rows {
    let one = |row: &Value| {
        line(json!([row["dev"], row["family"], row["address"], row["users"], row.get("static").is_some()]))
    };
    rows.iter().filter(|row| row["source"] == source).map(one).collect()
}

/// A namespace with something of everything that this kernel has.
fn furnished() -> Namespace {
    let namespace = Namespace::new("routes");
    for words in [
        "addr add 10.1.0.1/24 brd + dev v0 label v0:x",
        "addr add 10.1.0.5/24 dev v0",
        "addr add 10.2.0.1 peer 10.2.0.2/32 dev v0",
        "addr add 2001:db8::1/64 dev v0 nodad",
        "addr add 2001:db8:1::1 peer 2001:db8:1::2/128 dev v0 valid_lft 1000 preferred_lft 500 nodad",
        "link add br0 type bridge",
        "link add mv0 link v0 type macvlan mode bridge",
        "link add v2 type veth peer name v3",
        "link set v2 master br0 up",
        "link set v3 alias two\u{a0}words up promisc on",
        "link property add dev v3 altname a-longer-name-than-fifteen-bytes",
        "link set br0 up",
        "route add 10.9.0.0/16 via 10.1.0.2 table 100 metric 7 proto static",
        "route add default via 10.1.0.254 proto dhcp metric 100",
        "route add blackhole 10.10.0.0/16",
        "route add unreachable 10.11.0.0/16",
        "route add prohibit 10.12.0.0/16",
        "route add throw 10.18.0.0/16 table 100",
        "route add 10.13.0.0/16 nexthop via 10.1.0.2 dev v0 weight 3 nexthop via 10.1.0.3 dev v0 weight 1",
        "route add 10.14.0.0/16 via 192.168.77.1 dev v0 onlink mtu lock 1400 advmss 1300 src 10.1.0.1 tos 0x10",
        "nexthop add id 5 via 10.1.0.2 dev v0",
        "nexthop add id 6 via 10.1.0.3 dev v0 proto static",
        "nexthop add id 10 group 5,2/6",
        "nexthop add id 11 blackhole",
        "route add 10.15.0.0/16 nhid 10",
        "route add 10.16.0.0/16 nhid 5",
        "route add 10.20.0.0/16 via inet6 fe80::7 dev v0",
        "route add 10.21.0.0/16 encap ip id 7 dst 10.1.0.4 dev v0",
        "-6 route add 2001:db8:5::/48 via 2001:db8::9 metric 5 expires 600 proto ra pref high",
        "-6 route add unreachable 2001:db8:6::/48",
        "-6 route add 2001:db8:7::/48 nexthop via 2001:db8::2 nexthop via 2001:db8::3 weight 2",
        "-6 route add default via fe80::99 dev v0 metric 1024",
        "rule add fwmark 0x10/0xff table 100 priority 1000",
        "rule add from 10.1.0.0/24 iif v0 lookup 100 priority 1001",
        "rule add uidrange 100-200 lookup 100 priority 1002",
        "rule add to 10.5.0.0/16 blackhole priority 1003",
        "rule add not from 10.7.0.0/16 ipproto tcp dport 80-90 sport 7 tos 0x10 table main suppress_prefixlength 0 priority 1004",
        "rule add goto 1004 priority 900",
        "-6 rule add from 2001:db8::/32 oif v0 table 100 priority 1005",
        "neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent",
        "neigh add proxy 10.1.0.99 dev v0",
        "-6 neigh add proxy 2001:db8::99 dev v0",
        "-6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:03 dev v0 router nud permanent extern_learn",
        "maddr add 01:00:5e:00:00:55 dev v0",
    ] {
        namespace.ip(words);
    }
    for words in [
        "-6 route add 2001:db8:8::/48 from 2001:db8::/64 via fe80::5 dev v0 table 100",
        "link add d0 type dummy",
        "link add link v0 name v0.5 type vlan id 5",
        "link add vrf0 type vrf table 77",
        "link add vx0 type vxlan id 5 dstport 4789 remote 10.1.0.9 dev v0",
    ] {
        namespace.maybe(words);
    }
    // An address is tentative for a second or two.
    until("addresses to settle", || {
        output("ip", &["-n", &namespace.name, "-6", "addr", "show", "tentative"]).trim().is_empty()
    });
    namespace
}

#[test]
fn every_row_of_ip_is_among_ours_and_no_other() {
    if !only_root("network namespaces") {
        return;
    }
    let namespace = furnished();
    let name = Some(namespace.name.as_str());
    let inside = InNamespace::of(&namespace);
    let kept_open = fs::File::open(format!("/proc/{}/ns/net", inside.0.id())).unwrap();
    let collected = Collected::of("routes");
    let ours = |table: &str| collected.rows(table, namespace.inode());

    let links = ours("links");
    compare("links", &links_of_ip(&ip_json(name, "link")), &links_of_ip(&links), 6, true);
    let veth = links.iter().find(|link| link["ifname"] == "v3").unwrap();
    assert_eq!(veth["altnames"], json!(["a-longer-name-than-fifteen-bytes"]), "{veth:#}");
    assert_eq!(veth["ifalias"], json!("two\u{a0}words"));
    assert!(words(veth, "flags").contains("PROMISC") && veth["promiscuity"] == 1, "{veth:#}");
    assert!(veth["stats64"]["tx_packets"].is_u64() && veth["xdp"]["attached"] == "none", "{veth:#}");

    compare(
        "addresses",
        &addresses_of_ip(&ip_json(name, "addr")),
        &addresses_of_ours(&ours("addresses")),
        8,
        true,
    );
    let mut reference = routes_of_ip(&ip_json(name, "-4 route show table all"));
    reference.extend(routes_of_ip(&ip_json(name, "-6 route show table all")));
    let routes = ours("routes");
    compare("routes", &reference, &routes_of_ours(&routes), 30, true);
    let tunnel = routes.iter().find(|route| route["dst"] == "10.21.0.0/16").unwrap();
    assert_eq!(
        (&tunnel["encap_type"], &tunnel["encap"]["dst"]),
        (&json!("ip"), &json!("10.1.0.4")),
        "{tunnel:#}"
    );
    for (flag, family, least) in [("-4", "inet", 8), ("-6", "inet6", 3)] {
        let reference = rules_of_ip(&ip_json(name, &format!("{flag} rule")), family);
        compare("rules", &reference, &rules_of_ours(&ours("rules"), family), least, true);
    }
    let neighbours = ours("neighbours");
    let mut reference = neighbours_of_ip(&ip_json(name, "neigh"));
    for proxies in ["-4 neigh show proxy", "-6 neigh show proxy"] {
        reference.extend(neighbours_of_ip(&ip_json(name, proxies)));
    }
    // Multicast and broadcast addresses have neighbours too, which `ip` shows only if asked for.
    let permanent = |rows: Rows| -> Rows {
        rows.into_iter().filter(|row| row.contains("PERMANENT") || row.contains("proxy")).collect()
    };
    compare("neighbours", &permanent(reference), &permanent(neighbours_of_ours(&neighbours)), 4, true);
    let fdb: Vec<Value> =
        serde_json::from_str(&output("bridge", &["-n", &namespace.name, "-j", "fdb"])).unwrap();
    compare("forwarding tables", &bridges_of_tool(&fdb), &bridges_of_ours(&neighbours), 5, true);
    compare("nexthops", &nexthops(&ip_json(name, "nexthop")), &nexthops(&ours("nexthops")), 4, true);
    let groups = ours("multicast");
    compare("groups", &groups_of_ip(&ip_json(name, "maddr")), &groups_of_ours(&groups, "proc"), 10, true);
    let bare = |source: &str| -> BTreeSet<String> {
        let six = groups.iter().filter(|row| row["family"] == "inet6" && row["source"] == source);
        six.map(|row| format!("{} {}", row["dev"], row["address"])).collect()
    };
    compare("groups of IPv6 over netlink", &bare("proc"), &bare("netlink"), 4, true);
    for table in ["links", "addresses", "routes", "rules", "neighbours", "nexthops", "multicast", "qdiscs"] {
        let entry = collected.entry(&format!("/{table}.jsonl"));
        assert_eq!(
            (&entry["kind"], &entry["outcome"]),
            (&json!("derived"), &json!("collected")),
            "{entry:#}"
        );
        assert_eq!(entry["derived_from"][0], collected.entry("/answers.jsonl")["id"]);
        for row in ours(table) {
            assert!(row.get("unread_b64").is_none() && row.get("malformed_b64").is_none(), "{row:#}");
        }
    }
    let described = ours("namespaces");
    let [row] = described.as_slice() else { panic!("{described:#?}") };
    assert_eq!(row["paths"], json!([format!("/run/netns/{}", namespace.name)]), "{row:#}");
    assert_eq!(row["processes"], json!([{"pid": inside.0.id()}]), "{row:#}");
    let holder = json!({"fd": kept_open.as_raw_fd(), "pid": std::process::id()});
    assert!(row["held_by"].as_array().unwrap().contains(&holder), "{row:#}");
}

/// A process in a namespace, until it is dropped.
struct InNamespace(std::process::Child);

impl InNamespace {
    fn of(namespace: &Namespace) -> InNamespace {
        let enter = ["netns", "exec", &namespace.name, "sleep", "600"];
        let child = InNamespace(Command::new("ip").args(enter).spawn().unwrap());
        until("the namespace to be entered", || {
            use std::os::unix::fs::MetadataExt as _;
            let entered = fs::metadata(format!("/proc/{}/ns/net", child.0.id()));
            entered.is_ok_and(|entered| entered.ino() == namespace.inode())
        });
        child
    }
}

impl Drop for InNamespace {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Others come and go in our own namespace: only what two readings agree in is compared, and ours may have more.
#[test]
fn our_own_namespace_is_read_too() {
    if !only_root("the neighbours of our own namespace") {
        return;
    }
    let read = || {
        let mut routes = routes_of_ip(&ip_json(None, "-4 route show table all"));
        routes.extend(routes_of_ip(&ip_json(None, "-6 route show table all")));
        [
            links_of_ip(&ip_json(None, "link")),
            addresses_of_ip(&ip_json(None, "addr")),
            routes,
            rules_of_ip(&ip_json(None, "-4 rule"), "inet"),
        ]
    };
    let before = read();
    let collected = Collected::of("routes");
    let after = read();
    use std::os::unix::fs::MetadataExt as _;
    let own = fs::metadata("/proc/self/ns/net").unwrap().ino();
    let ours = [
        links_of_ip(&collected.rows("links", own)),
        addresses_of_ours(&collected.rows("addresses", own)),
        routes_of_ours(&collected.rows("routes", own)),
        rules_of_ours(&collected.rows("rules", own), "inet"),
    ];
    let names = [("links", 1), ("addresses", 1), ("routes", 1), ("rules", 3)];
    for ((before, after), (ours, (name, least))) in before.iter().zip(&after).zip(ours.iter().zip(names)) {
        let stable: Rows = before.intersection(after).cloned().collect();
        compare(name, &stable, ours, least, false);
    }
    // Where the first process does not show itself even to root, as in some containers, that is said, and nothing is
    // proven to be empty.
    let hidden = fs::read_link("/proc/1/ns/net").is_err();
    let follows = |gap: &Value| {
        gap["source"] == "network namespaces"
            || gap["reason"].as_str().unwrap().contains("there may be others")
    };
    let gaps = collected.document["gaps"].as_array().unwrap();
    let mine: Vec<&Value> =
        gaps.iter().filter(|gap| gap["need"] == "required" && !(hidden && follows(gap))).collect();
    assert!(mine.is_empty(), "a healthy system has no gap here: {mine:#?}");
    assert!(collected.entries.iter().any(|entry| entry["source"]["display"] == "/etc/resolv.conf"));
}
