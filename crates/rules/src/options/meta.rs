//! Keywords about the rule itself: its ids, texts, class, references, limits on alerting.

use super::numbers::upto;
use super::{parts, quoted, unquoted};
use crate::builder::Builder;
use crate::lexer::readable;
use crate::rule::{Action, Effect, TagMetric, Target, Threshold, ThresholdKind, ThresholdTrack};

/// Most pairs of metadata and most references of one rule.
const MAX_PAIRS: usize = 1024;

pub(super) fn msg(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let text = quoted(value, "msg")?;
    if text.is_empty() {
        return Err("the message is empty; say what the rule finds".to_owned());
    }
    let mut msg = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some(next @ (':' | ';' | '\\' | '"'))) => {
                msg.push(next);
                chars.next();
            }
            _ => msg.push(c),
        }
    }
    b.rule.msg = if msg.is_ascii() { msg } else { readable(&msg) };
    Ok(())
}

pub(super) fn sid(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let number = upto(unquoted(value), u32::MAX.into(), "signature id")? as u32;
    if number == 0 {
        return Err("sid 0 is reserved; choose another number".to_owned());
    }
    if b.has_sid {
        return Err("sid stands twice: duplicated 'sid' keyword detected; keep one".to_owned());
    }
    b.has_sid = true;
    b.rule.sid = number;
    Ok(())
}

pub(super) fn gid(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    b.only_once("gid")?;
    b.rule.gid = upto(unquoted(value), u32::MAX.into(), "generator id")? as u32;
    Ok(())
}

pub(super) fn rev(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    b.only_once("rev")?;
    b.rule.rev = upto(unquoted(value), u32::MAX.into(), "revision")? as u32;
    if b.rule.rev == 0 {
        return Err("rev 0 is reserved; begin with 1".to_owned());
    }
    Ok(())
}

pub(super) fn priority(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    b.only_once("priority")?;
    let number = upto(unquoted(value), 255, "priority")? as u8;
    if number == 0 {
        return Err("priority 0 is none; 1 is the highest, 255 the lowest".to_owned());
    }
    b.rule.priority = number;
    b.has_priority = true;
    Ok(())
}

pub(super) fn classtype(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let name = unquoted(value);
    if name.is_empty()
        || name.contains(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        return Err(format!("`{}` is no name of a class", readable(name)));
    }
    if b.rule.classtype.is_some() {
        // Suricata keeps the class of the higher priority; the first stands where that is unknown.
        let new = b.context.classes.get(name).map(|class| class.priority);
        let old = b
            .rule
            .classtype
            .as_deref()
            .and_then(|old| b.context.classes.get(old))
            .map(|class| class.priority);
        if new.is_none_or(|new| old.is_some_and(|old| old <= new)) {
            return Ok(());
        }
    }
    b.rule.classtype = Some(name.to_owned());
    if let Some(class) = b.context.classes.get(name) {
        b.rule.category.clone_from(&class.description);
        if !b.has_priority {
            b.rule.priority = class.priority;
        }
    }
    Ok(())
}

pub(super) fn reference(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let Some((system, id)) = value.split_once(',') else {
        return Err("a reference is `system,id`, such as `cve,2021-44228`".to_owned());
    };
    let (system, id) = (system.trim(), id.trim());
    if system.is_empty() || id.is_empty() {
        return Err("a reference needs both its system and its id".to_owned());
    }
    if b.rule.references.len() >= MAX_PAIRS {
        return Err(format!("more than {MAX_PAIRS} references"));
    }
    // A whole address needs nothing before it, whatever the list says of its system.
    let is_whole = id.starts_with("http://") || id.starts_with("https://");
    let prefix = match b.context.references.get(system) {
        _ if is_whole => String::new(),
        Some(prefix) => prefix.to_owned(),
        None => system.to_ascii_lowercase(),
    };
    b.rule.references.push((prefix, readable(id)));
    Ok(())
}

pub(super) fn metadata(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    for item in parts(unquoted(value), ',').filter(|item| !item.is_empty()) {
        let (key, value) = item
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((item, ""));
        if b.rule.metadata.len() >= MAX_PAIRS {
            return Err(format!("more than {MAX_PAIRS} pairs of metadata"));
        }
        b.rule.metadata.push((text_of(key), text_of(value.trim())));
    }
    Ok(())
}

fn text_of(text: &str) -> String {
    if text.is_ascii() {
        text.to_owned()
    } else {
        readable(text)
    }
}

pub(super) fn target(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    b.only_once("target")?;
    b.rule.target = Some(match value {
        "src_ip" => Target::Source,
        "dest_ip" => Target::Destination,
        _ => return Err(format!("`{value}` is no target; src_ip and dest_ip are")),
    });
    Ok(())
}

pub(super) fn threshold(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    if b.rule.detection_filter.is_some() {
        return Err(
            "`threshold` and `detection_filter` cannot stand in one rule; keep one".to_owned(),
        );
    }
    let threshold = read_threshold(value, None)?;
    // Of two kinds the last one stands, as in Suricata; the same kind twice is a mistake.
    if b.rule
        .threshold
        .as_ref()
        .is_some_and(|known| known.kind == threshold.kind)
    {
        return Err(
            "multiple \"threshold\" options are not allowed in the same rule; keep one".to_owned(),
        );
    }
    b.rule.threshold = Some(threshold);
    Ok(())
}

