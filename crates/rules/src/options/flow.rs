//! Keywords about the flow and the state that rules share: `flow`, bits, counters, sizes.

use super::numbers::{compare, upto};
use super::parts;
use crate::builder::Builder;
use crate::rule::{
    BitChange, Compare, Condition, Effect, FlowOptions, FlowintAsk, FlowintChange, FlowintCheck,
    FlowintOperand, FlowintOperator, HostTrack, Hostbits, StreamSide, Xbits, XbitsTrack,
};
use event::Direction;

/// Seconds an xbit lives where the rule does not say, as in Suricata.
const XBITS_EXPIRE_SECS: u32 = 30;
/// Most names in `flowbits:isset,a|b`, as in Suricata.
const MAX_OR: usize = 64;

pub(super) fn flow(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    if b.flow.is_some() {
        return Err(
            "`flow` stands twice: only one flow keyword is allowed; join their options with commas"
                .to_owned(),
        );
    }
    let mut flow = FlowOptions::default();
    for item in parts(value, ',') {
        match item.to_ascii_lowercase().as_str() {
            "to_server" | "from_client" => set(&mut flow.direction, Direction::ToServer, item)?,
            "to_client" | "from_server" => set(&mut flow.direction, Direction::ToClient, item)?,
            "established" => set(&mut flow.established, true, item)?,
            "not_established" => set(&mut flow.established, false, item)?,
            "stateless" => {
                if flow.stateless {
                    return Err("`stateless` stands twice".to_owned());
                }
                flow.stateless = true;
            }
            "only_stream" | "onlystream" => set(&mut flow.stream, true, item)?,
            "no_stream" | "nostream" => set(&mut flow.stream, false, item)?,
            "only_frag" => set(&mut flow.fragment, true, item)?,
            "no_frag" => set(&mut flow.fragment, false, item)?,
            "" => return Err("flow holds an empty option".to_owned()),
            _ => {
                return Err(format!(
                    "`{item}` is no option of flow; to_server, to_client, established, not_established, stateless, only_stream, no_stream, only_frag and no_frag are"
                ));
            }
        }
    }
    if flow.stateless && flow.established.is_some() {
        return Err("`stateless` and `established` contradict each other; keep one".to_owned());
    }
    b.flow = Some(flow);
    b.condition(Condition::Flow(flow))
}

fn set<T: PartialEq>(slot: &mut Option<T>, value: T, item: &str) -> Result<(), String> {
    if slot.as_ref().is_some_and(|known| *known == value) {
        return Err(format!("`{item}` is said twice in flow; keep one"));
    }
    if slot.is_some() {
        return Err(format!(
            "`{item}` contradicts another option of flow; keep one of them"
        ));
    }
    *slot = Some(value);
    Ok(())
}

pub(super) fn flowbits(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (command, names) = match value.split_once(',') {
        Some((command, names)) => (command.trim(), names.trim()),
        None => (value, ""),
    };
    if command.eq_ignore_ascii_case("noalert") {
        if !names.is_empty() {
            return Err("flowbits:noalert takes no name".to_owned());
        }
        b.rule.is_silent = true;
        return Ok(());
    }
    if names.is_empty() {
        return Err(format!("flowbits:{command} needs a name behind a comma"));
    }
    let names: Vec<String> = parts(names, '|').map(str::to_owned).collect();
    if names.len() > MAX_OR {
        return Err(format!("more than {MAX_OR} names are joined with `|`"));
    }
    if let Some(name) = names
        .iter()
        .find(|name| name.is_empty() || name.contains([' ', ',']))
    {
        return Err(format!(
            "`{name}` is no name for a flowbit; a name has no blanks and no commas"
        ));
    }
    let change = match command.to_ascii_lowercase().as_str() {
        "isset" => {
            return b.condition(Condition::Flowbits {
                names,
                is_negated: false,
            });
        }
        "isnotset" => {
            return b.condition(Condition::Flowbits {
                names,
                is_negated: true,
            });
        }
        "set" => BitChange::Set,
        "unset" => BitChange::Unset,
        "toggle" => BitChange::Toggle,
        _ => {
            return Err(format!(
                "`{command}` is no command of flowbits; set, unset, toggle, isset, isnotset and noalert are"
            ));
        }
    };
    if names.len() > 1 {
        return Err("`|` joins names only with isset and isnotset".to_owned());
    }
    b.effect(Effect::Flowbits(change, names))
}

