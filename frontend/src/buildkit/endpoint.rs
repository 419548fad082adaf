//! Where to listen, and where buildkitd is: unix sockets, and TCP with TLS on both sides.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// `unix:///path` or `tcp://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// Host (a name, or an address; IPv6 in brackets) and port.
    Tcp(String),
}

/// An address that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither `unix:///path/to.sock` nor `tcp://host:port`")]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix://") {
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(wrong()) };
        }
        let authority = text.strip_prefix("tcp://").ok_or_else(wrong)?;
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match bare {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains([':', '/', '@']),
        };
        if !is_host || port.parse::<u16>().is_err() {
            return Err(wrong());
        }
        Ok(Self::Tcp(authority.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
        }
    }
}

impl Address {
    /// Whether a TCP address is this machine's own: `localhost`, or a loopback address.
    pub fn is_loopback(&self) -> bool {
        let Self::Tcp(authority) = self else { return false };
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The host alone, as a certificate names it.
    fn host(&self) -> Option<&str> {
        let Self::Tcp(authority) = self else { return None };
        let (host, _) = authority.rsplit_once(':')?;
        Some(host.trim_start_matches('[').trim_end_matches(']'))
    }
}

/// A connection's bytes.
pub type Io = Box<dyn Duplex>;

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A process of this machine, by its user.
    User(u32),
    /// A certificate, by the SHA-256 of its DER form, in hex.
    Certificate(String),
    /// Nobody knows: TCP without TLS.
    Unknown,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => write!(f, "uid:{uid}"),
            Self::Certificate(digest) => write!(f, "certificate:sha256:{digest}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Why nothing can be listened on or connected to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The operating system refuses.
    #[error("{what} {address}: {cause}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        address: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// Somebody listens there already.
    #[error("another process listens on {0}")]
    InUse(String),
    /// There is something else at the socket's path.
    #[error("{0} is there already, and is not a socket")]
    NotASocket(PathBuf),
    /// The certificate does not fit the host.
    #[error("`{0}` is no name that a certificate can be checked against")]
    ServerName(String),
    /// The peer did not choose HTTP/2.
    #[error("{0} does not offer HTTP/2 in its TLS handshake (ALPN `h2`)")]
    NotHttp2(String),
}

fn io(what: &'static str, address: &Address) -> impl FnOnce(std::io::Error) -> EndpointError {
    let address = address.to_string();
    move |cause| EndpointError::Io { what, address, cause }
}

/// Who may use a unix socket.
#[derive(Debug, Clone, Copy, Default)]
pub struct SocketAccess {
    /// Permission bits; 0600 when `None`.
    pub mode: Option<u32>,
    /// User id of the owner.
    pub uid: Option<u32>,
    /// Group id of the owner.
    pub gid: Option<u32>,
}

/// Accepts connections.
pub struct Listener {
    socket: Socket,
    tls: Option<TlsAcceptor>,
}

enum Socket {
    Unix(UnixListener, PathBuf),
    Tcp(TcpListener),
}

impl Listener {
    /// Listens on `address`. A unix socket is `access`ible to nobody else, not even for a moment; a stale one
    /// is replaced.
    pub async fn bind(
        address: &Address,
        access: SocketAccess,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Result<Self, EndpointError> {
        let socket = match address {
            Address::Unix(path) => {
                remove_stale(path, address).await?;
                let listener = bind_unix(path, access).map_err(io("cannot listen on", address))?;
                Socket::Unix(listener, path.clone())
            }
            Address::Tcp(authority) => {
                let listener = TcpListener::bind(authority).await;
                Socket::Tcp(listener.map_err(io("cannot listen on", address))?)
            }
        };
        Ok(Self { socket, tls: tls.map(TlsAcceptor::from) })
    }

    /// Where it listens; with the port that the system chose for port 0.
    pub fn address(&self) -> Option<Address> {
        match &self.socket {
            Socket::Unix(_, path) => Some(Address::Unix(path.clone())),
            Socket::Tcp(listener) => Some(Address::Tcp(listener.local_addr().ok()?.to_string())),
        }
    }

    /// The next connection, before its TLS handshake.
    pub async fn accept(&self) -> std::io::Result<Accepted> {
        Ok(match &self.socket {
            Socket::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let peer = Peer::User(stream.peer_cred()?.uid());
                Accepted { stream: Stream::Plain(Box::new(stream), peer), tls: None }
            }
            Socket::Tcp(listener) => {
                let (stream, _address): (TcpStream, SocketAddr) = listener.accept().await?;
                stream.set_nodelay(true)?;
                // Else a machine that vanished would keep its builds running.
                rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
                match &self.tls {
                    Some(tls) => Accepted { stream: Stream::Tls(stream), tls: Some(tls.clone()) },
                    None => Accepted { stream: Stream::Plain(Box::new(stream), Peer::Unknown), tls: None },
                }
            }
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = &self.socket {
            // Whoever comes later sees that nobody listens, also when this fails.
            let _left = std::fs::remove_file(path);
        }
    }
}

async fn remove_stale(path: &Path, address: &Address) -> Result<(), EndpointError> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io("cannot look at", address)(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(EndpointError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    if UnixStream::connect(path).await.is_ok() {
        return Err(EndpointError::InUse(address.to_string()));
    }
    std::fs::remove_file(path).map_err(io("cannot remove the stale socket", address))
}

fn bind_unix(path: &Path, access: SocketAccess) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    // The socket is made with the permissions that the mask leaves, so there is no moment of more.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener?;
    if access.uid.is_some() || access.gid.is_some() {
        std::os::unix::fs::chown(path, access.uid, access.gid)?;
    }
    let mode = access.mode.unwrap_or(0o600);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// A connection that has come in.
pub struct Accepted {
    stream: Stream,
    tls: Option<TlsAcceptor>,
}

enum Stream {
    Plain(Io, Peer),
    Tls(TcpStream),
}

impl Accepted {
    /// Ends the TLS handshake, where there is one. Takes as long as the peer likes: give it a limit.
    pub async fn handshake(self) -> std::io::Result<(Io, Peer)> {
        match (self.stream, self.tls) {
            (Stream::Plain(io, peer), _) => Ok((io, peer)),
            (Stream::Tls(stream), Some(tls)) => {
                let stream = tls.accept(stream).await?;
                let (_, session) = stream.get_ref();
                let certificate = session.peer_certificates().and_then(<[_]>::first);
                let certificate = certificate.ok_or_else(|| std::io::Error::other("no certificate"))?;
                let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(certificate));
                Ok((Box::new(stream), Peer::Certificate(digest)))
            }
            (Stream::Tls(_), None) => Err(std::io::Error::other("no TLS configuration")),
        }
    }
}

/// Connects to buildkitd, as often as it is needed.
#[derive(Clone)]
pub struct Connector {
    address: Address,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Connector {
    /// To `address`; with TLS, the certificate must name `server_name`, or the address' host.
    pub fn new(
        address: Address,
        tls: Option<Arc<rustls::ClientConfig>>,
        server_name: Option<&str>,
    ) -> Result<Self, EndpointError> {
        let tls = match tls {
            None => None,
            Some(config) => {
                let name = server_name.or(address.host()).unwrap_or_default().to_owned();
                let parsed = ServerName::try_from(name.clone());
                let name = parsed.map_err(|_| EndpointError::ServerName(name))?;
                Some((TlsConnector::from(config), name))
            }
        };
        Ok(Self { address, tls })
    }

    /// Where it connects to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A new connection.
    pub async fn connect(&self) -> Result<Io, EndpointError> {
        let failed = || io("cannot connect to buildkitd at", &self.address);
        let stream = match &self.address {
            Address::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await.map_err(failed())?)),
            Address::Tcp(authority) => TcpStream::connect(authority).await.map_err(failed())?,
        };
        stream.set_nodelay(true).map_err(failed())?;
        let Some((tls, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let stream = tls.connect(name.clone(), stream).await.map_err(failed())?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(EndpointError::NotHttp2(self.address.to_string()));
        }
        Ok(Box::new(stream))
    }
}
