//! The property that everything stands on: what is decided before all is known does not depend on what
//! is hidden, and asking ends. Policies are made up; the same ones in every run.
//!
//! `SOUNDNESS_CASES` sets how many, `SOUNDNESS_FIRST` with which to begin, for a soak.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod harness;

use harness::policies::{self, KINDS};
use harness::rng::Rng;
use harness::world::{Known, World, some_of};
use harness::{MemoryRoot, check, load_files};
use policy_engine::check::{Action, Facts, Outcome};
use policy_engine::policy::{Policy, PolicyError};
use policy_engine::source::SourceOp;

/// What of an answer must not change: the decision, or that there is none. A pin to the digest that the
/// image has is no change.
fn essence(answer: &Result<Outcome, PolicyError>, source: &SourceOp, facts: &Facts) -> Option<String> {
    let platform = harness::platform(source);
    let known = facts.get(source, platform.as_ref()).and_then(|known| known.image.as_ref());
    match answer {
        Ok(Outcome::Needs(_)) => None,
        Ok(Outcome::Decided(decision))
            if decision.action == Action::Convert
                && known.is_some_and(|known| {
                    decision.update.as_ref().is_some_and(|pin| pin.identifier.ends_with(&known.digest))
                }) =>
        {
            Some(format!("Allow {:?} None", decision.messages))
        }
        Ok(Outcome::Decided(decision)) => {
            Some(format!("{:?} {:?} {:?}", decision.action, decision.messages, decision.update))
        }
        Err(_) => Some("error".to_owned()),
    }
}

/// One policy and one source.
struct Case {
    number: u64,
    text: String,
    policy: Policy,
    source: SourceOp,
}

/// How often something came about, to see that the cases are worth their time.
#[derive(Debug, Default)]
struct Tally {
    refused: u64,
    allowed: u64,
    denied: u64,
    converted: u64,
    errors: u64,
    decided_early: u64,
    asked: u64,
}

impl Case {
    fn new(number: u64) -> Option<Self> {
        let mut rng = Rng::keyed((number, "policy"));
        let kind = &KINDS[rng.below(KINDS.len())];
        let source = harness::source(rng.pick(kind.sources));
        let text = policies::policy(rng, kind);
        let root = MemoryRoot::new(&[("data.json", r#"{"team": "infra"}"#), ("infra", r#"{"team": "app"}"#)]);
        let policy = load_files(&[("p.rego", &text)], Some(root), false).ok()?;
        Some(Self { number, text, policy, source })
    }

    fn check(&self, facts: &Facts) -> Result<Outcome, PolicyError> {
        check(&self.policy, &self.source, facts)
    }

    fn failure(&self, what: &str, facts: &Facts) -> Result<(), String> {
        let Self { number, text, source, .. } = self;
        Err(format!("case {number}: {}\n{text}\n{what}\nfacts: {facts:?}", source.identifier))
    }

    /// An answer given early is the answer in every world that agrees with what was known.
    fn early_answers_stand(&self, tally: &mut Tally) -> Result<(), String> {
        for attempt in 0..2_u64 {
            let of = self.number * 8 + attempt;
            let mut rng = Rng::keyed((of, "known"));
            let mut known = Known::new();
            let facts = World::new(of).some_facts(&self.source, &mut known, &mut |_| some_of(&mut rng));
            let early = self.check(&facts);
            if matches!(early, Ok(Outcome::Needs(_))) {
                tally.asked += 1;
                continue;
            }
            tally.decided_early += 1;
            for seed in [of, of + 1_000_003, of + 2_000_003] {
                let complete = World::agreeing(of, &known, seed).facts(&self.source);
                let late = self.check(&complete);
                let essence = |answer| essence(answer, &self.source, &complete);
                if essence(&late) != essence(&early) {
                    let what = format!("early {early:?}\nlate {late:?}\nlate facts: {complete:?}");
                    return self.failure(&what, &facts);
                }
            }
        }
        Ok(())
    }

    /// Asking and answering ends, with the answer that is given when all is known from the start.
    fn asking_ends(&self, tally: &mut Tally) -> Result<(), String> {
        let world = World::new(self.number);
        let mut facts = Facts::default();
        let mut asked: Vec<String> = Vec::new();
        let mut has_materials = false;
        let answer = loop {
            let requests = match self.check(&facts) {
                Ok(Outcome::Needs(requests)) => requests,
                answer => break answer,
            };
            has_materials |= requests.iter().any(|request| request.source != self.source);
            let rounds = if has_materials { 10 } else { 4 };
            if requests.is_empty() || asked.len() >= rounds {
                return self.failure(&format!("asked {requests:?} after {asked:#?}"), &facts);
            }
            asked.push(format!("{requests:?}"));
            for request in requests {
                let metadata = world.metadata(&request.source, &request.wanted, &mut Known::new());
                facts.insert(request.source, request.platform, metadata);
            }
        };
        let all = world.facts(&self.source);
        let complete = self.check(&all);
        let essence = |answer| essence(answer, &self.source, &all);
        if essence(&answer) != essence(&complete) {
            let what = format!("asked {asked:#?}\nin the end {answer:?}\nknowing all {complete:?}");
            return self.failure(&what, &facts);
        }
        match essence(&answer).unwrap_or_default().split(' ').next().unwrap_or_default() {
            "Allow" => tally.allowed += 1,
            "Deny" => tally.denied += 1,
            "Convert" => tally.converted += 1,
            _ => tally.errors += 1,
        }
        Ok(())
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Tries every `step`th case from `first` on.
fn try_cases(first: u64, end: u64, step: usize) -> (Tally, Vec<(usize, String)>) {
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    for number in (first..end).step_by(step) {
        let Some(case) = Case::new(number) else {
            tally.refused += 1;
            continue;
        };
        let result = case.early_answers_stand(&mut tally).and_then(|()| case.asking_ends(&mut tally));
        failures.extend(result.err().map(|failure| (case.text.len(), failure)));
    }
    (tally, failures)
}

#[test]
#[allow(clippy::print_stdout, reason = "what a soak has seen")]
fn what_is_hidden_decides_nothing() {
    let (first, cases) = (number("SOUNDNESS_FIRST", 0), number("SOUNDNESS_CASES", 2_000));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (tallies, failures): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let threads: Vec<_> = (first..)
            .take(threads)
            .map(|first_of_thread| scope.spawn(move || try_cases(first_of_thread, first + cases, threads)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).unzip()
    });
    println!("{tallies:?}");
    // The shortest is the easiest to understand.
    let mut failures: Vec<_> = failures.into_iter().flatten().collect();
    failures.sort();
    if let Some((_, shortest)) = failures.first() {
        panic!("{} of {cases} cases fail, such as\n{shortest}", failures.len());
    }
    // The cases must stay worth their time.
    let sum = |count: fn(&Tally) -> u64| tallies.iter().map(count).sum::<u64>();
    assert!(sum(|tally| tally.refused) * 2 < cases, "too many policies do not load");
    if cases >= 1_000 {
        for count in [
            sum(|tally| tally.allowed),
            sum(|tally| tally.denied),
            sum(|tally| tally.converted),
            sum(|tally| tally.errors),
            sum(|tally| tally.decided_early),
            sum(|tally| tally.asked),
        ] {
            assert!(count * 200 > cases, "something is hardly ever seen");
        }
    }
}
