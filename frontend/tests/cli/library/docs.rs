//! `policies/README.md`, made from the `# METADATA` comments of the files (OPA's annotations).

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Folders of the library, and what they are about.
const TOPICS: [(&str, &str); 6] = [
    ("images", "Images"),
    ("git", "Git repositories"),
    ("urls", "Files behind URLs"),
    ("locks", "Locks"),
    ("locals", "Folders of the client"),
    ("environments", "Environments"),
];

const HEAD: &str = "\
<!-- Made from the comments in these files by `POLICY_CHECK_WRITE_DOCS=1 cargo test -p policy-check --test cli library`. -->

# Policies

Policies to use as they are, a library for your own, and policies to begin with. All are ordinary Rego for build \
policies: `policy-check` and `docker buildx` evaluate them, and decide the same but where it says otherwise. Tests lie \
beside each file; `policy-check test` runs them, here or in a folder above.

## Begin

`policy-check init` writes a policy and its tests beside your Dockerfile; `--starter` says which:

";

const READY: &str = "\
## Policies to use as they are

Each is about one thing and allows what it is not about, so that several can be in force: all must allow. A source of a \
kind that none of their rules names is denied. They import the library, so what they need lies beside `lib/`: in the \
build context's root, or in a folder that many repositories share. With a checkout of policy-check in `../policy-check`:

```console
$ cp -r ../policy-check/policies/lib .
$ cp ../policy-check/policies/pinned/pinned.rego Dockerfile.rego
$ cp ../policy-check/policies/pinned/pinned_test.rego Dockerfile_test.rego
$ policy-check test
$ policy-check dry-run .
```

makes one of them the policy of a repository, for `docker buildx build` as well. The file that has its lists, if it wants \
one, goes beside it. And

```console
$ policy-check dry-run --policy-root ../policy-check/policies --policy pinned/pinned.rego --policy tags/tags.rego .
$ policy-check eval --policy-root ../policy-check/policies --policy locals/locals.rego .
```

takes them, and their lists, from where they are. `policy-check serve --policy` names such a folder for every build of a \
buildkitd, and [libraries](../docs/distribution.md) come from a git repository or a registry: one that is called `lib` \
replaces the folder.

";

const LIBRARY: &str = "\
## The library

Copy the folder `lib` into the root of your build context, or have `policy-check init --library` write it. Then

```rego
package docker

import data.lib.images.digests
import data.lib.images.repositories

default allow := false

allow if input.local

allow if {
	repositories.allowed(input.image, {\"docker.io/library/alpine\"})
	digests.pinned(input.image)
}

deny_msg contains repositories.denial(input.image, {\"docker.io/library/alpine\"})

deny_msg contains digests.denial(input.image)

decision := {\"allow\": allow, \"deny_msg\": deny_msg}
```

- Functions take what they judge (`input.image`, `input.git`, `input.http`, `input.local`, `input.env`) and their \
configuration, as a set, an array or an object. There is nothing to edit in the library.
- What allows is a function that holds. Where the source is of another kind, something is missing or the configuration \
makes no sense, it doesn't hold. Build `allow` from these functions, never from the absence of a message.
- `denial…` functions give the message of what their counterpart doesn't allow, and nothing otherwise. They never decide.
- Write `not f(input.image)` only where `input.image` is there: Rego's `not` of a call whose argument is undefined \
doesn't hold either.
- Properties that must be looked up are looked up when a function reads them. Put cheap functions (repositories, tags) \
before those that cost a lookup (config, provenance, signatures).
- Where buildx decides otherwise, it says so. buildx looks up less than a rule reads: of what your own rules read in \
`not f(input.image)` or through a function in `every`, try a case that must be denied. It looks up more before it calls a \
function, too; a direct comparison such as `input.image.fullRepo in names` keeps it from looking at other images. It has \
no `input.ociLayout`.

";

/// A `# METADATA` comment, and what stands below it.
struct Note {
    title: String,
    description: String,
    example: String,
    /// What buildx does otherwise: a sentence that begins with buildx.
    buildx: String,
    /// `package x`, or the head of a rule.
    head: String,
}

/// All Rego files below a folder, sorted.
pub(super) fn rego_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(rego_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rego") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn notes(path: &Path) -> Vec<Note> {
    let text = std::fs::read_to_string(path).expect("a file");
    let mut lines = text.lines().peekable();
    let mut notes = Vec::new();
    while let Some(line) = lines.next() {
        if line != "# METADATA" {
            continue;
        }
        let mut yaml = String::new();
        while let Some(comment) = lines.next_if(|line| line.starts_with('#')) {
            yaml.push_str(comment.strip_prefix("# ").unwrap_or_default());
            yaml.push('\n');
        }
        let head = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
        let note: Value = yaml_serde::from_str(&yaml)
            .unwrap_or_else(|error| panic!("{}: above `{head}`: {error}", path.display()));
        let field = |value: &Value| value.as_str().unwrap_or_default().trim_end().to_owned();
        let note = Note {
            title: field(&note["title"]),
            description: field(&note["description"]),
            example: field(&note["custom"]["example"]),
            buildx: field(&note["custom"]["buildx"]),
            head: head.to_owned(),
        };
        assert!(!note.description.is_empty(), "{}: `{head}` has no description", path.display());
        notes.push(note);
    }
    assert!(
        notes.first().is_some_and(|note| note.head.starts_with("package ") && !note.title.is_empty()),
        "{}: its package has no title",
        path.display()
    );
    notes
}

