//! Parse arguments, run, exit code; nothing else.

fn main() -> std::process::ExitCode {
    redirlint::cli::main()
}