pub(super) fn detection_filter(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    b.only_once("detection_filter")?;
    if b.rule.threshold.is_some() {
        return Err(
            "`threshold` and `detection_filter` cannot stand in one rule; keep one".to_owned(),
        );
    }
    b.rule.detection_filter = Some(read_threshold(value, Some(ThresholdKind::DetectionFilter))?);
    Ok(())
}

/// Reads `type limit, track by_src, count 1, seconds 60` in any order.
pub(crate) fn read_threshold(
    value: &str,
    kind: Option<ThresholdKind>,
) -> Result<Threshold, String> {
    let is_filter = kind.is_some();
    let (mut kind, mut track, mut count, mut seconds, mut multiplier) =
        (kind, None, None, None, None);
    let (mut new_action, mut timeout) = (None, None);
    for item in parts(value, ',') {
        let (key, argument) = item
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((item, ""));
        let argument = argument.trim();
        let is_again = match key {
            "type" if is_filter => {
                return Err("detection_filter and rate_filter have no type".to_owned());
            }
            "type" => kind.replace(read_kind(argument)?).is_some(),
            "track" => track.replace(read_track(argument)?).is_some(),
            "count" => count
                .replace(upto(argument, u32::MAX.into(), "count")? as u32)
                .is_some(),
            "seconds" => seconds
                .replace(upto(argument, u32::MAX.into(), "number of seconds")? as u32)
                .is_some(),
            "multiplier" => multiplier
                .replace(upto(argument, u32::MAX.into(), "multiplier")? as u32)
                .is_some(),
            "new_action" => new_action
                .replace(crate::header::action(argument)?)
                .is_some(),
            "timeout" => timeout
                .replace(upto(argument, u32::MAX.into(), "number of seconds")? as u32)
                .is_some(),
            _ => {
                return Err(format!(
                    "`{item}` is not known; write `type limit, track by_src, count 1, seconds 60`"
                ));
            }
        };
        if is_again {
            return Err(format!("`{key}` stands twice"));
        }
    }
    let kind = kind.ok_or("a threshold needs `type limit|threshold|both|backoff`")?;
    let is_backoff = kind == ThresholdKind::Backoff;
    let threshold = Threshold {
        kind,
        track: track.ok_or("a threshold needs `track by_src|by_dst|by_rule|by_both|by_flow`")?,
        count: count.ok_or("a threshold needs `count N`")?,
        seconds: match seconds {
            Some(seconds) => seconds,
            None if is_backoff => 0,
            None => return Err("a threshold needs `seconds N`".to_owned()),
        },
        multiplier: multiplier.unwrap_or(0),
        new_action: new_action.map(|action: Action| (action, timeout.unwrap_or(0))),
    };
    if threshold.count == 0 {
        return Err("count 0 is never reached; write 1 or more".to_owned());
    }
    if threshold.seconds == 0 && !is_backoff {
        return Err("a window of 0 seconds never counts; write 1 or more".to_owned());
    }
    if is_backoff && (threshold.track != ThresholdTrack::Flow || threshold.multiplier == 0) {
        return Err("backoff needs `track by_flow` and a multiplier".to_owned());
    }
    Ok(threshold)
}

fn read_kind(text: &str) -> Result<ThresholdKind, String> {
    Ok(match text {
        "limit" => ThresholdKind::Limit,
        "threshold" => ThresholdKind::Threshold,
        "both" => ThresholdKind::Both,
        "backoff" => ThresholdKind::Backoff,
        _ => {
            return Err(format!(
                "`{text}` is no type of threshold; limit, threshold, both and backoff are"
            ));
        }
    })
}

fn read_track(text: &str) -> Result<ThresholdTrack, String> {
    Ok(match text {
        "by_src" => ThresholdTrack::Source,
        "by_dst" => ThresholdTrack::Destination,
        "by_rule" => ThresholdTrack::Rule,
        "by_both" => ThresholdTrack::Pair,
        "by_flow" => ThresholdTrack::Flow,
        _ => {
            return Err(format!(
                "`{text}` cannot be tracked; by_src, by_dst, by_rule, by_both and by_flow can"
            ));
        }
    })
}

pub(super) fn tag(b: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let mut items = parts(value.unwrap_or("session"), ',');
    let of_session = match items.next().unwrap_or_default() {
        "session" | "" => true,
        "host" => false,
        other => return Err(format!("`{other}` cannot be tagged; session and host can")),
    };
    let mut tag = (5, TagMetric::Packets, true);
    if let Some(count) = items.next() {
        tag.0 = upto(count, u32::MAX.into(), "count")? as u32;
        tag.1 = match items.next() {
            Some("packets") => TagMetric::Packets,
            Some("bytes") => TagMetric::Bytes,
            Some("seconds") => TagMetric::Seconds,
            _ => return Err("a tag counts packets, bytes or seconds".to_owned()),
        };
    }
    match items.next() {
        None => {}
        Some("src") if !of_session => tag.2 = true,
        Some("dst") if !of_session => tag.2 = false,
        Some(other) => return Err(format!("`{other}` is no option of tag here")),
    }
    b.effect(Effect::Tag {
        of_session,
        count: tag.0,
        metric: tag.1,
        of_source: tag.2,
    })
}