/// `allowed(image, hosts)` of `allowed(image, hosts) if image.host in hosts`.
fn signature(head: &str) -> &str {
    match head.find(')') {
        Some(end) if head.contains('(') => &head[..=end],
        _ => head.split([' ', '[']).next().unwrap_or_default(),
    }
}

/// Adds a file's title and description under a heading of this level, and gives its rules.
fn section(text: &mut String, level: usize, path: &Path, policies: &Path) -> Vec<Note> {
    let mut notes = notes(path);
    let package = notes.remove(0);
    let link = path.strip_prefix(policies).expect("below it").to_str().expect("UTF-8").replace('\\', "/");
    let heading = "#".repeat(level);
    writeln!(text, "{heading} {}\n\n[`{link}`]({link})\n\n{}\n", package.title, package.description)
        .expect("a string");
    if !package.buildx.is_empty() {
        writeln!(text, "**buildx** {}.\n", package.buildx).expect("a string");
    }
    notes
}

/// Adds what a rule is for, and an example of it.
fn item(text: &mut String, rule: &Note) {
    let description = rule.description.replace('\n', " ");
    write!(text, "- **`{}`**: {description}", signature(&rule.head)).expect("a string");
    if !rule.buildx.is_empty() {
        write!(text, " **buildx** {}.", rule.buildx).expect("a string");
    }
    text.push('\n');
    if !rule.example.is_empty() {
        let example = rule.example.replace('\n', "\n  ");
        writeln!(text, "  ```rego\n  {example}\n  ```").expect("a string");
    }
}

/// `data.lib.images.tags` of `lib/images/tags.rego`.
fn import(path: &Path, policies: &Path) -> String {
    let path = path.with_extension("");
    let path = path.strip_prefix(policies).expect("below it").to_str().expect("UTF-8");
    format!("data.{}", path.replace(['/', '\\'], "."))
}

/// The examples of the library, each with what it imports.
pub(super) fn examples(policies: &Path) -> Vec<(String, String)> {
    let files = rego_files(&policies.join("lib"));
    let files = files.iter().filter(|path| !path.to_str().is_some_and(|name| name.ends_with("_test.rego")));
    let examples = files.flat_map(|path| {
        let notes = notes(path).into_iter().filter(|note| !note.example.is_empty());
        notes.map(|note| (import(path, policies), note.example)).collect::<Vec<_>>()
    });
    examples.collect()
}

/// The whole page.
pub(super) fn readme(policies: &Path) -> String {
    let mut text = HEAD.to_owned();
    let files: Vec<PathBuf> = rego_files(policies)
        .into_iter()
        .filter(|path| !path.to_str().is_some_and(|name| name.ends_with("_test.rego")))
        .collect();
    let below = |folder: &str| -> Vec<&PathBuf> {
        let folder = policies.join(folder);
        files.iter().filter(|path| path.starts_with(&folder)).collect()
    };
    for path in below("starter") {
        let name = path.parent().and_then(Path::file_name).expect("a folder").to_str().expect("UTF-8");
        let description = notes(path).remove(0).description.replace('\n', " ");
        writeln!(text, "- `{name}`: {description}").expect("a string");
    }
    text.push('\n');
    text.push_str(READY);
    for path in files.iter().filter(|path| {
        ["starter", "lib", "builtin"].iter().all(|other| !path.starts_with(policies.join(other)))
    }) {
        section(&mut text, 3, path, policies);
    }
    text.push_str(LIBRARY);
    for (folder, title) in TOPICS {
        writeln!(text, "### {title}\n").expect("a string");
        for path in below(&format!("lib/{folder}")) {
            let rules = section(&mut text, 4, path, policies);
            writeln!(text, "`import {}`\n", import(path, policies)).expect("a string");
            for rule in rules {
                item(&mut text, &rule);
            }
            text.push('\n');
        }
    }
    let known = files.iter().filter(|path| path.starts_with(policies.join("lib"))).count();
    let told = TOPICS.iter().map(|(folder, _)| below(&format!("lib/{folder}")).len()).sum::<usize>();
    assert_eq!(known, told, "a folder of the library is no topic");
    text.push_str("## Helper functions\n\n");
    let path = policies.join("builtin/helpers.rego");
    for rule in section(&mut text, 3, &path, policies) {
        item(&mut text, &rule);
    }
    text
}
