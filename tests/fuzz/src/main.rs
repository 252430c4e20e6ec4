//! libFuzzer's entry: hands every input to the target that `PREFLIGHT_FUZZ_TARGET` names, or writes
//! first inputs for all of them to the directory `PREFLIGHT_FUZZ_SEED`.

#![no_main]

mod seed;
mod targets;

use std::sync::OnceLock;

static CHOSEN: OnceLock<targets::Run> = OnceLock::new();

fn choose() -> targets::Run {
    if let Some(directory) = std::env::var_os("PREFLIGHT_FUZZ_SEED") {
        seed::write(directory.into());
        return |_| ();
    }
    let name = std::env::var("PREFLIGHT_FUZZ_TARGET").unwrap_or_default();
    targets::find(&name).unwrap_or_else(|| panic!("no target is named {name:?}"))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| CHOSEN.get_or_init(choose)(data));
