//! How fast a large context gets to the daemon.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, SystemTime};

use policy_testbed::{Client, Project};

use crate::Stage;
use crate::cached::NO_OWN_POLICY;
use crate::table::{Case, measure as measure_cases};

/// Measures and prints.
pub(crate) fn measure(stage: &Stage, mebibytes: usize) {
    let project = Project::dockerfile("FROM scratch\nCOPY large /large\n");
    let mut random = File::open("/dev/urandom").expect("random bytes").take(mebibytes as u64 * 1024 * 1024);
    let mut large = File::create(project.path().join("large")).expect("a file");
    std::io::copy(&mut random, &mut large).expect("room on the disk");
    project.write("Dockerfile.rego", "package docker\n\ndecision := {\"allow\": true}\n");
    let direct = stage.direct();
    let hook = stage.hooked(&["--no-repo-policy"]);
    let opening = stage.hooked(&["--no-repo-policy", "--client-credentials"]);
    let mut cases = vec![Case::new("direct", || transfer(&direct, &project, &large, NO_OWN_POLICY))];
    if let (Some((_, client)), Some((_, opening))) = (&hook, &opening) {
        cases.extend([
            Case::new("hook", || transfer(client, &project, &large, NO_OWN_POLICY)),
            Case::new("hook with the clients' credentials", || {
                transfer(opening, &project, &large, NO_OWN_POLICY)
            }),
            Case::new("direct, buildx's own policy", || transfer(&direct, &project, &large, &[])),
            Case::new("hook, buildx's own policy too", || transfer(client, &project, &large, &[])),
        ]);
    }
    measure_cases(&format!("A context of {mebibytes} MiB"), stage.runs.div_ceil(3), &mut cases);
}

/// Sends the file anew, as one that was touched is; its content is cached, so nothing else is done with it.
fn transfer(client: &Client, project: &Project, large: &File, args: &[&str]) -> Duration {
    large.set_modified(SystemTime::now()).expect("a file of ours");
    let build = client.buildx(project.path()).args(["build", "--progress=plain"]).args(args);
    build.args(["--output=type=cacheonly", "."]).finish().passes().took
}
