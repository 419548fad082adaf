//! Where a build's Dockerfile and context lie, and with them its policy.
//!
//! What BuildKit's Dockerfile frontend makes of its options decides: a context that is a git repository or
//! a URL, a definition among the frontend's inputs, or a directory of a client's session.

use std::collections::BTreeMap;

use policy_engine::source::{SourceError, SourceOp, git_context};
use prost::Message;

use crate::buildkit::llb::{self, DefinitionError};
use crate::buildkit::proto::pb;
use crate::serve::build_env::DEFAULT_FILENAME;

/// What BuildKit calls the file that a URL of a context leads to.
pub(super) const HTTP_FILE: &str = "context";
/// Host of the URLs by which BuildKit reads a context that the client uploads.
const UPLOAD_HOST: &str = "buildkit-session";

/// Where to look for a build's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// Where the Dockerfile lies: the policy lies beside it.
    pub dockerfile: Place,
    /// The build's context: what the policy imports and reads lies there.
    pub context: Place,
    /// The Dockerfile's path in `dockerfile`: relative and clean.
    pub file: String,
}

/// A tree of files.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// A directory of a client.
    Local {
        /// The session that shares it.
        session: String,
        /// Its name there, e.g. `dockerfile`.
        name: String,
    },
    /// A git repository.
    Git(SourceOp),
    /// A URL: what the archive it leads to unpacks to.
    Http(SourceOp),
    /// The result of a definition that the client gave to the frontend.
    Input(pb::Definition),
    /// An upload that can be read only once, by the build itself.
    Upload,
}

/// Why it can't be told where a build's policy lies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// The context looks like a git repository and is malformed.
    #[error("the build's context is malformed: {0}")]
    Context(#[from] SourceError),
    /// A definition among the frontend's inputs.
    #[error("the frontend's input `{name}` cannot be read: {cause}")]
    Input {
        /// Its name.
        name: &'static str,
        /// Why.
        cause: DefinitionError,
    },
}

impl Location {
    /// Where a frontend with these options and inputs (`pb.Definition`, encoded) looks for its Dockerfile
    /// and its context. `session` is that of the solve.
    pub fn of(
        options: &BTreeMap<String, String>,
        inputs: &BTreeMap<String, Vec<u8>>,
        session: &str,
    ) -> Result<Self, LocationError> {
        let option = |name: &str| options.get(name).map(String::as_str);
        let local = |name: &str| Place::Local {
            session: option(&format!("local-sessionid:{name}")).unwrap_or(session).to_owned(),
            name: name.to_owned(),
        };
        let remote = remote(option(option("contextkey").unwrap_or("context")).unwrap_or_default(), options)?;
        // A context that is remote holds its Dockerfile, unless one of the client's directories is named.
        let dockerfile = match (option("dockerfilekey"), &remote) {
            (Some(name), _) => local(name),
            (None, Some(remote)) => remote.clone(),
            (None, None) => input("dockerfile", inputs)?.unwrap_or_else(|| local("dockerfile")),
        };
        let context = match remote {
            Some(remote) => remote,
            None => input("context", inputs)?.unwrap_or_else(|| local("context")),
        };
        let file = rooted(option("filename").unwrap_or_default());
        let file = if file.is_empty() { DEFAULT_FILENAME.to_owned() } else { file };
        Ok(Self { dockerfile, context, file })
    }
}

impl Location {
    /// Whether reading it makes the daemon run commands of the client.
    pub fn runs_commands(&self) -> bool {
        [&self.dockerfile, &self.context].into_iter().any(|place| match place {
            Place::Input(definition) => !llb::only_files(definition.def.iter().map(Vec::as_slice)),
            _ => false,
        })
    }
}

