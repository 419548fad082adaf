//! One record of comma-separated fields, quoted where need be (RFC 4180).

/// The fields of a record; `None` where a quote is misplaced.
pub(crate) fn fields(record: &str, separator: char) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = record.chars().peekable();
    loop {
        let mut field = String::new();
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next()? {
                    '"' if rest.next_if_eq(&'"').is_some() => field.push('"'),
                    '"' => break,
                    other => field.push(other),
                }
            }
        } else {
            while let Some(next) = rest.next_if(|&next| next != separator) {
                if next == '"' {
                    return None;
                }
                field.push(next);
            }
        }
        fields.push(field);
        match rest.next() {
            None => return Some(fields),
            Some(next) if next == separator => {}
            Some(_) => return None,
        }
    }
}

/// A record of fields.
pub(crate) fn record<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let quoted = fields.map(|field| {
        if field.contains([',', '"', '\n', '\r']) || field.starts_with(' ') {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.to_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(",")
}
