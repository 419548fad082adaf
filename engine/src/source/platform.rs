//! Platforms of images: `os/architecture[/variant]`, normalized as containerd does it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The platform an image is wanted for, normalized as containerd does it
/// (`linux/arm64` has an empty variant, `linux/arm/v7` has `v7`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`, …
    pub os: String,
    /// Go's name of the architecture: `amd64`, `arm64`, `arm`, …
    pub architecture: String,
    /// `v7`, `v8`, …; empty when the architecture's default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

/// A string that names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// Not of the form `os[/architecture[/variant]]`.
    #[error("invalid platform {0:?}: it must look like linux/amd64 or linux/arm/v7")]
    Format(String),
    /// A single word that is neither an operating system nor an architecture.
    #[error("invalid platform {0:?}: unknown operating system or architecture")]
    Unknown(String),
}

impl Platform {
    /// Parses and normalizes `os`, `architecture`, `os/architecture` or `os/architecture/variant`. The
    /// part that is left out is that of the machine this was built for. A version of the operating
    /// system (`windows(10.0.17763)/amd64`) is accepted and dropped, for a policy does not see it.
    pub fn parse(specifier: &str) -> Result<Self, PlatformError> {
        let format = || PlatformError::Format(specifier.to_owned());
        let mut parts = specifier.split('/');
        let os = operating_system(parts.next().unwrap_or_default()).ok_or_else(format)?;
        let architecture = parts.next();
        let variant = parts.next();
        if parts.next().is_some() || !architecture.into_iter().chain(variant).all(is_component) {
            return Err(format());
        }
        if let Some(architecture) = architecture {
            return Ok(Self::new(os, architecture, variant.unwrap_or_default()));
        }
        if OPERATING_SYSTEMS.contains(&normalize_os(os).as_str()) {
            return Ok(Self::new(os, host_architecture(), ""));
        }
        let (architecture, variant) = normalize_architecture(os, "");
        if ARCHITECTURES.contains(&architecture.as_str()) {
            return Ok(Self { os: normalize_os(std::env::consts::OS), architecture, variant });
        }
        Err(PlatformError::Unknown(specifier.to_owned()))
    }

    /// Normalizes the parts of a platform.
    pub fn new(os: &str, architecture: &str, variant: &str) -> Self {
        let (architecture, variant) = normalize_architecture(architecture, variant);
        Self { os: normalize_os(os), architecture, variant }
    }

    /// `os/architecture[/variant]`.
    pub fn format(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

/// The name in `name` or `name(version+feature)`.
fn operating_system(part: &str) -> Option<&str> {
    let name = match part.split_once('(') {
        None => part,
        Some((name, options)) => {
            let options = options.strip_suffix(')')?;
            let known = |c: char| c.is_ascii_alphanumeric() || "_.%-+".contains(c);
            if !options.chars().all(known) {
                return None;
            }
            name
        }
    };
    let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!name.is_empty() && name.chars().all(known)).then_some(name)
}

fn is_component(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn normalize_os(os: &str) -> String {
    let os = os.to_ascii_lowercase();
    if os == "macos" { "darwin".to_owned() } else { os }
}

fn normalize_architecture(architecture: &str, variant: &str) -> (String, String) {
    let architecture = architecture.to_ascii_lowercase();
    let variant = variant.to_ascii_lowercase();
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", v) => ("amd64", v),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", v) => ("arm64", v),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        (a, v) => (a, v),
    };
    (architecture.to_owned(), variant.to_owned())
}

/// Go's name for the architecture this was built for.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    }
}

const OPERATING_SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

const ARCHITECTURES: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "arm64",
    "arm64be",
    "armbe",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

#[cfg(test)]
mod tests {
    use super::{Platform, PlatformError};

    #[test]
    fn platforms_are_normalized() {
        for (specifier, formatted) in [
            ("linux/amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm64/v9.0", "linux/arm64/v9"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/i386", "linux/386"),
            ("macos/arm64", "darwin/arm64"),
            ("windows(10.0.17763+win32k)/amd64", "windows/amd64"),
            ("linux/s390x", "linux/s390x"),
        ] {
            assert_eq!(
                Platform::parse(specifier).map(|p| p.format()),
                Ok(formatted.to_owned()),
                "{specifier}"
            );
        }
        assert_eq!(Platform::parse("aarch64").map(|p| p.architecture), Ok("arm64".to_owned()));
        assert_eq!(Platform::parse("windows").map(|p| p.os), Ok("windows".to_owned()));
    }

    #[test]
    fn nonsense_is_refused() {
        for specifier in
            ["", "/", "linux/", "linux//v7", "linux/a/b/c", "linux/*", "li nux/amd64", "linux(/amd64"]
        {
            let error = Platform::parse(specifier).unwrap_err();
            assert_eq!(error, PlatformError::Format(specifier.to_owned()));
        }
        assert_eq!(Platform::parse("plan10"), Err(PlatformError::Unknown("plan10".to_owned())));
    }
}
