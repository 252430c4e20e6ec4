//! `status`: the monitor's status; where it does not run, the units that the gate blocks and the result of
//! `check`.

use std::time::Duration;

use super::arguments::{Check, Common, Status as Options, Which};
use super::{Status, check, print, select, stderr};
use crate::daemon::client;
use crate::host::state;
use crate::monitor::NodeStatus;
use crate::report::status as report;
use crate::report::{CheckFormat, Format};

/// How long the monitor may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run(common: &Common, options: &Options) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    let answer = if root.is_live() {
        client::status(PATIENCE).and_then(|text| {
            serde_json::from_str::<NodeStatus>(&text)
                .map(|status| (text, status))
                .map_err(|error| format!("its answer cannot be read: {error}"))
        })
    } else {
        Err("an image has no monitor".to_owned())
    };
    match answer {
        Ok((text, status)) => {
            match options.format {
                Format::Json => print(&text),
                Format::Text => print(&report::text(&status, state::now())),
            }
            if status.is_refused() {
                Status::Refused
            } else if status.is_undetermined() {
                Status::Failed
            } else {
                Status::Good
            }
        }
        Err(why) => {
            stderr::line(&format!(
                "the monitor cannot be asked ({why}); this is the result of `check`"
            ));
            // The gate's files show its blocks. The JSON of `check` has no field for them.
            if root.is_live() && options.format == Format::Text {
                for block in client::blocks(PATIENCE) {
                    print(&report::blocked(&block, state::now()));
                }
            }
            let which = Which {
                unit: None,
                role: None,
            };
            let check = Check {
                which,
                format: match options.format {
                    Format::Text => CheckFormat::Text,
                    Format::Json => CheckFormat::Json,
                },
                all: false,
                fail_on: Vec::new(),
                upgrade_to: None,
                measure_disk: false,
            };
            check::run(common, &check)
        }
    }
}
