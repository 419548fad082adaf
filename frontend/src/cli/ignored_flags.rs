//! Flags of `docker buildx build` that make no difference for the sources of a build: taken and ignored, so that the
//! command line of a build can be used as it is.

use clap::{Arg, ArgAction, ArgMatches, Command};

/// Flags with a value, each perhaps given several times, with their short forms.
const WITH_VALUE: &[(&str, Option<char>)] = &[
    ("add-host", None),
    ("allow", None),
    ("annotation", None),
    ("builder", None),
    ("cache-from", None),
    ("cache-to", None),
    ("call", None),
    ("cgroup-parent", None),
    ("cpu-period", None),
    ("cpu-quota", None),
    ("cpu-shares", Some('c')),
    ("cpuset-cpus", None),
    ("cpuset-mems", None),
    ("iidfile", None),
    ("isolation", None),
    ("memory", Some('m')),
    ("memory-swap", None),
    ("metadata-file", None),
    ("network", None),
    ("no-cache-filter", None),
    ("progress", None),
    ("resource", None),
    ("secret", None),
    ("security-opt", None),
    ("shm-size", None),
    ("ssh", None),
    ("tag", Some('t')),
    ("ulimit", None),
];

/// Flags that are switched on, or off with `=false`.
const SWITCHES: &[(&str, Option<char>)] = &[
    ("check", None),
    ("compress", None),
    ("debug", Some('D')),
    ("force-rm", None),
    ("load", None),
    ("pull", None),
    ("push", None),
    ("rm", None),
    ("squash", None),
];

/// The flags that were ignored.
#[derive(Debug, Clone, Default)]
pub(super) struct IgnoredFlags {
    /// Their names, as far as they were given.
    pub(super) given: Vec<&'static str>,
}

impl clap::Args for IgnoredFlags {
    fn augment_args(command: Command) -> Command {
        let arg = |(name, short): &(&'static str, Option<char>)| {
            let arg = Arg::new(*name).long(*name).hide(true).action(ArgAction::Append);
            match short {
                Some(short) => arg.short(*short),
                None => arg,
            }
        };
        let switch = |flag| arg(flag).num_args(0..=1).require_equals(true).default_missing_value("true");
        command.args(WITH_VALUE.iter().map(arg)).args(SWITCHES.iter().map(switch))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for IgnoredFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &&str| matches.get_raw(name).is_some();
        let names = WITH_VALUE.iter().chain(SWITCHES).map(|(name, _)| *name);
        Ok(Self { given: names.filter(given).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
