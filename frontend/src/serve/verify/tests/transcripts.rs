//! Recorded conversations between BuildKit and buildx's policies, had with the verifier.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy_engine::input::Env;
use policy_engine::policy::PolicyFile;

use super::world::{World, converse, platform, policy, question, verifier};
use crate::buildkit::convert;
use crate::buildkit::proto::policysession::Answer;
use crate::buildkit::proto::sourcepolicy::PolicyAction;
use crate::policy_files::open_root;
use crate::replay::{self, Mode, testing};
use crate::serve::record::Verdict;
use crate::serve::verify::Jurisdiction;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

#[tokio::test]
async fn conversations_end_as_recorded() {
    let recorded = testing::recordings(&fixture("transcripts.jsonl"));
    let mut world = World::default();
    for step in recorded.iter().flat_map(|recording| &recording.steps) {
        if let Some(metadata) = &step.metadata {
            world.learn(&step.source, metadata.clone());
        }
    }
    let (world, root) = (Arc::new(world), open_root(&fixture("files")).unwrap());
    let directory = tempfile::tempdir().unwrap();
    let (mut asked, mut replayed) = (0, 0);
    for recording in &recorded {
        let name = &recording.name;
        let files: Vec<PolicyFile> = recording.files.clone();
        let env: Env = recording.env.clone();
        let Ok(policies) = policy(files.clone(), Some(root.clone())) else {
            assert_eq!(recording.end, "error", "{name}");
            continue;
        };
        let jurisdiction = Arc::new(Jurisdiction { policies, env, reads_from_client: false });
        let first = &recording.steps[0];
        let question = question(&first.source, first.platform.as_ref().map(platform));
        let end = converse(&verifier(&world), &world, &[jurisdiction], question).await;
        asked += end.requests.len();
        let recorded_end = match recording.end {
            "unresolved" if name.ends_with("-noattest") || name.ends_with("-docker") => "DENY",
            end => end,
        };
        let given = match end.record.verdict {
            Verdict::Allow => "ALLOW",
            Verdict::Deny => "DENY",
            Verdict::Convert => "CONVERT",
            Verdict::Ask => "unresolved",
            Verdict::Error => "error",
        };
        assert_eq!(given, recorded_end, "{name}: {:?}", end.answer);
        let Ok(Answer::Decision(decision)) = end.answer else {
            assert!(end.record.case.is_none());
            continue;
        };
        assert_eq!(decision.update.as_ref().map(convert::source_op), end.record.pin, "{name}");
        if decision.action() == PolicyAction::Deny {
            assert!(!decision.deny_messages.is_empty(), "{name}");
            let at = end.record.position.as_ref().unwrap().to_string();
            let shown: BTreeSet<_> = decision.deny_messages.iter().map(|it| it.message.clone()).collect();
            let expected = end.record.messages.iter().map(|message| format!("{message} ({at})"));
            assert!(end.record.messages.is_empty() || shown == expected.collect(), "{name}: {shown:?}");
        }
        // What the log remembers is enough to decide again.
        let line = serde_json::json!({"time": "now", "replay": end.record.case.unwrap()}).to_string();
        let log = directory.path().join("log.jsonl");
        std::fs::write(&log, format!("{{\"message\": \"started\"}}\n{line}\n")).unwrap();
        let summary = replay::run(&log, &Mode::Adopt(files), Some(&root), &Arc::default()).unwrap();
        assert_eq!((summary.cases, summary.skipped), (1, 1));
        assert_eq!(summary.differences, [], "{name}: {line}");
        replayed += 1;
    }
    assert!(recorded.len() == 137 && asked > 50 && replayed > 100, "{asked} {replayed}");
}