/// The remote place that `context` names, if it does.
fn remote(context: &str, options: &BTreeMap<String, String>) -> Result<Option<Place>, SourceError> {
    if let Some(git) = git_context(context)? {
        return Ok(Some(Place::Git(with_build_attrs(git.source, options))));
    }
    let Some(rest) = context.strip_prefix("http://").or_else(|| context.strip_prefix("https://")) else {
        return Ok(None);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.eq_ignore_ascii_case(UPLOAD_HOST) {
        return Ok(Some(Place::Upload));
    }
    let mut source = SourceOp::new(context);
    source.attrs.insert("http.filename".into(), HTTP_FILE.into());
    Ok(Some(Place::Http(source)))
}

/// What the frontend adds to a git context: how to log in, and what the build's arguments ask for. With the
/// same attributes, the daemon fetches once for the hook and the build.
fn with_build_attrs(mut source: SourceOp, options: &BTreeMap<String, String>) -> SourceOp {
    let attrs = &mut source.attrs;
    let mut add = |key: &str, value: &str| attrs.insert(key.to_owned(), value.to_owned());
    add("git.authtokensecret", "GIT_AUTH_TOKEN");
    add("git.authheadersecret", "GIT_AUTH_HEADER");
    let keep = options.get("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR").map(String::as_str);
    if matches!(keep, Some("1" | "t" | "T" | "true" | "TRUE" | "True")) {
        add("git.keepgitdir", "true");
    }
    if options.get("build-arg:SOURCE_DATE_EPOCH").is_some_and(|epoch| !epoch.is_empty()) {
        add("git.mtime", "commit");
    }
    let url = attrs.get("git.fullurl").map_or("", String::as_str);
    if url.starts_with("ssh://") || !url.contains("://") {
        attrs.insert("git.mountsshsock".to_owned(), "default".to_owned());
    }
    source
}

fn input(name: &'static str, inputs: &BTreeMap<String, Vec<u8>>) -> Result<Option<Place>, LocationError> {
    let Some(encoded) = inputs.get(name) else { return Ok(None) };
    let definition = pb::Definition::decode(encoded.as_slice())
        .map_err(|error| LocationError::Input { name, cause: error.into() })?;
    Ok(Some(Place::Input(definition)))
}

/// The path as seen from a root that `..` does not leave, relative to that root.
fn rooted(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn locate(of: &[(&str, &str)]) -> Location {
        Location::of(&options(of), &BTreeMap::new(), "s1").unwrap()
    }

    fn local(session: &str, name: &str) -> Place {
        Place::Local { session: session.into(), name: name.into() }
    }

    #[test]
    fn local_directories_of_one_session_or_several() {
        let location = locate(&[("filename", "My.Dockerfile")]);
        assert_eq!(
            (location.dockerfile, location.context),
            (local("s1", "dockerfile"), local("s1", "context"))
        );
        assert_eq!(location.file, "My.Dockerfile");
        let location = locate(&[("local-sessionid:context", "s2"), ("filename", "../sub/./x")]);
        assert_eq!(
            (location.dockerfile, location.context),
            (local("s1", "dockerfile"), local("s2", "context"))
        );
        assert_eq!(location.file, "sub/x");
        assert_eq!(locate(&[]).file, "Dockerfile");
    }

    #[test]
    fn git_contexts_hold_the_dockerfile() {
        let location = locate(&[
            ("context", "https://example.com/r.git#main:sub"),
            ("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1"),
        ]);
        assert_eq!(location.dockerfile, location.context);
        let Place::Git(source) = location.context else { panic!("a git repository") };
        assert_eq!(source.identifier, "git://example.com/r.git#main:sub");
        assert_eq!(source.attrs["git.keepgitdir"], "true");
        assert!(!source.attrs.contains_key("git.mountsshsock"));
        let Place::Git(source) = locate(&[("context", "git@example.com:o/r.git")]).context else {
            panic!("a git repository")
        };
        assert_eq!(source.attrs["git.mountsshsock"], "default");
    }

    #[test]
    fn a_local_dockerfile_for_a_remote_context() {
        let location = locate(&[("context", "https://example.com/c.tgz"), ("dockerfilekey", "dockerfile")]);
        assert_eq!(location.dockerfile, local("s1", "dockerfile"));
        let Place::Http(source) = location.context else { panic!("a URL") };
        assert_eq!(source.identifier, "https://example.com/c.tgz");
    }

    #[test]
    fn uploads_are_told_from_urls() {
        for url in
            ["http://buildkit-session/abc", "http://u:p@Buildkit-Session/abc", "https://buildkit-session"]
        {
            assert_eq!(locate(&[("context", url)]).context, Place::Upload, "{url}");
        }
        for url in ["http://buildkit-session.example.com/", "http://example.com/@buildkit-session/"] {
            assert!(matches!(locate(&[("context", url)]).context, Place::Http(_)), "{url}");
        }
    }

    #[test]
    fn inputs_serve_where_no_context_is_named() {
        let definition = llb::source(&SourceOp::new("git://example.com/r.git"));
        let inputs: BTreeMap<_, _> = ["context", "dockerfile"]
            .into_iter()
            .map(|name| (name.to_owned(), definition.encode_to_vec()))
            .collect();
        let location = Location::of(&BTreeMap::new(), &inputs, "s1").unwrap();
        assert_eq!(location.dockerfile, Place::Input(definition));
        assert_eq!(location.dockerfile, location.context);
        let Place::Input(definition) = &location.context else { panic!("{:?}", location.context) };
        assert_eq!(llb::sources(definition).unwrap(), [SourceOp::new("git://example.com/r.git")]);

        let named = options(&[("context", "https://example.com/c.tgz"), ("dockerfilekey", "mine")]);
        let location = Location::of(&named, &inputs, "s1").unwrap();
        assert_eq!(location.dockerfile, local("s1", "mine"));
        assert!(matches!(location.context, Place::Http(_)));

        let broken = [("context".to_owned(), vec![0xff])].into();
        assert!(matches!(
            Location::of(&BTreeMap::new(), &broken, "s1"),
            Err(LocationError::Input { name: "context", .. })
        ));
    }

    #[test]
    fn a_malformed_git_context_is_an_error_without_its_credentials() {
        let error =
            Location::of(&options(&[("context", "https://u:s3cret@h/r.git?x=1")]), &BTreeMap::new(), "s");
        let message = error.unwrap_err().to_string();
        assert!(message.contains("malformed") && !message.contains("s3cret"), "{message}");
    }
}
