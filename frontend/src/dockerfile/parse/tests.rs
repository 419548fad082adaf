use super::{Arguments, Dockerfile, LineRange, detect_syntax};

fn parse(text: &str) -> Dockerfile {
    Dockerfile::parse(text).unwrap()
}

/// Keywords, arguments and lines.
fn shown(text: &str) -> Vec<String> {
    let line = |instruction: &super::Instruction| {
        let LineRange { first, last } = instruction.lines;
        let flags = instruction.flags.iter().map(|flag| format!(" [{flag}]")).collect::<String>();
        let args = instruction.arguments.flat().join("|");
        format!("{first}-{last} {}{flags} {args}", instruction.keyword)
    };
    parse(text).instructions.iter().map(line).collect()
}

#[test]
fn lines_continue() {
    for (text, expected) in [
        ("FROM a\nRUN x", &["1-1 FROM a", "2-2 RUN x"][..]),
        ("\n\n  from  a \t AS b \n", &["3-3 from a|AS|b"]),
        ("RUN a \\\n  b \\  \n\n# c\n  # d\n c\nRUN d", &["1-6 RUN a   b  c", "7-7 RUN d"]),
        ("RUN a\\\\\nRUN b", &["1-1 RUN a\\\\", "2-2 RUN b"]),
        ("RUN a\\", &["1-1 RUN a"]),
        ("\u{feff}FROM a\r\nRUN b \\\r\n c\r\n", &["1-1 FROM a", "2-3 RUN b  c"]),
        ("# escape=`\nRUN a `\n b\\\nRUN c", &["2-3 RUN a  b\\", "4-4 RUN c"]),
        ("#escape = ` \n# syntax=x\nRUN a`\nb", &["3-4 RUN ab"]),
        ("# hello\n# escape=`\nRUN a`\nb", &["3-3 RUN a`", "4-4 b "]),
        ("#!/bin/x\n# escape=`\nRUN a`\n", &["3-3 RUN a`"]),
        ("FROM a # b", &["1-1 FROM a|#|b"]),
        ("\\\nFROM a", &["1-2 FROM a"]),
    ] {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn arguments_are_split_as_each_instruction_wants_them() {
    for (line, expected) in [
        (r#"RUN ["a", "b c"]"#, "RUN a|b c"),
        (r#"RUN ["a", 'b']"#, r#"RUN ["a", 'b']"#),
        ("RUN a  b", "RUN a  b"),
        (r#"COPY ["a b","c"]"#, "COPY a b|c"),
        ("COPY a  b\tc", "COPY a|b|c"),
        ("COPY --from=x --link a b", "COPY [--from=x] [--link] a|b"),
        (r#"COPY --from="a b" --chown=a\ b -- --c d"#, "COPY [--from=a b] [--chown=a b] --c|d"),
        ("RUN --mount=a --mount=b --x", "RUN [--mount=a] [--mount=b] [--x] "),
        ("ENV a=b c='d e' f=g\\ h", "ENV a|b|c|'d e'|f|g\\ h"),
        ("ENV a b  c=d", "ENV a|b  c=d"),
        ("ARG a b=c d=\"e f\"", "ARG a|b=c|d=\"e f\""),
        ("ONBUILD COPY --from=a b c", "ONBUILD COPY|b|c"),
        ("HEALTHCHECK --retries=1 CMD [\"a\"]", "HEALTHCHECK [--retries=1] CMD|a"),
        ("WORKDIR a b", "WORKDIR a b"),
        ("WHATEVER a b", "WHATEVER "),
    ] {
        assert_eq!(shown(line), [format!("1-1 {expected}")], "{line}");
    }
}

#[test]
fn here_documents() {
    let parsed =
        parse("RUN <<A cat <<-'B' 3<<C\na\n A\nA\n\tb\n\tB\nC\nCOPY <<D /\nD\nRUN [\"<<E\"]\nUSER <<F\n");
    let [run, copy, json, user] = parsed.instructions.as_slice() else { panic!("four instructions") };
    let documents: Vec<_> = run
        .here_documents
        .iter()
        .map(|d| (&*d.name, &*d.text, d.expand, d.strip_tabs, d.descriptor))
        .collect();
    assert_eq!(
        documents,
        [("A", "a\n A\n", true, false, 0), ("B", "\tb\n", false, true, 0), ("C", "", true, false, 3)]
    );
    assert_eq!((run.lines.last, copy.lines.first, copy.lines.last), (7, 8, 9));
    assert!(json.here_documents.is_empty() && user.here_documents.is_empty());
    let trigger = parse("ONBUILD RUN <<A\nx\nA\n");
    assert_eq!(trigger.instructions[0].here_documents.len(), 1);
    for none in ["RUN \"<<A\"", "RUN a<<A", "RUN <<", "RUN <<<A", "RUN '<<A'"] {
        assert!(parse(none).instructions[0].here_documents.is_empty(), "{none}");
    }
}

#[test]
fn what_is_no_dockerfile() {
    let long = format!("FROM a\nRUN {}\n", "x".repeat(70_000));
    for (text, line, message) in [
        ("", 0, "no instructions"),
        ("# a\n\n", 0, "no instructions"),
        ("# escape=x\nFROM a", 1, "the escape character"),
        ("# escape=`\n# Escape=`\nFROM a", 2, "given twice"),
        ("FROM a\nENV b", 2, "needs a name and a value"),
        ("FROM a\nENV b=c d", 2, "has no `=`"),
        ("FROM a\nRUN [\"a\", 1]", 2, "strings only"),
        ("FROM a\nRUN <<A\nb", 2, "`A` does not end"),
        ("FROM a\nRUN <<A <<B\nA\n", 2, "`B` does not end"),
        (&long, 2, "longer than 65535 bytes"),
        (&"ONBUILD ".repeat(50), 1, "nested too deep"),
        (&"RUN\n".repeat(20_001), 20_001, "more than 20000 instructions"),
        (&" ".repeat((1 << 20) + 1), 0, "limit of 1048576 bytes"),
    ] {
        let error = Dockerfile::parse(text).unwrap_err();
        assert!(error.message.contains(message), "{error}");
        assert_eq!(error.lines.first, line, "{error}");
    }
}

#[test]
fn frontends() {
    for (text, image, line) in [
        ("# syntax=docker/dockerfile:1\nFROM a", Some("docker/dockerfile:1"), 1),
        ("#SYNTAX = a b c \r\nFROM a", Some("a"), 1),
        ("# escape=`\n# syntax=a\n", Some("a"), 2),
        ("#!/usr/bin/env x\n#syntax=a", Some("a"), 2),
        ("\u{feff}# syntax=a", Some("a"), 1),
        ("// syntax=a\nx", Some("a"), 1),
        ("{\"syntax\": \"a\"}", Some("a"), 1),
        ("\n# syntax=a", None, 0),
        ("# hi\n# syntax=a", None, 0),
        ("FROM a", None, 0),
        (" # syntax=a", None, 0),
        ("# syntax=", None, 0),
    ] {
        let found = detect_syntax(text);
        assert_eq!(found.as_ref().map(|syntax| syntax.image.as_str()), image, "{text}");
        assert_eq!(found.map_or(0, |syntax| syntax.lines.first), line, "{text}");
    }
}

#[test]
fn the_text_of_an_instruction_is_one_line() {
    let parsed = parse("FROM a \\\n  # b\n  AS c\n");
    assert_eq!(parsed.instructions[0].text, "FROM a   AS c");
    assert!(matches!(&parsed.instructions[0].arguments, Arguments::Words(words) if words.len() == 3));
}
