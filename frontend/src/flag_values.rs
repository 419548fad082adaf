//! Values of flags as Docker's programs in Go read them: records of fields, truth values.

/// The fields of one record, quoted as in CSV (RFC 4180): a quote inside is doubled. `None` where a quote is misplaced.
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

/// One record of these fields, quoted where they must be.
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

/// The spellings of a truth value that `strconv.ParseBool` takes.
pub(crate) fn parse_bool(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
