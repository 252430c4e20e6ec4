use super::*;

fn shown(text: &str) -> Vec<String> {
    let entries = decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
    let text = |entry: &Entry| format!("{}={}", entry.key, entry.item.value.to_text());
    entries.iter().map(text).collect()
}

fn words(text: &[u8]) -> String {
    decode(text).unwrap_err().message
}

#[test]
fn values_print_as_go_prints_them() {
    for (text, expected) in [
        ("a: {b: c}", "a=[{b c}]"),
        ("a: {b: , c: [1, ~]}", "a=[{b <nil>} {c [1 <nil>]}]"),
        ("a: {}", "a=[]"),
        ("a: []", "a="),
        ("a: [[x, w], z]", "a=[x w]"),
        ("a: ! yes", "a=yes"),
        ("a: !!bool \"true\"", "a=true"),
        ("a: !!binary Y2lz", "a=cis"),
        ("a: |\n  x\n  y\n", "a=x\ny"),
        ("a: >-\n  x\n  w\n\n  z", "a=x w\nz"),
        ("a: \"x\\\n   y\\x41\\u00e9\"", "a=xyAé"),
        ("a: 'it''s'", "a=it's"),
        ("a: x\n  y # z", "a=x y"),
        ("a: 1e6", "a=1e+06"),
        ("a: 2001-01-02", "a=2001-01-02"),
        ("yes: on", "true=true"),
        ("? [k]\n: v", "k=v"),
        ("{a: b}: c", "[{a b}]=c"),
        // What other parsers refuse, and this library does not.
        ("a:\tb", "a=b"),
        ("a: [\nb\n]", "a=b"),
        ("a: {b: c,\nd: e}", "a=[{b c} {d e}]"),
        ("a: b\n---\nc: d", "a=b"),
        ("a: b\n...\n\t]", "a=b"),
        ("\u{feff}a: b\r\n", "a=b"),
        ("<<: {x: y}\na: b", "a=b"),
    ] {
        assert_eq!(shown(text), [expected], "{text:?}");
    }
    assert_eq!(shown("- key: a\n  value: b\n- ~"), ["a=b", "="]);
    assert_eq!(shown("- <<: [{key: a}, {key: b, value: c}]"), ["a=c"]);
    assert_eq!(shown("a: &x {b: c}\nd: *x"), ["a=[{b c}]", "d=[{b c}]"]);
    assert!(shown("# nothing\n").is_empty());
    assert!(shown("null").is_empty());
    let wide: Vec<u8> = "\u{feff}a: b"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(decode(&wide).unwrap().len(), 1);
}

