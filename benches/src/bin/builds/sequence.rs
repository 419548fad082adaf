//! Many builds, one after the other, through one hook: what it holds must settle.

use std::io::Write;

use policy_testbed::Project;

use crate::Stage;

/// Builds between two lines of the table.
const STEP: usize = 20;

/// Measures and prints, where there is a hook.
pub(crate) fn measure(stage: &Stage, builds: usize) {
    let Some((hook, client)) = stage.hooked(&[]) else { return };
    let project = Project::of(&[
        ("Dockerfile", "FROM scratch\nCOPY text /\n"),
        (
            "Dockerfile.rego",
            "package docker\n\ndefault allow := false\n\nallow if input.local\n\ndecision := {\"allow\": allow}\n",
        ),
        ("text", "hello"),
    ]);
    let print = |line: String| writeln!(std::io::stdout(), "{line}").expect("standard output");
    print(format!(
        "\n{builds} builds in sequence\n\n| builds | MiB | files | threads |\n|---|---|---|---|\n| 0 | {} |",
        hook.usage()
    ));
    for build in 1..=builds {
        // Every other one opens the client's session on both sides, for its own policy.
        let own: &[&str] = if build % 2 == 0 { &[] } else { &["--policy=disabled=true"] };
        let run = client.buildx(project.path()).args(["build", "--output=type=cacheonly", "."]).args(own);
        run.finish().passes();
        if build % STEP == 0 {
            print(format!("| {build} | {} |", hook.usage()));
        }
    }
}
