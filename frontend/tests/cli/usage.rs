//! Arguments that cannot be understood, and what is printed without deciding anything.

use insta::assert_snapshot;

use crate::harness::{Place, fixture, run_in};

#[test]
fn unknown_flag() {
    assert_snapshot!(Place::new().run(["eval", "--nope", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: unexpected argument '--nope' found

      tip: to pass '--nope' as a value, use '-- --nope'

    Usage: policy-check eval [OPTIONS] <SOURCE>

    For more information, try '--help'.
    "#);
}

#[test]
fn missing_source() {
    assert_snapshot!(Place::new().run(["eval"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: the following required arguments were not provided:
      <SOURCE>

    Usage: policy-check eval <SOURCE>

    For more information, try '--help'.
    "#);
}

#[test]
fn missing_default_policy() {
    assert_snapshot!(Place::new().run(["eval", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is no policy `Dockerfile.rego`
    help: create `Dockerfile.rego`, or name another policy with `--file` or `--policy`
    "#);
}

#[test]
fn missing_named_policy() {
    assert_snapshot!(Place::new().run(["eval", "-f", "app.Dockerfile", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is no policy `app.Dockerfile.rego`
    help: create `app.Dockerfile.rego`, or name another policy with `--file` or `--policy`
    "#);
    assert_snapshot!(Place::new().run(["eval", "--policy", "filename=nope.rego", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is no policy `nope.rego`
    help: create `nope.rego`, or name another policy with `--file` or `--policy`
    "#);
}

#[test]
fn policy_that_is_a_folder_or_no_text() {
    let place = Place::new();
    place.write("Dockerfile.rego/x", "");
    place.write("bytes.rego", [0xff, 0xfe]);
    assert_snapshot!(place.run(["eval", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read policy `Dockerfile.rego`: a folder, not a file
    "#);
    assert_snapshot!(place.run(["eval", "-f", "bytes", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: policy `bytes.rego` is not UTF-8 text
    "#);
}

#[test]
fn policy_file_over_its_limit() {
    let place = Place::new();
    place.write("Dockerfile.rego", vec![b' '; (4 << 20) + 1]);
    assert_snapshot!(place.run(["eval", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read policy `Dockerfile.rego`: larger than the limit of 4194304 bytes
    "#);
}

#[test]
fn policy_grammar() {
    assert_snapshot!(Place::new().run(["eval", "--policy", "color=red", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: invalid value 'color=red' for '--policy <POLICY>': unknown key `color` in `color=red`: known are filename, reset, disabled, strict and log-level

    For more information, try '--help'.
    "#);
    assert_snapshot!(Place::new().run(["eval", "--policy", "disabled=true,reset=true", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: `--policy disabled=true` cannot be combined with other policy options
    "#);
    assert_snapshot!(Place::new().run(["eval", "--policy", "reset=true", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: no policy to evaluate
    help: name one with `--file` or `--policy filename=PATH`
    "#);
}

#[test]
fn missing_policy_root() {
    let place = Place::with_policy("package docker\n\ndecision := {\"allow\": true}\n");
    assert_snapshot!(place.run(["eval", "--policy-root", "nope", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot open the policy's root `nope`: No such file or directory (os error 2)
    help: name a folder that exists with `--policy-root`
    "#);
}

#[test]
fn sources_that_are_none() {
    let place = Place::with_policy("package docker\n\ndecision := {\"allow\": true}\n");
    for source in [
        "alpine:3.21",
        "docker-image://Foo/BAR",
        "ftp://user:s3cret@host/file",
        "https://user:s3cret@host:x/",
    ] {
        let run = place.run(["eval", source]).finish();
        assert_eq!(run.code, 2, "{source}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{source}: {}", run.stderr);
        assert!(!run.stderr.contains("s3cret"), "{source}: {}", run.stderr);
    }
    assert_snapshot!(place.run(["eval", "alpine:3.21"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: `alpine:3.21` is neither a source URL nor a path on this machine: No such file or directory (os error 2)
    help: write `docker-image://REF`, `oci-layout://PATH[:TAG]`, a git URL, an http(s) URL or a path
    "#);
}

#[test]
fn invalid_platform() {
    assert_snapshot!(Place::new().run(["eval", "--platform", "linux//", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: invalid value 'linux//' for '--platform <PLATFORM>': invalid platform "linux//": it must look like linux/amd64 or linux/arm/v7

    For more information, try '--help'.
    "#);
}

#[test]
fn fields_without_print() {
    assert_snapshot!(Place::new().run(["eval", "--fields", "image.labels", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: the following required arguments were not provided:
      --print

    Usage: policy-check eval --print --fields <FIELDS> <SOURCE>

    For more information, try '--help'.
    "#);
}

#[test]
fn help() {
    assert_snapshot!(Place::new().run(["--help"]).shown(), @r#"
    exit: 0
    -- stdout --
    Decides by Rego policy which sources a container build may use

    Usage: policy-check [OPTIONS] <COMMAND>

    Commands:
      eval         Decide about one source
      dry-run      Decide about every source of a build, before it is built
      lock         Write what the sources of a build are now, or check what was written
      lint         Find likely mistakes in policies and their tests
      test         Run the tests of policies
      init         Write a policy to begin with, and its tests, beside a Dockerfile
      bundle       Push, pull, check and pin policies and libraries
      replay       Decide recorded conversations again and compare
      serve        Hold every build of a buildkitd to policy
      trust        Update, look at or check the trust roots that signatures are verified against
      cache        Look at, shrink or empty what is kept from one run to the next
      schema       Print the JSON Schema of a policy's input or decision, of a report or a snapshot
      completions  Print a shell's completion script

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Output:
          --color <WHEN>
              When to use colours and symbols

              Possible values:
              - auto:   On a terminal, unless `NO_COLOR` is set
              - always: Always
              - never:  Never
              
              [default: auto]

      -q, --quiet
              Print errors and denials only

      -v, --verbose
              Say more about what happens

    Exit codes:
      0  every source is allowed
      1  at least one source is denied
      2  bad usage or configuration
      3  no decision: a source cannot be resolved, or a policy fails
    -- stderr --
    "#);
    assert_snapshot!(Place::new().run(["eval", "-h"]).shown(), @r"
    exit: 0
    -- stdout --
    Decide about one source

    Usage: policy-check eval [OPTIONS] <SOURCE>

    Arguments:
      <SOURCE>  Image (`docker-image://REF`), layout (`oci-layout://PATH[:TAG][@DIGEST]`), git or
                http(s) URL, or a path

    Options:
          --fields <FIELDS>  Properties to look up for `--print`, such as `image.labels`
          --print            Print the input that a policy would see, and decide nothing
          --format <FORMAT>  How to report [default: human] [possible values: human, json]
          --explain          Report which rules held, and what was asked for and why
      -h, --help             Print help (see more with '--help')

    Policies:
      -f, --file <FILE>        Dockerfile whose policy to use (`.rego` is appended), a `.rego` file, or
                               `-` for standard input [default: Dockerfile]
          --policy <POLICY>    Further policy: a path, or `filename=PATH,…` with reset=, disabled=,
                               strict=, log-level=
          --policy-root <DIR>  Folder that imports, data files and `filename=` are relative to [default:
                               the working directory]
          --strict             Refuse policies that there are warnings about

    Build:
          --platform <PLATFORM>    Platform of the build [default: this machine's, on Linux]
          --build-arg <KEY=VALUE>  Build argument, `KEY=VALUE` or `KEY` to take it from the environment
          --label <KEY=VALUE>      Label that the build sets
          --target <STAGE>         Target stage

    Connections:
          --insecure-registry <HOST>  Registry to speak plain HTTP with; loopback needs no flag
          --ca-cert <FILE>            Certificates to trust beside the system's, in PEM

    Trust:
          --trust-root <[NAME=]FILE>  Trust signatures under this `trusted_root.json`, too [default
                                      name: that of the file]

    Snapshots:
          --snapshot <FILE>  Write everything that is looked up to this file
          --offline <FILE>   Use no network: take everything from a snapshot, the time included

    Cache:
          --cache-dir <DIR>    Folder to keep manifests and attestations in [default: `policy-check` in
                               the user's cache folder]
          --cache-size <SIZE>  How much to keep, such as 1GiB [default: 512MiB]
          --no-cache[=<BOOL>]  Keep nothing, and use nothing that was kept

    Output:
          --color <WHEN>  When to use colours and symbols [default: auto] [possible values: auto,
                          always, never]
      -q, --quiet         Print errors and denials only
      -v, --verbose       Say more about what happens
    -- stderr --
    ");
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = Place::new().run(["completions", shell]).finish();
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{shell}");
        for command in ["eval", "dry-run", "lock", "replay", "serve", "cache", "schema", "completions"] {
            assert!(run.stdout.contains(command), "{shell}: {command}");
        }
    }
}

/// Bash calls the function of the script with the program, the word at the cursor and the one before.
#[test]
fn bash_completes_subcommands_and_values() {
    let place = Place::new();
    place.write("policy-check.bash", place.run(["completions", "bash"]).finish().stdout);
    let script = r#"
        source policy-check.bash
        function=$(complete -p policy-check | sed 's/.* -F \([^ ]*\) .*/\1/')
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]}"
    "#;
    for (words, expected) in [
        (&["bundle", ""][..], "push"),
        (&["bundle", "push", "--lay"], "--layout"),
        (&["bundle", "push", "--layout", ""], "opa conftest"),
        (&["dry-run", "--libraries"], "--libraries-from"),
        (&["init", "--starter", ""], "baseline strict library"),
        (&["lint", "--format", ""], "human json sarif github"),
        (&["schema", ""], "test-report"),
        (&["test", "--min"], "--min-coverage"),
    ] {
        let mut bash = std::process::Command::new("bash");
        bash.args(["--norc", "-c", script, "bash", "policy-check"]).args(words).current_dir(place.path());
        let output = bash.output().expect("bash");
        let replies = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            replies.contains(expected),
            "{words:?}: {replies}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn recordings_that_are_none() {
    let place = Place::new();
    place.write("broken.jsonl", "{\"case\": 1}\n");
    place.write("empty.jsonl", "\n");
    assert_snapshot!(place.run(["replay", "nope.jsonl"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read recordings `nope.jsonl`: No such file or directory (os error 2)
    "#);
    assert_snapshot!(place.run(["replay", "broken.jsonl"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: broken.jsonl:1: not a recording: invalid type: integer `1`, expected struct Case at line 1 column 10
    help: the format is described in `docs/replay.md`
    "#);
    assert_snapshot!(place.run(["replay", "empty.jsonl"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: no recordings in `empty.jsonl`
    "#);
}

#[test]
fn root_of_recordings_is_missing() {
    let run = run_in(&fixture("."), ["replay", "transcripts.jsonl", "--root", "nope"]).finish();
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("cannot open the policy's root `nope`"), "{}", run.stderr);
}

/// What `README.md` shows is what one gets.
#[test]
fn readme_examples() {
    let readme = include_str!("../../../README.md");
    let mut examples = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().expect("a block");
        let Some((command, output)) = block.split_once('\n').filter(|(_, output)| !output.is_empty()) else {
            continue;
        };
        let Some(args) = command.strip_prefix("$ cargo run --release -- ") else { continue };
        let run = run_in(&fixture(".."), args.split(' ')).finish();
        assert_eq!(run.stdout, output, "{command}");
        examples += 1;
    }
    assert_eq!(examples, 2);
}

/// The documentation leaves no flag out.
#[test]
fn documentation_names_every_flag() {
    let documentation = concat!(
        include_str!("../../../docs/cli.md"),
        include_str!("../../../docs/replay.md"),
        include_str!("../../../docs/serve.md"),
    );
    for command in [
        "eval",
        "dry-run",
        "lock",
        "lint",
        "replay",
        "test",
        "init",
        "bundle push",
        "bundle pull",
        "bundle verify",
        "bundle lock",
        "serve",
        "trust update",
        "trust show",
        "trust verify",
        "cache info",
        "cache prune",
        "cache clear",
    ] {
        let help = Place::new().run(command.split(' ').chain(["--help"])).finish().stdout;
        let flags = help.split_whitespace().filter(|word| word.starts_with("--"));
        let flags: Vec<_> = flags.filter_map(|flag| flag.split(['[', ',', '.', '`']).next()).collect();
        assert!(flags.len() > 4, "{help}");
        for flag in flags.into_iter().filter(|flag| *flag != "--help") {
            assert!(documentation.contains(flag), "{command} {flag}");
        }
    }
}

/// Messages of the resolvers name flags of the command line: those that it has.
#[test]
fn flags_that_errors_name_exist() {
    use policy_check::resolve::transport::TransportError;

    let help = Place::new().run(["eval", "--help"]).shown();
    let (url, detail) = (String::from("https://h"), String::from("bad certificate"));
    let errors = [TransportError::NotTls { url: url.clone() }, TransportError::Tls { url, detail }];
    for error in errors.map(|error| error.to_string()) {
        let flag = error.split_whitespace().find(|word| word.starts_with("--")).unwrap();
        assert!(help.contains(flag), "{error}");
    }
}
