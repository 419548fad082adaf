//! Requests to solve: what the hook sees in them is what the daemon gets.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use policy_check::buildkit::proto::{BridgeSolveView, SolveView, control, gateway, pb};
use policy_check::serve::build_env::build_env;
use policy_check::serve::cache_imports;
use policy_check::serve::policy_session::{bool_field, string_field};
use policy_check::serve::repo_policy::Location;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Id of the policy session that is appended.
const OURS: &str = "policy-check-session";

/// A decoder that goes by wire types alone, as most do: values of other types than expected are unknown.
/// The daemon may also refuse those, but it never reads what this one doesn't.
struct Raw(Vec<(u32, Option<Vec<u8>>)>);

impl Raw {
    fn read(mut message: &[u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !message.is_empty() {
            let (number, wire_type) = decode_key(&mut message).ok()?;
            let start = message;
            skip_field(wire_type, number, &mut message, DecodeContext::default()).ok()?;
            let mut content = &start[..start.len() - message.len()];
            let has_length = wire_type == WireType::LengthDelimited;
            if has_length {
                decode_varint(&mut content).ok()?;
            }
            fields.push((number, has_length.then(|| content.to_vec())));
        }
        Some(Self(fields))
    }

    /// All contents of a field.
    fn all(&self, number: u32) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |field| field.0 == number).filter_map(|field| field.1.as_deref())
    }

    /// The last content of a field, as text.
    fn text(&self, number: u32) -> Cow<'_, str> {
        String::from_utf8_lossy(self.all(number).last().unwrap_or_default())
    }

    /// A map of texts.
    fn map(&self, number: u32) -> BTreeMap<String, String> {
        let entries = self.all(number).map(|entry| Self::read(entry).expect("an entry is a message"));
        entries.map(|entry| (entry.text(1).into_owned(), entry.text(2).into_owned())).collect()
    }
}

fn decoded(inputs: &BTreeMap<String, Vec<u8>>) -> Option<HashMap<String, pb::Definition>> {
    let decoded =
        inputs.iter().map(|(name, input)| Some((name.clone(), pb::Definition::decode(&**input).ok()?)));
    decoded.collect()
}

/// `Control.Solve`. Whatever a client writes there, the daemon asks our session; and it sees no other options
/// than the hook does.
pub fn solve(data: &[u8]) {
    let Ok(view) = SolveView::read(&Bytes::copy_from_slice(data)) else { return };
    // `SourcePolicySession` and `ProxyNetwork`.
    let sent = [data, &string_field(15, OURS), &bool_field(17, true)].concat();
    let view_of_sent = SolveView::decode(sent.as_slice()).expect("fields are appended to a whole message");
    assert!(view_of_sent.source_policy_session == OURS && view_of_sent.proxy_network);

    let raw = Raw::read(&sent).expect("what prost reads is a message");
    assert_eq!(raw.text(15), OURS);
    assert_eq!(
        (raw.text(1), raw.text(3)),
        (view.r#ref.as_str().into(), view.exporter_deprecated.as_str().into())
    );
    assert_eq!((raw.text(5), raw.text(6)), (view.session.as_str().into(), view.frontend.as_str().into()));
    assert_eq!(raw.map(7), view.frontend_attrs);
    assert_eq!(raw.map(10).len(), view.frontend_inputs.len());
    assert_eq!(raw.all(13).count(), view.exporters.len());
    let caches = raw.all(8).map(|cache| Raw::read(cache).expect("a cache is a message")).collect::<Vec<_>>();
    let seen = view.cache.clone().unwrap_or_default();
    let entries: Vec<_> = caches.iter().flat_map(|cache| cache.all(5)).collect();
    assert_eq!(entries.len(), seen.imports.len());
    entries.iter().zip(&seen.imports).for_each(|(entry, seen)| same_cache(entry, &seen.r#type, &seen.attrs));
    let references = caches.iter().flat_map(|cache| cache.all(2));
    assert!(references.eq(seen.import_refs_deprecated.iter().map(String::as_bytes)));
    // A field that the view doesn't have may still be malformed.
    if let Ok(full) = control::SolveRequest::decode(sent.as_slice()) {
        assert_eq!(full.source_policy_session, OURS);
        assert_eq!(
            (view.internal, view.enable_session_exporter),
            (full.internal, full.enable_session_exporter)
        );
        assert_eq!(view.cache, full.cache);
        assert_eq!(view.frontend_attrs, full.frontend_attrs.into_iter().collect());
        assert_eq!(decoded(&view.frontend_inputs), Some(full.frontend_inputs));
    }
    let _imports = cache_imports::from_solve(&view);
    options(&view.frontend_attrs, &view.frontend_inputs, &view.session);
}

/// `LLBBridge.Solve`: the daemon sees no other options than the hook does.
pub fn bridge_solve(data: &[u8]) {
    let Ok(view) = BridgeSolveView::read(&Bytes::copy_from_slice(data)) else { return };
    let raw = Raw::read(data).expect("what prost reads is a message");
    assert_eq!(raw.text(2), view.frontend);
    assert_eq!(raw.map(3), view.frontend_opt);
    assert_eq!(raw.map(13).len(), view.frontend_inputs.len());
    assert_eq!(raw.all(12).count(), view.cache_imports.len());
    for (entry, seen) in raw.all(12).zip(&view.cache_imports) {
        same_cache(entry, &seen.r#type, &seen.attrs);
    }
    if let Ok(full) = gateway::SolveRequest::decode(data) {
        assert_eq!(view.cache_imports, full.cache_imports);
        assert_eq!(decoded(&view.frontend_inputs), Some(full.frontend_inputs));
    }
    let _imports = cache_imports::from_bridge_solve(&view);
    options(&view.frontend_opt, &view.frontend_inputs, "session");
}

fn same_cache(entry: &[u8], kind: &str, attrs: &HashMap<String, String>) {
    let raw = Raw::read(entry).expect("an entry is a message");
    assert_eq!(raw.text(1), kind);
    assert_eq!(raw.map(2), attrs.clone().into_iter().collect());
}

fn options(options: &BTreeMap<String, String>, inputs: &BTreeMap<String, Vec<u8>>, session: &str) {
    let _env = build_env(options);
    if let Ok(location) = Location::of(options, inputs, session) {
        let clean = |part: &str| !matches!(part, "" | "." | "..");
        assert!(location.file.split('/').all(clean), "{:?} leaves its tree", location.file);
    }
}
