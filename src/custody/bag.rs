//! The tag files of the bag (BagIt 1.0, RFC 8493): their names, their order, their text.
//!
//! `VERIFY.txt` is meant to be followed word for word by somebody who has never heard of this program; a test
//! does exactly that with the stock tools.

use super::digest::Digest;
use super::member::Member;
use super::seal::Counts;
use crate::clock::Timestamp;

/// `bagit.txt`, the first member.
pub const BAGIT: &str = "bagit.txt";
/// `plan.json`, the second member.
pub const PLAN: &str = "plan.json";
/// Digests of the entries.
pub const ENTRIES: &str = "entries-sha256.txt";
/// Digests of the files under `data/`.
pub const MANIFEST: &str = "manifest-sha256.txt";
/// About the bag.
pub const BAG_INFO: &str = "bag-info.txt";
/// How to check the bundle without this program.
pub const VERIFY: &str = "VERIFY.txt";
/// Digests of the other tag files.
pub const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
/// The signed statement.
pub const SEAL: &str = "seal.json";
/// Its signature.
pub const SEAL_SIG: &str = "seal.json.sig";

/// The members behind the last entry, in this order.
pub const TAIL: [&str; 7] = [ENTRIES, MANIFEST, BAG_INFO, VERIFY, TAG_MANIFEST, SEAL, SEAL_SIG];

/// What `tagmanifest-sha256.txt` lists, in this order.
pub const TAGGED: [&str; 6] = [BAGIT, PLAN, ENTRIES, MANIFEST, BAG_INFO, VERIFY];

/// The lists whose digests stand in the seal, in this order.
pub const SEALED_LISTS: [&str; 3] = [ENTRIES, MANIFEST, TAG_MANIFEST];

/// The text of `bagit.txt`.
pub const BAGIT_TEXT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// The signature's namespace for the seal.
pub const SEAL_NAMESPACE: &str = "seal@phi-ir";
/// The signature's namespace for the receipt.
pub const RECEIPT_NAMESPACE: &str = "receipt@phi-ir";

/// One line as `sha256sum` prints it, without the newline.
pub fn list_line(name: &str, digest: &Digest) -> String {
    format!("{digest}  {name}")
}

/// A whole list, a line each, as `sha256sum` prints it. Names never hold a newline or backslash, so that there
/// is nothing to escape.
pub fn list<'a>(rows: impl IntoIterator<Item = (&'a str, Digest)>) -> Vec<u8> {
    let mut text = String::new();
    for (name, digest) in rows {
        text.push_str(&list_line(name, &digest));
        text.push('\n');
    }
    text.into_bytes()
}

/// Reads a list back: name and digest of each line, or the number of the first line that is none.
pub fn read_list(bytes: &[u8]) -> Result<Vec<(Member, Digest)>, usize> {
    let text = std::str::from_utf8(bytes).map_err(|_| 1_usize)?;
    let row = |line: &str| {
        let (digest, name) = line.split_once("  ")?;
        Some((Member::parse(name).ok()?, Digest::parse(digest).ok()?))
    };
    text.lines().zip(1..).map(|(line, number)| row(line).ok_or(number)).collect()
}

/// The text of `bag-info.txt`.
pub fn bag_info(id: &str, version: &str, ended: Timestamp, counts: &Counts) -> String {
    format!(
        "Bag-Software-Agent: phi-ir {version}\nBagging-Date: {}\nExternal-Identifier: {id}\nPayload-Oxum: {}.{}\n",
        ended.day(),
        counts.bytes,
        counts.members,
    )
}

/// The text of `VERIFY.txt`.
pub fn verify_text(id: &str) -> String {
    VERIFY_TEMPLATE.replace("@ID@", id)
}

const VERIFY_TEMPLATE: &str = r#"HOW TO CHECK THIS BUNDLE WITHOUT THE PROGRAM THAT MADE IT

You need age, unzip, sha256sum and ssh-keygen (OpenSSH 8.2 or later), a POSIX shell, and in one folder:
  - the sealed file, its receipt, and the receipt's signature, under the names that they were given
  (@ID@.zip.age, and the same with .receipt.json and .receipt.json.sig);
  - a key that opens the sealed file (for a passphrase, leave out -i "$KEY" below);
  - a file allowed_signers that names who may sign, given to you by somebody you trust. A key that only came with
  the bundle proves nothing. If you have none, see "Without a list of signers" at the end.
The lines that begin with four blanks are commands. Each must succeed; stop at the first that does not.
This text lies inside the sealed file: if you read it there, you have done step 3 already. Do it again all the same.

    umask 077
    ID=@ID@
    KEY=officer.key
    SIGNERS=$PWD/allowed_signers

