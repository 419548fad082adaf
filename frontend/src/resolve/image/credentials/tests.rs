//! Credentials in files and from helpers.
#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

fn basic(user: &str, password: &str) -> Credential {
    Credential::Basic(user.into(), Secret(password.into()))
}

fn store(directory: &tempfile::TempDir, config: &str) -> CredentialStore {
    std::fs::write(directory.path().join("config.json"), config).unwrap();
    CredentialStore::new(CredentialOptions {
        docker_config: Some(directory.path().to_owned()),
        helper_path: Some(directory.path().into()),
        ..CredentialOptions::default()
    })
}

#[cfg(unix)]
fn helper(directory: &tempfile::TempDir, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.path().join(format!("docker-credential-{name}"));
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn auths_by_host_and_url() {
    let directory = tempfile::tempdir().unwrap();
    let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOnBhc3M6d29yZA=="},
            "ghcr.io": {"username": "u", "password": "p"},
            "https://quay.io/v2/": {"identitytoken": "i"},
            "token.example:5000": {"registrytoken": "r"},
            "old.example": {"auth": "PHRva2VuPjppZA=="},
            "empty.example": {}
        }}"#;
    let store = store(&directory, config);
    for (registry, expected) in [
        ("docker.io", Some(basic("hub", "pass:word"))),
        ("registry-1.docker.io", Some(basic("hub", "pass:word"))),
        ("ghcr.io", Some(basic("u", "p"))),
        ("quay.io", Some(Credential::Identity(Secret("i".into())))),
        ("token.example:5000", Some(Credential::Registry(Secret("r".into())))),
        ("token.example", None),
        ("old.example", Some(Credential::Identity(Secret("id".into())))),
        ("empty.example", None),
        ("other.example", None),
    ] {
        assert_eq!(store.get(registry).await.unwrap(), expected, "{registry}");
    }
}

#[tokio::test]
async fn dockers_registries_take_the_login_for_docker_hub() {
    let directory = tempfile::tempdir().unwrap();
    let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"username": "hub", "password": "p"},
            "dhi.io": {"username": "dhi", "password": "p"}
        }}"#;
    let store = store(&directory, config);
    assert_eq!(store.get("registry.scout.docker.com").await.unwrap(), Some(basic("hub", "p")));
    assert_eq!(store.get("dhi.io").await.unwrap(), Some(basic("dhi", "p")));
    assert_eq!(store.get("registry.scout.docker.com.evil.example").await.unwrap(), None);
}

#[tokio::test]
async fn no_file_means_no_credentials() {
    let directory = tempfile::tempdir().unwrap();
    let options = CredentialOptions {
        docker_config: Some(directory.path().join("missing")),
        ..CredentialOptions::default()
    };
    assert_eq!(CredentialStore::new(options).get("ghcr.io").await, Ok(None));
}

#[tokio::test]
async fn bad_files_are_named_and_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    for config in [
        r#"{"auths": {"ghcr.io": "secret"}}"#,
        r#"{"auths": {"ghcr.io": {"auth": "secret!"}}}"#,
        r#"{"auths": {"ghcr.io": {"auth": "c2VjcmV0"}}}"#,
        "secret",
    ] {
        let error = store(&directory, config).get("ghcr.io").await.unwrap_err();
        assert!(matches!(error, ImageError::DockerConfig { .. }), "{error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains("config.json") && !text.contains("secret"), "{text}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn helpers_are_asked_first() {
    let directory = tempfile::tempdir().unwrap();
    helper(
        &directory,
        "all",
        r#"read -r key
case "$1 $key" in
"get https://index.docker.io/v1/") echo '{"ServerURL":"x","Username":"hub","Secret":"s"}' ;;
"get token.example") echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}' ;;
"get broken.example") echo 'keychain is locked'; exit 1 ;;
"get garbage.example") echo 'secret' ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac"#,
    );
    helper(&directory, "own", r#"echo '{"Username":"own","Secret":"s"}'"#);
    let config = r#"{"credsStore": "all",
            "credHelpers": {"own.example": "own", "gone.example": "gone", "evil.example": "../x"},
            "auths": {"file.example": {"username": "u", "password": "p"}}}"#;
    let store = store(&directory, config);
    for (registry, expected) in [
        ("docker.io", Some(basic("hub", "s"))),
        ("token.example", Some(Credential::Identity(Secret("t".into())))),
        ("own.example", Some(basic("own", "s"))),
        ("file.example", Some(basic("u", "p"))),
        ("none.example", None),
    ] {
        assert_eq!(store.get(registry).await.unwrap(), expected, "{registry}");
    }
    for (registry, reason) in [
        ("broken.example", "keychain is locked"),
        ("garbage.example", "not the expected JSON"),
        ("gone.example", "docker-credential-gone"),
        ("evil.example", "no program name"),
    ] {
        let error = store.get(registry).await.unwrap_err();
        assert!(matches!(error, ImageError::CredentialHelper { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn helpers_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    helper(&directory, "slow", "while :; do :; done");
    helper(&directory, "chatty", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done");
    let mut store = store(&directory, r#"{"credHelpers": {"slow": "slow", "chatty": "chatty"}}"#);
    let error = store.get("chatty").await.unwrap_err().to_string();
    assert!(error.contains("65536 bytes"), "{error}");
    store.options.helper_timeout = Duration::from_millis(50);
    let error = store.get("slow").await.unwrap_err().to_string();
    assert!(error.contains("no answer within 50ms"), "{error}");
}

#[test]
fn secrets_are_not_printed() {
    assert_eq!(format!("{:?}", basic("user", "secret")), r#"Basic("user", [secret])"#);
}
