//! Audits the cluster half of the CIS benchmarks for RKE2, and fixes default accounts and network policies.
//!
//! ```text
//! dump, client  ->  facts  ->  rules   ->  evaluate  ->  report
//! objects as        reduced    one for     by the        text, JSON,
//! they are read     to what    each        benchmark     kube-bench
//!                   is asked   control
//! ```
//!
//! Everything from `facts` to `report` is pure. `fix` makes a plan of the same facts, writes it out, or carries it out over
//! `client`.

mod answer;
mod cli;
mod client;
mod control;
mod dump;
mod evaluate;
mod facts;
mod fix;
mod kind;
mod objects;
mod powers;
mod report;
mod rights;
mod rke2;
mod rules;
mod traits;

fn main() -> std::process::ExitCode {
    cli::run(std::env::args_os())
}
