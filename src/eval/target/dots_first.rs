//! Targets whose unreserved bytes are decoded first, then dots and slashes resolved, then the rest decoded.

use crate::eval::machine::Machine;

/// Checks the request line, chooses the site, normalises the path.
///
/// # Errors
/// The status of the refusal.
pub fn receive(_machine: &mut Machine) -> Result<(), u16> {
    Err(500)
}

/// Normalises the path once more after an internal redirect.
///
/// # Errors
/// The status of the refusal.
pub fn normalise_again(_machine: &mut Machine) -> Result<(), u16> {
    Ok(())
}

/// Apache's `fix_hostname` with strict protocol options.
pub fn strict_host(_text: &[u8]) -> Option<crate::eval::host::Host> {
    None
}
