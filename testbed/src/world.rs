//! The registry, git server and file server of `fixtures/world`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the world runs.
#[derive(Debug, Clone)]
pub struct World {
    /// `HOST:PORT` of the registry, plain HTTP.
    pub registry: String,
    /// `HOST:PORT` of files and repositories, plain HTTP.
    pub http: String,
    /// `HOST:PORT` of files and repositories, with a certificate by `ca`.
    pub https: String,
    /// The authority's certificate, PEM.
    pub ca: PathBuf,
    dir: PathBuf,
}

impl World {
    /// The world that `POLICY_CHECK_WORLD` names the folder of. The error says what is missing.
    pub fn from_env() -> Result<Self, String> {
        let missing = "start the world with `fixtures/world/up.sh DIR` and set POLICY_CHECK_WORLD=DIR";
        let dir = std::env::var_os("POLICY_CHECK_WORLD").map(PathBuf::from).ok_or(missing)?;
        let text =
            std::fs::read_to_string(dir.join("env")).map_err(|error| format!("{missing} ({error})"))?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.map(str::to_owned).ok_or_else(|| format!("no `{key}` in the world's `env` file"))
        };
        let (registry, http, https) = (value("registry")?, value("http")?, value("https")?);
        Ok(Self { registry, http, https, ca: value("ca")?.into(), dir })
    }

    /// The name of an image in the world's registry.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.registry)
    }

    /// Serves a folder's content as a repository with one commit on `main`; returns its URL.
    pub fn serve_repository(&self, name: &str, content: &Path) -> String {
        let bare = self.dir.join("git").join(format!("{name}.git"));
        let script = r#"
            rm -rf "$2"
            git init --quiet --initial-branch=main "$1"
            git -C "$1" add --all
            git -C "$1" -c user.name=test -c user.email=test@world.test commit --quiet --message=content
            git clone --quiet --bare "$1" "$2"
            rm -rf "$1/.git"
        "#;
        self.run(script, content, &bare);
        format!("http://{}/git/{name}.git", self.http)
    }

    /// Serves a folder's content as a compressed archive; returns its URL.
    pub fn serve_archive(&self, name: &str, content: &Path) -> String {
        let archive = self.dir.join("made").join(format!("{name}.tar.gz"));
        self.run(r#"tar -czf "$2" -C "$1" ."#, content, &archive);
        format!("http://{}/made/{name}.tar.gz", self.http)
    }

    fn run(&self, script: &str, from: &Path, to: &Path) {
        let mut command = Command::new("sh");
        command.args(["-euc", script, "sh"]).arg(from).arg(to).env("HOME", &self.dir);
        let output = command.output().expect("a shell");
        assert!(output.status.success(), "{}: {}", to.display(), String::from_utf8_lossy(&output.stderr));
    }
}
