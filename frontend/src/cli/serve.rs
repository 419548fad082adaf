//! `policy-check serve`: the hook in front of buildkitd.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Exit;
use super::error::Error;
use super::lookup_args::ConnectionArgs;
use super::output::Output;
use super::signals::Signals;
use super::trust_args::TrustArgs;
use crate::buildkit::batch;
use crate::buildkit::endpoint::{Address, Connector, Listener, SocketAccess};
use crate::buildkit::tls::TlsFiles;
use crate::cache::{Cache, DEFAULT_SIZE, default_dir};
use crate::distribution::{Fetcher, ListedPlace};
use crate::policy_spec::PolicySpec;
use crate::serve::cache_imports;
use crate::serve::daemon::Daemon;
use crate::serve::decision_log::DecisionLog;
use crate::serve::guard::{Guard, Options, RepoPolicies};
use crate::serve::metrics::Metrics;
use crate::serve::notify::Notifier;
use crate::serve::policy_store::PolicyStore;
use crate::serve::server::Server;
use crate::serve::trust_refresh::TrustRefresh;
use crate::serve::{ServeError, metrics_http, own_calls};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where clients connect: `unix:///path/to.sock` or `tcp://host:port`
    #[arg(long, value_name = "ADDRESS")]
    listen: Address,
    /// Where buildkitd is; nobody else may have access to it
    #[arg(long, value_name = "ADDRESS", default_value = "unix:///run/buildkit/buildkitd.sock")]
    buildkit: Address,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    operation: OperationArgs,
    #[command(flatten)]
    listening: ListenArgs,
    #[command(flatten)]
    upstream: UpstreamArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// How often to update the trust roots once a signature was verified; 0 never does
    #[arg(long, value_name = "HOURS", default_value = "24", help_heading = "Trust")]
    trust_refresh: u32,
}

/// What builds are held to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Policies")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct PolicyArgs {
    /// Policy for every build: a file, a folder, or `filename=PATH,…`; read again when it changes
    #[arg(long, value_name = "POLICY")]
    policy: Vec<PolicySpec>,
    /// Don't read the policy beside a build's Dockerfile
    #[arg(long)]
    no_repo_policy: bool,
    /// Deny builds that have no policy beside their Dockerfile
    #[arg(long, conflicts_with = "no_repo_policy")]
    require_repo_policy: bool,
    /// Refuse policies that there are warnings about
    #[arg(long)]
    strict: bool,
    /// Where libraries of the builds' policies may come from, and all below: `oci://HOST/PATH`, `git::https://HOST/PATH`
    #[arg(long, value_name = "PLACE")]
    libraries_from: Vec<ListedPlace>,
    /// Caches that builds import, which BuildKit asks no policy about
    #[arg(long, value_name = "RULE", default_value = "deny")]
    cache_imports: cache_imports::Mode,
    /// Cache that may be imported all the same: a reference, or a prefix that ends in `/*`
    #[arg(long, value_name = "REF")]
    allow_cache_import: Vec<cache_imports::Pattern>,
    /// Look up with a client's registry credentials what buildkitd can't tell; opens the clients' sessions
    #[arg(long)]
    client_credentials: bool,
}

/// What the operator sees.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Operation")]
struct OperationArgs {
    /// Write decisions as JSON lines to a file, or to standard output (`-`)
    #[arg(long, value_name = "FILE")]
    decision_log: Option<String>,
    /// Serve Prometheus metrics on this address at /metrics
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// How long builds may go on after the server was told to stop
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    shutdown_timeout: u64,
}

/// Who may connect.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Listening")]
struct ListenArgs {
    /// Permissions of the unix socket, in octal [default: 0600]
    #[arg(long, value_name = "MODE", value_parser = parse_mode)]
    socket_mode: Option<u32>,
    /// Owner of the unix socket: user id, or user id and group id (`1000:1000`)
    #[arg(long, value_name = "UID[:GID]", value_parser = parse_owner)]
    socket_owner: Option<(Option<u32>, Option<u32>)>,
    /// Certificate to show to clients, in PEM
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_ca"])]
    tls_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Authorities that the clients' certificates must come from
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_ca: Option<PathBuf>,
    /// Listen on loopback TCP without TLS: every process of this machine may connect
    #[arg(long, conflicts_with = "tls_cert")]
    insecure_listen: bool,
}

