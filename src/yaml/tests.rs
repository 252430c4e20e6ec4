use super::tree::MAX_DEPTH;
use super::*;

fn shown(text: &str) -> Vec<String> {
    let entries = decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
    let text = |entry: &KeyValue| format!("{}={}", entry.key, entry.item.value.to_text());
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
fn scanner_errors_have_the_librarys_message() {
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
fn the_grammar_is_the_librarys() {
    for (text, expected) in [
        // Where a scalar ends.
        ("a: |\n  x\nb: v", &["a=x", "b=v"][..]),
        ("a: |\n  x\n  ", &["a=x"]),
        ("a: >\n\n x\n y\nb:", &["a=x y", "b="]),
        ("a: x\n \ty", &["a=x y"]),
        ("a: x\ty", &["a=x\ty"]),
        ("a: x# y #z", &["a=x# y"]),
        ("a: ?b", &["a=?b"]),
        ("a: :b", &["a=:b"]),
        ("a: -b%c@d`e|f>g", &["a=-b%c@d`e|f>g"]),
        ("a: b}", &["a=b}"]),
        ("a: b\n # c\nd: e", &["a=b", "d=e"]),
        ("a: b\n---x: c", &["a=b", "---x=c"]),
        ("a:\u{2028}  b: c", &["a=[{b c}]"]),
        // Keys with and without `?`, with and without values.
        ("? a\n: b: c", &["a=[{b c}]"]),
        ("? a: b\n: c: d\n", &["[{a b}]=[{c d}]"]),
        ("? a\nb: c", &["a=", "b=c"]),
        ("? a\n? b", &["a=", "b="]),
        ("a: {? b : c, ? d}", &["a=[{b c} {d <nil>}]"]),
        ("a: {?}", &["a=[{<nil> <nil>}]"]),
        ("a: {b, c: d, e}", &["a=[{b <nil>} {c d} {e <nil>}]"]),
        ("a: {b: c, }", &["a=[{b c}]"]),
        ("a: {\"b\":c}", &["a=[{b c}]"]),
        ("a: {[b]: c}", &["a=[{[b] c}]"]),
        ("a: {-b: c}", &["a=[{-b c}]"]),
        // Pairs in a list are mappings of one.
        (
            "a: {l: [b: c, ? d : e, f: , ? g, h]}",
            &["a=[{l [[{b c}] [{d e}] [{f <nil>}] [{g <nil>}] h]}]"],
        ),
        ("a: {l: [\"b\":c, d]}", &["a=[{l [[{b c}] d]}]"]),
        ("a: {l: [?b]}", &["a=[{l [[{b <nil>}]]}]"]),
        ("a: {l: [? b :c]}", &["a=[{l [[{b :c <nil>}]]}]"]),
        ("a: {l: [b, ], m: [-b]}", &["a=[{l [b]} {m [-b]}]"]),
        // Lists in blocks, indented and not.
        ("a:\n  l:\n  - b\n  -\nc:", &["a=[{l [b <nil>]}]", "c="]),
        (
            "a:\n  l:\n    - b\n    -\n    - - c\n      - d\n",
            &["a=[{l [b <nil> [c d]]}]"],
        ),
        (
            "a:\n  l:\n  - b: c\n    d: e\n  -\n  - f",
            &["a=[{l [[{b c} {d e}] <nil> f]}]"],
        ),
        // Anchors and tags without a node of their own.
        ("a: &x\nb: *x", &["a=", "b="]),
        ("a: {l: [&x , b, *x]}", &["a=[{l [<nil> b <nil>]}]"]),
        (
            "a: {b: &x !!str , c: *x, d: !!str &y }",
            &["a=[{b } {c } {d }]"],
        ),
        ("a: &x b\nc: &x d\ne: *x", &["a=b", "c=d", "e=d"]),
        ("{&a a: b, c: *a}", &["a=b", "c=a"]),
        ("%TAG ! tag:yaml.org,2002:int\n---\na: ! yes", &["a=yes"]),
        // What is merged is lost, except where a record is filled.
        ("a: {<<: [{b: c}, {b: d}], e: f}", &["a=[{e f}]"]),
        ("\"<<\": x", &["<<=x"]),
        ("! <<: {a: b}", &[]),
        ("!!merge <<: {a: b}", &[]),
        ("- <<: {key: a, value: b}", &["a=b"]),
        (
            "- &m {key: a, value: b}\n- <<: *m\n  value: c",
            &["a=b", "a=c"],
        ),
        ("- &m {key: a, value: b}\n- <<: [*m]", &["a=b", "a=b"]),
        ("- {value: c, <<: {value: b}}", &["=b"]),
        ("- &k key: a\n- *k : b\n", &["a=", "b="]),
        // Documents.
        ("a: b\n%YAML 1.1\n---\nc: d", &["a=b"]),
        ("--- {a: b}\n...\n", &["a=b"]),
        ("---\na: b\n--- x\n", &["a=b"]),
        ("a: b\n... x", &["a=b"]),
    ] {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn grammar_errors_have_the_librarys_message() {
    for (text, expected) in [
        ("a: [|]", "found character that cannot start any token"),
        ("a: [>b]", "found character that cannot start any token"),
        ("a: %b", "found character that cannot start any token"),
        ("-\ta: b", "found character that cannot start any token"),
        ("a: [:b]", "did not find expected node content"),
        ("a: [- b]", "did not find expected node content"),
        ("a: [b,, c]", "did not find expected node content"),
        ("a: {: b}", "did not find expected node content"),
        ("a: [? , c]", "did not find expected ',' or ']'"),
        ("a: [? : v, c]", "did not find expected ',' or ']'"),
        ("a: [? ]", "line 1: did not find expected ',' or ']'"),
        ("a: {b: c]", "did not find expected ',' or '}'"),
        ("...\na: b", "did not find expected node content"),
        ("a: [b]]", "did not find expected key"),
        ("a: 'b':c", "did not find expected key"),
        ("a:\n - b\n- c", "line 2: did not find expected key"),
        ("a: b\n  #c\n  d", "line 2: did not find expected key"),
        ("a: |\n   \n  x\n", "line 2: did not find expected key"),
        ("--- a: b", "mapping values are not allowed in this context"),
        ("a: b\n...x", "line 3: could not find expected ':'"),
        (
            "a: x\n\ty",
            "line 2: found a tab character that violates indentation",
        ),
        (
            "a: &x {b: c}\n<<: [*x, d]",
            "map merge requires map or sequence of maps as the value",
        ),
        (
            "- 1234567890",
            "unmarshal errors:\n  line 1: cannot unmarshal !!int `1234567890` into yaml.MapItem",
        ),
        (
            "- {key: a, [x]: b}",
            "unmarshal errors:\n  line 1: cannot unmarshal !!seq into string",
        ),
        (
            "- !!seq x",
            "unmarshal errors:\n  line 1: cannot unmarshal !!seqx into yaml.MapItem",
        ),
    ] {
        let said = words(text.as_bytes());
        assert_eq!(said, format!("yaml: {expected}"), "{text:?}");
    }
}

#[test]
fn a_key_is_known_by_its_colon_up_to_1024_characters() {
    let key = "k".repeat(1024);
    assert_eq!(shown(&format!("{key}: v")), [format!("{key}=v")]);
    assert_eq!(shown(&format!("? {key}k\n: v")), [format!("{key}k=v")]);
    assert_eq!(
        words(format!("{key}k: v").as_bytes()),
        "yaml: mapping values are not allowed in this context"
    );
}

#[test]
fn the_line_to_look_at_is_the_one_at_fault() {
    for (text, line) in [
        (&b"a: b\nc: \x01"[..], 2),
        (b"\x01", 1),
        (b"a: b\n\nc: \xff\n", 3),
        (b"a: b\nc: !!int x\n", 2),
        (b"a: b\nc: *x\n", 2),
    ] {
        let text = text.to_vec();
        assert_eq!(decode(&text).unwrap_err().line, Some(line), "{text:?}");
    }
}

#[test]
fn utf_16_is_read_in_either_order() {
    let units = || "\u{feff}a: \u{1f600}".encode_utf16();
    let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
    for bytes in [little, big] {
        let entries = decode(&bytes).unwrap();
        assert_eq!(entries[0].item.value.to_text(), "\u{1f600}");
        let (_, cut) = bytes.split_last().unwrap();
        assert!(decode(cut).is_err());
    }
}

#[test]
fn levels_are_counted_in_the_text_and_through_aliases() {
    let lists = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(decode(lists(MAX_DEPTH - 1).as_bytes()).is_ok());
    let error = decode(lists(MAX_DEPTH).as_bytes()).unwrap_err();
    assert!(error.is_limit);
    assert_eq!(error.line, Some(1));
    // Each link is two levels deeper, the alias and the list; the text at the end is the last.
    let chain = |links: usize, innermost: &str| {
        let links = (1..=links).map(|n| format!("k{n}: &k{n} [*k{}]\n", n - 1));
        format!("k0: &k0 {innermost}\n{}", links.collect::<String>())
    };
    assert!(decode(chain(127, "[x]").as_bytes()).is_ok());
    let error = decode(chain(127, "[[x]]").as_bytes()).unwrap_err();
    assert!(error.is_limit, "{error:?}");
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
