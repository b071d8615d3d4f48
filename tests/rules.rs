//! The promise of every rule's page: its bad examples make exactly that rule fire, its good ones keep it silent,
//! and every witness shows what it says when it is replayed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[allow(dead_code)]
#[path = "support/check.rs"]
mod check;
#[path = "support/examples.rs"]
mod examples;

use check::replays;
use examples::{Alone, Example, examples, options};
use redirlint::analysis::{Facts, Knobs};
use redirlint::diagnostic::{Finding, Severity};
use redirlint::lower::{self, Dialect, Options};
use redirlint::rules;
use redirlint::source::Sources;

fn findings(example: &Example, mut replay: impl FnMut(&Facts<'_>, &Finding)) -> Vec<Finding> {
    let mut sources = Sources::new();
    let name = if example.dialect == Dialect::Htaccess { "/srv/www/.htaccess" } else { "example.conf" };
    let main = sources.add(name, example.text.clone().into_bytes());
    let options = Options { version: example.version, ..options(example.dialect) };
    let lowered = lower::lower(&mut sources, main, &options, &Alone);
    let knobs = Knobs::default();
    let facts = Facts::new(&sources, &lowered, &options, &knobs);
    let found = rules::check(&facts);
    found.iter().for_each(|finding| replay(&facts, finding));
    found
}

#[test]
fn bad_examples_fire_exactly_their_rule_and_good_ones_are_silent() {
    let mut wrong = Vec::new();
    for rule in rules::ALL {
        for (at, example) in examples(rule).iter().enumerate() {
            let found = findings(example, |facts, finding| {
                if let Some(witness) = &finding.witness {
                    assert!(replays(facts, witness), "{}: a witness of example {at} does not replay", finding.rule);
                }
            });
            let fired = found.iter().any(|finding| finding.rule == rule.name);
            if fired != example.bad {
                let wanted = if example.bad { "must fire" } else { "must be silent" };
                wrong.push(format!("{} {wanted} on example {at}:\n{}", rule.name, example.text));
            }
            let others = found.iter().filter(|finding| {
                finding.rule != rule.name
                    && finding.severity > Severity::Info
                    && !example.also.iter().any(|name| name == finding.rule)
            });
            wrong.extend(others.map(|finding| {
                format!("{}: example {at} also fires {}: {}", rule.name, finding.rule, finding.message)
            }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn told(dialect: Dialect, text: &str) -> Vec<(&'static str, Severity)> {
    let example = Example { dialect, bad: false, also: Vec::new(), version: None, text: text.to_owned() };
    findings(&example, |_, _| {}).into_iter().map(|finding| (finding.rule, finding.severity)).collect()
}

#[test]
fn of_two_rules_that_speak_of_the_same_words_only_the_better_one_does() {
    let engine = "RewriteEngine On\n";
    for (text, better, other) in [
        (
            "RewriteCond %{HTTP_X_FORWARDED_PROTO} !https\nRewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]",
            "unreliable-https-test",
            "unknown-server-variable",
        ),
        (
            "RewriteCond %{HTTPS} off\nRewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R,L]",
            "temporary-canonical-redirect",
            "implicit-temporary-redirect",
        ),
        ("RewriteRule ^a$ https://example.com/$1/b [R=301,L]", "undefined-capture", "double-slash-target"),
    ] {
        let rules: Vec<_> =
            told(Dialect::Htaccess, &format!("{engine}{text}\n")).into_iter().map(|one| one.0).collect();
        assert!(rules.contains(&better) && !rules.contains(&other), "{text}: {rules:?}");
    }
}

/// What other people's configurations showed to be said too loudly: a text, a rule, and how loud it may be.
const MILDER: &[(Dialect, &str, &str, Option<Severity>)] = &[
    // `<IfModule !x>` asks for a module; that says nothing of the others.
    (
        Dialect::Apache,
        "<IfModule !mod_a.c>\nLoadModule a_module a.so\nLoadModule b_module b.so\nLoadModule c_module c.so\n\
         LoadModule d_module d.so\n</IfModule>\n<VirtualHost *:443>\nSSLEngine on\nSSLCipherSuite HIGH\n</VirtualHost>\n",
        "config-syntax-error",
        None,
    ),
    // An empty path is no circle.
    (Dialect::Nginx, "location /s {\nrewrite ^/s(.*) $1 break;\n}\n", "internal-rewrite-loop", None),
    // The folder below has rules of its own, as front controllers of frameworks do.
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteRule ^(.*)$ public/$1 [L]\n",
        "internal-rewrite-loop",
        Some(Severity::Info),
    ),
    // A server without `listen` is plain, and apps ask over https only.
    (
        Dialect::Nginx,
        "server {\nserver_name www.example.com;\nreturn 301 http://example.com$request_uri;\n}\n",
        "well-known-redirected",
        None,
    ),
    // Nobody asks for `/a/current/current/`.
    (
        Dialect::Nginx,
        "location ^~ /a/current/ {\nrewrite ^/a/current/(.*)$ /a/$1 permanent;\n}\n",
        "redirect-chain",
        Some(Severity::Info),
    ),
    // A file whose redirects all lead into one folder lies in it.
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteRule ^(.+)/en$ /spar/$1.en [R=303,L]\nRewriteRule ^([^/]+)/de$ /spar/$1.de [R=303,L]\n\
         RewriteRule ^([^/]+)/fr$ /spar/$1.fr [R=303,L]\nRewriteRule ^([^/]+)/x$ /spar/$1/en [R=303,L]\n",
        "redirect-chain",
        Some(Severity::Info),
    ),
    // `NE` is there for the fragment.
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteRule ^t/(.+)$ https://example.com/doc.html#$1 [R=302,NE,L]\n",
        "unencoded-location",
        Some(Severity::Info),
    ),
    // A folder, or an ending.
    (Dialect::Htaccess, "RewriteEngine On\nRewriteRule ^tmp/|\\.ini$ - [F]\n", "partial-anchored-alternation", None),
    // A rule below takes over because `L` is missing: the upper one was reached.
    (
        Dialect::Htaccess,
        "RewriteEngine on\nRewriteRule ^zendo$ https://zenodo.example/7#x [R=303,NE]\n\
         RewriteRule ^(.+)$ https://git.example/main/$1 [R=303,NE]\n",
        "unreachable-rule",
        None,
    ),
    // A pattern that takes nothing is told as such.
    (
        Dialect::Htaccess,
        "RewriteEngine on\nRewriteRule ^$ https://a.example/ [R=303,L]\nRewriteRule ^\\/$ https://b.example/x [R=301,L]\n",
        "unreachable-rule",
        None,
    ),
    // A folder's own file does not say what its URL begins with.
    (
        Dialect::Htaccess,
        "RewriteEngine on\nRewriteRule ^$ https://a.example/ [R=303,L]\n",
        "simpler-directive-available",
        None,
    ),
    // A template fills the value in.
    (
        Dialect::Nginx,
        "server {\nlisten 443 ssl;\nserver_name <%= @name %>;\nadd_header Strict-Transport-Security \"<%= sts %>\" always;\n}\n",
        "hsts-invalid-value",
        None,
    ),
    // What includes the piece may listen with TLS; what shows a proxy in front may get https from it.
    (Dialect::Apache, "Header always add Strict-Transport-Security \"max-age=31536000\"\n", "hsts-over-http", None),
    (
        Dialect::Nginx,
        "server {\nserver_name a.example;\nset_real_ip_from 10.0.0.0/8;\nlisten 80;\n\
         add_header Strict-Transport-Security \"max-age=31536000\" always;\nroot /srv;\n}\n",
        "hsts-over-http",
        None,
    ),
    // Another server of the address has the certificate, or every handshake is refused, or an included file may name it.
    (
        Dialect::Nginx,
        "events {}\nhttp {\nserver {\nlisten 443 ssl;\nssl_certificate a;\nssl_certificate_key b;\nserver_name a.example;\n}\n\
         server {\nlisten 443 ssl;\nserver_name b.example;\n}\n}\n",
        "config-syntax-error",
        None,
    ),
    (
        Dialect::Nginx,
        "server {\nlisten 443 ssl default_server;\nssl_reject_handshake on;\n}\n",
        "config-syntax-error",
        None,
    ),
    (
        Dialect::Nginx,
        "server {\nlisten 443 ssl;\nserver_name a.example;\ninclude snippets/tls.conf;\n}\n",
        "config-syntax-error",
        None,
    ),
    // What includes the piece may switch the engine on.
    (Dialect::Apache, "RewriteRule ^/a$ /b [R=301,L]\n", "rewrite-engine-off", Some(Severity::Info)),
    // The file may lie in `/sec/`, and `/dest` outside of it.
    (Dialect::Htaccess, "RewriteEngine On\nRewriteRule . /dest [R=302,L]\n", "redirect-loop", Some(Severity::Warning)),
    // Where the variable is not set, nothing is known of the target.
    (
        Dialect::Htaccess,
        "SetEnvIf Request_URI ^/x/ BASE=https://example.org\nRewriteEngine On\n\
         RewriteRule ^(.*)$ %{ENV:BASE}/o.ttl [R=303,L]\n",
        "conditional-redirect-loop",
        None,
    ),
    // The variable may stand in the environment that the server starts in.
    (Dialect::Apache, "<VirtualHost *:${PORT}>\nServerName a.example\n</VirtualHost>\n", "config-syntax-error", None),
    // Another server may come first at the address.
    (Dialect::Nginx, "server {\nlisten 443 ssl;\nreturn 404;\n}\n", "config-syntax-error", Some(Severity::Info)),
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteCond %{HTTP:X-Route} ^admin$\nRewriteRule . /dest [R=302,L]\n",
        "conditional-redirect-loop",
        Some(Severity::Info),
    ),
    // A pattern that never matches is not made simpler.
    (
        Dialect::Apache,
        "<VirtualHost *:80>\nServerName a.example\nRewriteEngine On\nRewriteRule ^a$ https://b.example/ [R=301,L]\n\
         </VirtualHost>\n",
        "simpler-directive-available",
        None,
    ),
    // What the template says is not known.
    (
        Dialect::Nginx,
        "server {\nlisten 80;\nrewrite ^/{{ a.from }}$ https://{{ a.to }}/ redirect;\n}\n",
        "malformed-target-url",
        None,
    ),
    (Dialect::Nginx, "server {\nlisten 80;\nreturn 302 <%= @url %>;\n}\n", "malformed-target-url", None),
    // A folder that is handed over to another site holds no such file.
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteRule ^(.*)$ https://other.example/$1 [R=302,L]\n",
        "well-known-redirected",
        None,
    ),
    // Clients do not follow an empty target.
    (Dialect::Nginx, "location /cgi-bin {\nrewrite ^/cgi-bin(.*)$ $1 permanent;\n}\n", "redirect-loop", None),
    // A template may open a block in each branch and close it once.
    (
        Dialect::Nginx,
        "server {\n<% if @a %>\nlocation /a {\n<% else %>\nlocation /b {\n<% end %>\nreturn 404;\n}\n}\n",
        "config-syntax-error",
        None,
    ),
    // The condition below is refused for another reason.
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteCond %{HTTP_ACCEPT} text/html [OR]\nRewriteCond %{HTTP_ACCEPT} */*\n\
         RewriteRule ^$ /index.html [R=302,L]\n",
        "trailing-or-condition",
        None,
    ),
    // The server takes double slashes out before it looks.
    (Dialect::Nginx, "location ~ ^/(/+)+$ {\nreturn 301 /x;\n}\n", "catastrophic-backtracking", None),
    (
        Dialect::Nginx,
        "location ~ ^/([a-z]+/)+(([a-z]+/)+)+$ {\nreturn 301 /x;\n}\n",
        "catastrophic-backtracking",
        Some(Severity::Warning),
    ),
    // The `#` belongs to the address in the parameter.
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteRule ^(.+)$ https://v.example/?a=b&uri=http://a.example/$1#c [R=302,L]\n",
        "target-encoding-mistake",
        None,
    ),
    // The template writes the name or the redirect, never both.
    (
        Dialect::Nginx,
        "server {\nlisten 80;\n{% if bare %}\nserver_name example.com;\n{% else %}\n\
         return 301 https://www.example.com$request_uri;\n{% endif %}\n}\n\
         server {\nlisten 80;\nserver_name www.example.com;\n}\n",
        "insecure-first-hop",
        None,
    ),
];

/// A text, a rule, and what its finding advises (where it begins with `=`) says, or (`+`) says beside.
const WORDS: &[(Dialect, &str, &str, &str)] = &[
    (
        Dialect::Nginx,
        "server {\nlisten 443;\nssl on;\nserver_name a.example;\n}\n",
        "config-syntax-error",
        "write `ssl` in `listen` instead (`listen 443 ssl;`): nginx 1.25.1 and newer no longer know it",
    ),
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteRule ^t/(.+)$ https://example.com/doc.html#$1 [R=302,NE,L]\n",
        "unencoded-location",
        "add `B= %?#` and `BNP` (the flags in quotes): they escape these characters in what is captured, a space as `%20`",
    ),
    (
        Dialect::Nginx,
        "server {\nserver_name old.example;\nreturn 301 https://new.example/moved;\n}\n",
        "catch-all-drops-path",
        "if the pages live on there, lead each to its own; a last resort may stay",
    ),
    (
        Dialect::Nginx,
        "server {\nserver_name old.example;\nrewrite ^ https://new.example/ permanent;\n}\n",
        "catch-all-drops-path",
        "keep the path: put `$request_uri` (in `rewrite`: `$request_uri?`) behind the host",
    ),
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteCond %{HTTPS} on\nRewriteRule ^ http://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]\n",
        "https-downgrade",
        "take the redirect out: over https it would lead to itself",
    ),
    (
        Dialect::Nginx,
        "http {\nserver {\nlisten 443 ssl;\nssl_certificate a;\nssl_certificate_key b;\nroot /srv;\n}\n}\n",
        "hsts-missing",
        "=this server is served over TLS without Strict-Transport-Security",
    ),
    (
        Dialect::Nginx,
        "http {\nserver {\nlisten 80;\nlisten 443 ssl;\nssl_certificate a;\nssl_certificate_key b;\nroot /srv;\n}\n}\n",
        "missing-https-redirect",
        "=this server is served over TLS, but plain http gets content, not a redirect to https",
    ),
    (
        Dialect::Htaccess,
        "RewriteEngine On\nRewriteCond %{HTTPS} off\nRewriteCond %{HTTP_HOST} ^old\\.example$ [OR]\n\
         RewriteRule ^ https://new.example%{REQUEST_URI} [R=301,L]\n",
        "trailing-or-condition",
        "+runs wherever the conditions above these hold",
    ),
];

#[test]
fn advice_does_no_harm_where_it_is_followed() {
    for (dialect, text, rule, words) in WORDS {
        let example =
            Example { dialect: *dialect, bad: false, also: Vec::new(), version: None, text: (*text).to_owned() };
        let found = findings(&example, |_, _| {});
        let said: Vec<String> = found
            .into_iter()
            .filter(|finding| finding.rule == *rule)
            .flat_map(|finding| {
                let beside = finding.related.into_iter().map(|label| format!("+{}", label.message));
                beside.chain([format!("={}", finding.message)]).chain(finding.help).collect::<Vec<_>>()
            })
            .collect();
        assert!(said.iter().any(|one| one == words), "{rule} on:\n{text}\n{said:#?}");
    }
}

#[test]
fn what_was_once_said_too_loudly_stays_quiet() {
    for (dialect, text, rule, most) in MILDER {
        let loudest = told(*dialect, text).into_iter().filter(|one| one.0 == *rule).map(|one| one.1).max();
        assert_eq!(loudest, *most, "{rule} on:\n{text}");
    }
}

#[test]
fn tls_without_a_certificate_is_refused_by_nginx_and_all_else_is_told_too() {
    let server = "server {\nlisten 443 ssl;\nserver_name www.example.com;\nlocation = /a {\nreturn 301 /a;\n}\n}\n";
    for (text, severity) in
        [(format!("events {{}}\nhttp {{\n{server}}}\n"), Severity::Error), (server.to_owned(), Severity::Info)]
    {
        let told = told(Dialect::Nginx, &text);
        assert!(told.contains(&("config-syntax-error", severity)), "{text}: {told:?}");
        assert!(told.contains(&("redirect-loop", Severity::Error)), "{text}: {told:?}");
    }
}

#[test]
fn a_chain_that_rests_on_an_assumption_says_so_beside_its_advice() {
    let help = |condition: &str| {
        let text = format!("RewriteEngine On\n{condition}RewriteRule ^a$ /b [R=301,L]\nRewriteRule ^b$ /c [R=301,L]\n");
        let example = Example { dialect: Dialect::Htaccess, bad: false, also: Vec::new(), version: None, text };
        let found = findings(&example, |_, _| {});
        found
            .into_iter()
            .find(|finding| finding.rule == "redirect-chain")
            .and_then(|finding| finding.help)
            .expect("help")
    };
    assert!(help("").ends_with("/c` at once"), "{}", help(""));
    let assumed = help("RewriteCond %{REQUEST_FILENAME} !-f\n");
    let words = ["if that is the last address", "it rests on `file:/srv/www/a` (does not exist)"];
    assert!(words.iter().all(|word| assumed.contains(word)), "{assumed}");
}

#[test]
fn no_fix_leads_to_a_host_that_is_made_up() {
    let site = |name: &str| {
        format!(
            "Listen 80\nListen 443 https\n<VirtualHost *:80>\n{name}DocumentRoot /srv/www\n</VirtualHost>\n\
             <VirtualHost *:443>\n{name}DocumentRoot /srv/www\nSSLEngine on\n</VirtualHost>\n"
        )
    };
    for (name, mended) in [("", false), ("ServerName www.example.com\n", true)] {
        let example =
            Example { dialect: Dialect::Apache, bad: false, also: Vec::new(), version: None, text: site(name) };
        let found = findings(&example, |_, _| {});
        let fix = found.into_iter().find(|finding| finding.rule == "missing-https-redirect").expect("a finding").fix;
        assert_eq!(fix.is_some(), mended, "{name}: {fix:?}");
    }
}

#[test]
fn a_piece_that_switches_tls_on_is_only_asked_over_https() {
    let text = "SSLEngine On\nRedirect /a https://example.com/b\n";
    let example =
        Example { dialect: Dialect::Apache, bad: false, also: Vec::new(), version: None, text: text.to_owned() };
    let found = findings(&example, |_, _| {});
    let witness = found.iter().find_map(|finding| finding.witness.as_ref()).expect("a finding with a request");
    assert!(witness.url.starts_with(b"https://"), "{}", String::from_utf8_lossy(&witness.url));
}

#[test]
fn one_line_is_one_syntax_error_and_conditions_that_wait_together_are_one_finding() {
    let line = told(Dialect::Nginx, "server {\nrewrite ^/a([a-z] +)/b /c;\nfoo bar;;\n}\n");
    assert_eq!(line.iter().filter(|one| one.0 == "config-syntax-error").count(), 2, "{line:?}");
    let waiting = "RewriteEngine On\nRewriteCond %{HTTPS} off\nRewriteCond %{HTTP_HOST} ^a\\.de$\n";
    let waiting = told(Dialect::Htaccess, waiting);
    assert_eq!(waiting.iter().filter(|one| one.0 == "dangling-rewritecond").count(), 1, "{waiting:?}");
}

#[test]
fn what_a_template_says_after_rendering_is_not_judged_as_if_it_were_known() {
    let either = "{% if staging %}\nRedirect 301 /a https://staging.example.com/\n{% else %}\nRedirect 301 /a https://example.com/\n{% endif %}\n";
    let marked = "RewriteEngine On\nRewriteRule ^/<%= path %> /new [last,redirect=permanent]\n";
    for (dialect, text) in [
        (Dialect::Apache, either),
        (Dialect::Apache, marked),
        (Dialect::Nginx, "server {\nlisten 443 ssl;\nadd_header Strict-Transport-Security \"{{ hsts }}\" always;\n}\n"),
        (Dialect::Nginx, "server {\naccess_log {log_path}/{name}.log;\n}\n"),
    ] {
        let told = told(dialect, text);
        assert!(told.iter().all(|one| one.1 == Severity::Info), "{text}: {told:?}");
    }
}

#[test]
fn every_page_has_every_section_and_an_example_of_each_kind() {
    let sections = ["## What it does", "## Why is this bad?", "## Example", "## Fix safety", "## Traps", "## Sources"];
    for rule in rules::ALL {
        let page = rule.page();
        for section in sections {
            assert!(page.lines().any(|line| line == section), "{} lacks `{section}`", rule.name);
        }
        let examples = examples(rule);
        assert!(
            examples.iter().any(|one| one.bad) && examples.iter().any(|one| !one.bad),
            "{} lacks an example",
            rule.name
        );
        assert!(
            !rule.summary().is_empty() && rule.summary().len() <= 110,
            "{}: the first line is empty or long",
            rule.name
        );
    }
}

#[test]
fn every_page_shows_a_bad_and_a_good_example_for_each_server() {
    let mut wrong = Vec::new();
    for rule in rules::ALL {
        let examples = examples(rule);
        for (server, apache) in [("Apache", true), ("nginx", false)] {
            let shown =
                |bad: bool| examples.iter().any(|one| one.bad == bad && (one.dialect != Dialect::Nginx) == apache);
            if rule.applies(apache) && !(shown(true) && shown(false)) {
                wrong.push(format!("{} lacks an example for {server}", rule.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_kebab_case_and_unique() {
    let mut names: Vec<&str> = rules::ALL.iter().map(|rule| rule.name).collect();
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
