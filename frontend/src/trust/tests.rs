#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::{Duration, UNIX_EPOCH};

use super::cache::TrustCache;
use super::chosen::{Chosen, Network, Place, Stale, held, obtain, refresh};
use super::describe::State;
use super::instance::{GITHUB, SIGSTORE};
use super::testing::TufRepository;
use super::tuf::tests::Served;
use super::*;
use crate::resolve::testing::fast_options;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-25T00:00:00Z";
/// What the repositories of these tests publish.
const FETCHED: &[u8] = GITHUB.embedded.as_bytes();
/// Both embedded copies are stale then.
const LATE: &str = "2027-05-01T00:00:00Z";

/// An instance of the test's own, which is otherwise as Sigstore's.
fn instance(anchor: &[u8]) -> Instance {
    Instance {
        anchor: Box::leak(anchor.to_vec().into_boxed_slice()),
        anchor_version: 1,
        embedded: SIGSTORE.embedded,
        ..SIGSTORE
    }
}

fn network(url: String) -> Network {
    Network { url, transport: fast_options(), limit: Duration::from_secs(20) }
}

fn cache() -> (tempfile::TempDir, TrustCache) {
    let dir = tempfile::tempdir().unwrap();
    let cache = TrustCache::new(dir.path());
    (dir, cache)
}

#[test]
fn embedded_copies_hold_as_long_as_their_tuf_roots() {
    for instance in INSTANCES {
        let chosen = held(&instance, None, time(NOW)).unwrap();
        assert_eq!((chosen.place, chosen.json.as_slice()), (Place::Embedded, instance.embedded.as_bytes()));
        assert!(held(&instance, None, instance.anchor_expires).is_ok());
        let stale = Stale { since: instance.anchor_expires };
        assert_eq!(held(&instance, None, time(LATE)), Err(stale));
    }
    assert_eq!(
        obtain(&SIGSTORE, None, None, time(LATE)).unwrap_err(),
        "the trust root `sigstore` cannot be used: it is stale since 2027-04-22T19:27:31Z; run `policy-check trust update`"
    );
    assert!(obtain(&GITHUB, None, None, time(LATE)).unwrap_err().contains("2027-01-28T20:18:53Z"));
}

#[tokio::test]
async fn a_stale_root_is_fetched_once_and_kept() {
    let served = Served::start(TufRepository::new(FETCHED)).await;
    let (_dir, cache) = cache();
    let (own, network) = (instance(&served.anchor), network(served.url()));
    let ask = async |network: Option<Network>, now: &str| {
        let (cache, now) = (cache.clone(), time(now));
        let asked = move || obtain(&own, Some(&cache), network.as_ref(), now);
        tokio::task::spawn_blocking(asked).await.unwrap()
    };
    // Nobody is asked while the embedded copy holds.
    assert_eq!(ask(Some(network.clone()), NOW).await, Ok(SIGSTORE.embedded.as_bytes().to_vec()));
    assert_eq!(served.server.requests().len(), 0);
    assert!(ask(None, LATE).await.is_err());
    assert_eq!(ask(Some(network.clone()), LATE).await, Ok(FETCHED.to_vec()));
    let asked = served.server.requests().len();
    assert_eq!(ask(Some(network.clone()), LATE).await, Ok(FETCHED.to_vec()));
    assert_eq!(ask(None, LATE).await, Ok(FETCHED.to_vec()));
    assert_eq!(served.server.requests().len(), asked);

    let broken = Network { url: "http://127.0.0.1:9/".to_owned(), ..network };
    let message = ask(Some(broken), "3000-01-01T00:00:00Z").await.unwrap_err();
    assert!(
        message.contains("stale since 2999-01-01T00:00:00Z, and updating it failed (cannot connect"),
        "{message}"
    );
    assert!(message.ends_with("run `policy-check trust update`"), "{message}");
}

