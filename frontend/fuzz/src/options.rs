//! Options of frontends, as text.

use std::collections::BTreeMap;

use policy_check::buildkit::proto::{BridgeSolveView, SolveView};
use policy_check::serve::build_env::build_env;
use policy_check::serve::cache_imports::{self, Mode, Pattern, Rule, Verdict};
use policy_check::serve::repo_policy::{Location, Place};

use crate::choice;

/// Caches that are imported: by default none but those that are named, and never what can't be told.
///
/// First byte: which option. Then its value.
pub fn cache_imports(data: &[u8]) {
    let (seed, value) = choice(data);
    let value = String::from_utf8_lossy(value);
    let option = if seed & 1 == 0 { "cache-imports" } else { "cache-from" };
    let options: BTreeMap<_, _> = [(option.to_owned(), value.to_string())].into();
    let solve = SolveView { frontend_attrs: options.clone(), ..SolveView::default() };
    let imports = cache_imports::from_solve(&solve);
    let bridge_solve = BridgeSolveView { frontend_opt: options, ..BridgeSolveView::default() };
    assert_eq!(imports, cache_imports::from_bridge_solve(&bridge_solve));

    let named = Rule { mode: Mode::Deny, allowed: vec![Pattern::Below("example.com/cache/".to_owned())] };
    let of = |mode| Rule { mode, allowed: Vec::new() };
    for import in &imports {
        assert!(matches!(of(Mode::Deny).judge(import), Verdict::Denied(_)), "{import:?}");
        assert!(!matches!(of(Mode::Policy).judge(import), Verdict::Allowed), "{import:?}");
        match named.judge(import) {
            Verdict::Denied(_) => {}
            Verdict::Allowed => {
                let reference = import.reference.as_deref().unwrap_or_default();
                assert!(reference.starts_with("example.com/cache/"), "{import:?}");
            }
            Verdict::AskPolicy(_) => panic!("no policy is to be asked about {import:?}"),
        }
        if import.malformed.is_some() {
            assert!(matches!(of(Mode::Allow).judge(import), Verdict::Denied(_)), "{import:?}");
        }
    }
    if let Ok(pattern) = value.parse::<Pattern>() {
        assert_eq!(pattern.to_string().parse::<Pattern>().as_ref(), Ok(&pattern));
    }
}

/// Where a build's policy lies: never outside of a tree, and uploads are never read twice.
///
/// Lines of `key=value`.
pub fn location(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let options: BTreeMap<_, _> = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let env = build_env(&options);
    assert!(!env.filename.contains('/') && !env.filename.is_empty());
    let Ok(location) = Location::of(&options, &BTreeMap::new(), "session") else { return };
    let clean = |part: &str| !matches!(part, "" | "." | "..");
    assert!(location.file.split('/').all(clean), "{:?} leaves its tree", location.file);
    if let Place::Http(source) = &location.context {
        assert!(source.identifier.starts_with("http://") || source.identifier.starts_with("https://"));
    }
}
