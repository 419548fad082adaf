//! What a policy may mean otherwise than it says.
//!
//! `properties` remarks on what can never hold; loading shows these. The others are for [`lint`] alone: `values` on
//! comparisons with texts that `formats` and lists exclude, `types` on values of different types, `calls` on arguments,
//! `bodies` on statements that exclude each other, `absences` on denials that pass over what lacks a property,
//! `unresolved` on what buildx decides wrongly, `signatures` on signatures of nobody in particular, `answers` on
//! decisions, `names` on what is unused or hides something. `reads` tells what expressions read of the input, `flow`
//! what of it functions are called with, `ignore` which findings are not wanted.

mod absences;
mod answers;
mod bodies;
mod calls;
mod flow;
mod formats;
mod ignore;
mod names;
mod properties;
mod reads;
mod signatures;
#[cfg(test)]
mod tests;
mod types;
mod unresolved;
mod values;

use std::collections::HashSet;

pub(super) use properties::remarks;

use self::flow::Flow;
use self::reads::Aliases;
use super::load::{self, HELPERS_NAME, Loaded};
use super::suite::Documents;
use super::{Diagnostic, LoadError, LoadOptions, Policy, PolicyFile, files};
use crate::rego::ast::{Loc, Module, Rule};

/// A kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// What it finds, as a short phrase.
    pub finds: &'static str,
    /// Why that is no good.
    pub why: &'static str,
}

const fn code(code: &'static str, finds: &'static str, why: &'static str) -> Code {
    Code { code, finds, why }
}

/// Every code, sorted.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    code("absent-under-not", "a denial with `not` of a call: `not input.image.labels.team in teams`",
        "where the property is absent it doesn't hold, so what lacks the property isn't denied"),
    code("always-true", "a comparison that holds of every source: `input.http.checksum != \"\"`",
        "it protects nothing, and reading `checksum` downloads the file"),
    code("any-signature", "a rule content with any signature",
        "everybody can sign an image: a rule must say who signed it"),
    code("bad-argument", "a constant that the function has an error for, or a part of the input that it isn't about",
        "the call is undefined, so that what depends on it never holds, or an error"),
    code("contradiction", "what excludes itself: two hosts in one body, `input.image` and `input.git`, two values of one rule",
        "it never holds, or is an error"),
    code("deny-without-message", "a policy that denies and never says why",
        "the author of the Dockerfile is left to guess"),
    code("invalid-decision", "a `decision` that is no decision: `true`, or `{\"allow\": \"yes\"}`",
        "that is an error, and no source may be used"),
    code("local-denied", "a policy that denies the build's own folders",
        "every build reads its Dockerfile and context from there, so none succeeds"),
    code("loose-match", "a prefix, suffix or pattern that other names fit as well: `https://example.com` without a `/`",
        "whoever owns `example.com.evil.net` is allowed, too"),
    code("lost-message", "`deny_msg` that `decision` doesn't hand out",
        "nobody sees the messages"),
    code("missing-default", "`allow` that is in `decision` and has no default",
        "where no rule holds, the decision is undefined, which is an error and not a denial"),
    code("negated-verification", "`not verify_…(…)`",
        "it holds of whatever is not signed"),
    code("negation-alone", "`allow` with nothing but negations: `allow if not input.image.tag == \"latest\"`",
        "it allows every source that has no such property, of whatever kind"),
    code("never-true", "a comparison that can never hold",
        "the rule is never in force"),
    code("no-decision", "a policy without `decision`, or with one in another package than `docker`",
        "there is nothing to ask"),
    code("property-in-decision", "a property in `decision` itself that must be looked up",
        "buildx doesn't look it up there and decides as if it were absent"),
    code("repo-host", "`input.image.repo` without the host, beside another host than Docker Hub",
        "`repo` begins with the host there, so both never hold at once"),
    code("shadowed-builtin", "a rule, parameter or import that is called like a built-in function",
        "readers take one for the other"),
    code("short-ref", "`input.git.ref` compared with a short name",
        "it is a full ref (`refs/tags/v1.0`) or a commit id"),
    code("swapped-arguments", "`startswith` with the text second, or a pattern second",
        "the call asks for something else and rarely holds"),
    code("text-order", "a version that is compared with `<` or `>`",
        "texts are compared letter by letter: \"3.10\" comes before \"3.9\""),
    code("time-unit", "a time that is compared with seconds",
        "`time` counts nanoseconds"),
    code("type-mismatch", "values of different types that are compared, or an argument of a type that the function doesn't take",
        "they are never equal, and the call is undefined"),
    code("unknown-property", "a property that the input doesn't have",
        "it is always undefined, and `not` of it always holds"),
    code("unknown-value", "a value that the property never has",
        "the comparison never holds"),
    code("unresolved-in-buildx", "a read that buildx doesn't see: of a whole object, with `object.get`, by a variable key",
        "buildx decides as if nothing were there; policy-check looks it up"),
    code("unused-import", "an import that nothing uses",
        "it is loaded for nothing"),
    code("unused-rule", "a rule or function of the policy that nothing uses",
        "it has no say in the decision"),
    code("unused-variable", "a variable that nothing uses",
        "another one was meant, or a condition is missing"),
];

