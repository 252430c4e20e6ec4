//! `fix`: a plan that would make units start, now and after the next boot, and its renderings.
//!
//! Pure. The plan is made from the requirements and facts that the checks are made from;
//! [`crate::host::apply`] carries it out.
//!
//! ```text
//! plan        what is to be done, why, and what is left to a person
//! parameters  the steps for kernel parameters;  file: the new content of a file partly ours
//! accounts    the etcd account: what to declare, what to run;  rows: what to write into an image
//! text        the plan for a person;  script: for a shell;  declare: for the tools of platform teams
//! ```

pub(crate) mod accounts;
pub(crate) mod declare;
pub(crate) mod file;
mod parameters;
pub(crate) mod plan;
mod rows;
pub(crate) mod script;
pub(crate) mod text;

pub(crate) use accounts::RequestedIds;
pub(crate) use plan::{Action, Host, Plan, Step, Unit};
pub(crate) use rows::NewRow;
