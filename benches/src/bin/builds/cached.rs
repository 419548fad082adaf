//! A build of 50 sources of which everything is cached: what is left is the client's work, metadata and policy.

use std::fmt::Write;
use std::time::Duration;

use policy_benches::many_rules;
use policy_testbed::{Client, Project, World};

use crate::Stage;
use crate::table::{Case, measure as measure_cases};

const SOURCES: usize = 50;

/// Without what buildx would evaluate by itself.
pub(crate) const NO_OWN_POLICY: &[&str] = &["--policy=disabled=true"];

/// Measures and prints.
pub(crate) fn measure(stage: &Stage) {
    publish(stage);
    let world = &stage.world;
    let [plain, simple, many] =
        [None, Some(simple(world)), Some(many(world))].map(|policy| project(world, policy));
    let file = |project: &Project| project.path().join("Dockerfile.rego").display().to_string();
    let (simple_file, many_file) = (file(&simple), file(&many));
    let direct = stage.direct();
    let hooks = [
        stage.hooked(&["--no-repo-policy"]),
        stage.hooked(&["--no-repo-policy", "--policy", &simple_file]),
        stage.hooked(&["--no-repo-policy", "--policy", &many_file]),
        stage.hooked(&[]),
    ];
    let mut cases = vec![
        Case::new("direct, no policy", || build(&direct, &plain, NO_OWN_POLICY)),
        Case::new("direct, buildx evaluates a simple policy", || build(&direct, &simple, &[])),
        Case::new("direct, buildx evaluates 500 rules", || build(&direct, &many, &[])),
    ];
    if let [Some((_, open)), Some((_, with_simple)), Some((_, with_many)), Some((_, of_repository))] = &hooks
    {
        cases.extend([
            Case::new("hook, no policy", || build(open, &plain, NO_OWN_POLICY)),
            Case::new("hook, its simple policy", || build(with_simple, &plain, NO_OWN_POLICY)),
            Case::new("hook, its 500 rules", || build(with_many, &plain, NO_OWN_POLICY)),
            Case::new("hook, the repository's simple policy", || {
                build(of_repository, &simple, NO_OWN_POLICY)
            }),
            Case::new("hook, the repository's 500 rules", || build(of_repository, &many, NO_OWN_POLICY)),
        ]);
    }
    measure_cases(&format!("A fully cached build of {SOURCES} sources"), stage.runs, &mut cases);
}

fn build(client: &Client, project: &Project, args: &[&str]) -> Duration {
    let build =
        client.buildx(project.path()).args(["build", "--progress=plain", "--output=type=cacheonly", "."]);
    build.args(args).finish().passes().took
}

fn name(source: usize) -> String {
    format!("bench/source{source}:1")
}

/// One image for each source.
fn publish(stage: &Stage) {
    let mut bake = String::new();
    let mut targets = Vec::new();
    for source in 0..SOURCES {
        let tag = stage.world.image(&name(source));
        // Writing to a string cannot fail.
        let _ = write!(
            bake,
            "target \"t{source}\" {{\n  dockerfile-inline = \"FROM scratch\\nLABEL source={source}\\nCOPY text /\\n\"\n  \
             output = [\"type=image,name={tag},push=true\"]\n}}\n"
        );
        targets.push(format!("t{source}"));
    }
    let project = Project::of(&[("docker-bake.hcl", &bake), ("text", "hello")]);
    stage.direct().buildx(project.path()).args(["bake", "--progress=plain"]).args(targets).finish().passes();
}

fn project(world: &World, policy: Option<String>) -> Project {
    let mut dockerfile = String::new();
    for source in 0..SOURCES {
        let _ = writeln!(dockerfile, "FROM {} AS s{source}", world.image(&name(source)));
    }
    dockerfile.push_str("FROM scratch\n");
    for source in 0..SOURCES {
        let _ = writeln!(dockerfile, "COPY --from=s{source} /text /text{source}");
    }
    let project = Project::dockerfile(&dockerfile);
    if let Some(policy) = policy {
        project.write("Dockerfile.rego", policy);
    }
    project
}

fn simple(world: &World) -> String {
    format!(
        "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
         allow if input.image.host == \"{}\"\n\ndecision := {{\"allow\": allow}}\n",
        world.registry
    )
}

/// Rules for 500 repositories, of which the sources' are the last.
fn many(world: &World) -> String {
    let mut policy = many_rules(500 - SOURCES) + "\nallow if input.local\n";
    for source in 0..SOURCES {
        let image = world.image(&name(source));
        let repository = image.trim_end_matches(":1");
        let _ = write!(
            policy,
            "\nallow if {{\n\tinput.image.fullRepo == \"{repository}\"\n\tinput.image.tag == \"1\"\n}}\n"
        );
    }
    policy
}
