//! The `%` specifiers of systemd.unit(5), as far as their values are known without systemd.

use std::collections::BTreeMap;

/// The values of specifiers in a unit of the system manager.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Specifiers {
    values: BTreeMap<char, String>,
}

/// Every letter that is a specifier in some release of systemd.
const LETTERS: &str = "aAbBcCdDEfgGhHiIjJlLmMnNopPqrRsStTuUvVwWyY";

impl Specifiers {
    /// The specifiers that depend on the unit's name only, or are the same on every host.
    pub fn of_unit(name: &str) -> Self {
        let (stem, _suffix) = name.rsplit_once('.').unwrap_or((name, ""));
        let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
        let last = |text: &str| {
            let (_, last) = text.rsplit_once('-').unwrap_or(("", text));
            last.to_owned()
        };
        let path = if instance.is_empty() {
            prefix
        } else {
            instance
        };
        let values = [
            ('n', name.to_owned()),
            ('N', stem.to_owned()),
            ('p', prefix.to_owned()),
            ('P', unescape(prefix)),
            ('i', instance.to_owned()),
            ('I', unescape(instance)),
            ('j', last(prefix)),
            ('J', unescape(&last(prefix))),
            ('f', format!("/{}", unescape(path))),
            ('d', format!("/run/credentials/{name}")),
            ('t', "/run".to_owned()),
            ('S', "/var/lib".to_owned()),
            ('C', "/var/cache".to_owned()),
            ('L', "/var/log".to_owned()),
            ('E', "/etc".to_owned()),
            ('T', "/tmp".to_owned()),
            ('V', "/var/tmp".to_owned()),
            ('u', "root".to_owned()),
            ('U', "0".to_owned()),
            ('g', "root".to_owned()),
            ('G', "0".to_owned()),
            ('h', "/root".to_owned()),
        ];
        Self {
            values: values.into_iter().collect(),
        }
    }

    /// Sets a value that was read from the host.
    pub(crate) fn set(&mut self, letter: char, value: impl Into<String>) {
        self.values.insert(letter, value.into());
    }

    /// Expands the known specifiers in `text`. Those that only systemd knows are left and passed to
    /// `unknown`; a letter or digit that is not a specifier is an error.
    pub(crate) fn expand(
        &self,
        text: &[u8],
        mut unknown: impl FnMut(char),
    ) -> Result<Vec<u8>, NotASpecifier> {
        let mut out = Vec::with_capacity(text.len());
        let mut bytes = text.iter().copied();
        while let Some(c) = bytes.next() {
            if c != b'%' {
                out.push(c);
                continue;
            }
            let Some(next) = bytes.next() else {
                out.push(b'%');
                break;
            };
            let letter = char::from(next);
            if next == b'%' {
                out.push(b'%');
            } else if let Some(value) = self.values.get(&letter) {
                out.extend_from_slice(value.as_bytes());
            } else {
                if LETTERS.contains(letter) {
                    unknown(letter);
                } else if next.is_ascii_alphanumeric() {
                    return Err(NotASpecifier(letter));
                }
                out.extend_from_slice(&[b'%', next]);
            }
        }
        Ok(out)
    }
}

/// A `%` before a letter or digit that is not a specifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("%{0} is not a specifier; write %% for a plain %")]
pub struct NotASpecifier(pub char);

/// Reverses systemd-escape(1): `-` is `/`, `\x2d` is `-`.
fn unescape(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        let code = match (c, after) {
            (b'\\', [b'x', high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .filter(|code| code.bytes().all(|c| c.is_ascii_hexdigit()))
                .and_then(|code| u8::from_str_radix(code, 16).ok()),
            _ => None,
        };
        match (c, code) {
            (_, Some(code)) => {
                out.push(code);
                rest = rest.get(3..).unwrap_or_default();
            }
            (b'-', None) => out.push(b'/'),
            (c, None) => out.push(c),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(unit: &str, text: &str) -> (String, String) {
        let mut unknown = String::new();
        let out = Specifiers::of_unit(unit).expand(text.as_bytes(), |c| unknown.push(c));
        (String::from_utf8(out.unwrap()).unwrap(), unknown)
    }

    #[test]
    fn known_specifiers_are_expanded() {
        let cases = [
            ("/etc/default/%N", "/etc/default/rke2-server", ""),
            (
                "%n %p %P [%i]",
                "rke2-server.service rke2-server rke2/server []",
                "",
            ),
            ("%j %J %f", "server server /rke2/server", ""),
            (
                "%t %S %C %L %E %h %u %U",
                "/run /var/lib /var/cache /var/log /etc /root root 0",
                "",
            ),
            ("100%% %", "100% %", ""),
            ("%%N %- %é", "%N %- %é", ""),
            ("%H-%m", "%H-%m", "Hm"),
        ];
        for (text, expected, unknown) in cases {
            assert_eq!(
                expand("rke2-server.service", text),
                (expected.to_owned(), unknown.to_owned()),
                "{text}"
            );
        }
        assert_eq!(
            expand("a-b@c\\x2dd-e.service", "%N %p %i %I %f").0,
            "a-b@c\\x2dd-e a-b c\\x2dd-e c-d/e /c-d/e"
        );
    }

    #[test]
    fn values_of_the_host_are_expanded() {
        let mut specifiers = Specifiers::of_unit("a.service");
        specifiers.set('H', "node1");
        let out = specifiers.expand(b"--node-name=%H", |_| panic!("known"));
        assert_eq!(out.unwrap(), b"--node-name=node1");
        assert_eq!(specifiers.expand(b"%z", |_| {}), Err(NotASpecifier('z')));
    }
}
