//! `fix`: a plan that would make units start, now and after the next boot, and its renderings.
//!
//! Pure. The plan is collected from the remedies of the findings; [`crate::host::apply`] carries it out.
//!
//! ```text
//! plan     the plan's data: steps, and what is left to the administrator
//! collect  makes it from the findings;  file: the new content of a sysctl.d file
//! text     the plan for a terminal;  script: for a shell;  declare: for provisioning tools
//! ```

mod collect;
pub(crate) mod declare;
pub(crate) mod file;
mod plan;
pub(crate) mod script;
pub(crate) mod text;

pub(crate) use collect::plan;
pub(crate) use plan::{Action, Host, Plan, Step, Unit};
