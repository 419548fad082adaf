//! TCP with certificates on both sides.

use std::path::Path;

use policy_check::buildkit::proto::control;
use policy_check::buildkit::tls::TlsFiles;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::Code;

use crate::builds::alpine;
use crate::client::*;
use crate::daemon::*;
use crate::hook::{ALLOW, DENY_ALPINE, Hook};
use crate::wire::Channel;

/// Writes an authority and certificates of it, each for `localhost`.
fn certificates(folder: &Path, authority: &str, names: &[&str]) {
    let write = |name: String, text: String| std::fs::write(folder.join(name), text).expect("written");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).expect("an authority");
    write(format!("{authority}.pem"), own.pem());
    let issuer = Issuer::new(params, key);
    for name in names {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        write(format!("{name}.pem"), params.signed_by(&key, &issuer).expect("a certificate").pem());
        write(format!("{name}.key"), key.serialize_pem());
    }
}

fn files(folder: &Path, name: &str) -> TlsFiles {
    let path = |name: String| folder.join(name);
    TlsFiles {
        cert: path(format!("{name}.pem")),
        key: path(format!("{name}.key")),
        ca: path("ca.pem".to_owned()),
    }
}

/// A hook on TCP in front of `buildkit`.
async fn start(folder: tempfile::TempDir, buildkit: &str, policy: &str, args: &[&str]) -> Hook {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (cert, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let tls = ["--tls-cert", &cert, "--tls-key", &key, "--tls-ca", &ca];
    let args = [&tls[..], args].concat();
    Hook::start_on(folder, "tcp://127.0.0.1:0", buildkit, policy, &args).await
}

/// A client with this certificate; `None` when the hook ends the connection.
async fn connect(hook: &Hook, folder: &Path, name: &str) -> Option<Client> {
    let stream = TcpStream::connect(hook.tcp()).await.expect("it listens");
    let config = files(folder, name).client().expect("certificates");
    let server = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(config).connect(server, stream).await.ok()?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let client = Client { channel: Channel::new(stream).await.ok()? };
    // In TLS 1.3 a client learns with the first answer that it isn't wanted.
    client.control().info(control::InfoRequest {}).await.ok()?;
    Some(client)
}

#[tokio::test]
async fn clients_need_a_certificate_of_our_authority() {
    let daemon = Daemon::start(alpine());
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path(), "ca", &["server", "client"]);
    certificates(folder.path(), "other", &["stranger"]);
    let own = folder.path().to_owned();
    let hook = start(folder, &format!("unix://{}", daemon.socket.display()), DENY_ALPINE, &[]).await;
    assert!(connect(&hook, &own, "stranger").await.is_none());
    let plain = TcpStream::connect(hook.tcp()).await.expect("it listens");
    if let Ok(channel) = Channel::new(plain).await {
        assert!(
            Client { channel }.control().info(control::InfoRequest {}).await.is_err(),
            "no TLS, no answer"
        );
    }
    let client = connect(&hook, &own, "client").await.expect("a client of ours");
    let denied = client.build(Build::dockerfile()).await;
    assert!(
        denied.deny_messages().iter().any(|message| message.contains("not for us")),
        "{:?}",
        denied.solve
    );
}

#[tokio::test]
async fn buildkitd_is_reached_by_tls_too() {
    let daemon = Daemon::start(alpine());
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path(), "ca", &["server", "client", "daemon"]);
    let own = folder.path().to_owned();
    let acceptor = TlsAcceptor::from(files(&own, "daemon").server().expect("certificates"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let socket = daemon.socket.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move {
                let mut outer = acceptor.accept(stream).await.expect("the hook shows a certificate");
                let mut inner = UnixStream::connect(socket).await.expect("the daemon listens");
                let _ended = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    let path = |name: &str| own.join(name).display().to_string();
    let (cert, key, ca) = (path("client.pem"), path("client.key"), path("ca.pem"));
    let args = ["--buildkit-tls-cert", &cert, "--buildkit-tls-key", &key, "--buildkit-tls-ca", &ca];
    let hook = start(folder, &format!("tcp://localhost:{port}"), ALLOW, &args).await;
    let client = connect(&hook, &own, "client").await.expect("a client of ours");
    client.build(Build::dockerfile()).await.solve.expect("the build passes");
}

#[tokio::test]
async fn nobody_builds_with_the_session_of_another() {
    let daemon = Daemon::start(alpine());
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path(), "ca", &["server", "one", "two"]);
    let own = folder.path().to_owned();
    let hook = start(folder, &format!("unix://{}", daemon.socket.display()), ALLOW, &[]).await;
    let owner = connect(&hook, &own, "one").await.expect("a client of ours");
    let thief = connect(&hook, &own, "two").await.expect("another");
    let files = [("Dockerfile", "FROM alpine\n"), ("secret", "s3cret")];
    let exposed = Exposed::default().folder("dockerfile", &files).folder("context", &files);
    let _session = owner.session("theirs", exposed.clone()).await.expect("a session");
    daemon.until("it is open", |daemon| daemon.sessions().contains(&"theirs".to_owned())).await;
    let mut by_solve = Build::dockerfile();
    by_solve.solve.session = "theirs".to_owned();
    let refused = thief.solve(by_solve.encoded()).await.expect_err("not its session");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let by_option = Build::dockerfile().option("local-sessionid:dockerfile", "theirs");
    assert!(thief.build(by_option).await.solve.is_err());
    for attr in ["local.session", "oci.session"] {
        let mut source = source_op("local://context");
        source.attrs.insert(attr.to_owned(), "x:theirs".to_owned());
        assert!(thief.build(Build::definition(&[source])).await.solve.is_err(), "{attr}");
    }
    assert!(exposed.called().iter().all(|path| !path.contains("FileSync")), "{:?}", exposed.called());
    let mut shared = Build::dockerfile();
    shared.bridge = None;
    shared.solve.frontend = "dockerfile.v0".to_owned();
    shared.solve.session = "theirs".to_owned();
    owner.solve(shared.encoded()).await.expect("its owner may");
}
