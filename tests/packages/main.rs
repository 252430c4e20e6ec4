//! The packages that `tests/lab/package` built: what they hold against the manifest, what they ask of
//! a system, what other tools say of them. Needs that script to have run; `root` needs to be root.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test reads packages with the tools made for them"
)]

#[cfg(test)]
mod contents;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod native;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod release;
#[cfg(test)]
mod root;
#[cfg(test)]
mod rpm;
#[cfg(test)]
mod tools;
