#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

/// The library's files, as they lie in the repository.
fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rego") {
            let name = path.strip_prefix(POLICIES).unwrap().to_str().unwrap().replace('\\', "/");
            if !name.ends_with("_test.rego") {
                found.push(name);
            }
        }
    }
}

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");

#[test]
fn the_whole_library_is_embedded() {
    let mut found = Vec::new();
    files(&Path::new(POLICIES).join("lib"), &mut found);
    found.sort();
    let embedded: Vec<&str> = LIBRARY.iter().map(|(path, _)| *path).collect();
    assert_eq!(embedded, found);
}

#[test]
fn nothing_is_replaced_unless_it_is_forced() {
    let dir = tempfile::tempdir().unwrap();
    let test = dir.path().join("Dockerfile_test.rego");
    std::fs::write(&test, "mine").unwrap();
    let refused = write(BASELINE, dir.path(), false, false).unwrap_err();
    assert!(matches!(&refused, StarterError::Exists(paths) if *paths == [test.clone()]), "{refused}");
    // Not even what could have been.
    assert!(!dir.path().join("Dockerfile.rego").exists());
    assert!(write(BASELINE, dir.path(), false, true).unwrap().iter().all(|file| file.changed));
    assert_eq!(std::fs::read_to_string(&test).unwrap(), BASELINE.tests);
    // What is the same already is no obstacle.
    assert!(write(BASELINE, dir.path(), false, false).unwrap().iter().all(|file| !file.changed));
}

#[test]
fn the_policy_is_named_after_its_dockerfile() {
    let dir = tempfile::tempdir().unwrap();
    let names = |at: &Path| -> Vec<String> {
        let written = write(STRICT, at, false, false).unwrap();
        written.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(dir.path()), ["Dockerfile.rego", "Dockerfile_test.rego"]);
    let app = dir.path().join("app.Dockerfile");
    assert!(matches!(write(STRICT, &app, false, false), Err(StarterError::NoFolder(_))));
    std::fs::write(&app, "FROM scratch").unwrap();
    assert_eq!(names(&app), ["app.Dockerfile.rego", "app.Dockerfile_test.rego"]);
    let text = std::fs::read_to_string(dir.path().join("app.Dockerfile.rego")).unwrap();
    assert!(text.contains("in app.Dockerfile.rego") && text.contains("in app.Dockerfile_test.rego"));
    assert!(!text.contains(" Dockerfile.rego"), "{text}");
    let policy = dir.path().join("Dockerfile.rego");
    assert!(matches!(write(STRICT, &policy, false, false), Err(StarterError::NotADockerfile(_))));
}

#[test]
fn a_lower_case_dockerfile_has_a_lower_case_policy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("dockerfile"), "FROM scratch").unwrap();
    let written = write(BASELINE, dir.path(), false, false).unwrap();
    let wanted = if dir.path().join("Dockerfile").exists() { "Dockerfile.rego" } else { "dockerfile.rego" };
    assert_eq!(written[0].path, dir.path().join(wanted));
}

#[test]
fn the_library_comes_along_where_it_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(write(BASELINE, dir.path(), false, false).unwrap().len(), 2);
    let written = write(BASELINE, dir.path(), true, false).unwrap();
    assert_eq!(written.len(), 2 + LIBRARY.len());
    assert!(dir.path().join("lib/images/digests.rego").is_file());
    let other = tempfile::tempdir().unwrap();
    assert_eq!(write(WITH_LIBRARY, other.path(), false, false).unwrap().len(), 2 + LIBRARY.len());
}
