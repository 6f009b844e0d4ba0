//! The packet filter against what nft(8) prints, in a namespace made for it; and the older tables of iptables.
//!
//! The order of elements within braces is the kernel's own, and is left out of the comparison. Known differences: nft
//! prints numbers of users by name, and there is no such user here; nft 1.0.6 leaves the device of a netdev chain out
//! of its JSON, and a burst of 5 out of its text.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::daemons::{output, succeed};
use crate::routes::{Collected, Namespace};
use crate::support::{Desk, only_root, phi};

const RULES: &str = r#"
table inet t {
    comment "words of a table"
    counter c1 { packets 3 bytes 4; }
    limit l1 { rate 10/minute; }
    set s1 { type ipv4_addr; flags dynamic; size 1000; elements = { 10.0.0.1, 10.0.0.2 } }
    set s2 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.1.5-192.168.1.9 } }
    set s3 { type inet_service; flags dynamic,timeout; timeout 1h; elements = { 22 comment "ssh" } }
    set s4 { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 80 } }
    set s5 { type ifname; elements = { "eth0", "v0" } }
    set s6 { type mark; flags interval; elements = { 1-5, 256 } }
    set s7 { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90, 1.2.3.4 . 22 } }
    set s8 { type inet_service; flags interval; elements = { 1000-2000, 2001-3000, 60000-65535 } }
    map m3 { type ipv4_addr : verdict; flags interval; elements = { 10.0.0.0/24 : drop, 10.0.1.0/24 : accept } }
    map m1 { type inet_service : verdict; elements = { 22 : accept, 80 : jump other } }
    map m2 { type ipv4_addr : inet_service; elements = { 1.2.3.4 : 80 } }
    chain other {
        counter packets 0 bytes 0 return
    }
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept comment "hello you"
        ct state invalid drop
        iifname "lo" accept
        iif "lo" accept
        iifname "eth*" accept
        ip saddr 10.0.0.0/8 tcp dport 22 accept
        ip saddr 10.0.0.0/9 accept
        ip saddr 10.0.0.1 accept
        ip saddr != 10.0.0.1 drop
        ip6 saddr 2001:db8::/32 tcp dport { 80, 443 } accept
        ip6 daddr 2001:db8::1 udp sport 53 accept
        tcp dport 1000-2000 accept
        tcp dport != 1000-2000 accept
        tcp dport != { 80, 443 } accept
        tcp dport >= 1024 accept
        ip saddr 10.0.0.1-10.0.0.5 accept
        tcp flags syn / syn,ack drop
        tcp flags syn drop
        udp dport 53 counter packets 0 bytes 0 accept
        ip saddr @s1 accept
        ip saddr @s2 drop
        ip saddr . tcp dport @s4 accept
        ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 80 } accept
        iifname @s5 accept
        ip saddr { 1.2.3.4-1.2.3.9, 10.0.0.0/8 } drop
        tcp dport { 1-1024, 8080 } accept
        tcp dport vmap @m1
        ip daddr vmap { 10.0.0.1 : drop, 10.0.0.2 : goto other }
        icmp type echo-request limit rate 5/second burst 10 packets accept
        icmpv6 type { nd-neighbor-solicit, echo-request } accept
        limit rate over 1 mbytes/second drop
        limit rate 7/minute accept
        log prefix "drop: " level warn flags all
        log prefix "x" level info
        log prefix "nf " group 5
        meta mark 0x10 accept
        meta mark & 0xff == 0x10 accept
        meta l4proto tcp accept
        meta l4proto { tcp, udp } th dport 53 accept
        meta nfproto ipv6 drop
        meta skuid 61234 accept
        ip protocol gre accept
        ip ttl < 5 drop
        ip dscp cs1 accept
        ip frag-off & 0x1fff != 0 drop
        ct mark 5 accept
        ct state new,untracked ct status dnat accept
        ct direction original accept
        ct original ip saddr 10.0.0.1 accept
        meta mark set 5
        ct mark set meta mark
        fib daddr type local accept
        fib saddr . iif oif missing drop
        counter name "c1"
        limit name "l1" accept
        add @s3 { tcp dport timeout 5m }
        update @s1 { ip saddr }
        @nh,96,32 0x0a000001 accept
        ether saddr 02:00:00:00:00:01 accept
        meta pkttype multicast drop
        th dport 53 accept
        tcp dport 9 reject with tcp reset
        ip saddr 1.1.1.1 reject with icmp admin-prohibited
        jump other
        reject
    }
    chain forward {
        type filter hook forward priority 5; policy accept;
        goto other
    }
}
table ip nat {
    chain prerouting {
        type nat hook prerouting priority -100; policy accept;
        tcp dport 80 dnat to 10.0.0.9:8080
        tcp dport 81 redirect to :8081
        ip daddr 1.1.1.1 dnat to 10.0.0.5-10.0.0.9
        dnat to tcp dport map { 80 : 10.0.0.1, 81 : 10.0.0.2 }
    }
    chain postrouting {
        type nat hook postrouting priority 100; policy accept;
        oifname "v0" masquerade
        ip saddr 10.0.0.0/24 snat to 10.1.0.1
        oif "v0" masquerade random
    }
    chain raw {
        type filter hook prerouting priority -300; policy accept;
        udp dport 53 notrack
    }
}
table ip6 f6 {
    chain input {
        type filter hook input priority -10; policy accept;
        ip6 saddr fe80::/10 accept
        tcp dport 22 reject
    }
}
table arp a {
    chain input {
        type filter hook input priority 0; policy accept;
        arp operation request drop
        arp saddr ip 10.0.0.1 drop
    }
}
table bridge b {
    chain forward {
        type filter hook forward priority 0; policy accept;
        ether type ip drop
        ip saddr 10.0.0.1 drop
    }
}
table netdev n {
    chain ingress {
        type filter hook ingress device "v0" priority 0; policy accept;
        ip saddr 10.0.0.1 drop
        tcp dport 22 drop
    }
}
"#;

