//! Why the kernel did not take a question about its auditing (ECONNREFUSED).
//!
//! kernel/audit.c listens to the first user namespace alone (`audit_netlink_ok`), and kernels before 3.14 to the first
//! network namespace alone.

use crate::host::own_namespaces::{FIRST_USER, OwnNamespaces};

/// What it means here, in words that name the namespace that is not the first, where that is known.
pub fn words(own: OwnNamespaces) -> String {
    const RULE: &str = "the kernel speaks of its auditing in its first user and network namespaces only";
    let other_user = own.user.filter(|user| *user != FIRST_USER);
    let other_net = own.net.zip(own.net_of_first).filter(|(net, first)| net != first);
    match (other_user, other_net) {
        (Some(user), None) => format!("{RULE}, and this run is in another user namespace ({user})"),
        (Some(user), Some((net, _))) => {
            format!(
                "{RULE}, and this run is in another user namespace ({user}) and another network namespace ({net})"
            )
        }
        (None, Some((net, _))) => format!("{RULE}, and this run is in another network namespace ({net})"),
        (None, None) => format!("{RULE}, and refused; which of the two is another here could not be told"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_that_differs_is_named_and_no_other() {
        let own = |user, net, net_of_first| words(OwnNamespaces { user, net, net_of_first });
        let (first, other) = (Some(FIRST_USER), Some(4_026_532_999));
        let unshared_user = own(other, Some(7), Some(7));
        assert!(unshared_user.contains("another user namespace (4026532999)"), "{unshared_user}");
        assert!(!unshared_user.contains("another network"), "{unshared_user}");
        let unshared_net = own(first, Some(8), Some(7));
        assert!(
            unshared_net.contains("another network namespace (8)") && !unshared_net.contains("another user")
        );
        assert!(own(other, Some(8), Some(7)).contains("(4026532999) and another network namespace (8)"));
        for unknown in [own(None, Some(8), None), own(first, None, Some(7)), own(first, Some(7), Some(7))] {
            assert!(unknown.contains("could not be told"), "{unknown}");
        }
        assert!(!own(other, Some(8), None).contains("another network"), "it is not known");
    }
}
