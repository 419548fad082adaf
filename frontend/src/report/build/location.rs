//! Where files are, as tools outside of this program want to know.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Build, Place};

/// Characters of a path that a URI shows as they are (RFC 3986, section 3.3).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+')
    .remove(b'@')
    .remove(b'=');

impl Build {
    /// What to call it: its name, else its Dockerfile.
    pub fn title(&self) -> &str {
        let dockerfile = || self.dockerfile.as_ref().map(|dockerfile| dockerfile.name.as_str());
        self.name.as_deref().or_else(dockerfile).unwrap_or("build")
    }

    /// The file of a place: its path from the working directory, where it is a file of this machine.
    pub(super) fn path_of<'a>(&'a self, place: &'a Place) -> &'a str {
        match &self.dockerfile {
            Some(dockerfile) if dockerfile.name == place.file => {
                dockerfile.path.as_deref().unwrap_or(&place.file)
            }
            _ => &place.file,
        }
    }
}

/// A path as a URI: relative ones stay so, absolute ones become `file:///…`.
pub(crate) fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let encoded = utf8_percent_encode(path, PATH);
    if path.starts_with('/') { format!("file://{encoded}") } else { encoded.to_string() }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn uris() {
        for (path, expected) in [
            ("Dockerfile", "Dockerfile"),
            ("./a b/Dockerfile", "a%20b/Dockerfile"),
            ("../x:y/ü", "../x%3Ay/%C3%BC"),
            ("/srv/Dockerfile", "file:///srv/Dockerfile"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
