//! The expressions of made-up policies.

use super::policies::Writer;

const CONSTANTS: [&str; 16] = [
    r#""infra""#,
    r#""app""#,
    r#""root""#,
    r#""team""#,
    r#""labels""#,
    r#""user""#,
    r#""checksum""#,
    r#""refs/heads/main""#,
    "0",
    "1",
    "2",
    "true",
    "false",
    "{}",
    "[]",
    r#"{"team": "infra"}"#,
];

impl Writer<'_> {
    pub(super) fn constant(&mut self) -> String {
        self.rng.pick(&CONSTANTS).to_owned()
    }

    pub(super) fn field(&mut self) -> String {
        let field = self.rng.pick(self.kind.fields);
        format!("input.{}.{field}", self.kind.document)
    }

    pub(super) fn expression(&mut self, depth: usize) -> String {
        let document = self.kind.document;
        let inner = depth.saturating_sub(1);
        match self.rng.below(if depth == 0 { 9 } else { 30 }) {
            0..=2 => self.field(),
            3 | 4 => self.constant(),
            5 => self.rng.pick(&["input", "input.env", "input.image"]).to_owned(),
            6 => format!("input.{document}"),
            7 | 8 => match (self.variables.len(), self.values.len()) {
                (0, 0) => self.field(),
                (0, n) => self.values[self.rng.below(n)].clone(),
                (n, _) => {
                    let name = self.variables[self.rng.below(n)].clone();
                    let key =
                        self.rng.pick(&["", "", "", ".image.labels.team", ".team", "[0]", ".image", ".user"]);
                    format!("{name}{key}")
                }
            },
            9 | 10 => {
                let key =
                    self.rng.pick(&["\"labels\"", "\"checksum\"", "[\"labels\", \"team\"]", "\"commit\""]);
                format!("object.get(input.{document}, {key}, {})", self.constant())
            }
            11 => format!("object.get({}, {}, 1)", self.object(inner), self.expression(inner)),
            12 => format!("json.marshal({})", self.expression(inner)),
            13 => format!("sprintf(\"%v %v\", [{}, {}])", self.expression(inner), self.expression(inner)),
            14 | 15 => format!("count({})", self.collection(inner)),
            16 => format!("object.keys({})", self.object(inner)),
            17 => format!("input.{document}[{}]", self.expression(inner)),
            18..=20 => self.comprehension(inner),
            21 if self.functions > 0 => {
                format!("f{}({})", self.rng.below(self.functions), self.expression(inner))
            }
            22 => format!("[{}, {}]", self.expression(inner), self.expression(inner)),
            23 => format!("{{\"team\": {}, \"b\": {}}}", self.expression(inner), self.expression(inner)),
            24 => format!("{{{}, {}}}", self.expression(inner), self.expression(inner)),
            25 => format!("object.union(input.{document}, {{\"labels\": {}}})", self.expression(inner)),
            26 => format!("$\"x{{{}}}\"", self.expression(0)),
            27 => format!("({} {} {})", self.expression(inner), self.operator(), self.expression(inner)),
            28 if self.values.iter().any(|rule| rule == "r0") => "data.docker.r0".to_owned(),
            _ => format!("{{{}: {}}}", self.expression(0), self.expression(inner)),
        }
    }

    /// Something that may well be an object.
    pub(super) fn object(&mut self, depth: usize) -> String {
        match (self.rng.below(6), self.variables.last()) {
            (0, Some(variable)) => variable.clone(),
            (1, _) => self.field(),
            (2, _) => format!("{{\"team\": {}}}", self.expression(depth)),
            _ => format!("input.{}", self.kind.document),
        }
    }

    /// Something that may well have elements.
    pub(super) fn collection(&mut self, depth: usize) -> String {
        match self.rng.below(4) {
            0 => self.comprehension(depth),
            1 if !self.values.is_empty() => self.values[self.rng.below(self.values.len())].clone(),
            _ => self.object(depth),
        }
    }

    pub(super) fn comprehension(&mut self, depth: usize) -> String {
        match self.rng.below(3) {
            0 => {
                let (body, head) = self.body(depth, |this| this.expression(0));
                format!("[{head} | {body}]")
            }
            1 => {
                let (body, head) = self.body(depth, |this| this.expression(0));
                format!("{{{head} | {body}}}")
            }
            _ => {
                let (body, head) =
                    self.body(depth, |this| format!("{}: {}", this.expression(0), this.expression(0)));
                format!("{{{head} | {body}}}")
            }
        }
    }
}
