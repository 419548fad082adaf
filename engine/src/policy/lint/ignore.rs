//! `# lint:ignore CODE` on the line before, or behind the code: that finding is known and meant.

use super::Diagnostic;

const MARK: &str = "# lint:ignore ";

/// Whether a comment in the file's `text` says that this finding is not wanted. Several codes are separated by commas;
/// what follows the first blank behind them is a remark.
pub(super) fn is_ignored(text: &str, finding: &Diagnostic) -> bool {
    let line = finding.position.line as usize;
    let on = |number: usize| number.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or("");
    let before = line.checked_sub(1).map_or("", on).trim_start();
    let alone = before.strip_prefix(MARK);
    let behind = on(line).split_once(MARK).map(|(_, codes)| codes);
    [alone, behind].into_iter().flatten().any(|codes| {
        let codes = codes.trim_start().replace(", ", ",");
        codes.split_whitespace().next().unwrap_or("").split(',').any(|code| code == finding.code)
    })
}
