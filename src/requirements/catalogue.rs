//! Each check, described for people.
