//! Promise: on random configurations the simulator answers as the Apache that is installed does, byte for byte.
//!
//! `REDIRLINT_CASES` sets the number of configurations (12 requests each), `REDIRLINT_SEED` the seed. A
//! disagreement is shrunk and written out as a recorded case.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/apache_modules.rs"]
mod apache_modules;
#[path = "support/gen_apache.rs"]
mod gen_apache;
#[path = "support/gen_apache_words.rs"]
mod gen_apache_words;
#[path = "support/live.rs"]
mod live;
#[path = "support/simulate.rs"]
mod simulate;
#[path = "support/start_apache.rs"]
mod start_apache;
#[path = "support/version.rs"]
mod version;

use gen_apache::Case;

fn files(case: &Case) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = ["index.html", "f.html", "f.php", "d/index.html", "d/x", "a/keep"]
        .map(|path| (path.to_owned(), b"x".to_vec()))
        .to_vec();
    for (path, lines) in [(".htaccess", &case.htaccess), ("d/.htaccess", &case.below)] {
        if !lines.is_empty() {
            files.push((path.to_owned(), (lines.join("\n") + "\n").into_bytes()));
        }
    }
    files
}

#[test]
fn random_configurations_get_the_real_servers_answers() {
    let Some(program) = live::installed("apache2").or_else(|| live::installed("httpd")) else { return };
    let version = version::version_of(&program, "-v");
    simulate::random_cases("apache", gen_apache::case(12), |case: &Case, tally| {
        let config = case.server.join("\n");
        let server = start_apache::apache(&program, &config, &files(case));
        let (path, port) = match &server {
            Ok(live) => (live.dir.path().join("httpd.conf"), live.port),
            Err(_) => (std::env::temp_dir().join("httpd.conf"), 80),
        };
        let text = std::fs::read_to_string(&path).unwrap_or_else(|_| {
            let frame = start_apache::APACHE_FRAME.replace("@LOADS@", "");
            format!("{frame}{config}\n").replace("@PORT@", "80").replace("@ROOT@", "/nowhere")
        });
        let simulator = simulate::Simulator::new(&text, &path, redirlint::lower::Dialect::Apache, version);
        let shown = format!(
            "{config}\n--- .htaccess\n{}\n--- d/.htaccess\n{}",
            case.htaccess.join("\n"),
            case.below.join("\n")
        );
        simulate::judge(&server, &simulator, &case.asks, port, &shown, tally)
    });
}
