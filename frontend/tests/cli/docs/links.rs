//! Relative links and anchors of all Markdown files.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// Folders that hold no documentation of ours.
const PASSED_OVER: [&str; 2] = ["target", "node_modules"];

/// `FILE: TARGET` for every link to a file or heading that isn't there.
pub(super) fn broken(root: &Path) -> Vec<String> {
    let pages: HashMap<PathBuf, String> = pages(root)
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("Markdown is text");
            (path, text)
        })
        .collect();
    let mut broken = Vec::new();
    for (path, text) in &pages {
        for target in targets(text) {
            if !leads_somewhere(path, &target, &pages) {
                broken.push(format!("{}: {target}", path.strip_prefix(root).unwrap_or(path).display()));
            }
        }
    }
    broken.sort();
    broken
}

/// All Markdown files.
pub(super) fn pages(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(root, &mut files);
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !name.starts_with('.') && !PASSED_OVER.contains(&&*name) {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
}

/// What the page links to, outside of code.
fn targets(text: &str) -> Vec<String> {
    let prose = text_without_code(text);
    let after = prose.split("](").skip(1);
    let targets = after.filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

fn text_without_code(text: &str) -> String {
    let mut prose = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // Every other piece is code; a link's text may be code, so only the marks go there.
            let pieces = line.split('`').enumerate();
            prose.extend(pieces.map(|(at, piece)| if at % 2 == 0 { piece } else { "code" }));
            prose.push('\n');
        }
    }
    prose
}

fn leads_somewhere(page: &Path, target: &str, pages: &HashMap<PathBuf, String>) -> bool {
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path =
        if file.is_empty() { page.to_owned() } else { normal(&page.parent().unwrap_or(page).join(file)) };
    let Some(anchor) = anchor else { return path.exists() };
    pages.get(&path).is_some_and(|text| anchors(text).iter().any(|known| known == anchor))
}

fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// Anchors of headings, as GitHub makes them: the second of a name gets `-1`.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) else { continue };
        let heading = heading.trim_start_matches('#').trim();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
        let before = anchors.iter().filter(|known| **known == slug).count();
        anchors.push(if before == 0 { slug } else { format!("{slug}-{before}") });
    }
    anchors
}

#[test]
fn what_leads_nowhere_is_found() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let page = "# One `two`: three\n\n[file](other.md) [heading](other.md#below) [here](#one-two-three) `[code](no.md)`\n\
                [the web](https://example.com)\n[no file](none.md), [no heading](other.md#above) and [none here](#four)\n\
                ```\n[code](no.md)\n```\n";
    std::fs::write(folder.path().join("page.md"), page).expect("a file");
    std::fs::write(folder.path().join("other.md"), "# Other\n\n## Below\n").expect("a file");
    let wanted = ["page.md: #four", "page.md: none.md", "page.md: other.md#above"];
    assert_eq!(broken(folder.path()), wanted);
}
