//! `status`: what the monitor knows; where it does not run, which units are blocked, and what `check` finds.

use std::time::Duration;

use super::arguments::{Check, Common, Status as Options, Which};
use super::{Status, check, print, select, stderr};
use crate::daemon::client;
use crate::host::state;
use crate::report::{CheckFormat, Format, status};

/// How long the monitor may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run(common: &Common, options: &Options) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    let answer = if root.is_live() {
        client::status(PATIENCE).and_then(|text| {
            serde_json::from_str::<status::Status>(&text)
                .map(|status| (text, status))
                .map_err(|error| format!("its answer is not understood: {error}"))
        })
    } else {
        Err("an image has none".to_owned())
    };
    match answer {
        Ok((text, status)) => {
            match options.format {
                Format::Json => print(&text),
                Format::Text => print(&status.text(state::now())),
            }
            if status.refuses() {
                Status::Refused
            } else if status.is_undetermined() {
                Status::Failed
            } else {
                Status::Good
            }
        }
        Err(why) => {
            stderr::line(&format!(
                "the monitor cannot be asked ({why}); this is what `check` finds"
            ));
            // Its files are all that tells of a block. The JSON of `check` has no place for it.
            if root.is_live() && options.format == Format::Text {
                for block in client::blocks(PATIENCE) {
                    print(&status::blocked(&block, state::now()));
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
            };
            check::run(common, &check)
        }
    }
}
