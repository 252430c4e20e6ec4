//! What each directive of a unit can change of the host that RKE2 sees.
//!
//! One table, [`TABLE`], of every directive that systemd knows in a service. The effect of a directive is
//! computed, or it has no influence on what RKE2 reads at start, or it may change that in a way that is not
//! computed: then findings that depend on it are indeterminate. The same applies to a directive that
//! the table does not have, because a newer systemd may know it.

mod collector;
mod entry;
mod influence;
mod table;

pub(in crate::unit) use collector::Collector;
pub(crate) use collector::extent;
pub(crate) use entry::ValueForm;
pub(crate) use entry::{Coverage, Directive, Handling};
pub(crate) use influence::Influence;
pub use influence::{Cause, Extent};

/// The sections of a service's unit file, each with its directives sorted by name.
pub static TABLE: [(&str, &[Directive]); 3] = [
    ("Unit", &table::UNIT),
    ("Service", &table::SERVICE),
    ("Install", &table::INSTALL),
];

/// How the directive `key` of `section` is treated; `None` if the table does not have it.
pub fn handling(section: &str, key: &str) -> Option<Handling> {
    let (_, directives) = TABLE.iter().find(|(name, _)| *name == section)?;
    find(directives, key).map(|directive| directive.handling)
}

fn find(directives: &'static [Directive], key: &str) -> Option<&'static Directive> {
    let at = directives.binary_search_by(|directive| directive.bytes().cmp(key.as_bytes()));
    at.ok().and_then(|at| directives.get(at))
}

/// Every directive that may change what RKE2 sees, with what it covers and how its values combine.
pub fn untracked() -> impl Iterator<Item = (&'static str, Coverage, ValueForm)> {
    table::SERVICE
        .iter()
        .filter_map(|directive| match directive.handling {
            Handling::Untracked(coverage, form) => Some((directive.name(), coverage, form)),
            Handling::Followed | Handling::Inert(_) => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_without_duplicates() {
        for (section, directives) in TABLE {
            assert!(
                directives.is_sorted_by(|a, b| a.name() < b.name()),
                "{section} is not sorted by name"
            );
            for directive in directives {
                let handling = super::handling(section, directive.name());
                assert_eq!(handling, Some(directive.handling));
            }
        }
        assert_eq!(handling("Service", "X"), None);
        assert_eq!(handling("Socket", "Accept"), None);
    }

    #[test]
    fn only_directives_of_service_are_untracked() {
        for (section, directives) in TABLE {
            let any = directives
                .iter()
                .any(|directive| matches!(directive.handling, Handling::Untracked(..)));
            assert_eq!(any, section == "Service");
        }
        assert!(untracked().count() > 20);
    }
}
