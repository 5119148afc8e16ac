//! `ratel rules reload`.

use std::process::ExitCode;

use event::order::What;

use crate::control::Control;

/// Orders that rules are read again.
pub fn run(control: &Control) -> anyhow::Result<ExitCode> {
    let answer = control.order(&What::ReloadRules)?;
    control.tell(&answer, "done")
}
