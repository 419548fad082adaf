//! Policies made up at random, over one kind of source.

use std::fmt::Write as _;

use super::rng::Rng;
use super::world::DIGESTS;

/// A kind of source: the field of `input`, sources, and paths to read.
pub struct Kind {
    pub document: &'static str,
    pub sources: &'static [&'static str],
    pub(super) fields: &'static [&'static str],
}

const IMAGE_FIELDS: [&str; 21] = [
    "labels",
    "labels.team",
    "labels.user",
    "user",
    "env",
    "env[0]",
    "volumes",
    "workingDir",
    "createdTime",
    "checksum",
    "hasProvenance",
    "signatures",
    "verification",
    "verification[0].message",
    "provenance.signatures",
    "provenance",
    "provenance.builderID",
    "provenance.buildArgs.team",
    "provenance.materials",
    "provenance.materials[0].image.labels.team",
    "tag",
];

pub const KINDS: [Kind; 5] = [
    Kind {
        document: "image",
        sources: &[
            "docker-image://docker.io/library/app:1",
            "docker-image://docker.io/library/app:1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ],
        fields: &IMAGE_FIELDS,
    },
    // Twice, for images have most to look up.
    Kind { document: "image", sources: &["docker-image://localhost:5000/infra"], fields: &IMAGE_FIELDS },
    Kind { document: "ociLayout", sources: &["oci-layout://store/infra:1"], fields: &IMAGE_FIELDS },
    Kind {
        document: "git",
        sources: &[
            "git://example.com/r.git#main",
            "git://example.com/r.git#refs/tags/v1",
            "git://example.com/r.git",
        ],
        fields: &[
            "ref",
            "branch",
            "tagName",
            "checksum",
            "commitChecksum",
            "isAnnotatedTag",
            "isSHA256",
            "tag",
            "commit",
            "commit.message",
            "commit.author.name",
            "tag.tagger.name",
            "tag.tag",
            "host",
        ],
    },
    Kind {
        document: "http",
        sources: &["https://example.com/infra?user=root"],
        fields: &["checksum", "host", "path", "query", "query.user[0]", "hasAuth"],
    },
];

/// The text of a policy.
pub fn policy(rng: Rng, kind: &Kind) -> String {
    let mut writer = Writer { rng, kind, variables: Vec::new(), names: 0, values: Vec::new(), functions: 0 };
    let mut text = String::from("package docker\n");
    for number in 0..2 + writer.rng.below(4) {
        writer.rule(&mut text, &format!("r{number}"));
    }
    writer.decision(&mut text);
    text
}

pub(super) struct Writer<'k> {
    pub(super) rng: Rng,
    pub(super) kind: &'k Kind,
    pub(super) variables: Vec<String>,
    names: usize,
    /// Rules without parameters, written so far.
    pub(super) values: Vec<String>,
    /// Functions `f0`, `f1`… with one parameter.
    pub(super) functions: usize,
}

