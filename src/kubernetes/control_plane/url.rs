//! The errors of Go's `net/url.Parse`, as far as they can be foreseen.

use super::errors::quote;

/// A URL, as far as rules ask.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Url<'a> {
    /// In lower case.
    pub(super) scheme: String,
    pub(super) has_user: bool,
    pub(super) query: &'a str,
    pub(super) fragment: &'a str,
}

/// `url.Parse`. An error of the authority or of an escape that is not looked for is no error here.
pub(super) fn parse(text: &str) -> Result<Url<'_>, String> {
    let failed = |reason: &str| Err(format!("parse {}: {reason}", quote(text)));
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return failed("net/url: invalid control character in URL");
    }
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let Some((scheme, rest)) = scheme(rest) else {
        return failed("missing protocol scheme");
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            return Ok(Url {
                scheme,
                has_user: false,
                query,
                fragment,
            });
        }
        let segment = rest.split('/').next().unwrap_or_default();
        if segment.contains(':') {
            return failed("first path segment in URL cannot contain colon");
        }
    }
    let authority = rest
        .strip_prefix("//")
        .filter(|_| !scheme.is_empty() || !rest.starts_with("///"))
        .map(|rest| rest.split('/').next().unwrap_or_default())
        .unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.contains(' ') {
        return failed("invalid character \" \" in host name");
    }
    if let Some(port) = invalid_port(host) {
        return failed(&format!("invalid port {} after host", quote(port)));
    }
    Ok(Url {
        scheme,
        has_user: authority.contains('@'),
        query,
        fragment,
    })
}

/// The scheme and what follows its colon; `None` if there is a colon with nothing before it.
fn scheme(text: &str) -> Option<(String, &str)> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => {
                let (scheme, rest) = text.split_at(at);
                return Some((scheme.to_ascii_lowercase(), rest.strip_prefix(':')?));
            }
            _ => break,
        }
    }
    Some((String::new(), text))
}

/// What stands after the host if it is no port.
fn invalid_port(host: &str) -> Option<&str> {
    let after = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.1,
        None => host
            .find(':')
            .and_then(|at| host.get(at..))
            .unwrap_or_default(),
    };
    let port = after.strip_prefix(':').unwrap_or(after);
    let is_valid = after.is_empty()
        || after.starts_with(':') && port.bytes().all(|byte| byte.is_ascii_digit());
    (!is_valid).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn urls() {
        let url = parse("https://u:p@a.example:443/b?x=1#f").unwrap();
        assert_eq!(url.scheme, "https");
        assert!(url.has_user);
        assert_eq!((url.query, url.fragment), ("x=1", "f"));
        assert!(!parse("https://a.example").unwrap().has_user);
        for (text, error) in [
            (":a", "parse \":a\": missing protocol scheme"),
            (
                "a b:c/d",
                "parse \"a b:c/d\": first path segment in URL cannot contain colon",
            ),
            (
                "http://a:b",
                "parse \"http://a:b\": invalid port \":b\" after host",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), error);
        }
    }
}
