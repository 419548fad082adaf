//! Credentials where Docker keeps them: `config.json` and the credential helpers that it names.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::error::ImageError;
use crate::resolve::once::OnceMap;

/// The most that a credential helper may print.
const MAX_HELPER_OUTPUT: u64 = 64 << 10;
/// Where Docker files the login for Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// The user name of an identity token.
const TOKEN_USER: &str = "<token>";

/// Where credentials are looked for.
#[derive(Debug, Clone)]
pub struct CredentialOptions {
    /// The folder with `config.json`; `None`: no credentials.
    pub docker_config: Option<PathBuf>,
    /// Where credential helpers are looked for, in place of this process' `PATH`.
    pub helper_path: Option<OsString>,
    /// How long a credential helper may take.
    pub helper_timeout: Duration,
}

impl Default for CredentialOptions {
    fn default() -> Self {
        Self { docker_config: None, helper_path: None, helper_timeout: Duration::from_secs(30) }
    }
}

impl CredentialOptions {
    /// `$DOCKER_CONFIG`, else `~/.docker`.
    pub fn from_environment() -> Self {
        let configured = std::env::var_os("DOCKER_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        let docker_config = configured.or_else(|| Some(std::env::home_dir()?.join(".docker")));
        Self { docker_config, ..Self::default() }
    }
}

/// Something that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// How to log in to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// User name and password.
    Basic(String, Secret),
    /// An OAuth2 refresh token, to be exchanged for access tokens.
    Identity(Secret),
    /// A bearer token to send as it is.
    Registry(Secret),
}

/// Looks credentials up, each registry once.
pub(super) struct CredentialStore {
    options: CredentialOptions,
    config: OnceCell<Result<DockerConfig, ImageError>>,
    found: OnceMap<String, Result<Option<Credential>, ImageError>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DockerConfig {
    auths: HashMap<String, AuthEntry>,
    cred_helpers: HashMap<String, String>,
    creds_store: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct AuthEntry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperOutput {
    username: String,
    secret: String,
}

impl CredentialStore {
    pub(super) fn new(options: CredentialOptions) -> Self {
        Self { options, config: OnceCell::new(), found: OnceMap::default() }
    }

    /// The credential for a registry host; `None` when there is none.
    pub(super) async fn get(&self, registry: &str) -> Result<Option<Credential>, ImageError> {
        self.found.get(registry.to_owned(), async { self.look_up(registry).await }).await
    }

    /// In Docker's order: the registry's own helper, the common one, the file.
    async fn look_up(&self, registry: &str) -> Result<Option<Credential>, ImageError> {
        let config = self.config.get_or_init(async || self.load()).await.as_ref().map_err(Clone::clone)?;
        let key = if is_docker_hub(registry) { DOCKER_HUB_KEY } else { registry };
        let helper = by_host(&config.cred_helpers, key).unwrap_or(&config.creds_store);
        if !helper.is_empty()
            && let Some(credential) = self.run_helper(helper, key, registry).await?
        {
            return Ok(Some(credential));
        }
        match by_host(&config.auths, key) {
            Some(entry) => {
                entry.credential().map_err(|detail| self.config_error(format!("auths: {key}: {detail}")))
            }
            None => Ok(None),
        }
    }

    fn load(&self) -> Result<DockerConfig, ImageError> {
        let Some(path) = self.config_path() else { return Ok(DockerConfig::default()) };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(DockerConfig::default()),
            Err(error) => return Err(self.config_error(error.to_string())),
        };
        // Serde's message could quote a secret; its position can't.
        serde_json::from_slice(&bytes).map_err(|error| {
            self.config_error(format!("malformed at line {} column {}", error.line(), error.column()))
        })
    }

    fn config_path(&self) -> Option<PathBuf> {
        Some(self.options.docker_config.as_ref()?.join("config.json"))
    }

    fn config_error(&self, detail: String) -> ImageError {
        ImageError::DockerConfig { path: self.config_path().unwrap_or_default(), detail }
    }

    /// `docker-credential-NAME get`: the key on stdin, JSON on stdout.
    async fn run_helper(
        &self,
        helper: &str,
        key: &str,
        registry: &str,
    ) -> Result<Option<Credential>, ImageError> {
        let program = format!("docker-credential-{helper}");
        let failed = |detail: String| ImageError::CredentialHelper {
            helper: program.clone(),
            registry: registry.to_owned(),
            detail,
        };
        if !helper.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(failed("this is no program name".to_owned()));
        }
        let mut command = Command::new(&program);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.kill_on_drop(true);
        if let Some(path) = &self.options.helper_path {
            command.env("PATH", path);
        }
        let talk = async {
            let mut child = command.spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // A helper that does not read to the end has its reasons; its exit status tells.
                stdin.write_all(key.as_bytes()).await.ok();
            }
            let mut output = Vec::new();
            if let Some(stdout) = child.stdout.take() {
                stdout.take(MAX_HELPER_OUTPUT + 1).read_to_end(&mut output).await?;
            }
            if output.len() as u64 > MAX_HELPER_OUTPUT {
                return Err(std::io::Error::other(format!("it prints more than {MAX_HELPER_OUTPUT} bytes")));
            }
            Ok((child.wait().await?, output))
        };
        let (status, output) = tokio::time::timeout(self.options.helper_timeout, talk)
            .await
            .map_err(|_| failed(format!("no answer within {:?}", self.options.helper_timeout)))?
            .map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            // Helpers print what went wrong to stdout.
            let text = String::from_utf8_lossy(&output);
            if text.contains("credentials not found") {
                return Ok(None);
            }
            let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
            return Err(failed(format!("{status}: {line}")));
        }
        let HelperOutput { username, secret } = serde_json::from_slice(&output)
            .map_err(|_| failed("its output is not the expected JSON".to_owned()))?;
        Ok(match username.as_str() {
            _ if secret.is_empty() => None,
            TOKEN_USER => Some(Credential::Identity(Secret(secret))),
            _ => Some(Credential::Basic(username, Secret(secret))),
        })
    }
}

impl AuthEntry {
    fn credential(&self) -> Result<Option<Credential>, &'static str> {
        let secret = |text: &str| Secret(text.to_owned());
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credential::Identity(secret(&self.identitytoken))));
        }
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credential::Registry(secret(&self.registrytoken))));
        }
        if self.auth.is_empty() {
            let is_empty = self.username.is_empty() && self.password.is_empty();
            return Ok((!is_empty).then(|| Credential::Basic(self.username.clone(), secret(&self.password))));
        }
        let decoded = STANDARD.decode(&self.auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or("auth is not base64")?;
        let (user, password) = decoded.split_once(':').ok_or("auth has no colon in it")?;
        let password = secret(password.trim_end_matches('\0'));
        Ok(Some(if user == TOKEN_USER {
            Credential::Identity(password)
        } else {
            Credential::Basic(user.to_owned(), password)
        }))
    }
}

/// Docker Hub under any of its names.
pub(super) fn is_docker_hub(registry: &str) -> bool {
    matches!(registry, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

/// An entry with exactly that key, else one for the same host; keys may be URLs with a path.
fn by_host<'a, T>(entries: &'a HashMap<String, T>, key: &str) -> Option<&'a T> {
    let host = host_of(key);
    let same_host = |other: &str| other == host || is_docker_hub(host) && is_docker_hub(other);
    entries.get(key).or_else(|| {
        let mut same: Vec<_> = entries.iter().filter(|(entry, _)| same_host(host_of(entry))).collect();
        // The same choice every time.
        same.sort_by_key(|(entry, _)| *entry);
        same.first().map(|(_, value)| *value)
    })
}

fn host_of(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
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
}
