//! The simulator's side of a live comparison, and the loop over random cases.

use super::live::{Ask, Live, Reply};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use redirlint::cli::disk::Disk;
use redirlint::eval::{self, Outcome};
use redirlint::ir::{Program, Reach};
use redirlint::lower::{self, Dialect, Version};
use redirlint::source::Sources;
use std::cell::RefCell;
use std::path::Path;

/// How a run went.
#[derive(Default, Debug)]
pub struct Tally {
    pub requests: usize,
    pub refused: usize,
    pub unknown: usize,
    pub redirects: usize,
}

/// A lowered configuration with the real file system as its world.
pub struct Simulator {
    program: Program,
    disk: Disk,
}

impl Simulator {
    pub fn new(text: &str, path: &Path, dialect: Dialect, version: Version) -> Self {
        let disk = Disk::real();
        let mut sources = Sources::new();
        let main = sources.add(path, text.as_bytes().to_vec());
        let prefix = path.parent().unwrap().to_owned();
        let options =
            lower::Options { version: Some(version), real_files: true, ..lower::Options::new(dialect, prefix) };
        Self { program: lower::lower(&mut sources, main, &options, &disk).program, disk }
    }

    fn refusal(&self) -> Option<&str> {
        self.program
            .refusals
            .iter()
            .find(|refusal| refusal.reach == Reach::Server)
            .map(|refusal| refusal.message.as_str())
    }

    fn answer(&self, ask: &Ask, port: u16) -> eval::Answer {
        let bytes = |text: &str| text.as_bytes().into();
        let host = ask.host.iter().map(|host| ("Host".to_owned(), host.clone()));
        let request = eval::Request {
            method: bytes(&ask.method),
            target: ask.target.as_slice().into(),
            version: bytes("1.1"),
            headers: host
                .chain(ask.headers.iter().cloned())
                .map(|(name, value)| (bytes(&name), bytes(&value)))
                .collect(),
            encrypted: false,
            local: Some((bytes("127.0.0.1"), port)),
            remote: Some(bytes("127.0.0.1")),
            sni: None,
        };
        eval::answer(&self.program, &self.disk, &request, false)
    }
}

/// Whether simulator and server agree on everything that was asked.
pub fn judge(
    server: &Result<Live, String>,
    simulator: &Simulator,
    asks: &[Ask],
    port: u16,
    shown: &str,
    tally: &mut Tally,
) -> Result<(), String> {
    let live = match (server, simulator.refusal()) {
        (Err(_), Some(_)) => {
            tally.refused += 1;
            return Ok(());
        }
        (Err(words), None) => {
            return Err(format!("the server refuses this, the simulator does not:\n{words}\n{shown}"));
        }
        (Ok(_), Some(words)) => {
            return Err(format!("the simulator refuses this ({words}), the server does not:\n{shown}"));
        }
        (Ok(live), None) => live,
    };
    for ask in asks {
        let real = live.ask(ask);
        let simulated = simulator.answer(ask, port);
        tally.requests += 1;
        tally.redirects += usize::from(real.location.is_some());
        if simulated.outcome == Outcome::Unknown {
            tally.unknown += 1;
            continue;
        }
        let simulated = Reply { status: simulated.status.unwrap_or(999), location: simulated.location.map(Vec::from) };
        if simulated != real {
            return Err(format!(
                "{ask:?} (port {port})\n  server    {}\n  simulator {}\n{shown}",
                show(&real),
                show(&simulated)
            ));
        }
    }
    Ok(())
}

fn show(reply: &Reply) -> String {
    let location = reply.location.as_ref().map(|bytes| bytes.escape_ascii().to_string());
    format!("{} {location:?}", reply.status)
}

/// Runs random cases and writes the smallest disagreement out.
pub fn random_cases<T: std::fmt::Debug + Clone>(
    name: &str,
    strategy: impl Strategy<Value = T>,
    check: impl Fn(&T, &mut Tally) -> Result<(), String>,
) {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let cases = number("REDIRLINT_CASES", 60) as u32;
    let seed = number("REDIRLINT_SEED", 1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 600, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tally = RefCell::new(Tally::default());
    let result = runner.run(&strategy, |case| check(&case, &mut tally.borrow_mut()).map_err(TestCaseError::fail));
    let tally = tally.into_inner();
    println!("{name}: seed {seed}, {cases} configurations, {tally:?}");
    if let Err(TestError::Fail(reason, case)) = &result {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = folder.join(format!("{name}-disagreement-{seed}.txt"));
        let _ = std::fs::write(&file, format!("{reason}\n\n{case:#?}\n"));
        panic!("{name}, seed {seed}: {reason}\nwritten to {}", file.display());
    }
    assert!(result.is_ok(), "{result:?}");
    assert!(tally.unknown * 20 <= tally.requests, "more than one answer in twenty is unknown: {tally:?}");
}
