#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;
use crate::resolve::testing::{Reply, Server, fast_options};
use crate::trust::testing::TufRepository;

const LIMIT: Duration = Duration::from_secs(20);

/// A repository behind a server, which can change while it is served.
pub(crate) struct Served {
    pub(crate) repository: Arc<Mutex<TufRepository>>,
    pub(crate) server: Server,
    pub(crate) anchor: Vec<u8>,
}

impl Served {
    pub(crate) async fn start(repository: TufRepository) -> Self {
        let anchor = repository.anchor();
        let repository = Arc::new(Mutex::new(repository));
        let files = Arc::clone(&repository);
        let server = Server::start(move |request| {
            match files.lock().unwrap().files.get(request.path.trim_start_matches("/tuf/")) {
                Some(file) => Reply::new(200, file.clone()),
                None => Reply::new(404, ""),
            }
        });
        Self { repository, server: server.await, anchor }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("/tuf").to_string()
    }

    fn change(&self, change: impl FnOnce(&mut TufRepository)) {
        change(&mut self.repository.lock().unwrap());
    }

    async fn refresh(&self, files: &Files, now: &str) -> Result<Verified, TufError> {
        let transport = Transport::new(fast_options()).unwrap();
        refresh(&self.anchor, TRUSTED_ROOT, files, (&self.url(), &transport), LIMIT, time(now)).await
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-25T00:00:00Z";

fn rejected<T: std::fmt::Debug>(result: Result<T, TufError>) -> String {
    match result {
        Err(TufError::Rejected(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn updates_and_what_is_kept_of_them() {
    let served = Served::start(TufRepository::new(b"one")).await;
    let first = served.refresh(&Files::new(), NOW).await.unwrap();
    assert_eq!((first.content.as_slice(), first.root_version, first.timestamp_version), (&b"one"[..], 1, 1));
    assert_eq!(verify(&served.anchor, TRUSTED_ROOT, &first.files, time(NOW)), Ok(first.clone()));

    // Nothing has changed: only the timestamp comes again, and nobody has a newer root.
    let asked = served.server.requests().len();
    assert_eq!(served.refresh(&first.files, NOW).await, Ok(first.clone()));
    let paths: Vec<_> = served.server.requests().into_iter().skip(asked).map(|asked| asked.path).collect();
    assert_eq!(paths, ["/tuf/2.root.json", "/tuf/timestamp.json"]);

    served.change(|repository| repository.publish(b"two"));
    let second = served.refresh(&first.files, NOW).await.unwrap();
    assert_eq!((second.content.as_slice(), second.timestamp_version), (&b"two"[..], 2));
    let names: Vec<_> = second.files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "root_history/1.root.json",
            "snapshot.json",
            "targets.json",
            "targets/trusted_root.json",
            "timestamp.json"
        ]
    );
}

#[tokio::test]
async fn keys_are_rotated_by_those_before() {
    let served = Served::start(TufRepository::new(b"one")).await;
    let first = served.refresh(&Files::new(), NOW).await.unwrap();
    served.change(|repository| {
        repository.rotate();
        repository.rotate();
        repository.publish(b"two");
    });
    let second = served.refresh(&first.files, NOW).await.unwrap();
    assert_eq!((second.content.as_slice(), second.root_version), (&b"two"[..], 3));
    assert_eq!(verify(&served.anchor, TRUSTED_ROOT, &second.files, time(NOW)), Ok(second.clone()));
    // From the start as well.
    assert_eq!(served.refresh(&Files::new(), NOW).await.unwrap().content, b"two");

    served.change(TufRepository::usurp);
    assert!(rejected(served.refresh(&second.files, NOW).await).contains("threshold not met for role root"));
}

#[tokio::test]
async fn what_a_replaced_key_signed_does_not_count() {
    let served = Served::start(TufRepository::new(b"one")).await;
    served.change(TufRepository::rotate);
    let refused = rejected(served.refresh(&Files::new(), NOW).await);
    assert!(refused.contains("threshold not met for role timestamp"), "{refused}");
}

#[tokio::test]
async fn what_has_expired_is_refused() {
    let mut repository = TufRepository::new(b"one");
    repository.timestamp_expires = "2026-12-01T00:00:00Z".to_owned();
    repository.publish(b"one");
    let served = Served::start(repository).await;
    let first = served.refresh(&Files::new(), NOW).await.unwrap();
    assert_eq!(first.expires, time("2026-12-01T00:00:00Z"));
    let later = "2026-12-01T00:00:01Z";
    let expired =
        |role: &str, expires: &str| Err(TufError::Expired { role: role.to_owned(), expires: time(expires) });
    let timestamp = expired("timestamp", "2026-12-01T00:00:00Z");
    assert_eq!(served.refresh(&Files::new(), later).await, timestamp);
    assert_eq!(served.refresh(&first.files, later).await, timestamp);
    assert_eq!(verify(&served.anchor, TRUSTED_ROOT, &first.files, time(later)), timestamp);

    served.change(|repository| {
        repository.root_expires = "2026-11-01T00:00:00Z".to_owned();
        repository.renew_root();
        repository.timestamp_expires = "2999-01-01T00:00:00Z".to_owned();
        repository.publish(b"two");
    });
    assert_eq!(served.refresh(&first.files, NOW).await, expired("root", "2026-11-01T00:00:00Z"));
}

#[tokio::test]
async fn nothing_older_is_accepted() {
    let served = Served::start(TufRepository::new(b"one")).await;
    let old = served.repository.lock().unwrap().files.clone();
    served.change(|repository| {
        repository.timestamp_expires = "2026-12-01T00:00:00Z".to_owned();
        repository.publish(b"two");
    });
    let kept = served.refresh(&Files::new(), NOW).await.unwrap().files;
    served.change(|repository| repository.files = old);
    // Even when what was kept has expired.
    for now in [NOW, "2027-01-01T00:00:00Z"] {
        let refused = rejected(served.refresh(&kept, now).await);
        assert!(refused.contains("rollback detected for timestamp"), "{refused}");
    }
}

#[tokio::test]
async fn tampered_files_are_refused() {
    let served = Served::start(TufRepository::new(b"one")).await;
    let kept = served.refresh(&Files::new(), NOW).await.unwrap().files;
    let sound = served.repository.lock().unwrap().files.clone();
    for name in sound.keys().filter(|name| *name != "1.root.json") {
        served.change(|repository| {
            repository.files = sound.clone();
            let file = repository.files.get_mut(name).unwrap();
            let last = file.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
            file[last] ^= 1;
        });
        rejected(served.refresh(&Files::new(), NOW).await);
    }
    for name in kept.keys().filter(|name| *name != "root_history/1.root.json") {
        let mut kept = kept.clone();
        kept.get_mut(name).unwrap().pop();
        assert!(verify(&served.anchor, TRUSTED_ROOT, &kept, time(NOW)).is_err(), "{name}");
        // An update does without what is damaged.
        served.change(|repository| repository.files = sound.clone());
        assert_eq!(served.refresh(&kept, NOW).await.unwrap().content, b"one", "{name}");
    }
}

#[tokio::test]
async fn servers_that_misbehave() {
    let anchor = TufRepository::new(b"one").anchor();
    let ask = async |server: &Server, limit| {
        let transport = Transport::new(fast_options()).unwrap();
        let url = server.url("/").to_string();
        refresh(&anchor, TRUSTED_ROOT, &Files::new(), (&url, &transport), limit, time(NOW)).await.unwrap_err()
    };
    let silent = Server::start(|_| Reply::Silence).await;
    let limit = Duration::from_millis(200);
    assert_eq!(ask(&silent, limit).await, TufError::TimedOut(limit));
    let endless = Server::start(|_| Reply::Endless { headers: Vec::new() }).await;
    let refused = ask(&endless, LIMIT).await.to_string();
    assert!(
        refused.contains("more than 512000 bytes, the limit for a file of a TUF repository"),
        "{refused}"
    );
    let broken = Server::start(|_| Reply::new(500, "")).await;
    assert!(ask(&broken, LIMIT).await.to_string().contains("answers with status 500"));
    assert_eq!(broken.count("/2.root.json"), 3);
    let empty = Server::start(|_| Reply::new(404, "")).await;
    assert!(ask(&empty, LIMIT).await.to_string().contains("timestamp.json not found"));
    let turning = Server::start(|_| Reply::new(302, "").header("location", "/again")).await;
    assert!(ask(&turning, LIMIT).await.to_string().contains("redirects more than"));

    let transport = Transport::new(fast_options()).unwrap();
    for (url, reason) in [("no url", "is no URL"), ("http://tuf.example", "is plain HTTP")] {
        let refused = refresh(&anchor, TRUSTED_ROOT, &Files::new(), (url, &transport), LIMIT, time(NOW))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(reason), "{refused}");
    }
}

/// Repositories of others: Sigstore's own, and one of tuf-on-ci with a delegation.
#[tokio::test]
async fn repositories_of_tuf_conformance() {
    let Some(vectors) = std::env::var_os("POLICY_CHECK_VECTORS") else {
        eprintln!("skipped: POLICY_CHECK_VECTORS is not set");
        return;
    };
    for name in ["sigstore-root-signing", "tuf-on-ci-0.11"] {
        let dir = Path::new(&vectors).join("tuf-conformance-static").join(name);
        let text = |file: &str| std::fs::read_to_string(dir.join(file)).unwrap().trim().to_owned();
        let (target, now) = (text("targetpath"), text("faketime").replacen(' ', "T", 1));
        let anchor = std::fs::read(dir.join("initial_root.json")).unwrap();
        let root = dir.clone();
        let server = Server::start(move |request| {
            let path = request.path.trim_start_matches('/');
            let path =
                if path.starts_with("targets/") { root.join(path) } else { root.join("metadata").join(path) };
            std::fs::read(path).map_or_else(|_| Reply::new(404, ""), |file| Reply::new(200, file))
        });
        let server = server.await;
        let transport = Transport::new(fast_options()).unwrap();
        let url = server.url("/").to_string();
        let repository = (url.as_str(), &transport);
        let verified = refresh(&anchor, &target, &Files::new(), repository, LIMIT, time(&now)).await.unwrap();
        assert_eq!(verify(&anchor, &target, &verified.files, time(&now)), Ok(verified.clone()), "{name}");
        let later = time("2099-01-01T00:00:00Z");
        let late = refresh(&anchor, &target, &Files::new(), repository, LIMIT, later).await;
        assert!(matches!(late, Err(TufError::Expired { .. })), "{late:?}");
    }
}
