//! How fast a large context gets to the daemon.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, SystemTime};

use policy_testbed::{Client, Project};

use crate::Stage;
use crate::table::{Case, measure as measure_cases};

/// Measures and prints.
pub(crate) fn measure(stage: &Stage, mebibytes: usize) {
    let project = Project::dockerfile("FROM scratch\nCOPY large /large\n");
    let mut random = File::open("/dev/urandom").expect("random bytes").take(mebibytes as u64 * 1024 * 1024);
    let mut large = File::create(project.path().join("large")).expect("a file");
    std::io::copy(&mut random, &mut large).expect("room on the disk");
    let direct = stage.direct();
    let hook = stage.hooked(&["--no-repo-policy"]);
    let mut cases = vec![Case::new("direct", || transfer(&direct, &project, &large))];
    if let Some((_, client)) = &hook {
        cases.push(Case::new("hook", || transfer(client, &project, &large)));
    }
    measure_cases(&format!("A context of {mebibytes} MiB"), stage.runs.div_ceil(3), &mut cases);
}

/// Sends the file anew, as one that was touched is; its content is cached, so nothing else is done with it.
fn transfer(client: &Client, project: &Project, large: &File) -> Duration {
    large.set_modified(SystemTime::now()).expect("a file of ours");
    let build = client.buildx(project.path()).args(["build", "--progress=plain", "--policy=disabled=true"]);
    build.args(["--output=type=cacheonly", "."]).finish().passes().took
}
