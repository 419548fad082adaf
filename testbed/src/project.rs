//! A folder to build from.

use std::path::Path;

use tempfile::TempDir;

/// A scratch folder with files in it. It goes when this is dropped.
#[derive(Debug)]
pub struct Project {
    dir: TempDir,
}

impl Project {
    /// A folder with these files: paths and contents.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let project = Self { dir: tempfile::tempdir().expect("a scratch folder") };
        files.iter().for_each(|(path, content)| project.write(path, content));
        project
    }

    /// A folder with this Dockerfile.
    pub fn dockerfile(text: &str) -> Self {
        Self::of(&[("Dockerfile", text)])
    }

    /// Writes a file, its folders included.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}
