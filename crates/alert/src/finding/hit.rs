//! What a Sigma rule found, as a finding.

use event::Timestamp;
use serde_json::Value;

use super::side::Sides;
use super::{Engine, Finding, Group};
use crate::sigma::Hit;

impl Finding {
    /// The finding of a hit. `is_found`: the record is a finding of another engine already, so that
    /// it is not counted again.
    #[must_use]
    pub fn of_hit(
        hit: &Hit,
        record: &Value,
        id: &str,
        published: Timestamp,
        is_found: bool,
    ) -> Finding {
        let base = Finding::base(record, id, published);
        let sides = Sides::of_flow(record);
        let mut finding = Finding {
            engine: Engine::Sigma,
            rule: hit.rule.clone(),
            text: hit.title.clone(),
            severity: hit.severity,
            steps: hit.steps.clone(),
            sides,
            events: u64::from(!is_found),
            ..base
        };
        let Some(together) = &hit.together else {
            return finding;
        };
        finding.first = together.first;
        finding.last = together.last;
        finding.events = if is_found { 0 } else { together.events };
        finding.children.clone_from(&together.ids);
        finding.event_types.clone_from(&together.types);
        // Its events have in common what they are grouped by, and nothing else.
        let has = |path: &str| {
            let mut group = together.group.iter();
            group.any(|(known, _)| known.as_deref() == Some(path))
        };
        let (by_source, by_destination) = (has("src_ip"), has("dest_ip"));
        let [src, dest] = finding.ends;
        finding.ends = [src.filter(|_| by_source), dest.filter(|_| by_destination)];
        let is_common = |address: &std::net::IpAddr| finding.ends.contains(&Some(*address));
        finding.sides.attacker = sides.attacker.filter(is_common);
        finding.sides.victim = sides.victim.filter(is_common);
        if finding.ends == [None, None] {
            let values: Vec<&str> = together.group.iter().map(|(_, v)| v.as_str()).collect();
            let fields = together.group.iter();
            let fields = fields.filter_map(|(path, value)| Some((path.clone()?, value.clone())));
            finding.group = Some(Group {
                name: format!("{}:{}", hit.rule, values.join("|")),
                fields: fields.collect(),
            });
        }
        finding
    }
}