/// How buildkitd is reached.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "buildkitd")]
struct UpstreamArgs {
    /// Certificate to show to buildkitd, in PEM
    #[arg(long, value_name = "FILE", requires_all = ["buildkit_tls_key", "buildkit_tls_ca"])]
    buildkit_tls_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "buildkit_tls_cert")]
    buildkit_tls_key: Option<PathBuf>,
    /// Authorities that buildkitd's certificate must come from
    #[arg(long, value_name = "FILE", requires = "buildkit_tls_cert")]
    buildkit_tls_ca: Option<PathBuf>,
    /// Name in buildkitd's certificate [default: the host of its address]
    #[arg(long, value_name = "NAME", requires = "buildkit_tls_cert")]
    buildkit_tls_name: Option<String>,
    /// Connect to buildkitd on loopback TCP without TLS
    #[arg(long, conflicts_with = "buildkit_tls_cert")]
    insecure_buildkit: bool,
}

fn parse_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("an octal number up to 777 is needed".to_owned()),
    }
}

fn parse_owner(text: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let id = |id: &str| match id {
        "" => Ok(None),
        id => id.parse().map(Some).map_err(|_| format!("`{id}` is no numeric id")),
    };
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    Ok((id(user)?, id(group)?))
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    // One thread passes bytes on: handing each frame from thread to thread costs more than it brings, on
    // machines whose processors buildkitd needs as well. Policies have threads of their own.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().on_thread_park(batch::before_waiting).build()?;
    runtime.block_on(serve(args, output))
}

async fn serve(args: &Args, output: &Output) -> Result<Exit, Error> {
    let metrics = Metrics::new();
    let trust = args.trust.options(default_dir(), Some(args.connection.options()))?;
    let fetcher = Fetcher { trust: Arc::new(trust.load(None).map_err(ServeError::from)?), ..args.fetcher() };
    let policies = PolicyStore::load(&args.policies.policy, args.policies.strict, &fetcher, &metrics);
    let policies = policies.map_err(ServeError::from)?;
    let every = (args.trust_refresh > 0).then(|| Duration::from_hours(args.trust_refresh.into()));
    let trust = TrustRefresh::begin(trust, every, Arc::clone(&policies)).map_err(ServeError::from)?;
    policies.warnings().iter().for_each(|warning| output.policy_warning(warning));
    let log = args.operation.decision_log.as_deref();
    let log = log.map(|target| DecisionLog::open(target, &metrics)).transpose().map_err(ServeError::from)?;
    let connector = args.connector()?;
    let daemon = Daemon::new(own_calls::channel(connector.clone()));
    let guard = Arc::new(Guard::new(args.options(), policies, metrics.clone(), log, daemon));
    let listener = args.listener().await?;
    let health = Arc::clone(&guard);
    if let Some(address) = args.operation.metrics {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|cause| ServeError::Metrics { address, cause })?;
        tokio::spawn(metrics_http::serve(listener, metrics, Arc::new(move || health.health())));
    }
    args.warn_of_open_doors(output);
    let notifier = Notifier::from_env().map_err(ServeError::from)?;
    let (stop, stopping) = watch::channel(false);
    let (now, stopping_now) = watch::channel(false);
    let signals = Signals::new().map_err(ServeError::Signals)?;
    tokio::spawn(signals.handle(Arc::clone(&guard), Arc::clone(&trust), notifier.clone(), stop, now));
    tokio::spawn(trust.watch());
    tokio::spawn(Arc::clone(&guard.policies).watch(LOOK_EVERY));
    let address = listener.address().map_or_else(|| args.listen.to_string(), |address| address.to_string());
    output.note(&format!(
        "listening on {address} in front of buildkitd at {}, policies: {}",
        args.buildkit,
        guard.policies.current().policies.len()
    ));
    // Whoever waits for it is not there: that does not stop the builds.
    notifier.ready().unwrap_or_else(|error| output.warning(&error.to_string()));
    let server = Server {
        guard: Arc::clone(&guard),
        listener,
        connector,
        patience: Duration::from_secs(args.operation.shutdown_timeout),
    };
    server.run(stopping, stopping_now).await;
    if let Some(log) = &guard.log {
        log.close().await.map_err(ServeError::from)?;
    }
    Ok(Exit::Allowed)
}

