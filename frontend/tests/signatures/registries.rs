//! Registries that don't list referrers: one in memory, and `docker-registry`.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use policy_signing::Registry;

use crate::setup::{Setup, failed_steps, signatures};

const SIGNED: [(&str, &str); 7] = [
    ("cosign-bundle-attestation", "attestation"),
    ("cosign-bundle-image", "image"),
    ("cosign-bundle-index", "index"),
    ("bundle-v0.1-index", "index"),
    ("simple-attestation", "attestation"),
    ("simple-tag-index", "index"),
    ("simple-tag-attestation", "attestation"),
];

fn verifies(setup: &Setup) {
    for (name, part) in SIGNED {
        let image = setup.print(name);
        let [signature] = &signatures(&image)[..] else { panic!("{name}: {image:#}") };
        assert_eq!((&signature["subject"], failed_steps(&image).len()), (&part.into(), 0), "{name}");
    }
    setup.allows("key-bundle-index", "verify_image_key(input.image, \"cosign.pub\")");
    let image = setup.print("bad-no-sct");
    assert_eq!(failed_steps(&image), ["sct"], "{image:#}");
    assert_eq!(signatures(&setup.print("several")).len(), 2);
}

fn names() -> Vec<&'static str> {
    let signed = SIGNED.iter().map(|(name, _)| *name);
    signed.chain(["key-bundle-index", "bad-no-sct", "several"]).collect()
}

#[test]
fn referrers_are_found_by_their_tag() {
    let registry = Registry::start(false).expect("a registry");
    verifies(&Setup::at(registry.address(), &names()));
}

#[test]
fn docker_registry_is_as_good() {
    let Some(registry) = DockerRegistry::start() else { return };
    verifies(&Setup::at(&registry.address, &names()));
}

/// `docker-registry` on a free port, until it is dropped.
struct DockerRegistry {
    address: String,
    process: Child,
    _folder: tempfile::TempDir,
}

impl DockerRegistry {
    /// Starts it, or says aloud that it isn't installed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let address = format!("127.0.0.1:{port}");
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"{address}\"}}\n",
            folder.path().join("data").display()
        );
        std::fs::write(&config, text).expect("a file");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            let text = "SKIPPED: signatures in docker-registry, which is not installed";
            writeln!(std::io::stderr(), "{text}").expect("standard error");
            return None;
        };
        let registry = Self { address, process, _folder: folder };
        for _ in 0..1000 {
            if TcpStream::connect(&registry.address).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("docker-registry does not listen on {}", registry.address);
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
