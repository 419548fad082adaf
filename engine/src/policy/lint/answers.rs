//! What the policy answers: whether there is an answer at all, and one with a reason.

use std::time::SystemTime;

use super::super::PolicyError;
use super::reads::each_term;
use super::{Finding, Subject, is_docker};
use crate::check::{Action, Check, Decision, Facts, Outcome};
use crate::input::Env;
use crate::rego::ast::{Loc, Node, Rule, Term};
use crate::source::SourceOp;
use crate::verify::Trust;

/// Folders that every build reads.
const FOLDERS: [&str; 2] = ["local://dockerfile", "local://context"];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let rules: Vec<&Rule> =
        subject.rules().filter(|(module, _)| is_docker(module)).map(|(_, rule)| rule).collect();
    let named =
        |name: &str| rules.iter().copied().filter(move |rule| &*rule.name == name).collect::<Vec<_>>();
    let Some(package) = subject.policies().find(|module| is_docker(module)).map(|module| module.package_loc)
    else {
        return elsewhere(subject).into_iter().collect();
    };
    let decisions = named("decision");
    let Some(decision) = decisions.first() else {
        return vec![Finding::new(
            "no-decision",
            package,
            "this policy has no rule `decision`, which is what is asked for",
            "add `decision := {\"allow\": allow, \"deny_msg\": deny_msg}`; lint files that are one policy together with \
             `--policy filename=a.rego,filename=b.rego`",
        )];
    };
    let (allows, messages) = (named("allow"), named("deny_msg"));
    let mut findings = Vec::new();
    if let Some(allow) = allows.first()
        && decisions.iter().any(|decision| reads(decision, "allow"))
        && !allows.iter().any(|rule| rule.is_default || is_unconditional(rule))
    {
        findings.push(Finding::new(
            "missing-default",
            allow.loc,
            "`allow` has no default: where no definition holds, there is no decision, which is an error",
            "add `default allow := false`",
        ));
    }
    if let Some(message) = messages.first() {
        if !decisions.iter().any(|decision| reads(decision, "deny_msg")) {
            findings.push(Finding::new(
                "lost-message",
                message.loc,
                "`decision` doesn't hand `deny_msg` out, so nobody sees its messages",
                "write `decision := {\"allow\": allow, \"deny_msg\": deny_msg}`",
            ));
        }
    } else if can_deny(&allows) && !decisions.iter().any(|decision| has_messages(decision)) {
        findings.push(Finding::new(
            "deny-without-message",
            decision.loc,
            "this policy denies and never says why",
            "add `deny_msg contains \"…\" if not allow`, and `\"deny_msg\": deny_msg` to `decision`",
        ));
    }
    findings.extend(invalid_decision(subject, decision.loc));
    findings.extend(local_denied(subject, allows.first().map_or(decision.loc, |allow| allow.loc)));
    findings
}

/// Whether some alternative of `allow` has a condition.
fn can_deny(allows: &[&Rule]) -> bool {
    allows.iter().any(|rule| !rule.is_default) && !allows.iter().any(|rule| is_unconditional(rule))
        || allows.iter().all(|rule| rule.is_default)
}

fn is_unconditional(rule: &Rule) -> bool {
    !rule.is_default && rule.alternatives.iter().any(|alternative| alternative.body.is_empty())
}

fn reads(rule: &Rule, name: &str) -> bool {
    let mut found = false;
    each_term(rule, &mut |term| found |= matches!(&term.node, Node::Var(read) if &**read == name));
    found
}

fn has_messages(decision: &Rule) -> bool {
    let mut found = false;
    each_term(decision, &mut |term| {
        found |= match &term.node {
            Node::Object(fields) => fields.iter().any(|(key, _)| key.as_string() == Some("deny_msg")),
            // Made elsewhere.
            Node::Call(..) | Node::Ref(..) => true,
            _ => false,
        };
    });
    found || !decision.alternatives.iter().any(|a| a.value.as_ref().is_some_and(is_object))
}

fn is_object(term: &Term) -> bool {
    matches!(term.node, Node::Object(_))
}

/// A `decision` in a package that nobody asks.
fn elsewhere(subject: &Subject<'_>) -> Option<Finding> {
    let (module, rule) =
        subject.rules().find(|(_, rule)| &*rule.name == "decision" && rule.args.is_none())?;
    let package = module.package.join(".");
    Some(Finding::new(
        "no-decision",
        rule.loc,
        format!("nobody asks `data.{package}.decision`: a build's policy is of package `docker`"),
        "write `package docker`",
    ))
}

/// What the policy says of a folder, of which all is known at once.
fn ask(subject: &Subject<'_>, folder: &str) -> Result<Outcome, PolicyError> {
    let (source, env) = (SourceOp::new(folder), Env { filename: "Dockerfile".to_owned(), ..Env::default() });
    let now = SystemTime::UNIX_EPOCH;
    let check = Check { source: &source, platform: None, facts: &Facts::default(), env: &env, now };
    subject.policy.check(&check, &Trust::default())
}

fn invalid_decision(subject: &Subject<'_>, loc: Loc) -> Option<Finding> {
    FOLDERS.into_iter().find_map(|folder| match ask(subject, folder) {
        Err(PolicyError::InvalidDecision(why)) => Some(Finding::new(
            "invalid-decision",
            loc,
            format!("`decision` is no decision: {why}"),
            "write `decision := {\"allow\": allow, \"deny_msg\": deny_msg}`",
        )),
        _ => None,
    })
}

/// Asks the policy about the folders that every build reads.
fn local_denied(subject: &Subject<'_>, loc: Loc) -> Option<Finding> {
    let denied = FOLDERS.into_iter().all(|folder| {
        matches!(ask(subject, folder), Ok(Outcome::Decided(Decision { action: Action::Deny, .. })))
    });
    denied.then(|| {
        Finding::new(
            "local-denied",
            loc,
            "this policy denies the build's own folders, so that no build succeeds",
            "add `allow if input.local`",
        )
    })
}
