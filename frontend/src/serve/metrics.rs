//! What an operator counts: Prometheus metrics of the hook.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::record::{PolicyId, Verdict};

/// Upper bounds of the buckets of check durations, in seconds: from a cached decision to a slow registry.
const DURATION_BUCKETS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

type Labels<const N: usize> = [(&'static str, String); N];
/// A label whose values are known when the program is compiled.
type Label = [(&'static str, &'static str); 1];

/// All metrics of a server. Clones count into the same.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    builds: Family<Label, Counter>,
    active_builds: Gauge,
    checks: Family<Label, Counter>,
    check_duration: Histogram,
    policy_loads: Family<Label, Counter>,
    /// Held while the loaded policies change, so that nobody reads half of them.
    policies: Mutex<Family<Labels<2>, Gauge>>,
    refused: Family<Label, Counter>,
    sessions: Gauge,
    log_errors: Counter,
}

/// How a build ended, as far as the hook can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildOutcome {
    /// Its solve succeeded.
    Succeeded,
    /// Its solve failed, though no policy stood in the way.
    Failed,
    /// A policy, or the hook itself, denied it.
    Denied,
    /// The client hung up, or the server stopped.
    Canceled,
}

impl BuildOutcome {
    /// In one word, as the metric's label shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Canceled => "canceled",
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics that are all zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("policy_check");
        let builds = Family::default();
        registry.register("builds", "Builds that ended, by outcome", builds.clone());
        let active_builds = Gauge::default();
        registry.register("builds_active", "Builds that are running", active_builds.clone());
        let checks = Family::default();
        registry.register("checks", "Answers to BuildKit's policy questions, by verdict", checks.clone());
        let check_duration = Histogram::new(DURATION_BUCKETS);
        registry.register_with_unit(
            "check_duration",
            "Time per answer, lookups included",
            Unit::Seconds,
            check_duration.clone(),
        );
        let policy_loads = Family::default();
        registry.register("policy_loads", "Loads of the server's policies, by result", policy_loads.clone());
        let policies = Family::default();
        registry.register("policy_info", "The server's policies in force", policies.clone());
        let refused = Family::default();
        registry.register("refused_calls", "Calls that the hook refused, by reason", refused.clone());
        let sessions = Gauge::default();
        registry.register("sessions_open", "Client sessions that are open", sessions.clone());
        let log_errors = Counter::default();
        registry.register(
            "decision_log_errors",
            "Failed attempts to write the decision log",
            log_errors.clone(),
        );
        let policies = Mutex::new(policies);
        let inner = Inner {
            registry,
            builds,
            active_builds,
            checks,
            check_duration,
            policy_loads,
            policies,
            refused,
            sessions,
            log_errors,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A build began. It is active until the guard is told how it ended; dropping it means canceled.
    pub fn build_started(&self) -> ActiveBuild {
        self.inner.active_builds.inc();
        ActiveBuild { metrics: self.clone(), outcome: BuildOutcome::Canceled }
    }

    /// BuildKit was answered.
    pub fn checked(&self, verdict: Verdict, elapsed: Duration) {
        self.inner.checks.get_or_create(&[("verdict", verdict.as_str())]).inc();
        self.inner.check_duration.observe(elapsed.as_secs_f64());
    }

    /// These policies of the server are in force from now on.
    pub fn policies_loaded(&self, policies: &[PolicyId]) {
        self.inner.policy_loads.get_or_create(&[("result", "loaded")]).inc();
        let family = self.inner.policies.lock().unwrap_or_else(PoisonError::into_inner);
        family.clear();
        for policy in policies {
            family.get_or_create(&[("name", policy.name.clone()), ("digest", policy.digest.clone())]).set(1);
        }
    }

    /// The server's policies did not load; those before stay in force.
    pub fn policies_failed(&self) {
        self.inner.policy_loads.get_or_create(&[("result", "failed")]).inc();
    }

    /// A call was refused. Reasons are few and fixed, in `snake_case`.
    pub fn refused(&self, reason: &'static str) {
        self.inner.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// A client's session was opened; it is open until the guard is dropped.
    pub fn session_opened(&self) -> OpenSession {
        self.inner.sessions.inc();
        OpenSession { metrics: self.clone() }
    }

    /// The decision log could not be written.
    pub fn decision_log_failed(&self) {
        self.inner.log_errors.inc();
    }

    /// The text exposition (`OpenMetrics` 1.0, which Prometheus reads).
    pub fn render(&self) -> String {
        let _whole = self.inner.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let written = text::encode(&mut text, &self.inner.registry);
        debug_assert!(written.is_ok());
        text
    }
}

/// A build that is running.
#[must_use = "dropping it says that the build was canceled"]
pub struct ActiveBuild {
    metrics: Metrics,
    outcome: BuildOutcome,
}

impl ActiveBuild {
    /// The build ended so.
    pub fn ended(mut self, outcome: BuildOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for ActiveBuild {
    fn drop(&mut self) {
        self.metrics.inner.active_builds.dec();
        self.metrics.inner.builds.get_or_create(&[("outcome", self.outcome.as_str())]).inc();
    }
}

/// A session that is open.
#[must_use = "dropping it says that the session was closed"]
pub struct OpenSession {
    metrics: Metrics,
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.metrics.inner.sessions.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(metrics: &Metrics, line: &str) -> bool {
        metrics.render().lines().any(|l| l == line)
    }

    #[test]
    fn counts_builds() {
        let metrics = Metrics::new();
        let (first, second) = (metrics.build_started(), metrics.build_started());
        assert!(has(&metrics, "policy_check_builds_active 2"));
        first.ended(BuildOutcome::Denied);
        drop(second);
        assert!(has(&metrics, "policy_check_builds_active 0"));
        assert!(has(&metrics, "policy_check_builds_total{outcome=\"denied\"} 1"));
        assert!(has(&metrics, "policy_check_builds_total{outcome=\"canceled\"} 1"));
    }

    #[test]
    fn counts_checks_into_buckets() {
        let metrics = Metrics::new();
        metrics.checked(Verdict::Allow, Duration::from_micros(300));
        metrics.clone().checked(Verdict::Deny, Duration::from_mins(1));
        assert!(has(&metrics, "policy_check_checks_total{verdict=\"allow\"} 1"));
        assert!(has(&metrics, "policy_check_checks_total{verdict=\"deny\"} 1"));
        assert!(has(&metrics, "policy_check_check_duration_seconds_count 2"));
        assert!(has(&metrics, "policy_check_check_duration_seconds_bucket{le=\"0.00025\"} 0"));
        assert!(has(&metrics, "policy_check_check_duration_seconds_bucket{le=\"0.0005\"} 1"));
        assert!(has(&metrics, "policy_check_check_duration_seconds_bucket{le=\"30.0\"} 1"));
    }

    #[test]
    fn shows_only_policies_in_force() {
        let metrics = Metrics::new();
        let id =
            |digest: &str| PolicyId { name: "a \"quoted\".rego".into(), digest: format!("sha256:{digest}") };
        metrics.policies_loaded(&[id("00"), id("11")]);
        metrics.policies_failed();
        metrics.policies_loaded(&[id("22")]);
        let info = "policy_check_policy_info{name=\"a \\\"quoted\\\".rego\",digest=\"sha256:22\"} 1";
        assert!(has(&metrics, info), "{}", metrics.render());
        assert!(!metrics.render().contains("sha256:00"));
        assert!(has(&metrics, "policy_check_policy_loads_total{result=\"loaded\"} 2"));
        assert!(has(&metrics, "policy_check_policy_loads_total{result=\"failed\"} 1"));
    }

    #[test]
    fn counts_sessions_and_refusals() {
        let metrics = Metrics::new();
        let session = metrics.session_opened();
        assert!(has(&metrics, "policy_check_sessions_open 1"));
        drop(session);
        assert!(has(&metrics, "policy_check_sessions_open 0"));
        metrics.refused("foreign_build");
        metrics.decision_log_failed();
        for line in [
            "policy_check_refused_calls_total{reason=\"foreign_build\"} 1",
            "policy_check_decision_log_errors_total 1",
        ] {
            assert!(has(&metrics, line), "{line}\n{}", metrics.render());
        }
    }

    /// `docs/serve.md` lists each metric by the name that is scraped, and no other.
    #[test]
    fn metrics_are_documented() {
        let page = include_str!("../../../docs/serve.md");
        let (_, section) = page.split_once("\n## Metrics and health\n").expect("the heading");
        let rows = section.lines().filter(|line| line.starts_with("| `policy_check_"));
        let mut documented: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
        let metrics = Metrics::new();
        // Metrics with labels show once they have a value.
        metrics.build_started().ended(BuildOutcome::Denied);
        metrics.checked(Verdict::Allow, Duration::ZERO);
        metrics.policies_loaded(&[PolicyId { name: String::new(), digest: String::new() }]);
        metrics.refused("handshake");
        let text = metrics.render();
        // A counter is scraped with a suffix, which its type line lacks.
        let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let mut names: Vec<String> = described
            .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
            .collect();
        names.sort_unstable();
        documented.sort_unstable();
        assert_eq!(names, documented);
    }
}