#[tokio::test]
async fn what_was_kept_counts_while_it_is_newer() {
    let mut repository = TufRepository::new(FETCHED);
    repository.timestamp_expires = "2026-11-20T00:00:00Z".to_owned();
    repository.publish(FETCHED);
    let served = Served::start(repository).await;
    let (_dir, cache) = cache();
    let (own, network) = (instance(&served.anchor), network(served.url()));
    refresh(own.name, own.anchor, Some(&cache), &network, time("2026-11-15T00:00:00Z")).await.unwrap();
    let place = |instance: &Instance, now: &str| {
        held(instance, Some(&cache), time(now)).map(|Chosen { place, .. }| place)
    };
    assert_eq!(place(&own, "2026-11-15T00:00:00Z"), Ok(Place::Cache));
    // Its timestamp has expired, but it is no older than what is embedded.
    assert_eq!(place(&own, NOW), Ok(Place::Cache));
    assert_eq!(place(&own, LATE), Err(Stale { since: own.anchor_expires }));
    // Older than what is embedded.
    let newer = Instance { embedded_at: time("2026-11-22T00:00:00Z"), ..own };
    assert_eq!(place(&newer, "2026-11-15T00:00:00Z"), Ok(Place::Cache));
    assert_eq!(place(&newer, NOW), Ok(Place::Embedded));
    // Of another repository.
    let other = TufRepository::new(FETCHED);
    assert_eq!(place(&instance(&other.anchor()), NOW), Ok(Place::Embedded));
}

#[tokio::test]
async fn damaged_caches_are_passed_over_and_repaired() {
    let served = Served::start(TufRepository::new(FETCHED)).await;
    let (dir, cache) = cache();
    let (own, network) = (instance(&served.anchor), network(served.url()));
    let path = dir.path().join("trust/sigstore.json");
    for content in ["", "{}", "[]", "{\"version\":1,\"files\":{\"timestamp.json\":\"{}\"}}", "\u{0}"] {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        assert_eq!(held(&own, Some(&cache), time(NOW)).unwrap().place, Place::Embedded, "{content}");
        refresh(own.name, own.anchor, Some(&cache), &network, time(NOW)).await.unwrap();
        assert_eq!(held(&own, Some(&cache), time(NOW)).unwrap().json, FETCHED, "{content}");
    }
}

