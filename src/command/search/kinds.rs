//! Types of records, by name or by number: a word that is none would find nothing, and seem an answer.

use crate::records::audit_rules::types;
use crate::term::Failure;

/// What kernels later than the table log (linux/audit.h of Linux 6.15).
const LATER: [(u32, &str); 9] = [
    (1338, "DM_CTRL"),
    (1339, "DM_EVENT"),
    (1420, "IPE_ACCESS"),
    (1421, "IPE_CONFIG_CHANGE"),
    (1422, "IPE_POLICY_LOAD"),
    (1423, "LANDLOCK_ACCESS"),
    (1424, "LANDLOCK_DOMAIN"),
    (1425, "MAC_TASK_CONTEXTS"),
    (1426, "MAC_OBJ_CONTEXTS"),
];

/// The types that are asked for, in all the ways in which a log may write them.
pub fn read(asked: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut kinds = Vec::new();
    for word in asked {
        let name = word.to_ascii_uppercase();
        let inner = name.strip_prefix("UNKNOWN[").and_then(|rest| rest.strip_suffix(']'));
        match inner.unwrap_or(&name).parse::<u32>() {
            // A daemon that does not know a type writes its number, one that does its name.
            Ok(number) => {
                kinds.push(format!("UNKNOWN[{number}]").into_bytes());
                kinds.extend(name_of(number).filter(|_| inner.is_none()).map(Vec::from));
            }
            Err(_) if names().any(|known| known == name) => kinds.push(name.into_bytes()),
            Err(_) => return Err(unknown(word, &name)),
        }
    }
    Ok(kinds)
}

fn names() -> impl Iterator<Item = &'static str> {
    types::names().chain(LATER.iter().map(|(_, name)| *name))
}

fn name_of(number: u32) -> Option<&'static str> {
    let later = || LATER.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
    types::name(number).or_else(later)
}

fn unknown(word: &str, name: &str) -> Failure {
    let nearest = names().min_by_key(|known| strsim::damerau_levenshtein(name, known));
    Failure::usage(format!("--type: no record is of a type {word:?}")).hint(format!(
        "the nearest is {}; a type that has no name here is found by its number",
        nearest.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_name_or_a_number_and_a_mistyped_one_is_refused() {
        let kinds = |word: &str| {
            let kinds = read(&[word.to_owned()])?;
            Ok::<_, Failure>(
                kinds.into_iter().map(|kind| String::from_utf8(kind).unwrap()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(kinds("user_login").unwrap(), ["USER_LOGIN"]);
        assert_eq!(kinds("landlock_access").unwrap(), ["LANDLOCK_ACCESS"]);
        assert_eq!(kinds("1300").unwrap(), ["UNKNOWN[1300]", "SYSCALL"]);
        assert_eq!(kinds("1423").unwrap(), ["UNKNOWN[1423]", "LANDLOCK_ACCESS"]);
        assert_eq!(kinds("unknown[1999]").unwrap(), ["UNKNOWN[1999]"]);
        for wrong in ["syscal", "", "UNKNOWN[x]", "-1"] {
            assert!(!kinds(wrong).unwrap_err().hints().is_empty(), "{wrong}");
        }
        assert!(kinds("syscal").unwrap_err().hints()[0].contains("is SYSCALL;"));
    }
}
