//! `ratel block` and `ratel unblock`.

use std::process::ExitCode;

use clap::Args;
use event::Prefix;
use event::order::What;

use crate::control::Control;
use crate::span;

/// `ratel block`.
#[derive(Debug, Args)]
#[command(
    after_help = "The order is a plan like any other: what is protected stays free. It is carried out in \
    observe mode too.\nExit status: 0 done or under way, 1 refused, ineffective or no Ratel runs here, 2 wrong usage."
)]
pub struct Block {
    /// The address or network.
    #[arg(value_name = "ADDRESS[/LENGTH]")]
    target: Prefix,
    /// For how long: 30s, 5m, 1h, 2d.
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = span::parse)]
    ttl_secs: u64,
    /// Why, for those who see it later.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    #[command(flatten)]
    control: Control,
}

/// `ratel unblock`.
#[derive(Debug, Args)]
pub struct Unblock {
    /// The address or network: every action that concerns a part of it ends.
    #[arg(value_name = "ADDRESS[/LENGTH]")]
    target: Prefix,
    #[command(flatten)]
    control: Control,
}

/// Orders a block.
pub fn block(args: &Block) -> anyhow::Result<ExitCode> {
    let answer = args.control.order(&What::Block {
        target: args.target,
        ttl_secs: args.ttl_secs,
        why: args.why.clone(),
    })?;
    args.control.tell(&answer, "done")
}

/// Orders that blocks end.
pub fn unblock(args: &Unblock) -> anyhow::Result<ExitCode> {
    let target = args.target;
    let answer = args.control.order(&What::Unblock { target })?;
    args.control
        .tell(&answer, &format!("nothing is in force against {target}"))
}
