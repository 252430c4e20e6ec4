//! The first record of a text of comma-separated values, as Go's `encoding/csv` reads it.
//!
//! pflag reads the value of a list with it (`stringSliceValue`, `stringToStringValue`).
//! Upstream: `encoding/csv/reader.go`, with the reader's default settings.

/// The fields of the first record. What follows its line is not read.
pub(crate) fn first_record(text: &str) -> Result<Vec<String>, String> {
    let mut lines = Lines { text, number: 0 };
    let mut line = loop {
        match lines.next() {
            None => return Err("EOF".to_owned()),
            Some(line) if line.trim_end_matches('\n').is_empty() => {}
            Some(line) => break line,
        }
    };
    let start = lines.number;
    let mut column: usize = 1;
    let mut fields = Vec::new();
    loop {
        let Some(quoted) = line.strip_prefix('"') else {
            let (field, rest) = match line.split_once(',') {
                Some((field, rest)) => (field, Some(rest)),
                None => (line.strip_suffix('\n').unwrap_or(&line), None),
            };
            if let Some(at) = field.find('"') {
                let column = column.saturating_add(at);
                return Err(error(start, lines.number, column, BARE_QUOTE));
            }
            fields.push(field.to_owned());
            column = column.saturating_add(field.len()).saturating_add(1);
            match rest {
                Some(rest) => line = rest.to_owned(),
                None => return Ok(fields),
            }
            continue;
        };
        column = column.saturating_add(1);
        let mut rest = quoted.to_owned();
        let mut field = String::new();
        line = loop {
            if let Some((before, after)) = rest.split_once('"') {
                field.push_str(before);
                column = column.saturating_add(before.len()).saturating_add(1);
                match after.chars().next() {
                    Some('"') => {
                        field.push('"');
                        column = column.saturating_add(1);
                        rest = after.get(1..).unwrap_or_default().to_owned();
                    }
                    Some(',') => {
                        column = column.saturating_add(1);
                        break after.get(1..).unwrap_or_default().to_owned();
                    }
                    None => {
                        fields.push(field);
                        return Ok(fields);
                    }
                    Some('\n') if after.len() == 1 => {
                        fields.push(field);
                        return Ok(fields);
                    }
                    Some(_) => {
                        let column = column.saturating_sub(1);
                        return Err(error(start, lines.number, column, QUOTE));
                    }
                }
            } else if rest.is_empty() {
                return Err(error(start, lines.number, column, QUOTE));
            } else {
                field.push_str(&rest);
                column = column.saturating_add(rest.len());
                rest = match lines.next() {
                    Some(next) => {
                        column = 1;
                        next
                    }
                    None => String::new(),
                };
            }
        };
        fields.push(field);
    }
}

const BARE_QUOTE: &str = "bare \" in non-quoted-field";
const QUOTE: &str = "extraneous or missing \" in quoted-field";

/// `csv.ParseError`.
fn error(start: usize, line: usize, column: usize, reason: &str) -> String {
    if start == line {
        format!("parse error on line {line}, column {column}: {reason}")
    } else {
        format!("record on line {start}; parse error on line {line}, column {column}: {reason}")
    }
}

/// Lines with their `\n`; `\r\n` counts as `\n`, and a `\r` at the end of the text is dropped.
struct Lines<'a> {
    text: &'a str,
    number: usize,
}

impl Lines<'_> {
    fn next(&mut self) -> Option<String> {
        if self.text.is_empty() {
            return None;
        }
        self.number = self.number.saturating_add(1);
        let without_return = |line: &str| line.strip_suffix('\r').unwrap_or(line).to_owned();
        let (line, rest) = if let Some((line, rest)) = self.text.split_once('\n') {
            (without_return(line) + "\n", rest)
        } else {
            (without_return(self.text), "")
        };
        self.text = rest;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_at_commas_outside_quotes() {
        for (text, fields) in [
            ("a", &["a"][..]),
            ("a,b", &["a", "b"]),
            ("a,", &["a", ""]),
            (",", &["", ""]),
            (r#""a,b",c"#, &["a,b", "c"]),
            (r#""a""b""#, &["a\"b"]),
            ("a\nb", &["a"]),
            ("\n\na,b\r\nc", &["a", "b"]),
            (" a, b", &[" a", " b"]),
            (r#""a","#, &["a", ""]),
            ("\"a\nb\",c", &["a\nb", "c"]),
            ("a\r", &["a"]),
        ] {
            let expected: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
            assert_eq!(first_record(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn quotes_are_where_they_may_be() {
        let bare = "bare \" in non-quoted-field";
        let quote = "extraneous or missing \" in quoted-field";
        for (text, message) in [
            ("a\"b", format!("parse error on line 1, column 2: {bare}")),
            ("a,b\"", format!("parse error on line 1, column 4: {bare}")),
            (
                "\"a\"b",
                format!("parse error on line 1, column 3: {quote}"),
            ),
            ("\"a", format!("parse error on line 1, column 3: {quote}")),
            ("\"", format!("parse error on line 1, column 2: {quote}")),
            ("\n", "EOF".to_owned()),
            ("\r", "EOF".to_owned()),
            (
                "\"a\nb",
                format!("record on line 1; parse error on line 2, column 2: {quote}"),
            ),
        ] {
            assert_eq!(first_record(text), Err(message), "{text:?}");
        }
    }
}
