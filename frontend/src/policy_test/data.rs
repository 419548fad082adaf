//! What tests bring along below `data`: data files, and sources from snapshots.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use policy_engine::check::Facts;
use policy_engine::input::{self, Env};
use policy_engine::metadata::Metadata;
use policy_engine::policy::suite::Documents;
use policy_engine::source::{Platform, SourceOp};

use super::TestError;
use crate::policy_root::read_within;
use crate::redact;
use crate::snapshot::Snapshot;
use crate::trust::TrustOptions;

/// Bytes that a data file may have.
const MAX_DATA_FILE: u64 = 4 << 20;
/// What the names of snapshots end in that tests see.
const SNAPSHOT_SUFFIX: &str = ".snapshot.json";

/// Reads `data.json`, `data.yaml` and `data.yml`, and every `NAME.snapshot.json`, of a folder.
pub(super) fn documents(folder: &Path) -> Result<Documents, TestError> {
    let mut documents = Documents::default();
    for name in ["data.json", "data.yaml", "data.yml"] {
        let path = folder.join(name);
        let Some(text) = read(&path)? else { continue };
        let added = match name {
            "data.json" => documents.add_json(&[], &text),
            _ => documents.add_yaml(&[], &text),
        };
        added.map_err(|error| unusable(&path, error.to_string()))?;
    }
    for (name, path) in snapshots(folder)? {
        let shown = path.display().to_string();
        let snapshot = Snapshot::load(&path).map_err(|error| TestError::Snapshot { path: shown, error })?;
        add_snapshot(&mut documents, &name, &path, &snapshot)?;
    }
    Ok(documents)
}

fn unusable(path: &Path, reason: String) -> TestError {
    TestError::Data { path: path.display().to_string(), reason }
}

fn read(path: &Path) -> Result<Option<String>, TestError> {
    let failed = |cause: std::io::Error| unusable(path, format!("cannot read it: {cause}"));
    match path.metadata() {
        // Opening a pipe would wait for somebody to write.
        Ok(metadata) if !metadata.is_file() => return Err(unusable(path, "it is not a file".into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(_) | Err(_) => {}
    }
    let file = File::open(path).map_err(failed)?;
    let content = read_within(file, MAX_DATA_FILE).map_err(|error| unusable(path, error.to_string()))?;
    let text = String::from_utf8(content).map_err(|_| unusable(path, "it is not UTF-8 text".into()))?;
    Ok(Some(text))
}

/// The snapshots of a folder by what tests call them.
fn snapshots(folder: &Path) -> Result<BTreeMap<String, std::path::PathBuf>, TestError> {
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |cause| TestError::Read { path: shown.to_owned(), cause };
    let mut found = BTreeMap::new();
    for entry in shown.read_dir().map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(SNAPSHOT_SUFFIX)) {
            found.insert(stem.to_owned(), folder.join(&name));
        }
    }
    Ok(found)
}

/// `data.snapshots.NAME`: the input of every source that was looked up, by the source. Where that was for several
/// platforms, the platform stands behind it, as in reports.
fn add_snapshot(
    documents: &mut Documents,
    name: &str,
    path: &Path,
    snapshot: &Snapshot,
) -> Result<(), TestError> {
    let mut known: BTreeMap<(&SourceOp, Option<&Platform>), Metadata> = BTreeMap::new();
    let mut failed_lookups = BTreeMap::new();
    for (asked, answer) in &snapshot.lookups {
        let source = (&asked.source, asked.platform.as_ref());
        let known = known.entry(source).or_default();
        match &answer.result {
            Ok(found) => add(known, found.clone()),
            Err(error) => {
                failed_lookups.insert(source, error);
            }
        }
    }
    let mut facts = Facts::default();
    for ((source, platform), metadata) in &known {
        if *metadata != Metadata::default() {
            facts.insert((*source).clone(), platform.cloned(), metadata.clone());
        }
    }
    let failed = |error: String| unusable(path, error);
    // Signatures are verified as they were when the snapshot was captured.
    let trust = TrustOptions::default().load_recorded(&snapshot.trust, snapshot.captured);
    let (env, trust) = (Env::default(), trust.map_err(|error| failed(error.to_string()))?);
    for (source, platform) in known.keys() {
        let built = input::build(source, *platform, &facts, &env, &trust);
        let built = built.map_err(|error| failed(redact::url(&error.to_string())))?;
        let is_only = known.keys().filter(|(other, _)| other == source).count() == 1;
        let key = match platform {
            Some(platform) if !is_only => format!("{} ({platform})", source.identifier),
            _ => source.identifier.clone(),
        };
        let mut shown = format!("`{}` in `{}`", redact::url(&key), path.display());
        if let Some(error) = failed_lookups.get(&(*source, *platform)) {
            shown += &redact::url(&format!(", whose lookup failed: {error}"));
        }
        let added = documents.add_source(&["snapshots", name, &key], &built, &shown);
        added.map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}

/// Adds what another lookup of the same source found: the one that asked for more knows more.
fn add(known: &mut Metadata, found: Metadata) {
    if let Some(image) = found.image {
        let known = known.image.get_or_insert_with(|| image.clone());
        known.config = known.config.take().or(image.config);
        known.signatures = known.signatures.take().or(image.signatures);
        let blobs = known.attestation_chain.as_ref().map(|chain| chain.blobs.len());
        if image.attestation_chain.as_ref().map(|chain| chain.blobs.len()) > blobs {
            known.attestation_chain = image.attestation_chain;
        }
    }
    if let Some(git) = found.git
        && known.git.as_ref().is_none_or(|known| known.commit_object.is_none())
    {
        known.git = Some(git);
    }
    if let Some(http) = found.http {
        let known = known.http.get_or_insert_with(|| http.clone());
        known.keep(&http);
        known.github_attestations.extend(http.github_attestations);
    }
}
