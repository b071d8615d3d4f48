//! Checkstyle's XML, which most continuous-integration servers read.

use super::{Report, ends, place, shown, word};
use crate::diagnostic::Finding;
use crate::source::Sources;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The format. It gathers by file, since a file may be part of several configurations.
#[derive(Debug, Default)]
pub struct Checkstyle {
    files: BTreeMap<String, Vec<String>>,
}

impl Report for Checkstyle {
    fn add(&mut self, sources: &Sources, findings: &[Finding], _: &mut dyn Write) -> io::Result<()> {
        for finding in findings {
            let (start, _) = ends(sources, finding.primary.span);
            let element = format!(
                r#"<error line="{}" column="{}" severity="{}" message="{}" source="redirlint.{}"/>"#,
                start.line,
                start.column,
                word(finding.severity),
                attribute(&finding.message),
                attribute(finding.rule)
            );
            self.files.entry(place(sources.file(finding.file()).path())).or_default().push(element);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<checkstyle version=\"4.3\">")?;
        for (path, errors) in &self.files {
            writeln!(out, "  <file name=\"{}\">", attribute(path))?;
            errors.iter().try_for_each(|error| writeln!(out, "    {error}"))?;
            writeln!(out, "  </file>")?;
        }
        writeln!(out, "</checkstyle>")
    }
}

/// Text inside double quotes. Control characters are spelled out first: XML 1.0 cannot hold them at all.
fn attribute(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in shown::escape(&text.replace("\r\n", "\n")).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_do_not_reach_the_xml() {
        let text = crate::report::samples::print(&mut Checkstyle::default());
        assert!(text.contains(r#"<file name="site/a b,%:&lt;&amp;.htaccess">"#), "{text}");
        assert!(text.contains(
            r#"message="100%, &lt;script&gt;alert(&apos;x&apos;)&lt;/script&gt;&#10;:: \u{1b}[31m\u{202e}&quot;&amp;\u{0}""#
        ));
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
    }

    #[test]
    fn a_run_without_findings_is_a_document_too() {
        let mut out = Vec::new();
        Checkstyle::default().end(&mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with("<checkstyle version=\"4.3\">\n</checkstyle>\n"));
    }
}
