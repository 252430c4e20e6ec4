/// Joins words so that they are read back unchanged, in double quotes where necessary.
fn render<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for word in words {
        if !out.is_empty() {
            out.push(b' ');
        }
        let plain = |c: &u8| c.is_ascii_alphanumeric() || b"-_./=:,+@".contains(c);
        if !word.is_empty() && word.iter().all(plain) {
            out.extend_from_slice(word);
            continue;
        }
        out.push(b'"');
        for &c in word {
            match c {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', c]),
                b' '..=b'~' => out.push(c),
                _ => out.extend_from_slice(format!("\\x{c:02x}").as_bytes()),
            }
        }
        out.push(b'"');
    }
    out
}
