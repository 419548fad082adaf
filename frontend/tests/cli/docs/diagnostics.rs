//! `docs/diagnostics.md`: written by hand, but for the tables of codes.

use std::path::Path;

use policy_check::report::codes::{BUILD_CODES, SOURCE_CODES};
use policy_engine::policy::{EVALUATION_CODES, ErrorCode, LOAD_CODES};

use super::reference::cell;

/// A table stands between a line with its name and this.
const END: &str = "<!-- end of the table -->\n";

/// The page as it is, with its tables made anew.
pub(super) fn page(repository: &Path) -> String {
    let text = std::fs::read_to_string(repository.join("docs/diagnostics.md")).expect("the page");
    let sources: Vec<&ErrorCode> = SOURCE_CODES.iter().chain(&EVALUATION_CODES).collect();
    let tables = [
        ("sources", sources),
        ("builds", BUILD_CODES.iter().collect()),
        ("policies", LOAD_CODES.iter().collect()),
    ];
    tables.into_iter().fold(text, |text, (name, codes)| with_table(&text, name, codes))
}

fn with_table(text: &str, name: &str, mut codes: Vec<&ErrorCode>) -> String {
    let begin = format!("<!-- table: {name} -->\n");
    let (before, rest) =
        text.split_once(&begin).unwrap_or_else(|| panic!("docs/diagnostics.md has no {begin}"));
    let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("docs/diagnostics.md: {name} has no end"));
    codes.sort_unstable_by_key(|known| known.code);
    let rows: String = codes
        .iter()
        .map(|known| format!("| `{}` | {} | {} |\n", known.code, cell(known.means), cell(known.help)))
        .collect();
    format!("{before}{begin}| code | means | do |\n|---|---|---|\n{rows}{END}{after}")
}
