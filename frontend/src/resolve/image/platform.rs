//! Which image of an index runs on a platform: the rules of containerd's `platforms.Only`, which `BuildKit`
//! selects by.

use std::cmp::Reverse;
use std::fmt;

use policy_engine::source::Platform;
use serde::Deserialize;

/// The platform an index or an image config names. (The type in `oci-spec` 0.10 reads neither `os.version`
/// nor `os.features`.)
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ImagePlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
    #[serde(rename = "os.features")]
    os_features: Option<Vec<String>>,
}

impl ImagePlatform {
    /// `unknown/unknown` marks attestation manifests.
    pub(crate) fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown"
    }
}

impl fmt::Display for ImagePlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some(variant) => write!(f, "/{variant}"),
        }
    }
}

/// The platform images are built for when nobody names one: Linux on this machine's architecture.
pub fn default_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "loongarch64" => "loong64",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        other => other,
    };
    normalized("linux", architecture, "")
}

/// Ranks the platforms of images for a wanted platform.
pub(crate) struct PlatformMatcher {
    /// Best first.
    accepted: Vec<Platform>,
}

/// Smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(usize, Reverse<usize>);

impl PlatformMatcher {
    pub(crate) fn new(wanted: &Platform) -> Self {
        let wanted = normalized(&wanted.os, &wanted.architecture, &wanted.variant);
        let mut accepted = Vec::new();
        let mut accept = |architecture: &str, variant: &str| {
            accepted.push(normalized(&wanted.os, architecture, variant));
        };
        match wanted.architecture.as_str() {
            "amd64" => {
                accept("amd64", &wanted.variant);
                for version in (1..version(&wanted.variant)).rev() {
                    accept("amd64", &format!("v{version}"));
                }
                accept("386", "");
            }
            "arm" => accept_arm(&wanted.variant, &mut accept),
            "arm64" => accept_arm64(&wanted.variant, &mut accept),
            architecture => accept(architecture, &wanted.variant),
        }
        Self { accepted }
    }

    /// `None` when the image does not run there.
    pub(crate) fn rank(&self, platform: &ImagePlatform) -> Option<Rank> {
        let variant = platform.variant.as_deref().unwrap_or_default();
        let found = normalized(&platform.os, &platform.architecture, variant);
        let features = platform.os_features.as_deref().unwrap_or_default();
        // Features that an image needs can't be promised; only `win32k` is taken for granted on Windows.
        if features.iter().any(|feature| found.os != "windows" || feature != "win32k") {
            return None;
        }
        let position = self.accepted.iter().position(|accepted| *accepted == found)?;
        Some(Rank(position, Reverse(features.len())))
    }
}

/// 32-bit ARM runs its own version and all below, down to v5.
fn accept_arm(variant: &str, accept: &mut impl FnMut(&str, &str)) {
    accept("arm", variant);
    for version in (5..version(variant)).rev() {
        accept("arm", &format!("v{version}"));
    }
}

/// v9.x runs v9.x to v9.0, then v8.(x+5) to v8.0; v8.x runs v8.x to v8.0; both run 32-bit ARM v8 and below.
fn accept_arm64(variant: &str, accept: &mut impl FnMut(&str, &str)) {
    let number = match variant {
        "" => "8",
        variant => variant.strip_prefix('v').unwrap_or_default(),
    };
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let (Some(major), Some(minor)) = (digit(major), digit(minor)) else { return };
    let mut accept_minors = |major: u8, highest: u8| {
        for minor in (0..=highest).rev() {
            let variant = if minor == 0 { format!("v{major}") } else { format!("v{major}.{minor}") };
            accept("arm64", &variant);
        }
    };
    match (major, minor) {
        (8, _) => accept_minors(8, minor),
        // Versions that containerd knows: up to v9.7 and v8.9.
        (9, ..=7) => {
            accept_minors(9, minor);
            accept_minors(8, (minor + 5).min(9));
        }
        _ => return,
    }
    accept_arm("v8", accept);
}

/// Names and variants in their one usual form; defaults have no variant, except on 32-bit ARM.
fn normalized(os: &str, architecture: &str, variant: &str) -> Platform {
    let os = match os.to_lowercase().as_str() {
        "" => "linux".to_owned(),
        "macos" => "darwin".to_owned(),
        os => os.to_owned(),
    };
    let (architecture, variant) = (architecture.to_lowercase(), variant.to_lowercase());
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    Platform { os, architecture: architecture.to_owned(), variant: variant.to_owned() }
}

/// `v7` or `7` as a number; 0 when it is none, or none that a CPU has.
fn version(variant: &str) -> u8 {
    variant.strip_prefix('v').unwrap_or(variant).parse().unwrap_or(0)
}

