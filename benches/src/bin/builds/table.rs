//! Times of cases, printed as medians.

use std::io::Write;
use std::time::Duration;

/// One case, and how long each of its runs took.
pub(crate) struct Case<'a> {
    pub(crate) name: &'static str,
    run: Box<dyn FnMut() -> Duration + 'a>,
    times: Vec<Duration>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> Duration + 'a) -> Self {
        Self { name, run: Box::new(run), times: Vec::new() }
    }
}

/// Runs every case `runs` times, in turn, after one that doesn't count; prints a table in Markdown. The first
/// case is what the others are compared with.
pub(crate) fn measure(title: &str, runs: usize, cases: &mut [Case<'_>]) {
    for round in 0..=runs {
        for case in &mut *cases {
            let took = (case.run)();
            if round > 0 {
                case.times.push(took);
            }
        }
    }
    let mut out = std::io::stdout().lock();
    let base = cases.first_mut().map_or(0.0, |case| median(&mut case.times));
    let mut print = |line: String| writeln!(out, "{line}").expect("standard output");
    print(format!("\n{title}, median of {runs} runs\n\n| case | ms | added ms | ratio | fastest ms |"));
    print("|---|---|---|---|---|".to_owned());
    for case in cases {
        let time = median(&mut case.times);
        let fastest = case.times.first().map_or(0.0, |time| time.as_secs_f64() * 1e3);
        let (added, ratio) = (time - base, time / base);
        print(format!("| {} | {time:.0} | {added:+.0} | {ratio:.3} | {fastest:.0} |", case.name));
    }
}

/// In milliseconds; sorts.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}