#[tokio::test]
async fn what_is_no_trust_root_is_not_kept() {
    let served = Served::start(TufRepository::new(FETCHED)).await;
    let (_dir, cache) = cache();
    let (own, network) = (instance(&served.anchor), network(served.url()));
    refresh(own.name, own.anchor, Some(&cache), &network, time(NOW)).await.unwrap();
    served.repository.lock().unwrap().publish(b"{}");
    let refused = refresh(own.name, own.anchor, Some(&cache), &network, time(NOW)).await.unwrap_err();
    assert!(refused.to_string().contains("what it publishes is no trust root"), "{refused}");
    assert_eq!(held(&own, Some(&cache), time(NOW)).unwrap().json, FETCHED);
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_done_without() {
    let served = Served::start(TufRepository::new(FETCHED)).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (own, network) = (instance(&served.anchor), network(served.url()));
    let cache = TrustCache::new(&file);
    let (verified, problem) = refresh(own.name, own.anchor, Some(&cache), &network, time(NOW)).await.unwrap();
    assert_eq!(verified.content, FETCHED);
    assert!(problem.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_at_the_same_time() {
    let served = Served::start(TufRepository::new(FETCHED)).await;
    let (dir, cache) = cache();
    let own = instance(&served.anchor);
    let updates: Vec<_> = (0..8)
        .map(|_| {
            let (cache, network) = (cache.clone(), network(served.url()));
            tokio::spawn(
                async move { refresh(own.name, own.anchor, Some(&cache), &network, time(NOW)).await },
            )
        })
        .collect();
    for update in updates {
        let (verified, problem) = update.await.unwrap().unwrap();
        assert_eq!((verified.content.as_slice(), problem.is_none()), (FETCHED, true));
    }
    // One fetched it, and the others found nothing newer.
    let fetched =
        served.server.requests().iter().filter(|asked| asked.path.starts_with("/tuf/targets/")).count();
    assert_eq!(fetched, 1);
    let mut left: Vec<_> = std::fs::read_dir(dir.path().join("trust"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["sigstore.json", "sigstore.lock"]);
}

#[test]
fn nothing_is_read_before_it_is_used() {
    let trust = TrustOptions::default().load(None).unwrap();
    let names: Vec<_> = trust.roots().iter().map(|root| (root.name().to_owned(), root.kind())).collect();
    let expected = [("sigstore".to_owned(), RootKind::Sigstore), ("github".to_owned(), RootKind::Github)];
    assert_eq!(names, expected);
    assert!(trust.roots().iter().all(|root| root.used().is_none()));
    assert_eq!(recorded(&trust), []);
    assert_eq!(trust.roots()[0].json(), Ok(SIGSTORE.embedded.as_bytes()));
}

#[test]
fn recorded_roots_stand_in_for_those_of_today() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = dir.path().join(format!("{name}.json"));
        std::fs::write(&path, content).unwrap();
        RootFile { name: name.to_owned(), path }
    };
    let root = |name: &str, kind, json: Result<&str, &str>| RecordedRoot {
        name: name.to_owned(),
        kind,
        json: json.map(|json| Bytes::copy_from_slice(json.as_bytes())).map_err(str::to_owned),
    };
    let recorded = [
        root("acme", RootKind::Private, Ok(GITHUB.embedded)),
        root("other", RootKind::Private, Ok(GITHUB.embedded)),
        root("github", RootKind::Github, Err("it is stale")),
    ];
    let options = TrustOptions { files: vec![file("acme", SIGSTORE.embedded)], ..TrustOptions::default() };
    let captured = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let trust = options.load_recorded(&recorded, captured).unwrap();
    let json: Vec<_> = trust.roots().iter().map(|root| (root.name(), root.json())).collect();
    assert_eq!(
        json,
        [
            ("sigstore", Ok(SIGSTORE.embedded.as_bytes())),
            ("github", Err("it is stale")),
            ("other", Ok(GITHUB.embedded.as_bytes())),
            ("acme", Ok(SIGSTORE.embedded.as_bytes())),
        ]
    );
}

#[test]
fn files_that_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let load = |files: &[(&str, &str)]| {
        let files = files
            .iter()
            .map(|(name, path)| RootFile { name: (*name).to_owned(), path: dir.path().join(path) });
        let options = TrustOptions { files: files.collect(), ..TrustOptions::default() };
        options.load(None).map(|trust| trust.roots().len()).map_err(|error| error.to_string())
    };
    std::fs::write(dir.path().join("good"), GITHUB.embedded).unwrap();
    std::fs::write(dir.path().join("bad"), "{}").unwrap();
    assert_eq!(load(&[("a", "good"), ("b", "good")]), Ok(4));
    assert_eq!(load(&[("a", "good"), ("a", "bad")]), Err("there are two trust roots named `a`".to_owned()));
    assert!(load(&[("a", "none")]).unwrap_err().starts_with("cannot read the trust root `"));
    assert!(load(&[("a", "bad")]).unwrap_err().contains("the trust root `a` is malformed: "));
}

#[test]
fn states() {
    let until = time("2027-04-22T00:00:00Z");
    for (now, state) in [
        (NOW, State::Fresh),
        ("2027-03-22T23:59:59Z", State::Fresh),
        ("2027-03-23T00:00:00Z", State::ExpiresSoon),
        ("2027-04-22T00:00:00Z", State::ExpiresSoon),
        ("2027-04-22T00:00:01Z", State::Stale),
    ] {
        assert_eq!(State::at(time(now), until), state, "{now}");
    }
}