fn digit(text: &str) -> Option<u8> {
    text.parse().ok().filter(|_| text.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Platform { os: next(), architecture: next(), variant: next() }
    }

    fn image(text: &str, features: &[&str]) -> ImagePlatform {
        let Platform { os, architecture, variant } = platform(text);
        let os_features = Some(features.iter().map(ToString::to_string).collect());
        ImagePlatform { os, architecture, variant: Some(variant), os_features }
    }

    /// Best first, as containerd orders them.
    #[test]
    fn order_of_preference() {
        for (wanted, order) in [
            ("linux/amd64", "amd64 386"),
            ("linux/amd64/v1", "amd64 386"),
            ("linux/x86_64", "amd64 386"),
            ("linux/amd64/v3", "amd64/v3 amd64/v2 amd64 386"),
            ("linux/386", "386"),
            ("linux/arm", "arm/v7 arm/v6 arm/v5"),
            ("linux/arm/v8", "arm/v8 arm/v7 arm/v6 arm/v5"),
            ("linux/arm/6", "arm/v6 arm/v5"),
            ("linux/arm/v5", "arm/v5"),
            ("linux/armhf", "arm/v7 arm/v6 arm/v5"),
            ("linux/arm64", "arm64 arm/v8 arm/v7 arm/v6 arm/v5"),
            ("linux/arm64/v8.2", "arm64/v8.2 arm64/v8.1 arm64 arm/v8 arm/v7 arm/v6 arm/v5"),
            (
                "linux/arm64/v9",
                "arm64/v9 arm64/v8.5 arm64/v8.4 arm64/v8.3 arm64/v8.2 arm64/v8.1 arm64 arm/v8 arm/v7 arm/v6 arm/v5",
            ),
            (
                "linux/arm64/v9.5",
                "arm64/v9.5 arm64/v9.4 arm64/v9.3 arm64/v9.2 arm64/v9.1 arm64/v9 arm64/v8.9 arm64/v8.8 \
                 arm64/v8.7 arm64/v8.6 arm64/v8.5 arm64/v8.4 arm64/v8.3 arm64/v8.2 arm64/v8.1 arm64 arm/v8 \
                 arm/v7 arm/v6 arm/v5",
            ),
            ("linux/arm64/v10", ""),
            ("linux/amd64/v99999999999", "amd64/v99999999999 386"),
            ("linux/s390x", "s390x"),
            ("linux/riscv64", "riscv64"),
        ] {
            let matcher = PlatformMatcher::new(&platform(wanted));
            let found: Vec<_> = matcher
                .accepted
                .iter()
                .map(|platform| platform.to_string().trim_start_matches("linux/").to_owned())
                .collect();
            let expected: Vec<_> = order.split_whitespace().collect();
            assert_eq!(found, expected, "{wanted}");
        }
    }

    #[test]
    fn what_an_image_names_is_normalized() {
        for (wanted, found, matches) in [
            ("linux/arm64", "linux/aarch64/v8", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/amd64", "linux/amd64/v1", true),
            ("linux/amd64", "linux/amd64/v2", false),
            ("linux/amd64", "Linux/AMD64", true),
            ("linux/amd64", "/amd64", true),
            ("linux/amd64", "windows/amd64", false),
            ("linux/amd64", "unknown/unknown", false),
            ("linux/arm/v7", "linux/arm", true),
            ("linux/arm/v6", "linux/arm", false),
            ("linux/arm64", "linux/arm64/v8.1", false),
            ("darwin/arm64", "macos/arm64", true),
        ] {
            let rank = PlatformMatcher::new(&platform(wanted)).rank(&image(found, &[]));
            assert_eq!(rank.is_some(), matches, "{wanted} {found}");
        }
    }

    #[test]
    fn os_features() {
        let linux = PlatformMatcher::new(&platform("linux/amd64"));
        assert_eq!(linux.rank(&image("linux/amd64", &["x"])), None);
        assert_eq!(linux.rank(&image("linux/amd64", &["win32k"])), None);
        let windows = PlatformMatcher::new(&platform("windows/amd64"));
        let (with, without) = (image("windows/amd64", &["win32k"]), image("windows/amd64", &[]));
        assert!(windows.rank(&with).is_some());
        assert!(windows.rank(&with) < windows.rank(&without));
    }

    #[test]
    fn read_as_the_specification_names_the_fields() {
        let json =
            r#"{"os":"linux","architecture":"arm","variant":"v6","os.features":["a"],"os.version":"1"}"#;
        let found: ImagePlatform = serde_json::from_str(json).expect("JSON");
        assert_eq!(found.to_string(), "linux/arm/v6");
        assert_eq!(found.os_features, Some(vec!["a".to_owned()]));
    }

    #[test]
    fn default_is_normalized() {
        let default = default_platform();
        assert_eq!(default.os, "linux");
        assert_eq!(default, normalized(&default.os, &default.architecture, &default.variant));
    }
}
