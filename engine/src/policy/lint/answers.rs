//! What the policy answers: whether there is an answer at all, and one with a reason.

use std::time::SystemTime;

use super::reads::each_term;
use super::{Finding, Subject, is_docker};
use crate::check::{Action, Check, Decision, Facts, Outcome};
use crate::input::Env;
use crate::rego::ast::{Loc, Node, Rule, Term};
use crate::source::SourceOp;
use crate::verify::Trust;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let rules: Vec<&Rule> =
        subject.rules().filter(|(module, _)| is_docker(module)).map(|(_, rule)| rule).collect();
    let named =
        |name: &str| rules.iter().copied().filter(move |rule| &*rule.name == name).collect::<Vec<_>>();
    let Some(package) = subject.policies().find(|module| is_docker(module)).map(|module| module.package_loc)
    else {
        return Vec::new();
    };
    let decisions = named("decision");
    let Some(decision) = decisions.first() else {
        return vec![Finding::new(
            "no-decision",
            package,
            "this policy has no rule `decision`, which is what is asked for",
            "add `decision := {\"allow\": allow, \"deny_msg\": deny_msg}`",
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

/// Asks the policy about the folders that every build reads.
fn local_denied(subject: &Subject<'_>, loc: Loc) -> Option<Finding> {
    let env = Env { filename: "Dockerfile".to_owned(), ..Env::default() };
    let denied = ["local://dockerfile", "local://context"].into_iter().all(|folder| {
        let source = SourceOp::new(folder);
        let check = Check {
            source: &source,
            platform: None,
            facts: &Facts::default(),
            env: &env,
            now: SystemTime::UNIX_EPOCH,
        };
        let outcome = subject.policy.check(&check, &Trust::default());
        matches!(outcome, Ok(Outcome::Decided(Decision { action: Action::Deny, .. })))
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