/// What looks at a policy.
const GROUPS: [fn(&Subject<'_>) -> Vec<Finding>; 11] = [
    properties::check,
    values::check,
    formats::check,
    types::check,
    calls::check,
    bodies::check,
    absences::check,
    unresolved::check,
    signatures::check,
    answers::check,
    names::check,
];

/// Everything that is to be said about a policy and its tests, by position. Findings that a comment
/// `# lint:ignore CODE` on the line before silences are left out.
pub fn lint(options: &LoadOptions, tests: &[PolicyFile], documents: &Documents) -> Result<Linted, LoadError> {
    let options = LoadOptions { files: options.files.clone(), root: options.root.clone(), strict: false };
    let Loaded { policy, modules, tests, .. } = load::load_with(&options, tests, documents)?;
    let of_tests = tests.iter().filter_map(|index| modules.get(*index)).map(|m| m.package_loc.file).collect();
    let of_tests: HashSet<u32> = of_tests;
    let without_tests: Vec<&Module> =
        modules.iter().filter(|module| !of_tests.contains(&module.package_loc.file)).collect();
    let flow = Flow::of(&without_tests);
    let subject = Subject { policy: &policy, modules: &modules, test_files: of_tests, flow };
    let mut findings: Vec<Diagnostic> = policy.warnings().to_vec();
    for group in GROUPS {
        findings.extend(group(&subject).into_iter().map(|finding| subject.diagnostic(finding)));
    }
    findings.sort_by(|a, b| (&a.position, a.code).cmp(&(&b.position, b.code)));
    findings.dedup();
    findings.retain(|finding| {
        let text = policy.text(&finding.position.file).unwrap_or_default();
        finding.position.file != HELPERS_NAME && !ignore::is_ignored(text, finding)
    });
    Ok(Linted { policy, findings })
}

/// What was linted.
pub struct Linted {
    /// The policy and its tests as one.
    pub policy: Policy,
    /// By position.
    pub findings: Vec<Diagnostic>,
}

impl Linted {
    /// Names of all its files, imports included.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.policy.files.iter().map(files::SourceFile::name).filter(|name| *name != HELPERS_NAME)
    }
}

/// What is looked at.
struct Subject<'a> {
    policy: &'a Policy,
    modules: &'a [Module],
    /// Files that hold tests, by index.
    test_files: HashSet<u32>,
    flow: Flow,
}

/// A finding before its position is known.
struct Finding {
    code: &'static str,
    loc: Loc,
    message: String,
    help: String,
}

impl Finding {
    fn new(code: &'static str, loc: Loc, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, loc, message: message.into(), help: help.into() }
    }
}

impl<'a> Subject<'a> {
    fn diagnostic(&self, finding: Finding) -> Diagnostic {
        let Finding { code, loc, message, help } = finding;
        debug_assert!(CODES.iter().any(|known| known.code == code), "{code}");
        let position = self.policy.position(loc);
        let line = self.policy.line(&position).map(str::to_owned);
        Diagnostic { code, position, message, help: Some(help), line }
    }

    /// The modules of the policy itself: neither tests nor our helpers.
    fn policies(&self) -> impl Iterator<Item = &'a Module> {
        let is_own = |module: &&Module| {
            let file = self.policy.files.get(module.package_loc.file as usize);
            !self.test_files.contains(&module.package_loc.file)
                && file.is_some_and(|file| file.name() != HELPERS_NAME)
        };
        self.modules.iter().filter(is_own)
    }

    /// What names in a rule stand for.
    fn aliases(&self, module: &Module, rule: &Rule) -> Aliases {
        Aliases::of(&self.flow, module, rule)
    }

    /// Whether some `with input as …` of the policy itself puts another document in the place of the input.
    fn replaces_input(&self) -> bool {
        let mut found = false;
        for (_, rule) in self.rules() {
            reads::each_literal(rule, &mut |literal| {
                found |=
                    literal.with.iter().any(|with| with.target.len() == 1 && &*with.target[0] == "input");
            });
        }
        found
    }

    /// Their rules.
    fn rules(&self) -> impl Iterator<Item = (&'a Module, &'a Rule)> {
        self.policies().flat_map(|module| module.rules.iter().map(move |rule| (module, rule)))
    }
}

/// The package that `docker buildx` asks.
fn is_docker(module: &Module) -> bool {
    module.package.iter().map(|name| &**name).eq(["docker"])
}
