use super::{Command, MountKind, Stages, Step};
use crate::dockerfile::parse::{Dockerfile, LineRange};

fn read(text: &str) -> Result<Stages, (u32, String)> {
    let parsed = Dockerfile::parse(text).map_err(|error| (error.lines.first, error.message))?;
    Stages::read(&parsed).map_err(|error| (error.lines.first, error.message))
}

#[test]
fn stages_have_names_and_steps() {
    let all =
        read("ARG A=1\nARG B\nFROM --platform=$P x\nFROM y as Build.1\nRUN a\nCOPY --from=0 a b\n").unwrap();
    assert_eq!(all.global_args.len(), 2);
    let [first, second] = all.stages.as_slice() else { panic!("two stages") };
    assert_eq!((&*first.name, &*first.base, &*first.platform), ("", "x", "$P"));
    assert_eq!((&*second.name, second.lines.first, second.steps.len()), ("build.1", 4, 2));
    assert!(matches!(&second.steps[1].command, Command::Copy(copy) if copy.from == "0"));
}

#[test]
fn what_buildkit_refuses_is_refused_with_its_line() {
    for (text, line, message) in [
        ("ARG A", 0, "no FROM"),
        ("RUN x\nFROM a", 1, "no FROM before"),
        ("ONBUILD RUN x\nFROM a", 1, "no FROM before"),
        ("FROM", 1, "FROM needs"),
        ("FROM a b", 1, "FROM needs"),
        ("FROM a AS 1x", 1, "not a valid name"),
        ("FROM a AS x/y", 1, "not a valid name"),
        ("FROM --x=y a", 1, "unknown flag `--x`"),
        ("FROM --platform a", 1, "needs a value"),
        ("FROM --platform=a --platform=b a", 1, "given twice"),
        ("FROM a\nFOO x", 2, "unknown instruction \"FOO\""),
        ("FROM a\nCOPY x", 2, "at least two arguments"),
        ("FROM a\nCOPY x <<E\nE\n", 2, "as its destination"),
        ("FROM a\nCOPY --link=maybe a b", 2, "true or false"),
        ("FROM a\nADD --from=x a b", 2, "unknown flag `--from`"),
        ("FROM a\nENV =x", 2, "can't be empty"),
        ("FROM a\nENV", 2, "at least one"),
        ("FROM a\nARG =x", 2, "can't be empty"),
        ("FROM a\nWORKDIR", 2, "exactly one"),
        ("FROM a\nUSER --x a", 2, "unknown flag"),
        ("FROM a\nVOLUME [\" \"]", 2, "not empty"),
        ("FROM a\nSHELL sh", 2, "JSON array"),
        ("FROM a\nONBUILD", 2, "at least one"),
        ("FROM a\nONBUILD FROM b", 2, "FROM can't be"),
        ("FROM a\nONBUILD ONBUILD RUN b", 2, "ONBUILD can't be"),
        ("FROM a\nHEALTHCHECK NONE x", 2, "no arguments"),
        ("FROM a\nHEALTHCHECK FOO", 2, "not a type"),
        ("FROM a\nHEALTHCHECK CMD", 2, "needs a command"),
        ("FROM a\nHEALTHCHECK --x=1 CMD a", 2, "unknown flag"),
        ("FROM a\nRUN --network=x a", 2, "--network"),
        ("FROM a\nRUN --mount=from=$x a", 2, "not expanded"),
        ("FROM a\nRUN --mount=a\\\"b a", 2, "--mount"),
    ] {
        let (at, found) = read(text).unwrap_err();
        assert!(found.contains(message), "{text:?}: {found}");
        assert_eq!(at, line, "{text:?}");
    }
    for text in
        ["FROM a\nSTOPSIGNAL --x 9", "FROM a\nARG --x A", "FROM a\nCMD", "FROM a\nRUN", "FROM a\nARG a=b c"]
    {
        assert!(read(text).is_ok(), "{text}");
    }
    let many = "FROM a\n".repeat(1001);
    assert!(read(&many).unwrap_err().1.contains("more than 1000 stages"));
}

#[test]
fn mounts_are_read_when_they_are_used() {
    let all = read("FROM a\nRUN --mount=TYPE=$t,from=b,Target=/m,ro --mount=x=y c\n").unwrap();
    let Command::Run(run) = &all.stages[0].steps[0].command else { panic!("a RUN") };
    let [first, second] = run.mounts.as_slice() else { panic!("two mounts") };
    assert_eq!(first.from, "b");
    let expand = |kind: &'static str| move |word: &str| Ok(word.replace("$t", kind));
    assert_eq!(first.kind(expand("bind")), Ok(MountKind::Bind));
    assert_eq!(first.kind(expand("Cache")), Ok(MountKind::Cache));
    assert_eq!(first.kind(expand("tmpfs")), Ok(MountKind::Other));
    assert!(first.kind(expand("secret")).unwrap_err().contains("from"));
    assert!(first.kind(expand("x")).unwrap_err().contains("unknown type"));
    assert!(second.kind(|word| Ok(word.to_owned())).unwrap_err().contains("unknown key"));
}

#[test]
fn triggers_are_single_instructions() {
    let lines = LineRange { first: 7, last: 8 };
    let step = Step::trigger("COPY <<E /x\na\nE", lines).unwrap();
    assert_eq!(step.lines, lines);
    for bad in ["", "RUN a\nRUN b", "FROM a", "FOO"] {
        assert_eq!(Step::trigger(bad, lines).unwrap_err().lines, lines, "{bad}");
    }
    let all = read("FROM a\nonbuild  COPY <<E /x\na\nE\n").unwrap();
    let Command::OnBuild(text) = &all.stages[0].steps[0].command else { panic!("an ONBUILD") };
    assert_eq!(text, "COPY <<E /x\na\nE");
}
