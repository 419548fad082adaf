//! What every scenario stands on: the world, a daemon, and the way there.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use policy_testbed::{Client, Daemon, Hook, Project, Run, Tools, World, publish};

/// Programs, the world and the shared daemon.
pub(crate) struct Stage {
    pub(crate) tools: Tools,
    pub(crate) world: World,
    // Statics are never dropped; the daemon's supervisor ends it when this process is gone.
    daemon: Daemon,
}

/// The shared stage, or none, aloud.
pub(crate) fn stage() -> Option<&'static Stage> {
    static STAGE: OnceLock<Option<Stage>> = OnceLock::new();
    STAGE.get_or_init(|| Stage::set().map_err(|missing| say_skipped(&missing)).ok()).as_ref()
}

/// The stage for a test that says nothing about buildx alone, or none, aloud.
pub(crate) fn stage_with_hook() -> Option<&'static Stage> {
    let stage = stage()?;
    if direct() {
        say_skipped("not with POLICY_CHECK_REAL_ROUTE=direct");
        return None;
    }
    Some(stage)
}

/// Whether buildx talks to the daemon itself.
pub(crate) fn direct() -> bool {
    std::env::var_os("POLICY_CHECK_REAL_ROUTE").is_some_and(|route| route == "direct")
}

/// Past the capturing of test output: a skipped test looks like one that passed.
fn say_skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    writeln!(std::io::stderr(), "SKIPPED: {name} against the real BuildKit: {why}").expect("standard error");
}

impl Stage {
    fn set() -> Result<Self, String> {
        let (tools, world) = (Tools::from_env()?, World::from_env()?);
        let daemon = Daemon::start(&tools, &world);
        publish(&tools, &world, &Client::of(&tools, &daemon.address()));
        Ok(Self { tools, world, daemon })
    }

    /// The world's addresses for `REGISTRY` and `HTTP`.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("REGISTRY", &self.world.registry).replace("HTTP", &self.world.http)
    }

    /// A folder with these files, filled in.
    pub(crate) fn project(&self, files: &[(&str, &str)]) -> Project {
        let project = Project::of(&[]);
        files.iter().for_each(|(path, content)| project.write(path, self.fill(content)));
        project
    }

    /// A folder with this Dockerfile, filled in.
    pub(crate) fn dockerfile(&self, text: &str) -> Project {
        self.project(&[("Dockerfile", text)])
    }

    /// A daemon of one's own.
    pub(crate) fn own_daemon(&self) -> Daemon {
        Daemon::start(&self.tools, &self.world)
    }

    /// A user of the shared daemon without anything in between.
    pub(crate) fn past_the_hook(&self) -> Client {
        Client::of(&self.tools, &self.daemon.address())
    }

    /// Builds an image without attestations of these files and pushes it to the world's registry; gives its digest.
    pub(crate) fn push(&self, name: &str, files: &[(&str, &str)]) -> String {
        let (project, image) = (self.project(files), self.world.image(name));
        let push = ["build", "--push", "--provenance=false", "--tag", &image, "."];
        self.past_the_hook().buildx(project.path()).args(push).finish().passes();
        self.digest(name)
    }

    /// The digest that the tag of an image in the world's registry names.
    pub(crate) fn digest(&self, name: &str) -> String {
        let inspect = ["imagetools", "inspect", "--format={{.Manifest.Digest}}", &self.world.image(name)];
        let run = self.past_the_hook().buildx(Project::of(&[]).path()).args(inspect).finish().passes();
        run.stdout.trim().to_owned()
    }

    /// The address of the shared daemon.
    pub(crate) fn daemon_address(&self) -> String {
        self.daemon.address()
    }

    /// What the shared daemon logged.
    pub(crate) fn daemon_log(&self) -> String {
        self.daemon.log()
    }

    /// The way to the shared daemon with the platform's policy, and no policies of repositories.
    pub(crate) fn gate(&self, policy: &str) -> Gate {
        Gate::to(self, &self.daemon.address(), Some(policy), &["--no-repo-policy"])
    }

    /// The way to the shared daemon without policies.
    pub(crate) fn open_gate(&self) -> Gate {
        Gate::to(self, &self.daemon.address(), None, &["--no-repo-policy"])
    }

    /// The way to the shared daemon with the repositories' policies, and further options.
    pub(crate) fn repository_gate(&self, policy: Option<&str>, args: &[&str]) -> Gate {
        Gate::to(self, &self.daemon.address(), policy, args)
    }
}

