//! The plan as a POSIX shell script, to be reviewed and run as root; a second run does nothing.

use std::fmt::Write as _;

use super::file::HEADER;
use super::plan::{Action, Host, Plan};
use crate::facts::Table;
use crate::finding::account::{NewAccount, SYSUSERS_FILE};
use crate::finding::remedy::command;
use crate::rke2::kernel::KernelParameter;
use crate::text::{printable, shell_word};

const PRELUDE: &str = r#"set -eu
umask 022

# inside FILE: fails if FILE is not a regular file, or if it or, in an image, a directory on the way to it
# is a link, which could lead out of the image
inside() {
    path=$1
    while [ -n "$path" ] && [ "$path" != "$image" ]; do
        if [ -L "$path" ]; then
            echo "$path is a link: not changed" >&2
            exit 1
        fi
        if [ -z "$image" ]; then
            break
        fi
        path=${path%/*}
    done
    if [ -e "$1" ] && [ ! -f "$1" ]; then
        echo "$1 is not a regular file: not changed" >&2
        exit 1
    fi
}

# add FILE LINE...: adds lines that the file does not end with, whole or not at all
add() {
    file=$1
    shift
    inside "$file"
    if [ "$(tail -n $# "$file" 2>/dev/null || :)" = "$(printf '%s\n' "$@")" ]; then
        return 0
    fi
    mkdir -p "${file%/*}"
    new=${file%/*}/.${file##*/}.new
    rm -f "$new"
    if [ -e "$file" ]; then
        cp -p "$file" "$new"
        if [ -n "$(tail -c 1 "$new")" ]; then
            echo >>"$new"
        fi
    fi
    printf '%s\n' "$@" >>"$new"
    mv "$new" "$file"
}

# has FILE NAME: whether an account file has a row of that name
has() {
    grep -q "^$2:" "$1" 2>/dev/null
}

# row FILE ROW: adds a row to an account file that has none of that name
row() {
    inside "$1"
    if has "$1" "${2%%:*}"; then
        return 0
    fi
    # Images can share a file; on a host the file keeps its security label.
    if [ -n "$image" ]; then
        add "$1" "$2"
    else
        if [ -n "$(tail -c 1 "$1")" ]; then
            echo >>"$1"
        fi
        printf '%s\n' "$2" >>"$1"
    fi
}
"#;

/// The script.
pub(crate) fn render(plan: &Plan, host: &Host, units: &str) -> String {
    let mut out = format!(
        "#!/bin/sh\n# Makes {units} start on this host, now and after the next boot.\n\
         # Written by preflight-rke2 fix. Run it as root; a second run changes nothing.\n\
         # The directory of the image that it changes; empty for the running host.\nimage={}\n{PRELUDE}",
        shell_word(&host.prefix)
    );
    for (step, number) in plan.steps.iter().zip(1_usize..) {
        let _ = writeln!(out, "\n# {number}. {}", printable(&step.what));
        for why in &step.why {
            let _ = writeln!(out, "#    because: {}", printable(why));
        }
        match &step.action {
            Action::File {
                target,
                before,
                parameters,
            } => {
                let mut lines: Vec<String> = parameters.iter().map(KernelParameter::line).collect();
                if before.is_none() {
                    lines.insert(0, HEADER.to_owned());
                }
                add(
                    &mut out,
                    "",
                    &format!("{}{}", host.prefix, target.path),
                    &lines,
                );
            }
            Action::Live(parameters) => {
                for parameter in parameters {
                    let path = parameter.path();
                    let value = parameter.required;
                    let _ = writeln!(
                        out,
                        "[ \"$(cat {path})\" = {value} ] || echo {value} >{path}"
                    );
                }
            }
            Action::Create(account) => create(&mut out, account, host),
            Action::Row(copy) => row(&mut out, copy.table.path(), &copy.row, host),
            Action::Rows(rows) => {
                for new in rows {
                    if new.optional {
                        let path = shell_word(&format!("{}{}", host.prefix, new.path));
                        let _ = write!(out, "[ ! -e {path} ] || ");
                    }
                    row(&mut out, new.path, &new.row, host);
                }
            }
        }
    }
    for step in &plan.manual {
        let _ = writeln!(
            out,
            "\n# To do manually: {} [{}]",
            printable(&step.summary),
            step.check
        );
        for remedy in &step.remedies {
            let _ = writeln!(out, "#    {}", printable(&remedy.summary()));
        }
    }
    out
}

fn add(out: &mut String, indent: &str, path: &str, lines: &[String]) {
    let _ = write!(out, "{indent}add {}", shell_word(path));
    for line in lines {
        let _ = write!(out, " \\\n{indent}    {}", shell_word(line));
    }
    out.push('\n');
}

fn table(table: Table, host: &Host) -> String {
    shell_word(&format!("{}{}", host.prefix, table.path()))
}

fn create(out: &mut String, account: &NewAccount, host: &Host) {
    let (passwd, group) = (table(Table::Passwd, host), table(Table::Group, host));
    let _ = writeln!(out, "if has {passwd} etcd && has {group} etcd; then");
    out.push_str("    :\nelif command -v systemd-sysusers >/dev/null; then\n");
    if !account.declared {
        let path = format!("{}{SYSUSERS_FILE}", host.prefix);
        add(out, "    ", &path, &account.sysusers());
    }
    let _ = writeln!(out, "    {}\nelse", command(&NewAccount::run_sysusers()));
    for program in account.shadow() {
        let file = if program.name == "groupadd" {
            &group
        } else {
            &passwd
        };
        let _ = writeln!(out, "    has {file} etcd || {}", command(&program));
    }
    out.push_str("fi\n");
}

fn row(out: &mut String, path: &str, row: &str, host: &Host) {
    let path = shell_word(&format!("{}{path}", host.prefix));
    let _ = writeln!(out, "row {path} {}", shell_word(row));
}
