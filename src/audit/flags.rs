//! Command lines as Kubernetes' components parse them (spf13/pflag): the last of a repeated flag
//! wins, lists add up, a boolean flag without a value is true, `_` is `-` in names, and `--` ends them.

use crate::facts::Source;

/// A word of a command line, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentArg {
    /// The word.
    pub text: String,
    /// Where.
    pub source: Source,
}

/// From where a command line is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// A process runs with it.
    Running,
    /// The static pod's manifest has it: what the next start of the pod runs with.
    Manifest,
    /// RKE2's configuration brings it: what the next start of RKE2 runs with.
    Configured,
}

/// One command line, the program's name left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentCommand {
    /// From where it is known.
    pub when: When,
    /// Where, as a whole.
    pub source: Source,
    /// Its words.
    pub words: Vec<ComponentArg>,
}

/// A flag that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given<'a> {
    /// Its name, without dashes, with `-` for `_`.
    pub name: String,
    /// Its value; `None` without one, which means true for a boolean flag.
    pub value: Option<&'a str>,
    /// Where it is written.
    pub source: &'a Source,
}

/// Boolean flags, which do not take the next word as their value: those that controls check, and those
/// that RKE2 passes.
const BOOLEAN_FLAGS: &[&str] = &[
    "allow-privileged",
    "anonymous-auth",
    "allocate-node-cidrs",
    "authentication-token-webhook",
    "enable-bootstrap-token-auth",
    "fail-cgroupv1",
    "fail-swap-on",
    "kubelet-https",
    "leader-elect",
    "make-iptables-util-chains",
    "profiling",
    "protect-kernel-defaults",
    "rotate-certificates",
    "seccomp-default",
    "service-account-extend-token-expiration",
    "service-account-lookup",
    "use-service-account-credentials",
];

/// The flags of a command line, in their order.
pub(crate) fn given(words: &[ComponentArg]) -> Vec<Given<'_>> {
    let mut flags = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(body) = word.text.strip_prefix("--") else {
            continue;
        };
        if body.is_empty() {
            break;
        }
        let (name, mut value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        let name = normal(name);
        // All but boolean flags take the next word. One that begins with a dash is taken for a flag,
        // because a flag that is not known here can be a boolean one.
        if value.is_none() && !BOOLEAN_FLAGS.contains(&name.as_str()) {
            let next = words.next_if(|next| !next.text.starts_with('-'));
            value = next.map(|next| next.text.as_str());
        }
        flags.push(Given {
            name,
            value,
            source: &word.source,
        });
    }
    flags
}

/// A flag's name as the components normalize it.
fn normal(name: &str) -> String {
    name.replace('_', "-")
}

/// What is given for one flag.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flag<'a>(Vec<&'a Given<'a>>);

/// Everything given for the flag of that name.
pub(crate) fn of<'a>(flags: &'a [Given<'a>], name: &str) -> Flag<'a> {
    Flag(flags.iter().filter(|given| given.name == name).collect())
}

impl<'a> Flag<'a> {
    /// The one that wins.
    pub(crate) fn last(&self) -> Option<&'a Given<'a>> {
        self.0.last().copied()
    }

    /// The value that wins, as text; a bare name is `true`.
    pub(crate) fn text(&self) -> Option<&'a str> {
        self.last().map(|given| given.value.unwrap_or("true"))
    }

    /// All items of a list that may be repeated.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&'a str, &'a Given<'a>)> {
        self.0.iter().flat_map(|given| {
            let items = given.value.unwrap_or_default().split(',');
            items
                .filter(|item| !item.is_empty())
                .map(move |item| (item, *given))
        })
    }

    /// What a list of `name=value` says of a name; the last counts.
    pub(crate) fn entry(&self, name: &str) -> Option<(&'a str, &'a Given<'a>)> {
        self.items()
            .filter_map(|(item, given)| Some((item.split_once('=')?, given)))
            .filter(|((key, _), _)| key.trim() == name)
            .map(|((_, value), given)| (value.trim(), given))
            .last()
    }
}

