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

pub mod accounts;
pub mod declare;
pub mod file;
mod parameters;
pub mod plan;
mod rows;
pub mod script;
pub mod text;

pub use accounts::{Accounts, Maker, Wish};
pub use plan::{Action, Conflict, Host, Left, Plan, Step, Unit};
pub use rows::NewRow;
