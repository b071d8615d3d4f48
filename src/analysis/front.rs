//! What may stand in front of the server: a configuration seldom says so, but it shows traces.

use super::{Facts, TlsUpstream};
use crate::lower::Dialect;
use crate::syntax::Word;

impl Facts<'_> {
    /// Whether something in front may end TLS: the user says so, or the configuration shows a proxy and no TLS of its own.
    pub fn tls_may_end_in_front(&self) -> bool {
        let own = !self.program.fragment && self.program.listeners.iter().any(|listener| listener.encrypted);
        match self.knobs.tls_upstream {
            TlsUpstream::Always => true,
            TlsUpstream::No => false,
            TlsUpstream::Maybe => !own && self.behind_proxy(),
        }
    }

    /// Whether the configuration shows that requests come through another server.
    pub fn behind_proxy(&self) -> bool {
        let mut shown = false;
        self.each_directive(|directive, _| {
            let name = self.name(directive);
            shown |= name == "set_real_ip_from" || name.starts_with("remoteip");
            // Passing the header on to an upstream says nothing about who stands in front.
            let passes_on = name.ends_with("_set_header") || name.ends_with("_param") || name == "log_format";
            shown |= !passes_on && directive.args.iter().any(|word| self.reads_forwarded(word));
        });
        shown
    }

    /// Whether a word reads one of the headers by which proxies tell of the client.
    fn reads_forwarded(&self, word: &Word) -> bool {
        let word = self.word(word);
        if !word.windows(9).any(|part| part.eq_ignore_ascii_case(b"forwarded")) {
            return false;
        }
        let word = word.to_ascii_lowercase();
        let holds = |name: &[u8]| memchr::memmem::find(&word, name).is_some();
        word.starts_with(b"x-forwarded-") || holds(b"http_x_forwarded_") || holds(b"http:x-forwarded-")
    }

    /// Whether it is a piece of a server's configuration, or of a folder's, that says nothing of a server.
    pub fn is_piece(&self) -> bool {
        if self.options.dialect != Dialect::Apache {
            return self.program.fragment && self.program.sites.iter().all(|site| site.span.is_none());
        }
        const OF_A_SERVER: [&str; 6] =
            ["virtualhost", "listen", "serverroot", "servername", "documentroot", "loadmodule"];
        let mut whole = false;
        self.each_directive(|directive, _| whole |= OF_A_SERVER.contains(&&*self.name(directive)));
        !whole
    }
}