/// `words` after RKE2 has put the entries of a `*-arg` setting into them: an entry takes the place
/// of all that stood there for its flag, `name+=` and `name-=` add to it.
pub(crate) fn overridden(words: &[ComponentArg], entries: &[ComponentArg]) -> Vec<ComponentArg> {
    let parsed: Vec<(String, bool, ComponentArg)> = entries
        .iter()
        .map(|entry| {
            let body = entry.text.strip_prefix("--").unwrap_or(&entry.text);
            let (name, value) = match body.split_once('=') {
                Some((name, value)) => (name, value),
                None => (body, "true"),
            };
            let plain = name.trim_end_matches(['+', '-']);
            let word = ComponentArg {
                text: format!("--{plain}={value}"),
                source: entry.source.clone(),
            };
            (normal(plain), plain.len() == name.len(), word)
        })
        .collect();
    let replaced = |word: &ComponentArg| {
        let body = word.text.strip_prefix("--");
        let name = body.map(|body| normal(body.split('=').next().unwrap_or_default()));
        name.is_some_and(|name| {
            parsed
                .iter()
                .any(|(entry, replaces, _)| *replaces && *entry == name)
        })
    };
    let mut out: Vec<ComponentArg> = words
        .iter()
        .filter(|word| !replaced(word))
        .cloned()
        .collect();
    out.extend(parsed.iter().map(|(_, _, word)| word.clone()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Vec<ComponentArg> {
        texts
            .iter()
            .map(|text| ComponentArg {
                text: (*text).to_owned(),
                source: Source::file("/m"),
            })
            .collect()
    }

    fn text(line: &[&str], name: &str) -> Option<String> {
        let words = words(line);
        let flags = given(&words);
        of(&flags, name).text().map(str::to_owned)
    }

    #[test]
    fn the_last_wins_and_a_bare_switch_is_true() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            text(&["--profiling=false", "--profiling"], "profiling"),
            some("true")
        );
        assert_eq!(
            text(&["--profiling", "--profiling=false"], "profiling"),
            some("false")
        );
        // A boolean flag does not take the next word.
        assert_eq!(text(&["--profiling", "false"], "profiling"), some("true"));
        assert_eq!(
            text(&["--bind-address", "::1"], "bind-address"),
            some("::1")
        );
        assert_eq!(text(&["--bind_address=x"], "bind-address"), some("x"));
        assert_eq!(text(&["--", "--profiling"], "profiling"), None);
        assert_eq!(text(&["--audit-log-path="], "audit-log-path"), some(""));
        assert_eq!(text(&["--no-profiling=true"], "profiling"), None);
        assert_eq!(text(&["server", "-v=2", "--a=b"], "a"), some("b"));
    }

    #[test]
    fn lists_add_up_and_gates_are_looked_up_by_name() {
        let words = words(&[
            "--m=Node,RBAC",
            "--m=X",
            "--feature-gates=A=true,B=false",
            "--feature-gates=A=false",
        ]);
        let flags = given(&words);
        let items: Vec<&str> = of(&flags, "m").items().map(|(item, _)| item).collect();
        assert_eq!(items, ["Node", "RBAC", "X"]);
        let gates = of(&flags, "feature-gates");
        assert_eq!(gates.entry("A").map(|(value, _)| value), Some("false"));
        assert_eq!(gates.entry("AB").map(|(value, _)| value), None);
    }

    #[test]
    fn rke2s_entries_replace_or_add() {
        let line = words(&["--a=1", "--b=2", "--a=3", "--c"]);
        let with = |entries: &[&str]| -> Vec<String> {
            let out = overridden(&line, &words(entries));
            out.into_iter().map(|word| word.text).collect()
        };
        assert_eq!(with(&["a=9"]), ["--b=2", "--c", "--a=9"]);
        assert_eq!(with(&["b+=9"]), ["--a=1", "--b=2", "--a=3", "--c", "--b=9"]);
        assert_eq!(
            with(&["--c=false", "d"]),
            ["--a=1", "--b=2", "--a=3", "--c=false", "--d=true"]
        );
    }
}
