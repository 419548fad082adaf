//! Runs the binary in a folder of its own with an empty environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A scratch folder to run the binary in.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

/// One run of the binary.
pub(crate) struct Run {
    command: Command,
    stdin: Vec<u8>,
    replacements: Vec<(String, String)>,
}

impl Place {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a scratch folder") }
    }

    /// A folder with this policy beside a Dockerfile.
    pub(crate) fn with_policy(rego: &str) -> Self {
        let place = Self::new();
        place.write("Dockerfile.rego", rego);
        place
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// Writes a copy of the library of `policies/`, without its tests, to where policies import it from.
    pub(crate) fn bring_library(&self) {
        self.copy_policies("lib");
    }

    fn copy_policies(&self, folder: &str) {
        let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
        for entry in std::fs::read_dir(policies.join(folder)).expect("a folder") {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            let path = format!("{folder}/{name}");
            if policies.join(&path).is_dir() {
                self.copy_policies(&path);
            } else if !name.ends_with("_test.rego") {
                self.write(&path, std::fs::read(policies.join(&path)).expect("a file"));
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs `policy-check` with these arguments, here.
    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Run {
        run_in(self.path(), args)
    }
}

/// Runs `policy-check` with these arguments in the folder `dir`.
pub(crate) fn run_in<'a>(dir: &Path, args: impl IntoIterator<Item = &'a str>) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_policy-check"));
    command.args(args).current_dir(dir).env_clear();
    // Credentials are looked up at home; git is looked up on the path.
    command.env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    Run { command, stdin: Vec::new(), replacements: Vec::new() }
}

impl Run {
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.into();
        self
    }

    pub(crate) fn stdin_bytes(mut self, bytes: Vec<u8>) -> Self {
        self.stdin = bytes;
        self
    }

    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self
    }

    /// Shows `instead` wherever the output says `text`.
    pub(crate) fn replace(mut self, text: &str, instead: &str) -> Self {
        self.replacements.push((text.to_owned(), instead.to_owned()));
        self
    }

    /// Exit code and both streams, as one text to compare.
    pub(crate) fn shown(self) -> String {
        let Finished { code, stdout, stderr } = self.finish();
        format!("exit: {code}\n-- stdout --\n{stdout}-- stderr --\n{stderr}")
    }

    /// The exit code when nobody reads what is printed.
    pub(crate) fn code_unread(mut self) -> i32 {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        self.command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null());
        self.command.status().expect("the binary ends").code().expect("an exit code, no signal")
    }

    pub(crate) fn finish(mut self) -> Finished {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A run that reads nothing may be gone already.
        drop(stdin.write_all(&self.stdin));
        drop(stdin);
        let output = child.wait_with_output().expect("the binary ends");
        let clean = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("UTF-8");
            self.replacements.iter().fold(text, |text, (from, to)| text.replace(from, to))
        };
        Finished {
            code: output.status.code().expect("an exit code, no signal"),
            stdout: clean(output.stdout),
            stderr: clean(output.stderr),
        }
    }
}

/// How a run ended.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A path below `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(path)
}
