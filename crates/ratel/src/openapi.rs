//! `ratel openapi`: what the API says of itself, for generators of clients.

use std::io::Write as _;
use std::process::ExitCode;

/// Prints the description.
pub fn run() -> anyhow::Result<ExitCode> {
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(console::web::openapi::text().as_bytes());
    Ok(ExitCode::SUCCESS)
}