/// How often the policies' files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Args {
    /// Policies from elsewhere are kept where the other commands keep what never changes.
    fn fetcher(&self) -> Fetcher {
        let cache = default_dir().map(|dir| Arc::new(Cache::new(&dir, DEFAULT_SIZE)));
        Fetcher { transport: self.connection.options(), cache, ..Fetcher::default() }
    }

    fn options(&self) -> Options {
        Options {
            repo_policies: match (self.policies.no_repo_policy, self.policies.require_repo_policy) {
                (true, _) => RepoPolicies::Ignored,
                (false, false) => RepoPolicies::Read,
                (false, true) => RepoPolicies::Required,
            },
            strict: self.policies.strict,
            cache_imports: cache_imports::Rule {
                mode: self.policies.cache_imports,
                allowed: self.policies.allow_cache_import.clone(),
            },
            client_credentials: self.policies.client_credentials,
            libraries_from: self.policies.libraries_from.clone(),
            fetcher: self.fetcher(),
            transport: self.connection.options(),
        }
    }

    async fn listener(&self) -> Result<Listener, Error> {
        let ListenArgs { socket_mode, socket_owner, tls_cert, tls_key, tls_ca, insecure_listen } =
            &self.listening;
        let tls = tls_files(tls_cert.as_ref(), tls_key.as_ref(), tls_ca.as_ref());
        let is_tcp = matches!(self.listen, Address::Tcp(_));
        if is_tcp && tls.is_none() && !(*insecure_listen && self.listen.is_loopback()) {
            return Err(ServeError::Unprotected { address: self.listen.to_string(), side: "listen" }.into());
        }
        let (uid, gid) = socket_owner.unwrap_or_default();
        let access = SocketAccess { mode: *socket_mode, uid, gid };
        let tls = tls.map(|files| files.server()).transpose().map_err(ServeError::from)?;
        Ok(Listener::bind(&self.listen, access, tls).await.map_err(ServeError::from)?)
    }

    fn connector(&self) -> Result<Connector, Error> {
        let UpstreamArgs {
            buildkit_tls_cert: cert,
            buildkit_tls_key: key,
            buildkit_tls_ca: ca,
            buildkit_tls_name: name,
            insecure_buildkit,
        } = &self.upstream;
        let tls = tls_files(cert.as_ref(), key.as_ref(), ca.as_ref());
        let is_tcp = matches!(self.buildkit, Address::Tcp(_));
        if is_tcp && tls.is_none() && !(*insecure_buildkit && self.buildkit.is_loopback()) {
            let address = self.buildkit.to_string();
            return Err(ServeError::Unprotected { address, side: "buildkit" }.into());
        }
        let tls = tls.map(|files| files.client()).transpose().map_err(ServeError::from)?;
        Ok(Connector::new(self.buildkit.clone(), tls, name.as_deref()).map_err(ServeError::from)?)
    }

    /// Whoever reaches buildkitd itself builds without policy.
    fn warn_of_open_doors(&self, output: &Output) {
        use std::os::unix::fs::MetadataExt;
        let Address::Unix(path) = &self.buildkit else { return };
        let Ok(socket) = std::fs::metadata(path) else {
            return output.warning(&format!("there is no buildkitd at {} yet", self.buildkit));
        };
        // In a folder that others can't enter, it is private whatever its own permissions are.
        let mut folders = path.ancestors().skip(1).filter_map(|folder| std::fs::metadata(folder).ok());
        let others_enter = folders.all(|folder| folder.mode() & 0o001 != 0);
        let its_group_enters = socket.gid() != 0 && socket.mode() & 0o020 != 0;
        if others_enter && (socket.mode() & 0o002 != 0 || its_group_enters) {
            output.warning(&format!(
                "others than its owner may connect to buildkitd at {} and build without policy: take away their permissions",
                self.buildkit
            ));
        }
    }
}

/// All three, or none: the flags require each other.
fn tls_files(cert: Option<&PathBuf>, key: Option<&PathBuf>, ca: Option<&PathBuf>) -> Option<TlsFiles> {
    Some(TlsFiles { cert: cert?.clone(), key: key?.clone(), ca: ca?.clone() })
}
