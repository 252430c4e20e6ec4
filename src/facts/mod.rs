//! What was read of the host, with its sources. Plain data: [`crate::host`] reads it.

mod account;
pub(crate) mod disk;
mod evidence;
mod exit;
mod host;
mod measurements;
pub(crate) mod node;
mod source;

pub use account::{AccountRow, Lookup, RemedyFacts, Table};
pub(crate) use account::{AccountSources, AccountTool, TargetRoot};
pub(crate) use account::{RejectReason, Rejected};
pub(crate) use evidence::{Evidence, Excerpt, Part};
pub(crate) use exit::ComponentExit;
pub use host::Machine;
pub(crate) use host::{AccountFact, Persistence, SysctlFile, SystemdSource, SystemdVersion};
pub use host::{Cgroup, HostFacts, KernelFact, NextBoot, WriteAccess};
pub(crate) use host::{NextBootCause, proc_sys};
pub use measurements::{Certificate, CertificateKind, EtcdDatabase, Measurements, Room};
pub use source::{Operation, ReadError};
pub use source::{Reading, Source};
