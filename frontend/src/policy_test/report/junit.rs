//! For CI servers: JUnit's XML as Jenkins and GitLab read it. A policy is a suite.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Report, SuiteReport, TestReport, Verdict};
use crate::report::build::junit::{pairs, xml};

/// The report as one XML document, ending in a newline.
pub fn render(report: &Report) -> io::Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts =
        report.suites.iter().map(counts).fold([0; 4], |all, of| std::array::from_fn(|i| all[i] + of[i]));
    let attributes = attributes("policy-check test", counts);
    let suites = writer.create_element("testsuites").with_attributes(pairs(&attributes));
    suites.write_inner_content(|writer| report.suites.iter().try_for_each(|s| suite(writer, s)))?;
    let mut xml = writer.into_inner();
    xml.push(b'\n');
    String::from_utf8(xml).map_err(io::Error::other)
}

fn suite(writer: &mut Writer<Vec<u8>>, suite: &SuiteReport) -> io::Result<()> {
    let attributes = attributes(&suite.name, counts(suite));
    let element = writer.create_element("testsuite").with_attributes(pairs(&attributes));
    element.write_inner_content(|writer| {
        if !suite.problems.is_empty() {
            let problem = |p: &super::Problem| {
                format!("{}:{}:{}: {}", p.position.file, p.position.line, p.position.column, p.message)
            };
            let problems: Vec<_> = suite.problems.iter().map(problem).collect();
            let complaint = ("error", "not-loaded", "the policy does not load", problems.join("\n"));
            case(writer, suite, "loading the policy", Some(complaint))?;
        }
        suite.tests.iter().try_for_each(|test| case(writer, suite, &test.name, complaint(test)))?;
        suite.skipped.iter().try_for_each(|name| {
            let attributes = [("classname", xml(&suite.name)), ("name", xml(name))];
            let case = writer.create_element("testcase").with_attributes(pairs(&attributes));
            case.write_inner_content(|writer| writer.create_element("skipped").write_empty().map(drop))?;
            Ok(())
        })
    })?;
    Ok(())
}

/// Element, type, message and text.
type Complaint<'t> = (&'static str, &'t str, &'t str, String);

fn case(
    writer: &mut Writer<Vec<u8>>,
    suite: &SuiteReport,
    name: &str,
    complaint: Option<Complaint<'_>>,
) -> io::Result<()> {
    let attributes = [("classname", xml(&suite.name)), ("name", xml(name))];
    let case = writer.create_element("testcase").with_attributes(pairs(&attributes));
    let Some((element, kind, message, text)) = complaint else {
        case.write_empty()?;
        return Ok(());
    };
    case.write_inner_content(|writer| {
        // A line break in an attribute is read as a blank anyway.
        let message = message.lines().collect::<Vec<_>>().join(" ");
        let attributes = [("type", xml(kind)), ("message", xml(&message))];
        let element = writer.create_element(element).with_attributes(pairs(&attributes));
        element.write_text_content(BytesText::new(&xml(&text)))?;
        Ok(())
    })?;
    Ok(())
}

fn complaint(test: &TestReport) -> Option<Complaint<'_>> {
    let (element, message) = match test.verdict {
        Verdict::Passed => return None,
        Verdict::Failed => ("failure", test.message.as_deref().unwrap_or("the test is not true")),
        Verdict::Error => ("error", test.message.as_deref().unwrap_or("the test could not be evaluated")),
    };
    let kind = test.code.as_deref().unwrap_or("failed");
    let mut lines: Vec<String> = Vec::new();
    for at in &test.failed_at {
        let text = at.text.as_deref().unwrap_or_default().trim();
        lines.push(format!("{}:{}:{}: {text}", at.file, at.line, at.column));
    }
    lines.extend(test.hints.iter().map(|hint| format!("help: {hint}")));
    let document = |name: &str, document: serde_json::Result<String>| {
        document.map(|document| format!("{name}: {document}")).unwrap_or_default()
    };
    lines.extend(test.input.iter().map(|input| document("input", serde_json::to_string(input))));
    lines.extend(test.decision.iter().map(|decision| document("decision", serde_json::to_string(decision))));
    lines.extend(test.prints.iter().map(|print| format!("print: {print}")));
    Some((element, kind, message, lines.join("\n")))
}

/// Tests, failures, errors, skipped.
fn counts(suite: &SuiteReport) -> [usize; 4] {
    let of = |verdict| suite.tests.iter().filter(|test| test.verdict == verdict).count();
    let not_loaded = usize::from(!suite.problems.is_empty());
    [
        suite.tests.len() + suite.skipped.len() + not_loaded,
        of(Verdict::Failed),
        of(Verdict::Error) + not_loaded,
        suite.skipped.len(),
    ]
}

fn attributes(name: &str, [tests, failures, errors, skipped]: [usize; 4]) -> [(&'static str, String); 5] {
    [
        ("name", xml(name)),
        ("tests", tests.to_string()),
        ("failures", failures.to_string()),
        ("errors", errors.to_string()),
        ("skipped", skipped.to_string()),
    ]
}
