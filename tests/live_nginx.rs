//! Promise: on random configurations the simulator answers as the nginx that is installed does, byte for byte.
//!
//! `REDIRLINT_CASES` sets the number of configurations (12 requests each), `REDIRLINT_SEED` the seed. A
//! disagreement is shrunk and written out as a recorded case.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/gen_nginx.rs"]
mod gen_nginx;
#[path = "support/live.rs"]
mod live;
#[path = "support/simulate.rs"]
mod simulate;
#[path = "support/start_nginx.rs"]
mod start_nginx;
#[path = "support/version.rs"]
mod version;

use gen_nginx::Case;
use live::Live;

fn files() -> Vec<(String, Vec<u8>)> {
    ["html/index.html", "html/f.html", "html/f.php", "html/d/index.html", "html/d/x", "html/a/keep"]
        .map(|path| (path.to_owned(), b"x".to_vec()))
        .to_vec()
}

#[test]
fn random_configurations_get_the_real_servers_answers() {
    let Some(program) = live::installed("nginx") else { return };
    let version = version::version_of(&program, "-v");
    simulate::random_cases("nginx", gen_nginx::case(12), |case: &Case, tally| {
        let config = case.config();
        let server = start_nginx::nginx(&program, &config, &files());
        compare(&config, &server, case, version, tally)
    });
}

fn compare(
    config: &str,
    server: &Result<Live, String>,
    case: &Case,
    version: redirlint::lower::Version,
    tally: &mut simulate::Tally,
) -> Result<(), String> {
    let (dir, port) = match server {
        Ok(live) => (live.dir.path().to_owned(), live.port),
        Err(_) => (std::env::temp_dir(), 80),
    };
    let text = format!("events {{ }}\nhttp {{\n{}\n}}\n", config.replace("@PORT@", &port.to_string()));
    let simulator = simulate::Simulator::new(&text, &dir.join("nginx.conf"), redirlint::lower::Dialect::Nginx, version);
    simulate::judge(server, &simulator, &case.asks, port, config, tally)
}
