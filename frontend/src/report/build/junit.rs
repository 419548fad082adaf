//! For CI servers: JUnit's XML as Jenkins and GitLab read it. A build is a suite, a source a test case.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Build, BuildReport, CheckedSource, Problem};
use crate::report::Conclusion;
use crate::report::human::NOT_VERIFIED;

/// How many cases there are, and how many came out badly.
#[derive(Clone, Copy, Default)]
struct Count {
    tests: usize,
    failures: usize,
    errors: usize,
}

/// What is wrong with a case.
struct Complaint {
    element: &'static str,
    kind: String,
    message: String,
    text: String,
}

/// The report as one XML document, ending in a newline.
pub fn render(report: &BuildReport) -> io::Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let total = report.builds.iter().map(Count::of).fold(Count::default(), Count::add);
    let suites = total.attributes("policy-check");
    let suites = writer.create_element("testsuites").with_attributes(pairs(&suites));
    if report.builds.is_empty() {
        suites.write_empty()?;
    } else {
        suites
            .write_inner_content(|writer| report.builds.iter().try_for_each(|build| suite(writer, build)))?;
    }
    let mut xml = writer.into_inner();
    xml.push(b'\n');
    String::from_utf8(xml).map_err(io::Error::other)
}

fn suite(writer: &mut Writer<Vec<u8>>, build: &Build) -> io::Result<()> {
    let attributes = Count::of(build).attributes(build.title());
    let suite = writer.create_element("testsuite").with_attributes(pairs(&attributes));
    if build.sources.is_empty() && build.error.is_none() {
        suite.write_empty()?;
        return Ok(());
    }
    suite.write_inner_content(|writer| {
        if let Some(error) = &build.error {
            case(writer, build, "sources of the build", Some(Complaint::error(error, "")))?;
        }
        build
            .sources
            .iter()
            .try_for_each(|source| case(writer, build, &source.title(), Complaint::about(source)))
    })?;
    Ok(())
}

fn case(
    writer: &mut Writer<Vec<u8>>,
    build: &Build,
    name: &str,
    complaint: Option<Complaint>,
) -> io::Result<()> {
    let attributes = [("classname", xml(build.title())), ("name", xml(name))];
    let case = writer.create_element("testcase").with_attributes(pairs(&attributes));
    let Some(complaint) = complaint else {
        case.write_empty()?;
        return Ok(());
    };
    case.write_inner_content(|writer| {
        // A line break in an attribute is read as a blank anyway.
        let message = complaint.message.lines().collect::<Vec<_>>().join(" ");
        let attributes = [("type", xml(&complaint.kind)), ("message", xml(&message))];
        let element = writer.create_element(complaint.element).with_attributes(pairs(&attributes));
        element.write_text_content(BytesText::new(&xml(&complaint.text)))?;
        Ok(())
    })?;
    Ok(())
}

impl Complaint {
    fn about(source: &CheckedSource) -> Option<Self> {
        let places: Vec<_> = source
            .places
            .iter()
            .map(|place| format!("{}:{}: {}", place.file, place.line, place.instruction))
            .chain(source.position.iter().map(|position| {
                format!("decided at {}:{}:{}", position.file, position.line, position.column)
            }))
            .collect();
        let places = places.join("\n");
        match (source.verdict, &source.error) {
            (Conclusion::Allowed, _) => None,
            (_, Some(error)) => Some(Self::error(error, &places)),
            _ => {
                let message = match source.messages.as_slice() {
                    [] => "denied by policy".to_owned(),
                    messages => messages.join("; "),
                };
                let unverified =
                    source.verification.iter().map(|failure| format!("{NOT_VERIFIED} {failure}"));
                let unverified: Vec<_> = unverified.collect();
                let why = source.messages.iter().chain(&unverified).map(String::as_str);
                let text = why.chain([places.as_str()]);
                let text = text.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
                Some(Self { element: "failure", kind: "denied".to_owned(), message, text })
            }
        }
    }

    fn error(error: &Problem, places: &str) -> Self {
        let help = error.help.iter().map(|help| format!("help: {help}"));
        let text = std::iter::once(error.message.clone()).chain(help).chain([places.to_owned()]);
        let text = text.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
        Self { element: "error", kind: error.code.clone(), message: error.message.clone(), text }
    }
}

impl Count {
    fn of(build: &Build) -> Self {
        let verdicts = || build.sources.iter().map(|source| source.verdict);
        let failed = usize::from(build.error.is_some());
        Self {
            tests: build.sources.len() + failed,
            failures: verdicts().filter(|verdict| *verdict == Conclusion::Denied).count(),
            errors: verdicts().filter(|verdict| *verdict == Conclusion::Undecided).count() + failed,
        }
    }

    fn add(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
        }
    }

    fn attributes(self, name: &str) -> [(&'static str, String); 4] {
        [
            ("name", xml(name)),
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", self.errors.to_string()),
        ]
    }
}

fn pairs<'a, const N: usize>(
    attributes: &'a [(&'static str, String); N],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    attributes.iter().map(|(name, value)| (*name, value.as_str()))
}

/// Without what XML 1.0 has no way to write (section 2.2, "Characters"), not even escaped.
fn xml(text: &str) -> String {
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if fits(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn characters_that_xml_lacks() {
        assert_eq!(xml("a\0b\u{1b}[1m\u{fffe}ü\u{1f600}\n"), "a\u{fffd}b\u{fffd}[1m\u{fffd}ü\u{1f600}\n");
    }
}
