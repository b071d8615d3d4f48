//! Parse arguments, run, exit code; nothing else.

/// Large lists make millions of small nodes; the system's allocator would cost a third of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    redirlint::cli::main()
}
