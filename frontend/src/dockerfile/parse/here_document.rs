//! Here-documents: `<<NAME`, `<<-NAME`, `3<<"NAME"`.

use crate::dockerfile::expand::{Quotes, Rules, Unset};

/// Text that follows an instruction, up to a line that is its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HereDocument {
    /// Its name, which ends it.
    pub name: String,
    /// The file descriptor before the `<<`; 0 where there is none.
    pub descriptor: u64,
    /// Whether variables in it are expanded: not so when the name is quoted.
    pub expand: bool,
    /// `<<-`: tabs at the beginnings of its lines don't count.
    pub strip_tabs: bool,
    /// Its lines, with their ends.
    pub text: String,
}

impl HereDocument {
    /// Reads a word that announces a here-document. `None` for other words.
    pub(in crate::dockerfile) fn parse(word: &str) -> Result<Option<Self>, String> {
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (digits, rest) = word.split_at(digits);
        let Some(rest) = rest.strip_prefix("<<") else { return Ok(None) };
        let (strip_tabs, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
        let rest = rest.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
        if rest.is_empty() || rest.contains('<') {
            return Ok(None);
        }
        let rules = Rules { keep_unset: true, ..Rules::new('\\') };
        let words = |rules: Rules| rules.words(rest, &Unset).map_err(|error| error.to_string());
        let (plain, raw) = (words(rules)?, words(Rules { quotes: Quotes::Kept, ..rules })?);
        let ([name], [raw]) = (plain.as_slice(), raw.as_slice()) else { return Ok(None) };
        let quotes = |s: &str| s.matches(['\'', '"']).count();
        Ok(Some(Self {
            name: name.clone(),
            descriptor: digits.parse().unwrap_or_default(),
            expand: quotes(name) == quotes(raw),
            strip_tabs,
            text: String::new(),
        }))
    }
}

/// The here-documents that a line announces, without their texts.
pub(super) fn announced(line: &str) -> Result<Vec<HereDocument>, String> {
    let rules = Rules { quotes: Quotes::Kept, raw_escapes: true, keep_unset: true, ..Rules::new('\\') };
    // A line that can't be split announces none; whoever runs it will complain.
    let words = rules.words(line, &Unset).unwrap_or_default();
    words.iter().filter_map(|word| HereDocument::parse(word).transpose()).collect()
}
