//! Questions of the daemon, and the answers to them.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use policy_check::buildkit::proto::policysession::{Answer, CheckPolicyRequest};
use policy_check::buildkit::proto::sourcepolicy::PolicyAction;
use policy_check::lookup::{Resolve, ResolveMediaType};
use policy_check::serve::verify::{Jurisdiction, Verifier, VerifierOptions, VerifyError};
use policy_engine::input::Env;
use policy_engine::metadata::{Metadata, Request};
use policy_engine::policy::{LoadOptions, Policy, PolicyFile, PolicySet};
use policy_engine::source::{ImageSource, Platform};
use prost::Message;
use tokio::runtime::Runtime;

/// Looks at everything that a source may have.
const READER: &str = r#"package docker
default allow := false
allow if input.local
allow if input.image.labels["org.example"] == "x"
allow if input.image.provenance.materials[_].image.repo == "alpine"
allow if input.image.signatures
allow if input.git.commit.author.email == "a@example.com"
allow if input.git.tag.message == "x"
allow if input.http.checksum == "sha256:00"
decision := {"allow": allow}
"#;
const ALLOW: &str = "package docker\ndecision := {\"allow\": true}\n";
const DENY: &str = "package docker\ndecision := {\"allow\": false}\n";

/// Knows nothing.
struct Nothing;

#[derive(Debug, thiserror::Error)]
#[error("nothing is known")]
struct Unknown;

impl Resolve for Nothing {
    type Error = Unknown;

    async fn resolve(&self, _request: &Request) -> Result<Metadata, Unknown> {
        Err(Unknown)
    }

    fn denial(_error: &Unknown) -> Option<&[String]> {
        None
    }
}

impl ResolveMediaType for Nothing {
    async fn media_type(&self, _image: &ImageSource) -> Result<String, Unknown> {
        // The longer way: the daemon is asked for attestations.
        Ok("application/vnd.oci.image.index.v1+json".to_owned())
    }
}

fn jurisdiction(text: &str) -> Arc<Jurisdiction> {
    let file = PolicyFile { name: "fuzz.rego".to_owned(), text: text.to_owned() };
    let options = LoadOptions { files: vec![file], root: None, strict: false };
    let policy = Policy::load(&options).expect("a policy that loads");
    let policies = Arc::new(PolicySet { policies: vec![Arc::new(policy)], ..PolicySet::default() });
    Arc::new(Jurisdiction { policies, env: Env::default(), reads_from_client: false })
}

static READS: LazyLock<Arc<Jurisdiction>> = LazyLock::new(|| jurisdiction(READER));
static ALLOWS: LazyLock<Arc<Jurisdiction>> = LazyLock::new(|| jurisdiction(ALLOW));
static DENIES: LazyLock<Arc<Jurisdiction>> = LazyLock::new(|| jurisdiction(DENY));

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime"),
    );
}

/// `CheckPolicyRequest`: an answer or an error, never an allowance against a policy, and nothing breaks down.
pub fn check_policy(data: &[u8]) {
    let Ok(request) = CheckPolicyRequest::decode(data) else { return };
    let options =
        VerifierOptions { default_platform: Platform::new("linux", "amd64", ""), record_cases: true };
    let verifier = Verifier::new(Arc::new(Nothing), options);
    let check = |jurisdictions: &[Arc<Jurisdiction>]| {
        RUNTIME.with_borrow(|runtime| runtime.block_on(verifier.check(jurisdictions, request.clone())).0)
    };
    assert!(check(&[]).is_err(), "nobody allowed it");
    for jurisdictions in [&[ALLOWS.clone(), DENIES.clone()], &[READS.clone(), DENIES.clone()]] {
        match check(jurisdictions) {
            Ok(Answer::Decision(decision)) => assert_eq!(decision.action(), PolicyAction::Deny),
            Ok(Answer::Request(asked)) => asks_for_the_same(&request, asked.source.as_ref()),
            Err(error) => assert!(!matches!(error, VerifyError::Evaluation { .. }), "{error}"),
        }
    }
    match check(std::slice::from_ref(&*READS)) {
        Ok(Answer::Request(asked)) => asks_for_the_same(&request, asked.source.as_ref()),
        Ok(Answer::Decision(_)) => {}
        Err(error) => assert!(!matches!(error, VerifyError::Evaluation { .. }), "{error}"),
    }
}

/// The daemon crashes without a source, and refuses another one.
fn asks_for_the_same(
    request: &CheckPolicyRequest,
    asked: Option<&policy_check::buildkit::proto::pb::SourceOp>,
) {
    let source = request.source.as_ref().and_then(|response| response.source.as_ref());
    assert!(asked.is_some() && asked == source, "the daemon is asked about another source");
}
