//! Pages in Markdown for a terminal: wrapped to its width, headings and code told apart by colour where there is one.

use unicode_width::UnicodeWidthStr;

/// The page for a screen of `width` columns.
pub fn render(markdown: &str, width: usize, colour: bool) -> String {
    let mut page = Page { out: String::new(), width: width.clamp(20, 100), colour };
    let mut paragraph: Vec<&str> = Vec::new();
    let mut fenced = false;
    for line in markdown.lines() {
        let fence = line.trim_start().starts_with("```");
        let item = line.trim_start().starts_with("- ");
        if fence || fenced || item || line.trim().is_empty() || line.starts_with('#') {
            page.paragraph(&std::mem::take(&mut paragraph));
        }
        match line {
            _ if fence => {
                fenced = !fenced;
                page.fence(line.trim_start().trim_start_matches('`'));
            }
            _ if fenced => page.code(line),
            _ if line.trim().is_empty() => page.blank(),
            _ if line.starts_with('#') => page.heading(line.trim_start_matches('#').trim()),
            _ => paragraph.push(line),
        }
    }
    page.paragraph(&paragraph);
    page.out.trim_end().to_owned() + "\n"
}

struct Page {
    out: String,
    width: usize,
    colour: bool,
}

impl Page {
    fn painted(&self, text: &str, code: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn heading(&mut self, text: &str) {
        let bare = text.replace('`', "");
        let line = self.painted(&bare, "1");
        self.out.push_str(&format!("{line}\n"));
    }

    /// The words behind the fence say whose example it is and whether it is a good one.
    fn fence(&mut self, words: &str) {
        let words: Vec<&str> = words.split_whitespace().filter(|word| !word.contains('=')).collect();
        if !words.is_empty() {
            let line = self.painted(&format!("  [{}]", words.join(", ")), "2");
            self.out.push_str(&format!("{line}\n"));
        }
    }

    fn code(&mut self, line: &str) {
        let line = self.painted(line, "36");
        self.out.push_str(&format!("    {line}\n"));
    }

    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn paragraph(&mut self, lines: &[&str]) {
        if lines.is_empty() {
            return;
        }
        let hanging = if lines.first().is_some_and(|line| line.trim_start().starts_with("- ")) { "  " } else { "" };
        let mut column = 0;
        for word in lines.iter().flat_map(|line| line.split_whitespace()) {
            let wide = word.width();
            if column > 0 && column + 1 + wide > self.width {
                self.out.push('\n');
                self.out.push_str(hanging);
                column = hanging.len();
            } else if column > 0 {
                self.out.push(' ');
                column += 1;
            }
            self.out.push_str(word);
            column += wide;
        }
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::render;

    const PAGE: &str = "# `x` is bad\n\nOne two three four five six seven.\n\n- an item that goes on and on\n\n```htaccess bad\nA  b\n```\n";

    #[test]
    fn text_is_wrapped_and_code_is_not() {
        let shown = render(PAGE, 20, false);
        assert_eq!(
            shown,
            "x is bad\n\nOne two three four\nfive six seven.\n\n- an item that goes\n  on and on\n\n  [htaccess, bad]\n    A  b\n"
        );
    }

    #[test]
    fn colour_is_used_only_where_it_is_asked_for() {
        assert!(!render(PAGE, 80, false).contains('\u{1b}'));
        assert!(render(PAGE, 80, true).contains("\u{1b}[1mx is bad"));
    }
}
