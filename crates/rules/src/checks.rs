//! What can only be told once the whole rule is read: whether its parts can be true together.

use crate::builder::Builder;
use crate::rule::{Action, Arrow, Protocol, Rule};
use event::buffer::Ways;
use event::{AppProtocol, Buffer, Direction};
use std::sync::LazyLock;

mod buffers;

/// Completes a rule and checks it; also why it cannot match yet although it is right.
pub(crate) fn finish(mut b: Builder<'_>) -> Result<(Rule, Vec<String>), String> {
    if !b.has_sid {
        return Err(
            "the rule has no sid; every rule needs its own number: `sid:1000001;`".to_owned(),
        );
    }
    // What a pass rule lets through is not worth telling, unless it asks for that.
    b.rule.is_silent |= b.rule.action == Action::Pass && !b.has_alert;
    drop_unused(&mut b)?;
    let spoken = protocols(&b)?;
    directions(&b)?;
    for entry in &b.rule.buffers {
        buffers::check(entry).map_err(|why| format!("{}: {why}", entry.buffer.as_str()))?;
    }
    buffers::check_dsize(&b.rule)?;
    if let Some(spoken) = spoken {
        let parsed = b
            .context
            .protocols
            .iter()
            .fold(0, |set, protocol| set | bit(*protocol));
        if spoken & parsed == 0 {
            b.degraded
                .push(format!("protocol {} is not parsed yet", name_of(spoken)));
        }
    }
    b.degraded.dedup();
    b.rule.conditions.shrink_to_fit();
    b.rule.buffers.shrink_to_fit();
    Ok((b.rule, b.degraded))
}

/// A sticky buffer in which nothing is looked for is a mistake; the payload's entry is none.
fn drop_unused(b: &mut Builder<'_>) -> Result<(), String> {
    if b.is_snort {
        b.rule.buffers.retain(|entry| !entry.matches.is_empty());
    }
    b.rule
        .buffers
        .retain(|entry| entry.buffer != Buffer::Payload || !entry.matches.is_empty());
    match b.rule.buffers.iter().find(|entry| entry.matches.is_empty()) {
        Some(entry) => Err(format!(
            "nothing is looked for in `{}`: no matches in sticky buffer; put a content or pcre behind it",
            entry.buffer.as_str()
        )),
        None => Ok(()),
    }
}

/// The application protocols that header and keywords leave; None where they ask for none.
fn protocols(b: &Builder<'_>) -> Result<Option<Protocols>, String> {
    let mut left = match b.rule.protocol {
        Protocol::App(app) => Some(expanded([app].iter())),
        _ => None,
    };
    for (wanted, keyword) in &b.wanted {
        let both = expanded(wanted.iter()) & left.unwrap_or(Protocols::MAX);
        if both == 0 {
            let before = left.map_or("another protocol", name_of);
            return Err(format!(
                "rule contains conflicting protocols: `{keyword}` does not belong to {before}; remove one of them or split the rule"
            ));
        }
        left = Some(both);
    }
    Ok(left)
}

/// A set of protocols: one bit for each, in the order of the enum, which has fewer than 64.
type Protocols = u64;

/// Of each protocol, all that its name covers: `http` is HTTP in both versions.
static COVERED: LazyLock<Vec<Protocols>> = LazyLock::new(|| {
    let covered = |asked: &AppProtocol| {
        AppProtocol::ALL
            .iter()
            .filter(|p| asked.covers(**p))
            .fold(0, |set, p| set | bit(*p))
    };
    AppProtocol::ALL.iter().map(covered).collect()
});

fn bit(protocol: AppProtocol) -> Protocols {
    1_u64.checked_shl(protocol as u32).unwrap_or(0)
}

fn expanded<'a>(protocols: impl Iterator<Item = &'a AppProtocol>) -> Protocols {
    protocols.fold(0, |set, p| {
        set | COVERED.get(*p as usize).copied().unwrap_or(0)
    })
}

/// The first protocol of a set.
fn name_of(protocols: Protocols) -> &'static str {
    let first = AppProtocol::ALL.get(protocols.trailing_zeros() as usize);
    first.map_or("unknown", |protocol| protocol.as_str())
}

/// Whether buffers that travel one way meet conditions of the other.
fn directions(b: &Builder<'_>) -> Result<(), String> {
    let sid = b.rule.sid;
    let flow = b.flow.and_then(|flow| flow.direction);
    let (mut to_server, mut to_client, mut either) = (false, false, false);
    for entry in b
        .rule
        .buffers
        .iter()
        .filter(|entry| !entry.buffer.protocols().is_empty())
    {
        match (entry.direction, entry.buffer.ways()) {
            (Some(Direction::ToServer), _) | (None, Ways::ToServer) => to_server = true,
            (Some(Direction::ToClient), _) | (None, Ways::ToClient) => to_client = true,
            (None, Ways::Both) => either = true,
        }
    }
    if b.rule.arrow == Arrow::Transaction {
        if flow.is_some() {
            return Err(format!(
                "rule {sid} means to use both directions, cannot specify a flow direction; remove it from flow"
            ));
        }
        if either {
            return Err(format!(
                "rule {sid} means to use both directions, cannot have keywords ambiguous about directions; write bidir.toserver or bidir.toclient before them"
            ));
        }
        if !(to_server && to_client) {
            return Err(format!(
                "rule {sid} should use both directions, but does not; write `->` or add a keyword of the other direction"
            ));
        }
        return Ok(());
    }
    let is_mixed = match flow {
        Some(Direction::ToServer) => to_client,
        Some(Direction::ToClient) => to_server,
        None => to_server && to_client,
    };
    if is_mixed {
        return Err(format!(
            "rule {sid} mixes keywords with conflicting directions: one looks at requests, another at responses; split it or write `=>`"
        ));
    }
    Ok(())
}
