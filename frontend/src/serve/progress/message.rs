//! Steps as BuildKit's clients read them (`moby.buildkit.v1.StatusResponse`).

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};
use policy_engine::source::{Platform, SourceOp};
use prost::Message;

use crate::buildkit::proto::control::{StatusResponse, Vertex, VertexLog};
use crate::buildkit::proto::google::protobuf::Timestamp;
use crate::redact;
use crate::report::human::{NOT_VERIFIED, printable};
use crate::resolve::image::document::sha256;
use crate::serve::record::{Record, Verdict};

/// Bytes of text that one step may show; the decision log has it all.
const MAX_TEXT: usize = 16 << 10;
/// File descriptor that a line of log is shown as.
const STDERR: i64 = 2;

/// A step: a vertex without inputs.
#[derive(Debug, Clone)]
pub(super) struct Step {
    digest: String,
    name: String,
    started: SystemTime,
}

/// What is shown of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    /// Empty when the source may be used.
    pub(super) error: String,
    /// In lines, without line breaks at their ends.
    pub(super) logs: Vec<String>,
}

impl Step {
    pub(super) fn new(source: &SourceOp, platform: Option<&Platform>, started: SystemTime) -> Self {
        let platform = platform.map(|platform| format!(" ({platform})")).unwrap_or_default();
        Self::named(&format!("{}{platform}", redact::source(source)), started)
    }

    fn named(name: &str, started: SystemTime) -> Self {
        let name = format!("[policy] {}", one_line(name));
        // Random, so that it is no step of the daemon, nor one of another build that a client follows. Where the
        // system has no randomness left, time and name tell steps apart as well as steps need to be.
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            seed.fill(0);
        }
        let digest = sha256(format!("{seed:?} {started:?} {name}").as_bytes());
        Self { digest, name, started }
    }

    /// The step is under way.
    pub(super) fn started(&self) -> Bytes {
        frame(&StatusResponse { vertexes: vec![self.vertex(None, "")], ..StatusResponse::default() })
    }

    /// The step has ended so.
    pub(super) fn completed(&self, now: SystemTime, update: &Update) -> Bytes {
        let line = |text: &String| VertexLog {
            vertex: self.digest.clone(),
            timestamp: Some(timestamp(now)),
            stream: STDERR,
            msg: format!("{text}\n").into_bytes(),
        };
        frame(&StatusResponse {
            vertexes: vec![self.vertex(Some(now), &update.error)],
            logs: bounded(&update.logs).iter().map(line).collect(),
            ..StatusResponse::default()
        })
    }

    /// A step that only says something.
    pub(super) fn remark(text: &str, now: SystemTime) -> Bytes {
        let step = Self::named(text, now);
        frame(&StatusResponse { vertexes: vec![step.vertex(Some(now), "")], ..StatusResponse::default() })
    }

    fn vertex(&self, completed: Option<SystemTime>, error: &str) -> Vertex {
        Vertex {
            digest: self.digest.clone(),
            name: self.name.clone(),
            started: Some(timestamp(self.started)),
            completed: completed.map(timestamp),
            error: error.to_owned(),
            ..Vertex::default()
        }
    }
}

impl Update {
    pub(super) fn of(record: &Record) -> Self {
        let shown = |text: &str| printable(&redact::url(text));
        let mut logs: Vec<String> =
            record.prints.iter().map(|print| shown(&format!("{}: {}", print.position, print.text))).collect();
        let word = match record.verdict {
            Verdict::Deny => "denied",
            Verdict::Error => "error",
            // A policy may have something to say about what it allows.
            Verdict::Allow | Verdict::Convert | Verdict::Ask => "note",
        };
        logs.extend(record.messages.iter().map(|message| shown(&format!("{word}: {message}"))));
        logs.extend(record.failures.iter().map(|failure| shown(&format!("{NOT_VERIFIED} {failure}"))));
        if record.verdict == Verdict::Convert
            && let Some(pin) = &record.pin
        {
            logs.push(shown(&format!("pinned to {}", pin.identifier)));
        }
        let at = record.position.as_ref().map(|position| format!(" by {position}")).unwrap_or_default();
        let error = match record.verdict {
            Verdict::Allow | Verdict::Convert | Verdict::Ask => String::new(),
            Verdict::Deny => one_line(&shown(&format!("denied{at}{}", first(&record.messages)))),
            Verdict::Error => one_line(&shown(&format!("no decision{}", first(&record.messages)))),
        };
        Self { error: cut(&error), logs }
    }
}

fn first(messages: &[String]) -> String {
    messages.first().map(|message| format!(": {message}")).unwrap_or_default()
}

/// A step's name and error are one line each.
fn one_line(text: &str) -> String {
    cut(&printable(text).replace(['\n', '\t'], " "))
}

/// At most [`MAX_TEXT`], and says when that was not all.
fn cut(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    format!("{} … (more than {MAX_TEXT} bytes)", &text[..text.floor_char_boundary(MAX_TEXT)])
}

/// As many lines as fit, and one that says when those were not all.
fn bounded(lines: &[String]) -> Vec<String> {
    let mut room = MAX_TEXT;
    let mut shown = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match room.checked_sub(line.len()) {
            Some(left) => room = left,
            None => {
                let left = lines.len() - index;
                shown.push(format!("{left} more lines are not shown: a step shows {MAX_TEXT} bytes at most"));
                break;
            }
        }
        shown.push(line.clone());
    }
    shown
}

/// Times before 1970 are none.
fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    // Nanoseconds of a second always fit.
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
    }
}

/// gRPC's framing: not compressed, 4 bytes of length, the message.
fn frame(message: &StatusResponse) -> Bytes {
    let body = message.encode_to_vec();
    let mut framed = BytesMut::with_capacity(5 + body.len());
    framed.put_u8(0);
    // Bounded far below 4 GiB by `MAX_TEXT`.
    framed.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
    framed.extend_from_slice(&body);
    framed.freeze()
}
