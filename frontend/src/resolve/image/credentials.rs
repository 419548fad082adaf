//! Credentials where Docker keeps them: `config.json` and the credential helpers that it names.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::client::ClientCredentials;
use super::error::ImageError;
use crate::resolve::once::OnceMap;

/// The most that a credential helper may print.
const MAX_HELPER_OUTPUT: u64 = 64 << 10;
/// Where Docker files the login for Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// Registries of Docker's that take the login for Docker Hub where they have none of their own, as in buildx.
const DOCKER_OWNED: [&str; 2] = [super::DOCKER_SCOUT, "dhi.io"];
/// The user name of an identity token.
const TOKEN_USER: &str = "<token>";

/// Where credentials are looked for.
#[derive(Clone)]
pub struct CredentialOptions {
    /// The folder with `config.json`; `None`: no credentials.
    pub docker_config: Option<PathBuf>,
    /// Where credential helpers are looked for, in place of this process' `PATH`.
    pub helper_path: Option<OsString>,
    /// How long a credential helper may take.
    pub helper_timeout: Duration,
    /// Asked where nothing else is known for a registry.
    pub client: Option<Arc<dyn ClientCredentials>>,
}

impl fmt::Debug for CredentialOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { docker_config, helper_path, helper_timeout, client } = self;
        f.debug_struct("CredentialOptions")
            .field("docker_config", docker_config)
            .field("helper_path", helper_path)
            .field("helper_timeout", helper_timeout)
            .field("client", &client.is_some())
            .finish()
    }
}

impl Default for CredentialOptions {
    fn default() -> Self {
        Self { docker_config: None, helper_path: None, helper_timeout: Duration::from_secs(30), client: None }
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

impl Credential {
    /// A refresh token in place of a password is marked by its user's name.
    pub(super) fn of_user(user: String, secret: Secret) -> Self {
        if user == TOKEN_USER { Self::Identity(secret) } else { Self::Basic(user, secret) }
    }
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
        let look_up = async {
            match self.look_up(registry).await? {
                None if DOCKER_OWNED.contains(&registry) => self.look_up("docker.io").await,
                found => Ok(found),
            }
        };
        self.found.get(registry.to_owned(), look_up).await
    }

    /// Who is to be asked where [`CredentialStore::get`] finds nothing.
    pub(super) fn client(&self) -> Option<&dyn ClientCredentials> {
        self.options.client.as_deref()
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
            _ => Some(Credential::of_user(username, Secret(secret))),
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
        Ok(Some(Credential::of_user(user.to_owned(), secret(password.trim_end_matches('\0')))))
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
mod tests;