pub(super) fn flowint(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let mut items = parts(value, ',');
    let (name, command, operand) = (
        items.next().unwrap_or_default(),
        items.next().unwrap_or_default(),
        items.next(),
    );
    if name.is_empty() || items.next().is_some() {
        return Err("flowint is `name,command[,value]`".to_owned());
    }
    let name = name.to_owned();
    let ask = match command {
        "isset" => Some(FlowintAsk::IsSet),
        "isnotset" | "notset" => Some(FlowintAsk::IsNotSet),
        _ => None,
    };
    if let Some(ask) = ask {
        return b.condition(Condition::Flowint(FlowintCheck { name, ask }));
    }
    let text = operand
        .filter(|text| !text.is_empty())
        .ok_or_else(|| format!("flowint `{command}` needs a value"))?;
    let operand = if text.bytes().all(|b| b.is_ascii_digit()) {
        FlowintOperand::Number(
            text.parse()
                .map_err(|_| format!("{text} is larger than 4294967295"))?,
        )
    } else {
        FlowintOperand::Counter(text.to_owned())
    };
    let operator = match command {
        "=" => {
            return b.effect(Effect::Flowint {
                name,
                change: FlowintChange::Assign,
                operand,
            });
        }
        "+" => {
            return b.effect(Effect::Flowint {
                name,
                change: FlowintChange::Add,
                operand,
            });
        }
        "-" => {
            return b.effect(Effect::Flowint {
                name,
                change: FlowintChange::Subtract,
                operand,
            });
        }
        "==" => FlowintOperator::Equal,
        "!=" => FlowintOperator::NotEqual,
        "<" => FlowintOperator::Less,
        "<=" => FlowintOperator::LessOrEqual,
        ">" => FlowintOperator::Greater,
        ">=" => FlowintOperator::GreaterOrEqual,
        _ => {
            return Err(format!(
                "`{command}` is no command of flowint; + - = > < >= <= == != isset and isnotset are"
            ));
        }
    };
    b.condition(Condition::Flowint(FlowintCheck {
        name,
        ask: FlowintAsk::Compare(operator, operand),
    }))
}

pub(super) fn xbits(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let mut items = parts(value, ',');
    let command = items.next().unwrap_or_default();
    if command == "noalert" {
        b.rule.is_silent = true;
        return Ok(());
    }
    let name = items
        .next()
        .filter(|name| !name.is_empty())
        .ok_or("xbits needs a name: xbits:set,name,track ip_src")?;
    let (mut track, mut expire_secs) = (None, XBITS_EXPIRE_SECS);
    for item in items {
        let (key, argument) = item.split_once(' ').unwrap_or((item, ""));
        match (key, argument.trim()) {
            ("track", "ip_src") => track = Some(XbitsTrack::Source),
            ("track", "ip_dst") => track = Some(XbitsTrack::Destination),
            ("track", "ip_pair") => track = Some(XbitsTrack::Pair),
            ("track", "tx") => track = Some(XbitsTrack::Transaction),
            ("expire", seconds) => {
                expire_secs = upto(seconds, u32::MAX.into(), "number of seconds")? as u32;
                if expire_secs == 0 {
                    return Err("an xbit that expires after 0 seconds is never set".to_owned());
                }
            }
            _ => {
                return Err(format!(
                    "`{item}` is no option of xbits; `track ip_src|ip_dst|ip_pair|tx` and `expire SECONDS` are"
                ));
            }
        }
    }
    let track =
        track.ok_or("xbits needs `track ip_src`, `track ip_dst`, `track ip_pair` or `track tx`")?;
    let bit = Xbits {
        name: name.to_owned(),
        track,
        expire_secs,
    };
    match command {
        "set" => b.effect(Effect::Xbits(BitChange::Set, bit)),
        "unset" => b.effect(Effect::Xbits(BitChange::Unset, bit)),
        "toggle" => b.effect(Effect::Xbits(BitChange::Toggle, bit)),
        "isset" => b.condition(Condition::Xbits(bit, false)),
        "isnotset" => b.condition(Condition::Xbits(bit, true)),
        _ => Err(format!(
            "`{command}` is no command of xbits; set, unset, toggle, isset, isnotset and noalert are"
        )),
    }
}