impl Writer<'_> {
    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// A body: statements in braces or not, and then what `head` writes with the body's variables.
    pub(super) fn body(&mut self, depth: usize, head: impl FnOnce(&mut Self) -> String) -> (String, String) {
        let before = self.variables.len();
        let count = 1 + self.rng.below(if depth > 1 { 3 } else { 1 });
        let statements: Vec<String> = (0..count).map(|_| self.statement(depth)).collect();
        let head = head(self);
        self.variables.truncate(before);
        (statements.join("; "), head)
    }

    fn rule(&mut self, text: &mut String, name: &str) {
        let mut lines = Vec::new();
        let clauses = 1 + self.rng.below(3);
        match self.rng.below(7) {
            0 | 1 => {
                if self.rng.chance(50) {
                    lines.push(format!("default {name} := false"));
                }
                for _ in 0..clauses {
                    let (body, _) = self.body(3, |_| String::new());
                    lines.push(format!("{name} if {{ {body} }}"));
                }
            }
            2 => {
                let (body, value) = self.body(3, |this| this.expression(2));
                lines.push(format!("{name} := {value} if {{ {body} }}"));
            }
            3 => {
                for _ in 0..clauses {
                    let (body, element) = self.body(3, |this| this.expression(1));
                    lines.push(format!("{name} contains {element} if {{ {body} }}"));
                }
            }
            4 => {
                for _ in 0..clauses {
                    let (body, entry) =
                        self.body(3, |this| format!("[{}] := {}", this.expression(1), this.expression(1)));
                    lines.push(format!("{name}{entry} if {{ {body} }}"));
                }
            }
            5 => {
                let mut line = String::new();
                for part in 0..=clauses {
                    let (body, value) = self.body(2, |this| this.expression(1));
                    let start = if part == 0 { name } else { " else" };
                    let _ = write!(line, "{start} := {value} if {{ {body} }}");
                }
                lines.push(line);
            }
            _ => {
                let function = format!("f{}", self.functions);
                for _ in 0..clauses.min(2) {
                    self.variables.push("p".to_owned());
                    let (body, value) = self.body(2, |this| this.expression(1));
                    self.variables.pop();
                    let value = if self.rng.chance(60) { String::new() } else { format!(" := {value}") };
                    let parameter = if self.rng.chance(15) { self.constant() } else { "p".to_owned() };
                    let body = if parameter == "p" { body } else { format!("p := {parameter}; {body}") };
                    lines.push(format!("{function}({parameter}){value} if {{ {body} }}"));
                }
                self.functions += 1;
                text.push_str(&(lines.join("\n") + "\n"));
                return;
            }
        }
        self.values.push(name.to_owned());
        text.push_str(&(lines.join("\n") + "\n"));
    }

    fn decision(&mut self, text: &mut String) {
        for _ in 0..self.rng.below(3) {
            let (body, message) = self.body(3, |this| format!("sprintf(\"%v\", [{}])", this.expression(1)));
            let _ = writeln!(text, "deny_msg contains msg if {{ {body}; msg := {message} }}");
        }
        let has_messages = text.contains("deny_msg");
        if self.rng.chance(60) {
            text.push_str("default allow := false\n");
        }
        for _ in 0..=self.rng.below(2) {
            let (body, _) = self.body(3, |_| String::new());
            let pin = match self.kind.document {
                "image" if self.rng.chance(25) => {
                    format!("; pin_image(input.image, \"{}\")", self.rng.pick(&DIGESTS))
                }
                _ => String::new(),
            };
            let _ = writeln!(text, "allow if {{ {body}{pin} }}");
        }
        let allow = match self.rng.below(6) {
            0 => format!("[1 | {}] != []", self.body(2, |_| String::new()).0),
            1 => format!("count({}) == {}", self.expression(2), self.rng.below(3)),
            2 if has_messages => "count(deny_msg) == 0".to_owned(),
            _ => "allow".to_owned(),
        };
        let messages = if has_messages { r#", "deny_msg": deny_msg"# } else { "" };
        let fields = format!("{{\"allow\": is_it{messages}}}");
        let _ = writeln!(text, "decision := {fields} if {{ is_it := {allow} }}");
    }

    // ---- statements ----

    fn statement(&mut self, depth: usize) -> String {
        let inner = depth.saturating_sub(1);
        match self.rng.below(26) {
            0..=3 => format!("{} {} {}", self.expression(inner), self.operator(), self.expression(inner)),
            4 | 5 => {
                format!("{} == {}", self.field(), self.constant())
            }
            6 => self.expression(inner),
            7 | 8 => self.negation(inner),
            9..=11 => self.iteration(inner),
            12 | 13 => {
                let value = self.expression(inner);
                let name = self.fresh();
                self.variables.push(name.clone());
                format!("{name} := {value}")
            }
            14 => self.pattern(inner),
            15 => format!("{} in {}", self.expression(inner), self.expression(inner)),
            16 => format!("({}, {} in {})", self.constant(), self.expression(0), self.expression(inner)),
            17 | 18 if depth > 0 => self.every(inner),
            19 | 20 => self.with(inner),
            21 => format!("print({}, {})", self.expression(inner), self.expression(inner)),
            22 if self.rng.chance(50) => self.failing(inner),
            23 => format!(
                "{}({})",
                self.rng.pick(&["is_object", "is_string", "is_set"]),
                self.expression(inner)
            ),
            24 => format!("startswith({}, \"in\")", self.field()),
            _ => match self.values.len() {
                0 => self.constant(),
                n => self.values[self.rng.below(n)].clone(),
            },
        }
    }

    pub(super) fn operator(&mut self) -> &'static str {
        self.rng.pick(&["==", "==", "!=", "<", ">="])
    }

    fn negation(&mut self, depth: usize) -> String {
        match self.rng.below(4) {
            0 => format!("not {} == {}", self.expression(depth), self.expression(depth)),
            1 => format!("not {} in {}", self.expression(0), self.expression(depth)),
            2 => format!("not {}", self.field()),
            _ => format!("not {}", self.expression(depth)),
        }
    }

    fn iteration(&mut self, depth: usize) -> String {
        let domain = self.domain(depth);
        let (key, value) = (self.fresh(), self.fresh());
        let statement = match self.rng.below(4) {
            0 => format!("some {value} in {domain}; {key} := {value}"),
            1 => format!("some {key}; {value} := input.{}[{key}]", self.kind.document),
            2 => format!("some {key}, {value} in object.keys({})", self.object(depth)),
            _ => format!("some {key}, {value} in {domain}"),
        };
        self.variables.extend([key, value]);
        statement
    }

    fn domain(&mut self, depth: usize) -> String {
        let document = self.kind.document;
        match self.rng.below(7) {
            0 => format!("input.{document}"),
            1 | 2 if self.kind.fields.contains(&"provenance") => {
                format!("input.{document}.provenance.materials")
            }
            3 => format!("[{}, {}]", self.constant(), self.constant()),
            4 => format!("{{\"a\": {}, \"b\": {}}}", self.constant(), self.expression(depth)),
            5 => self.field(),
            _ => self.expression(depth),
        }
    }

    fn pattern(&mut self, depth: usize) -> String {
        let (a, b) = (self.fresh(), self.fresh());
        let value = self.expression(depth);
        let statement = match self.rng.below(4) {
            0 => format!("[{a}, {b}] := [{value}, {}]", self.expression(0)),
            1 => format!("{{\"team\": {a}}} = {value}; {b} := {a}"),
            2 => format!("{{{}: {a}}} = {value}; {b} := {a}", self.field()),
            _ => format!("{a} = {value}; [{a}, {b}] = [{}, 1]", self.expression(0)),
        };
        self.variables.extend([a, b]);
        statement
    }

    fn every(&mut self, depth: usize) -> String {
        let domain = self.domain(depth);
        let (key, value) = (self.fresh(), self.fresh());
        let before = self.variables.len();
        self.variables.extend([key.clone(), value.clone()]);
        let (body, _) = self.body(depth, |_| String::new());
        self.variables.truncate(before);
        // Variables must be used.
        format!("every {key}, {value} in {domain} {{ {body}; [{key}, {value}] != 0 }}")
    }

    fn with(&mut self, depth: usize) -> String {
        let document = self.kind.document;
        let statement = match self.rng.below(3) {
            0 if !self.values.is_empty() => self.values[self.rng.below(self.values.len())].clone(),
            1 if !self.values.is_empty() => format!("not {}", self.values[self.rng.below(self.values.len())]),
            _ => format!("{} == {}", self.expression(depth), self.expression(depth)),
        };
        let field = self.field();
        let replacement = match self.rng.below(9) {
            0 => format!("{field} as {}", self.expression(depth)).replace("[0]", ""),
            1 => format!("input.{document} as {}", self.expression(depth)),
            2 => format!("input as input.{document}"),
            3 => format!("input as {{\"{document}\": {}}}", self.expression(depth)),
            4 => format!("input.{document}.labels.other as {}", self.constant()),
            5 if !self.values.is_empty() => {
                let rule = self.values[0].clone();
                format!("data.docker.{rule} as {}", self.expression(depth))
            }
            6 => format!("count as {}", self.constant()),
            7 if self.functions > 0 => "f0 as json.marshal".to_owned(),
            _ => "input as input".to_owned(),
        };
        format!("{statement} with {replacement}")
    }

    /// A statement that may end in an error or pin the image.
    fn failing(&mut self, depth: usize) -> String {
        let document = self.kind.document;
        match self.rng.below(8) {
            0 => format!("load_json(\"data.json\").team == {}", self.expression(depth)),
            1 => format!("load_json({}).team", self.expression(depth)),
            2..=5 => format!("pin_image(input.image, \"{}\")", self.rng.pick(&DIGESTS)),
            6 => format!("pin_image(input.{document}, {})", self.field()),
            _ => format!("load_json(\"missing.json\").x == {}", self.field()),
        }
    }
}