#[test]
fn scalars_are_read_as_written() {
    let text = |text: &str| {
        let entries = decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        let [entry] = entries.as_slice() else {
            panic!("{text:?}");
        };
        // Whole: `to_text` drops space at both ends.
        match &entry.item.value {
            Value::Scalar(Scalar::Text(text)) => text.clone(),
            value => panic!("{text:?}: {value:?}"),
        }
    };
    for (written, expected) in [
        // Blocks: an indentation that is said, what becomes of the line's end, of empty lines.
        ("a: |2\n   x\n", " x\n"),
        ("a: |2-\n   x\n", " x"),
        ("a: |-2\n   x\n", " x"),
        ("a: |+\n  x\n\n", "x\n\n"),
        ("a: |\n  x\n\n", "x\n"),
        ("a: |  # c\n  x\n", "x\n"),
        ("a: |\n\n   x\n    y\n", "\nx\n y\n"),
        ("a: >\n  x\n  v\n\n  y\n   z\n  w\n", "x v\ny\n z\nw\n"),
        ("a: |\r\n  x\r\n  y\r\n", "x\ny\n"),
        ("a: |\r  x\r  y\r", "x\ny\n"),
        ("a: |\u{85}  x\u{85}", "x\n"),
        ("a: |\u{2028}  x\u{2029}  y\n", "x\u{2029}y\n"),
        // Quotes.
        (
            r#"a: "\0\a\b\t\n\v\f\r\e""#,
            "\0\u{7}\u{8}\t\n\u{b}\u{c}\r\u{1b}",
        ),
        ("a: \"\\\t\\ \\\"\\'\\\\\"", "\t \"'\\"),
        (r#"a: "\N\_\L\P""#, "\u{85}\u{a0}\u{2028}\u{2029}"),
        (r#"a: "\x7e\u20aC\U0001F600.""#, "~\u{20ac}\u{1f600}."),
        ("a: \"x\n  y\n\n\n  z\"", "x y\n\nz"),
        ("a: \"x \t\n  y  z \"", "x y  z "),
        ("a: \"x\\\n\n  y\"", "x\ny"),
        ("a: \"x\u{2028}y\"", "x\u{2028}y"),
        ("a: 'x\\n''\n  y'", "x\\n' y"),
        ("a: \"it''s\"", "it''s"),
        // Plain words.
        ("a: x:y#z  w # c", "x:y#z  w"),
        ("a: x\n\n  y", "x\ny"),
        ("a: €ä😀 x", "€ä😀 x"),
        // Tags.
        ("a: !<tag:yaml.org,2002:binary> Y2lz", "cis"),
        ("a: !!bin%61ry Y2lz", "cis"),
        ("a: !!bin%61%72%79 Y2lz", "cis"),
        ("%TAG !e! tag:yaml.org,2002:\n---\na: !e!binary Y2lz", "cis"),
        ("%TAG ! tag:yaml.org,2002:bin\n---\na: !ary Y2lz", "cis"),
        ("%YAML 1.1 # c\n---\na: b", "b"),
        ("%YAML\t1.1\n---\na: b", "b"),
    ] {
        assert_eq!(text(written), expected, "{written:?}");
    }
    assert_eq!(
        shown("a: x\u{85}b: v\r\nc: z\rd: w"),
        ["a=x", "b=v", "c=z", "d=w"]
    );
}

#[test]
fn what_cannot_be_scanned_is_told_in_the_librarys_words() {
    for (text, expected) in [
        ("%\na: b", "could not find expected directive name"),
        ("%YAML!1.1\n", "found unexpected non-alphabetical character"),
        (
            "%YAML 1-1\n",
            "did not find expected digit or '.' character",
        ),
        ("%YAML .1\n", "did not find expected version number"),
        ("%YAML 1.\n", "did not find expected version number"),
        ("%YAML 1.123\n", "found extremely long version number"),
        (
            "%YAML 1.1 x\n",
            "did not find expected comment or line break",
        ),
        ("%YAML 1.12\n---\na: b", "found incompatible YAML document"),
        ("%FOO 1\n", "found unknown directive name"),
        (
            "%YAML 1.1\n%YAML 1.1\n---\na: b",
            "line 1: found duplicate %YAML directive",
        ),
        (
            "%TAG !a! x\n%TAG !a! y\n---\na: b",
            "line 1: found duplicate %TAG directive",
        ),
        ("%TAG a b\n", "did not find expected '!'"),
        ("%TAG !a b\n", "did not find expected '!'"),
        ("%TAG !a!b c\n", "did not find expected whitespace"),
        ("%TAG ! `\n", "did not find expected tag URI"),
        (
            "%TAG ! x`\n",
            "did not find expected whitespace or line break",
        ),
        (
            "a: &`",
            "did not find expected alphabetic or numeric character",
        ),
        (
            "a: &b~",
            "did not find expected alphabetic or numeric character",
        ),
        ("a: !<x y", "did not find the expected '>'"),
        ("a: !<> y", "did not find expected tag URI"),
        (
            "a: !!str` y",
            "did not find expected whitespace or line break",
        ),
        ("a: !x%4 y", "did not find URI escaped octet"),
        ("a: !x%ff y", "found an incorrect leading UTF-8 octet"),
        ("a: |0\n x", "found an indentation indicator equal to 0"),
        ("a: |10\n x", "did not find expected comment or line break"),
        ("a: |12\n x", "did not find expected comment or line break"),
        ("a: |+-\n x", "did not find expected comment or line break"),
        (
            "a: |\n\tx",
            "found a tab character where an indentation space is expected",
        ),
        ("a: \"\\xg0\"", "did not find expected hexdecimal number"),
        (
            "a: \"\\ud800\"",
            "found invalid Unicode character escape code",
        ),
        ("a: \"\n--- \"", "found unexpected document indicator"),
        ("a: '\n...\n'", "found unexpected document indicator"),
    ] {
        let said = words(text.as_bytes());
        assert!(
            said.starts_with("yaml: ") && said.ends_with(expected),
            "{text:?}: {said}"
        );
    }
}

#[test]
fn errors_are_the_librarys() {
    for (text, expected) in [
        (
            "a: b\n\tc: d",
            "line 2: found a tab character that violates indentation",
        ),
        (
            "a: b\n c: d",
            "line 2: mapping values are not allowed in this context",
        ),
        ("a: `b`", "found character that cannot start any token"),
        ("a: [\n", "line 1: did not find expected node content"),
        ("a: [b\n", "line 1: did not find expected ',' or ']'"),
        ("a: {b: c", "line 1: did not find expected ',' or '}'"),
        (
            "a: - b",
            "block sequence entries are not allowed in this context",
        ),
        ("a: b\n\"c\n", "line 3: found unexpected end of stream"),
        ("a: \"\\q\"", "found unknown escape character"),
        ("a: *b", "unknown anchor 'b' referenced"),
        ("a: &b [*b]", "anchor 'b' value contains itself"),
        ("%YAML 1.2\n---\na: b", "found incompatible YAML document"),
        ("a: !x!y z", "found undefined tag handle"),
        ("a: b\nc\n", "line 3: could not find expected ':'"),
        ("a: !!int x", "cannot decode !!str `x` as a !!int"),
        (
            "<<: 1",
            "map merge requires map or sequence of maps as the value",
        ),
        (
            "text",
            "unmarshal errors:\n  line 1: cannot unmarshal !!str `text` into yaml.MapSlice",
        ),
        (
            "- a\n- 12345678901\n",
            "unmarshal errors:\n  line 1: cannot unmarshal !!str `a` into yaml.MapItem\n  \
             line 2: cannot unmarshal !!int `1234567...` into yaml.MapItem",
        ),
        ("a: \u{1}", "control characters are not allowed"),
    ] {
        assert_eq!(
            words(text.as_bytes()),
            format!("yaml: {expected}"),
            "{text:?}"
        );
    }
    assert!(words(b"a: \xff").starts_with("yaml: "));
    let error = decode(b"ok: 1\na: b\n c: d").unwrap_err();
    assert_eq!(error.line, Some(3));
}

#[test]
fn lines_are_those_of_the_keys() {
    let entries = decode(b"# x\na: 1\n\nb:\n- c\n- d\n").unwrap();
    assert_eq!(entries[0].line, 2);
    assert_eq!(entries[1].line, 4);
    let Value::List(items) = &entries[1].item.value else {
        panic!("not a list")
    };
    assert_eq!((items[0].line, items[1].line), (5, 6));
}

#[test]
fn bombs_do_not_go_off() {
    let first = "a0: &a0 [x, x, x, x, x, x, x, x, x]".to_owned();
    let others = (1..12).map(|n| {
        let inner = vec![format!("*a{}", n - 1); 9].join(", ");
        format!("a{n}: &a{n} [{inner}]")
    });
    let laughs = std::iter::once(first)
        .chain(others)
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(
        words(laughs.as_bytes()),
        "yaml: document contains excessive aliasing"
    );
    let long = "x".repeat(1 << 20);
    let copies = format!("a: &a {long}\nb: [{}]", vec!["*a"; 64].join(", "));
    assert!(decode(copies.as_bytes()).unwrap_err().is_limit);
    for nest in ["[", "{a: ", "- ", "? "] {
        assert!(decode(nest.repeat(100_000).as_bytes()).is_err(), "{nest}");
        let error = decode(nest.repeat(300).as_bytes()).unwrap_err();
        assert!(error.is_limit, "{nest}: {error:?}");
    }
    let links: Vec<String> = (0..400)
        .map(|n| format!("k{n}: &k{n} [*k{}]", n - 1))
        .collect();
    let chain = links.join("\n");
    let chain = chain.replacen("[*k-1]", "x", 1);
    assert!(decode(chain.as_bytes()).unwrap_err().is_limit);
}

#[test]
fn steps_grow_with_the_text() {
    use scan::{Scanner, Token};
    // Tokens per line stay the same however many lines there are.
    for line in ["a: [b, c]\n", "- ? x\n", "{}: ''\n", "#\n"] {
        let count = |lines: usize| {
            let text = line.repeat(lines);
            let mut scanner = Scanner::new(&text);
            let mut tokens = 0usize;
            while let Ok(Some((token, _))) = scanner.take() {
                tokens += 1;
                if token == Token::StreamEnd {
                    break;
                }
            }
            tokens
        };
        assert!(count(2000) <= 2 * count(1000) + 2, "{line}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_decode_or_do_not(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn yaml_like_text_decodes_or_says_why(text in "[-a1:?\\[\\]{},#&*!|>'\"%@` \\t\\n\\\\.~<=\u{85}\u{2028}]{0,40}") {
        if let Err(error) = decode(text.as_bytes()) {
            proptest::prop_assert!(error.message.starts_with("yaml: "));
        }
    }

    #[test]
    fn json_is_read_back(items in proptest::collection::vec("[ -~]{0,12}", 0..6)) {
        let text = serde_json::json!({"kubelet-arg": items}).to_string();
        let entries = decode(text.as_bytes()).unwrap();
        let Value::List(found) = &entries[0].item.value else { panic!("not a list") };
        let found: Vec<&str> = found.iter().filter_map(|item| item.value.as_text()).collect();
        proptest::prop_assert_eq!(found, items);
    }
}