pub(super) fn hostbits(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let mut items = parts(value, ',');
    let command = items.next().unwrap_or_default();
    if command == "noalert" {
        b.rule.is_silent = true;
        return Ok(());
    }
    let name = items
        .next()
        .filter(|name| !name.is_empty())
        .ok_or("hostbits needs a name: hostbits:set,name,src")?;
    let track = match items.next() {
        None | Some("src") => HostTrack::Source,
        Some("dst") => HostTrack::Destination,
        Some("both") => HostTrack::Both,
        Some(other) => {
            return Err(format!(
                "`{other}` is no end for hostbits; src, dst and both are"
            ));
        }
    };
    let bit = Hostbits {
        name: name.to_owned(),
        track,
    };
    match command {
        "set" => b.effect(Effect::Hostbits(BitChange::Set, bit)),
        "unset" => b.effect(Effect::Hostbits(BitChange::Unset, bit)),
        "toggle" => b.effect(Effect::Hostbits(BitChange::Toggle, bit)),
        "isset" => b.condition(Condition::Hostbits(bit, false)),
        "isnotset" => b.condition(Condition::Hostbits(bit, true)),
        _ => Err(format!(
            "`{command}` is no command of hostbits; set, unset, toggle, isset, isnotset and noalert are"
        )),
    }
}

pub(super) fn stream_size(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let mut items = parts(value, ',');
    let side = match items.next().unwrap_or_default() {
        "server" => StreamSide::Server,
        "client" => StreamSide::Client,
        "both" => StreamSide::Both,
        "either" => StreamSide::Either,
        other => {
            return Err(format!(
                "`{other}` is no side for stream_size; server, client, both and either are"
            ));
        }
    };
    let (operator, number) = (
        items.next().unwrap_or_default(),
        items.next().unwrap_or_default(),
    );
    let n = upto(number, u32::MAX.into(), "number of bytes")?;
    let compare = match operator {
        "=" => Compare::Equal(n),
        "!=" => Compare::NotEqual(n),
        "<" => Compare::Less(n),
        "<=" => Compare::LessOrEqual(n),
        ">" => Compare::Greater(n),
        ">=" => Compare::GreaterOrEqual(n),
        _ => {
            return Err(format!(
                "`{operator}` is no operator of stream_size; write side,operator,bytes"
            ));
        }
    };
    b.condition(Condition::StreamSize(side, compare))
}

/// `flow.pkts`, `flow.bytes` and their `_toserver` and `_toclient` forms.
pub(super) fn flow_count(b: &mut Builder<'_>, name: &str, value: &str) -> Result<(), String> {
    let of_bytes = name.starts_with("flow.bytes");
    let (direction, text) = if name.ends_with("_toserver") {
        (Some(Direction::ToServer), value)
    } else if name.ends_with("_toclient") {
        (Some(Direction::ToClient), value)
    } else {
        match value
            .split_once(',')
            .map(|(side, rest)| (side.trim(), rest))
        {
            Some(("toserver", rest)) => (Some(Direction::ToServer), rest),
            Some(("toclient", rest)) => (Some(Direction::ToClient), rest),
            Some(("either", rest)) => (None, rest),
            _ => {
                return Err(format!(
                    "{name} needs a direction: {name}:toserver,>10 or toclient or either"
                ));
            }
        }
    };
    let max = if of_bytes { u64::MAX } else { u32::MAX.into() };
    let compare = compare(text, max)?;
    b.condition(Condition::FlowCount {
        of_bytes,
        direction,
        compare,
    })
}
