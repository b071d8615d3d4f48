//! How wide the screen is.

/// Columns where no terminal says otherwise.
const WIDTH: usize = 100;

/// Whether standard output is a screen.
pub fn is_screen() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdout())
}

/// Columns of the terminal on standard output, or what `COLUMNS` says; at least 20.
pub fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let seen = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.or_else(seen).unwrap_or(WIDTH).max(20)
}