fn nft(namespace: &Namespace, args: &[&str]) -> String {
    output("ip", &[&["netns", "exec", &namespace.name, "nft"], args].concat())
}

/// The objects of one kind in what `nft -j` lists.
fn objects(listed: &Value, kind: &str) -> Vec<Value> {
    listed["nftables"].as_array().unwrap().iter().filter_map(|one| one.get(kind).cloned()).collect()
}

/// Elements within braces, sorted.
fn in_order(line: &str) -> String {
    match line.split_once('{').and_then(|(before, rest)| Some((before, rest.rsplit_once('}')?))) {
        Some((before, (inside, after))) => {
            let mut inner: Vec<&str> = inside.split(',').map(str::trim).collect();
            inner.sort_unstable();
            format!("{before}{{ {} }}{after}", inner.join(", "))
        }
        None => line.to_owned(),
    }
}

fn set_of(rows: impl Iterator<Item = Value>) -> BTreeSet<String> {
    rows.map(|row| row.to_string()).collect()
}

#[test]
fn rules_are_told_as_nft_tells_them() {
    if !only_root("the packet filter of a network namespace") {
        return;
    }
    let namespace = Namespace::new("firewall");
    let file = std::env::temp_dir().join(format!("phi-ir-rules-{}.nft", std::process::id()));
    fs::write(&file, RULES).unwrap();
    succeed("ip", &["netns", "exec", &namespace.name, "nft", "-f", file.to_str().unwrap()]);
    fs::remove_file(&file).unwrap();
    let collected = Collected::of("firewall");
    let ours = |table: &str| collected.rows(table, namespace.inode());
    let listed: Value = serde_json::from_str(&nft(&namespace, &["-j", "-a", "list", "ruleset"])).unwrap();

    let reference =
        set_of(objects(&listed, "table").iter().map(|t| json!([t["family"], t["name"], t["handle"]])));
    let tables = set_of(ours("tables").iter().map(|t| json!([t["family"], t["name"], t["handle"]])));
    assert_eq!(reference.len(), 6, "{reference:#?}");
    assert_eq!(reference, tables);

    let reference = set_of(objects(&listed, "chain").iter().map(|c| {
        json!([c["family"], c["table"], c["name"], c["handle"], c["type"], c["hook"], c["prio"], c["policy"]])
    }));
    let chains = set_of(ours("chains").iter().map(|c| {
        let hook = &c["hook"];
        json!([
            c["family"],
            c["table"],
            c["name"],
            c["handle"],
            c["type"],
            hook["name"],
            hook["priority"],
            c["policy"]
        ])
    }));
    assert_eq!(reference.len(), 10, "{reference:#?}");
    assert_eq!(reference, chains);
    let ingress = ours("chains").into_iter().find(|chain| chain["family"] == "netdev").unwrap();
    let hook = &ingress["hook"];
    assert!(hook["dev"] == "v0" || hook["devices"] == json!(["v0"]), "{ingress:#}");

    let key = |rule: &Value| json!([rule["family"], rule["table"], rule["chain"], rule["handle"]]);
    let rules = ours("rules");
    let reference = set_of(objects(&listed, "rule").iter().map(key));
    assert!(reference.len() >= 80, "{}", reference.len());
    assert_eq!(reference, set_of(rules.iter().map(key)));

    // The text of every rule, in the order of the list.
    let plain = nft(&namespace, &["-a", "list", "ruleset"]).replace(",\n", ", ");
    let theirs: Vec<String> = plain
        .lines()
        .map(str::trim)
        .filter(|line| line.contains(" # handle ") && !line.contains("{ # handle"))
        .map(|line| in_order(&line.split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    let mut texts = BTreeSet::new();
    for rule in &rules {
        let comment =
            rule["comment"].as_str().map_or(String::new(), |comment| format!(" comment \"{comment}\""));
        let text = rule["text"].as_str().unwrap().replace(" burst 5 packets", "");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        texts.insert(in_order(&format!("{text}{comment} # handle {}", rule["handle"])));
        assert_eq!(rule["text_complete"], true, "{rule:#}");
    }
    let lacking: Vec<&String> = theirs.iter().filter(|line| !texts.contains(*line)).collect();
    assert!(theirs.len() >= 82, "{}", theirs.len());
    assert!(lacking.is_empty(), "nft writes {lacking:#?}\nwe write {texts:#?}");

    let key = |set: &Value| json!([set["family"], set["table"], set["name"], set["handle"]]);
    let mut named = objects(&listed, "set");
    named.extend(objects(&listed, "map"));
    let sets = ours("sets");
    let has_name = |set: &&Value| !set["flags"].to_string().contains("anonymous");
    assert!(named.len() >= 11, "{named:#?}");
    assert_eq!(set_of(named.iter().map(key)), set_of(sets.iter().filter(has_name).map(key)));
    let elements = ours("elements");
    let inside = |set: &str| -> BTreeSet<&str> {
        elements.iter().filter(|row| row["set"] == set).map(|row| row["text"].as_str().unwrap()).collect()
    };
    assert_eq!(inside("s1"), BTreeSet::from(["10.0.0.1", "10.0.0.2"]));
    assert_eq!(inside("s4"), BTreeSet::from(["10.0.0.1 . 80"]));
    assert_eq!(inside("s5"), BTreeSet::from(["\"eth0\"", "\"v0\""]));
    assert_eq!(inside("m1"), BTreeSet::from(["22 : accept", "80 : jump other"]));
    assert_eq!(inside("m2"), BTreeSet::from(["1.2.3.4 : 80"]));
    assert_eq!(
        inside("s2"),
        BTreeSet::from([
            "10.0.0.0/8",
            "192.168.1.5-192.168.1.9",
            "end of interval before 0.0.0.0",
            "end of interval before 11.0.0.0",
            "end of interval before 192.168.1.10",
        ])
    );
    // The sets with intervals as nft tells them; each text of ours is one of its elements, and the other way round.
    for set in ["s2", "s6", "s7", "s8", "m3"] {
        let kind = if set.starts_with('m') { "map" } else { "set" };
        let plain = nft(&namespace, &["list", kind, "inet", "t", set]);
        let inside_braces = plain.split("elements = {").nth(1).unwrap().split('}').next().unwrap();
        let theirs: BTreeSet<String> = inside_braces
            .split(',')
            .map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let told = inside(set);
        let whole: BTreeSet<String> =
            told.iter().filter(|text| !text.starts_with("end of")).map(|text| (*text).to_owned()).collect();
        assert!(theirs.len() >= 2, "{plain}");
        assert_eq!(whole, theirs, "{set}");
    }
    assert_eq!(elements.iter().find(|row| row["set"] == "s3").unwrap()["comment"], "ssh");
    let counter = ours("objects").into_iter().find(|object| object["name"] == "c1").unwrap();
    assert_eq!((&counter["type"], &counter["data"]["packets"]), (&json!("counter"), &json!(3)));
    for table in ["tables", "chains", "rules", "sets", "elements", "objects", "flowtables"] {
        for row in ours(table) {
            assert!(row.get("unread_b64").is_none() && row.get("other").is_none(), "{table}: {row:#}");
        }
    }
    // Where the first process does not show itself even to root, as in some containers, that is said, and nothing is
    // proven to be empty.
    let hidden = std::fs::read_link("/proc/1/ns/net").is_err();
    let follows = |gap: &Value| {
        gap["source"] == "network namespaces"
            || gap["reason"].as_str().unwrap().contains("there may be others")
    };
    let gaps = collected.document["gaps"].as_array().unwrap();
    assert!(
        gaps.iter().all(|gap| gap["need"] != "required" || hidden && follows(gap)),
        "{}",
        collected.document
    );
}

#[test]
fn without_privileges_the_rules_are_denied_and_not_absent() {
    if !only_root("becoming nobody") {
        return;
    }
    let desk = Desk::new();
    use std::os::unix::fs::PermissionsExt as _;
    for folder in [desk.dir.path().to_path_buf(), desk.out()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let out = desk.path("nobody");
    fs::create_dir(&out).unwrap();
    std::os::unix::fs::chown(&out, Some(65534), Some(65534)).unwrap();
    let ran =
        phi(["collect", "--quiet", "--json", "--no-tools", "--only", "firewall", "-r", &desk.recipient])
            .args([std::ffi::OsStr::new("-o"), out.as_os_str()])
            .by_nobody()
            .run()
            .code(3);
    let document = ran.json();
    let gaps = document["gaps"].as_array().unwrap();
    assert!(
        gaps.iter().any(|gap| gap["need"] == "required" && gap["outcome"] == "denied"),
        "no rule set was shown: {gaps:#?}"
    );
    assert!(gaps.iter().all(|gap| gap["outcome"] != "empty"));
}

/// The older tables: only where they exist already, for asking would make them.
#[test]
fn older_tables_are_read_where_they_exist() {
    if !only_root("the packet filter of a network namespace") {
        return;
    }
    let namespace = Namespace::new("legacy");
    let exec = |args: &[&str]| {
        output("ip", &[&["netns", "exec", &namespace.name, "ip6tables-legacy"], args].concat())
    };
    let rules = [
        vec!["-N", "mine"],
        vec!["-P", "FORWARD", "DROP"],
        vec!["-A", "INPUT", "-s", "2001:db8::/32", "-i", "v0", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"],
        vec!["-A", "INPUT", "!", "-d", "2001:db8::1/128", "-o", "eth+", "-j", "DROP"],
        vec!["-A", "INPUT", "-j", "mine"],
        vec!["-A", "mine", "-m", "state", "--state", "ESTABLISHED", "-j", "RETURN"],
        vec!["-A", "mine", "-j", "LOG", "--log-prefix", "older "],
    ];
    for rule in &rules {
        // An outgoing link in INPUT is refused.
        let rule: Vec<&str> = rule.iter().map(|word| if *word == "-o" { "-i" } else { word }).collect();
        exec(&rule);
    }
    let saved = exec(&["-S"]);
    let theirs = saved.lines().filter(|line| line.starts_with("-A")).count();
    if theirs == 0 {
        crate::support::skipped("this kernel has no filter table of ip6_tables");
        return;
    }
    assert_eq!(theirs, 5, "{saved}");
    let collected = Collected::of("firewall");
    let of = |table: &str| -> Vec<Value> {
        let rows = collected.rows(table, namespace.inode());
        rows.into_iter().filter(|row| row["backend"] == "ip6_tables").collect()
    };
    let chains =
        set_of(of("chains").iter().map(|chain| json!([chain["table"], chain["name"], chain["policy"]])));
    let reference = [
        json!(["filter", "INPUT", "ACCEPT"]),
        json!(["filter", "FORWARD", "DROP"]),
        json!(["filter", "OUTPUT", "ACCEPT"]),
        json!(["filter", "mine", null]),
    ];
    assert_eq!(chains, set_of(reference.into_iter()));
    // At the end of a chain of one's own the kernel keeps a rule that returns, which iptables does not print.
    let rules: Vec<Value> =
        of("rules").into_iter().filter(|rule| rule.get("end_of_chain").is_none()).collect();
    let at = |number: usize| &rules[number];
    assert_eq!(rules.len(), theirs, "{rules:#?}");
    assert_eq!(
        (&at(0)["src"], &at(0)["in"], &at(0)["verdict"]),
        (&json!("2001:db8::/32"), &json!("v0"), &json!("ACCEPT"))
    );
    assert_eq!((&at(0)["protocol"], &at(0)["matches"][0]["name"]), (&json!(6), &json!("tcp")));
    assert_eq!(
        (&at(1)["dst"], &at(1)["in"], &at(1)["verdict"]),
        (&json!("! 2001:db8::1"), &json!("eth+"), &json!("DROP"))
    );
    assert_eq!((&at(2)["chain"], &at(2)["jump"]), (&json!("INPUT"), &json!("mine")));
    assert_eq!((&at(3)["chain"], &at(3)["verdict"]), (&json!("mine"), &json!("RETURN")));
    assert_eq!(at(4)["target"], "LOG");
    // A namespace without them has none afterwards either.
    let names = output("ip", &["netns", "exec", &namespace.name, "cat", "/proc/net/ip_tables_names"]);
    assert_eq!(names, "", "looking made a table");
}
