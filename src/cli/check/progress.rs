//! A bar on standard error, on a terminal only, for runs of more than a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// How far a run is. How much there is to do is not known while a list is still read.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    seen: u64,
}

impl Default for Progress {
    /// Nothing done yet.
    fn default() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{spinner} {pos} sites, {per_sec}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { bar, start: Instant::now(), seen: 0 }
    }
}

impl Progress {
    /// One more site is done.
    pub fn step(&mut self) {
        self.seen += 1;
        if self.bar.is_hidden() && self.start.elapsed() > Duration::from_secs(1) {
            // indicatif itself draws nothing where standard error is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(self.seen);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