/// A way to the daemon: through the hook, or directly with buildx as the judge.
pub(crate) struct Gate {
    pub(crate) client: Client,
    pub(crate) hook: Option<Hook>,
    policy: Project,
    /// What tells `buildx build` which policies are its own.
    build_args: Vec<&'static str>,
}

impl Gate {
    /// The way to the daemon at `address`. `args` are the hook's.
    pub(crate) fn to(stage: &Stage, address: &str, policy: Option<&str>, args: &[&str]) -> Self {
        let folder = Project::of(&[]);
        if let Some(policy) = policy {
            folder.write("platform.rego", stage.fill(policy));
        }
        if direct() {
            let client = Client::of(&stage.tools, address);
            let build_args = own_policy(policy.is_some(), !args.contains(&"--no-repo-policy"));
            return Self { client, hook: None, policy: folder, build_args };
        }
        let file = folder.path().join("platform.rego");
        let file = policy.map(|_| file.to_str().expect("UTF-8"));
        let policies = file.iter().flat_map(|file| ["--policy", file]);
        let hook = Hook::start(
            Path::new(env!("CARGO_BIN_EXE_policy-check")),
            address,
            &policies.chain(args.iter().copied()).collect::<Vec<_>>(),
        );
        let client = Client::of(&stage.tools, &hook.address());
        Self { client, hook: Some(hook), policy: folder, build_args: vec!["--policy=disabled=true"] }
    }

    /// `buildx build` of this folder.
    pub(crate) fn build(&self, project: &Project) -> Run {
        self.build_of(project, ".")
    }

    /// `buildx build` of this context.
    pub(crate) fn build_of(&self, project: &Project, context: &str) -> Run {
        if direct() {
            self.hand_over_policy(project);
        }
        self.client.buildx(project.path()).args(["build", "--progress=plain", context]).args(&self.build_args)
    }

    /// Puts the platform's policy where buildx reads it: nowhere but below the folder that it runs in.
    pub(crate) fn hand_over_policy(&self, project: &Project) {
        let [ours, theirs] = [&self.policy, project].map(|folder| folder.path().join("platform.rego"));
        let text = |path| std::fs::read(path).unwrap_or_default();
        // Not while another build may read it.
        if text(&ours) != text(&theirs) {
            std::fs::copy(ours, theirs).expect("the policy");
        }
    }

    /// `buildx build` of this folder, whose own policy buildx evaluates whatever else holds.
    pub(crate) fn build_with_own_policy(&self, project: &Project) -> Run {
        self.client.buildx(project.path()).args(["build", "--progress=plain", "."])
    }

    /// Replaces the platform's policy under the hook.
    pub(crate) fn replace_policy(&self, text: &str) {
        self.policy.write("platform.rego", text);
    }

    /// `buildx` in this folder.
    pub(crate) fn buildx(&self, project: &Project, args: &[&str]) -> Run {
        self.client.buildx(project.path()).args(args)
    }

    /// Stops the hook; then its decision log is complete.
    pub(crate) fn every_decision(mut self) -> String {
        let hook = self.hook.as_mut().expect("a hook");
        hook.ask_to_stop();
        assert!(hook.wait().success(), "{}", hook.log());
        hook.decisions()
    }

    /// `buildctl` in this folder, or none, aloud.
    pub(crate) fn buildctl(&self, project: &Project) -> Option<Run> {
        let run = self.client.buildctl(project.path());
        if run.is_none() {
            say_skipped("set BUILDCTL to the path of buildctl");
        }
        run
    }
}

/// Options by which buildx evaluates the platform's policy itself.
fn own_policy(platform: bool, repository: bool) -> Vec<&'static str> {
    match (platform, repository) {
        (false, false) => vec!["--policy=disabled=true"],
        (false, true) => Vec::new(),
        (true, false) => vec!["--policy=reset=true,filename=cwd://platform.rego"],
        (true, true) => vec!["--policy=filename=cwd://platform.rego"],
    }
}

/// For tests that need the machine for themselves, or that start hundreds of processes.
pub(crate) fn one_at_a_time() -> impl Drop {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
