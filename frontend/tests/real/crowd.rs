//! Many builds at once.

use crate::stage::{direct, one_at_a_time, stage};

/// Each with its own arguments and its own verdict: what belongs to one build must not reach another.
#[test]
fn a_hundred_builds_at_once() {
    let Some(stage) = stage() else { return };
    let _turn = one_at_a_time();
    let gate = stage.gate(
        r#"package docker

default allow := true

allow := false if endswith(input.env.args.N, "7")

deny_msg contains sprintf("not number %s", [input.env.args.N]) if not allow

decision := {"allow": allow, "deny_msg": deny_msg}
"#,
    );
    let project = stage.dockerfile("FROM REGISTRY/real/multi:1\nARG N\nCOPY note-${N} /note\n");
    (0..100).for_each(|n| project.write(&format!("note-{n}"), format!("note {n}")));
    let builds: Vec<_> = (0..100)
        .map(|n| {
            gate.build(&project).args([format!("--build-arg=N={n}"), format!("--output=out/{n}")]).start()
        })
        .collect();
    for (n, build) in builds.into_iter().enumerate() {
        let run = build.finish();
        if n % 10 == 7 {
            let run = run.fails_with("Policy: not number ");
            let (_, told) = run.stderr.split_once("Policy: not number ").expect("just seen");
            let number = told.split(|char: char| !char.is_ascii_digit()).next();
            assert_eq!(number, Some(n.to_string().as_str()), "{}", run.shown());
        } else {
            run.passes();
            assert_eq!(project.read(&format!("out/{n}/note")), format!("note {n}"));
        }
    }
    assert!(direct() || gate.build(&project).args(["--build-arg=N=1"]).finish().status.success());
}