1. The receipt was signed by somebody you know. Compare the code too, if one was read out when the bundle was made:
   the last command prints it.

    WHO=$(ssh-keygen -Y find-principals -s "$ID.receipt.json.sig" -f "$SIGNERS" | head -n 1)
    ssh-keygen -Y verify -f "$SIGNERS" -I "$WHO" -n receipt@phi-ir -s "$ID.receipt.json.sig" < "$ID.receipt.json"
    sha256sum < "$ID.receipt.json" | cut -c 1-24 | sed 's/..../&-/g; s/-$//'

2. The sealed file is the one that the receipt speaks of.

    test "$(sha256sum < "$ID.zip.age" | cut -c 1-64)" = "$(grep -A 3 '"ciphertext": {' "$ID.receipt.json" | grep -oE '[0-9a-f]{64}')"

3. It opens whole. Never send what age prints straight into another program: a damaged file would be
   half unpacked before the damage is noticed. The archive and the folder "opened" are not encrypted any more.

    age -d -i "$KEY" -o "$ID.zip" "$ID.zip.age" || { rm -f "$ID.zip"; false; }
    unzip -tq "$ID.zip"
    test -z "$(unzip -Z1 "$ID.zip" | tr A-Z a-z | sort | uniq -d)"
    unzip -q "$ID.zip" -d opened
    cd "opened/$ID"

4. The seal was signed by somebody you know, and it is the seal that the receipt speaks of.

    WHO=$(ssh-keygen -Y find-principals -s seal.json.sig -f "$SIGNERS" | head -n 1)
    ssh-keygen -Y verify -f "$SIGNERS" -I "$WHO" -n seal@phi-ir -s seal.json.sig < seal.json
    grep -q "\"seal_sha256\": \"$(sha256sum < seal.json | cut -c 1-64)\"" "../../$ID.receipt.json"

5. The lists are the ones that were sealed, and every file is as listed.

    test "$(grep -oE '[0-9a-f]{64}  [a-z0-9-]+\.txt' seal.json | wc -l)" -eq 3
    grep -oE '[0-9a-f]{64}  [a-z0-9-]+\.txt' seal.json | sha256sum --strict -c
    sha256sum --strict --quiet -c tagmanifest-sha256.txt
    sha256sum --strict --quiet -c entries-sha256.txt
    sha256sum --strict --quiet -c manifest-sha256.txt

6. There is nothing else.

    test "$(ls entries | wc -l)" -eq "$(wc -l < entries-sha256.txt)"
    test "$(find data ! -type d | wc -l)" -eq "$(wc -l < manifest-sha256.txt)"
    test "$(find . ! -type d | wc -l)" -eq "$(($(cat entries-sha256.txt manifest-sha256.txt | wc -l) + 9))"

7. The entries stand in the order of work: each names the digest of the one before.

    PREV=$(sha256sum < plan.json | cut -c 1-64) BROKEN=0
    for E in entries/*.json; do grep -q "\"prev\":\"$PREV\"" "$E" || { echo "order broken at $E"; BROKEN=1; }; PREV=$(sha256sum < "$E" | cut -c 1-64); done
    test "$BROKEN" -eq 0
    echo "$(wc -l < manifest-sha256.txt) files and $(wc -l < entries-sha256.txt) entries are as they were sealed"

What this shows: the bytes are unchanged since they were sealed, and which key sealed them. It does not show that
the examined host told the truth, nor who held the key, nor when, unless a time-stamp token is with the receipt.

What was not obtained, and why, stands in the entries. This lists the outcomes of all of them, and how often each:

    grep -ohE '"outcome":"[a-z_]+"' entries/*.json | sort | uniq -c

When you are done, delete what is not encrypted: the .zip, and the folder "opened".

WITHOUT A LIST OF SIGNERS

You can still learn which key signed, and compare its fingerprint, and the code of step 1, with those that were read
out to you. Leave out the commands with WHO in steps 1 and 4, and put this in place of the one in step 4:
  ssh-keygen -Y check-novalidate -n seal@phi-ir -s seal.json.sig < seal.json
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back() {
        let rows = [("data/root/a b", Digest::of(b"a")), ("data/root/c", Digest::of(b"c"))];
        let text = list(rows);
        let back = read_list(&text).unwrap();
        assert_eq!(back.len(), 2);
        assert_eq!((back[0].0.as_str(), back[0].1), rows[0]);
        assert_eq!(read_list(b"junk\n").unwrap_err(), 1);
    }

    #[test]
    fn the_tag_manifest_lists_every_tag_file_but_itself_and_the_seal() {
        let all = [BAGIT, PLAN].into_iter().chain(TAIL);
        let left_out: Vec<&str> = all.filter(|name| !TAGGED.contains(name)).collect();
        assert_eq!(left_out, [TAG_MANIFEST, SEAL, SEAL_SIG]);
    }
}
