//! What the console asks this process for.

use super::hands::Hands;
use super::keep::Kept;
use super::supervise::{Healths, State};
use super::watch;
use crate::control::now;
use crate::site::Site;
use console::Ports;
use console::api::status::{Health, Role as Told};
use event::Topic;
use event::order::{Order, What};
use metrics_exporter_prometheus::PrometheusHandle;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the console asks this process for.
pub fn ports(
    site: &Site,
    bus: &bus::Bus,
    hands: &Arc<Hands>,
    kept: &Kept,
    healths: &Healths,
    metrics: PrometheusHandle,
) -> Ports {
    let orders = bus.publisher(Topic::Orders);
    let (rules, data_dir, on) = (site.rules.clone(), site.data_dir.clone(), hands.clone());
    let (counted, measured) = (hands.clone(), hands.clone());
    let (healths, kept) = (healths.clone(), kept.clone());
    Ports {
        publish: Arc::new(move |order: &Order| {
            let value = serde_json::to_vec(order).map_err(|error| error.to_string())?;
            let published = orders.publish(order.id.as_bytes(), &value);
            published.map(drop).map_err(|error| error.to_string())
        }),
        carry_out: Arc::new(move |order: &Order| match order.what {
            What::ReloadRules => Some(
                watch::reload(&on, &rules, &data_dir)
                    .map(|generation| format!("generation {generation} of the rules is in place"))
                    .map_err(|error| format!("{error:#}")),
            ),
            _ => None,
        }),
        roles: Arc::new(move || told(&healths)),
        counters: Arc::new(move || counters(&counted, &kept)),
        metrics: Arc::new(move || {
            let mut text = metrics.render();
            if let Some((handle, _)) = measured.get() {
                text.push_str(&handle.snapshot().prometheus());
            }
            text
        }),
        now: Arc::new(now),
    }
}

fn told(healths: &Healths) -> Vec<Told> {
    healths
        .snapshot()
        .into_iter()
        .map(|(name, health)| Told {
            role: name.to_owned(),
            since: health.since,
            restarts: health.failures,
            detail: match &health.state {
                State::Failed(why) | State::Degraded(why) => why.clone(),
                State::Starting | State::Running | State::Stopped => String::new(),
            },
            state: match health.state {
                State::Starting => Health::Starting,
                State::Running => Health::Running,
                State::Degraded(_) => Health::Degraded,
                State::Failed(_) => Health::Failed,
                State::Stopped => Health::Stopped,
            },
        })
        .collect()
}

fn counters(hands: &Hands, kept: &Kept) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    if let Some(loaded) = hands.loaded() {
        for rule in &loaded.book.rules {
            *all.entry(format!("rules_{}", rule.state.name()))
                .or_default() += 1;
        }
        all.insert("rules_generation".to_owned(), loaded.book.generation);
    }
    for feed in hands
        .feeds()
        .iter()
        .flat_map(|feeds| feeds.standings(now()))
    {
        all.insert(format!("feed_{}_entries", feed.feed), feed.entries as u64);
    }
    all.insert("store_open".to_owned(), u64::from(kept.store.get().is_ok()));
    all.insert("state_open".to_owned(), u64::from(kept.state.get().is_ok()));
    let Some((handle, publishing)) = hands.get() else {
        return all;
    };
    let sensor = handle
        .snapshot()
        .total()
        .named()
        .map(|(name, count)| (name.to_owned(), count));
    all.extend(sensor);
    let (published, lost) = publishing.counts();
    all.insert("events_published".to_owned(), published);
    all.insert("events_lost".to_owned(), lost);
    all
}
